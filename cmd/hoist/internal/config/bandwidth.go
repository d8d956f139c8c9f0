package config

import (
	"fmt"
	"strings"
	"time"
)

// Timetable is a bandwidth limit over the week, as rclone's --bwlimit gives it. The zero value limits nothing.
type Timetable struct {
	slots []slot // in order of their minute of the week; one slot holds always
}

type slot struct {
	minute int   // of the week, Sunday 00:00 is 0
	rate   int64 // bytes a second; 0: no limit
}

const (
	minutesADay  = 24 * 60
	minutesAWeek = 7 * minutesADay
)

// ParseTimetable reads rclone's syntax: one rate ("10M", "off"; a number without a letter counts KiB a second), or
// "TIME,RATE" entries separated by spaces, TIME being "HH:MM" (every day) or "Mon-HH:MM". A rate holds until the next entry.
// Rates apart for each direction ("UP:DOWN") are not offered: one limit holds for both together.
func ParseTimetable(s string) (Timetable, error) {
	fields := strings.Fields(s)
	if len(fields) == 0 {
		return Timetable{}, nil
	}
	if len(fields) == 1 && !strings.Contains(fields[0], ",") {
		rate, err := parseRate(fields[0])
		if err != nil {
			return Timetable{}, err
		}
		return Timetable{slots: []slot{{rate: rate}}}, nil
	}
	at := map[int]int64{}
	for _, f := range fields {
		when, what, ok := strings.Cut(f, ",")
		if !ok {
			return Timetable{}, fmt.Errorf("%q is not an entry such as 08:00,512k or Sat-10:00,off", f)
		}
		rate, err := parseRate(what)
		if err != nil {
			return Timetable{}, err
		}
		minutes, err := parseWhen(when)
		if err != nil {
			return Timetable{}, err
		}
		for _, m := range minutes {
			at[m] = rate
		}
	}
	var t Timetable
	for m := range minutesAWeek {
		if rate, ok := at[m]; ok {
			t.slots = append(t.slots, slot{m, rate})
		}
	}
	return t, nil
}

func parseRate(s string) (int64, error) {
	switch {
	case strings.EqualFold(s, "off"):
		return 0, nil
	case strings.Contains(s, ":"):
		return 0, fmt.Errorf("%q: a limit for each direction is not offered; one rate holds for both together", s)
	}
	rate, err := parseScaled(s, strings.ToUpper(s), 1024)
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

// Rate returns the limit at a moment of the local clock in bytes a second, 0 for none, and when it may change next; a
// zero time means never.
func (t Timetable) Rate(now time.Time) (bytesPerSecond int64, next time.Time) {
	if len(t.slots) == 0 {
		return 0, time.Time{}
	}
	if len(t.slots) == 1 && t.slots[0].minute == 0 {
		return t.slots[0].rate, time.Time{}
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
	return t.slots[current].rate, next
}
