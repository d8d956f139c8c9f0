package config

import (
	"fmt"
	"strings"
	"time"
)

// Timetable is a bandwidth limit over the week, as rclone's --bwlimit gives it. The zero value
// limits nothing.
type Timetable struct {
	slots []slot // in order of their minute of the week; one slot holds always
}

type slot struct {
	minute int // of the week, Sunday 00:00 is 0
	rates  Rates
}

// Rates limit each direction, in bytes a second; 0: no limit.
type Rates struct{ Up, Down int64 }

const (
	minutesADay  = 24 * 60
	minutesAWeek = 7 * minutesADay
)

// ParseTimetable reads rclone's syntax: one rate ("10M", "off"; a number without a letter counts
// KiB a second), or "TIME,RATE" entries separated by spaces, TIME being "HH:MM" (every day) or
// "Mon-HH:MM". A rate holds until the next entry, for each direction; "UP:DOWN" gives each its own.
func ParseTimetable(s string) (Timetable, error) {
	fields := strings.Fields(s)
	if len(fields) == 0 {
		return Timetable{}, nil
	}

	if len(fields) == 1 && !strings.Contains(fields[0], ",") {
		if _, err := parseWhen(fields[0]); err == nil { // more likely a time than two rates
			return Timetable{}, fmt.Errorf(
				"%q is a time without a rate; two rates are written with a letter, as in 8k:8k", s)
		}

		rates, err := parseRates(fields[0])
		if err != nil {
			return Timetable{}, err
		}

		return Timetable{slots: []slot{{rates: rates}}}, nil
	}

	at := map[int]Rates{}
	for _, f := range fields {
		when, what, ok := strings.Cut(f, ",")
		if !ok {
			return Timetable{}, fmt.Errorf("%q is not an entry such as 08:00,512k or Sat-10:00,off", f)
		}

		rates, err := parseRates(what)
		if err != nil {
			return Timetable{}, err
		}

		minutes, err := parseWhen(when)
		if err != nil {
			return Timetable{}, err
		}

		for _, m := range minutes {
			at[m] = rates
		}
	}

	var t Timetable
	for m := range minutesAWeek {
		if rates, ok := at[m]; ok {
			t.slots = append(t.slots, slot{m, rates})
		}
	}

	return t, nil
}

func parseRates(s string) (Rates, error) {
	up, down, apart := strings.Cut(s, ":")
	if !apart {
		down = up
	}

	var r Rates
	var err error
	if r.Up, err = parseRate(up); err != nil {
		return r, err
	}

	r.Down, err = parseRate(down)

	return r, err
}

func parseRate(s string) (int64, error) {
	if strings.EqualFold(s, "off") {
		return 0, nil
	}

	text := strings.ToUpper(s)
	if scaled := strings.TrimSuffix(text, "B"); strings.ContainsAny(scaled, "KMGTP") { // not bytes alone
		text = strings.TrimSuffix(scaled, "I") // 10M, 10Mi and 10MiB are the same
	}

	rate, err := parseScaled(s, text, 1024)
	if err != nil {
		return 0, fmt.Errorf("%q is not a rate such as 512k, 10M or off", s)
	}

	return rate, nil
}

func parseWhen(s string) ([]int, error) {
	days := []int{0, 1, 2, 3, 4, 5, 6}
	clock := s
	if day, rest, ok := strings.Cut(s, "-"); ok {
		days, clock = nil, rest
		for d := time.Sunday; d <= time.Saturday; d++ {
			if strings.EqualFold(day, d.String()) || strings.EqualFold(day, d.String()[:3]) {
				days = []int{int(d)}
			}
		}
	}

	t, err := time.Parse("15:04", clock)
	if err != nil || days == nil {
		return nil, fmt.Errorf("%q is not a time such as 08:00 or Sat-10:00", s)
	}

	minutes := make([]int, len(days))
	for i, d := range days {
		minutes[i] = d*minutesADay + t.Hour()*60 + t.Minute()
	}

	return minutes, nil
}

// Rate returns the limits at a moment of the local clock, and when they may change next; a zero
// time means never.
func (t Timetable) Rate(now time.Time) (limit Rates, next time.Time) {
	if len(t.slots) == 0 {
		return Rates{}, time.Time{}
	}

	if len(t.slots) == 1 && t.slots[0].minute == 0 {
		return t.slots[0].rates, time.Time{}
	}

	minute := int(now.Weekday())*minutesADay + now.Hour()*60 + now.Minute()
	current := len(t.slots) - 1 // before the first entry of the week the last one still holds
	for i, s := range t.slots {
		if s.minute <= minute {
			current = i
		}
	}

	following := t.slots[(current+1)%len(t.slots)].minute
	ahead := (following - minute + minutesAWeek) % minutesAWeek
	if ahead == 0 {
		ahead = minutesAWeek
	}

	next = time.Date(now.Year(), now.Month(), now.Day(), now.Hour(), now.Minute()+ahead, 0, 0, now.Location())

	return t.slots[current].rates, next
}
