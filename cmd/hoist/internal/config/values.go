package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ParseSize reads a number of bytes: "512", "64K", "64M", "1.5G", "2T", with or without "B" or "iB"
// after the letter. Letters count in steps of 1024.
func ParseSize(s string) (int64, error) {
	text := strings.ToUpper(strings.TrimSpace(s))
	text = strings.TrimSuffix(strings.TrimSuffix(text, "B"), "I")
	return parseScaled(s, text, 1)
}

// parseScaled reads a number with a letter for its scale; unit scales a number without one.
func parseScaled(given, text string, unit float64) (int64, error) {
	scale := unit
	if n := len(text); n > 0 {
		if i := strings.IndexByte("BKMGTP", text[n-1]); i >= 0 {
			scale = float64(int64(1) << (10 * i))
			text = text[:n-1]
		}
	}

	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v >= 0 && v*scale < 1<<62) { // not a number is neither
		return 0, fmt.Errorf("%q is not a size such as 512K, 64M or 1.5G", given)
	}

	return int64(v * scale), nil
}

// ParseDuration reads a duration as Go writes it ("90s", "1h30m"), also in days and weeks ("2d",
// "1w").
func ParseDuration(s string) (time.Duration, error) {
	if n := len(s); n > 1 && (s[n-1] == 'd' || s[n-1] == 'w') {
		v, err := strconv.ParseFloat(s[:n-1], 64)
		if err == nil && v >= 0 && v < 10000 {
			day := 24 * time.Hour
			if s[n-1] == 'w' {
				day *= 7
			}

			return time.Duration(v * float64(day)), nil
		}
	}

	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a duration such as 10s, 5m or 2h30m", s)
	}

	return d, nil
}

// NextClock returns the next moment after now at which a local clock shows HH:MM.
func NextClock(s string, now time.Time) (time.Time, error) {
	t, err := time.Parse("15:04", s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not a time of day such as 07:30", s)
	}

	at := time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), 0, 0, now.Location())
	if !at.After(now) {
		at = time.Date(now.Year(), now.Month(), now.Day()+1, t.Hour(), t.Minute(), 0, 0, now.Location())
	}

	return at, nil
}
