package emulator

import (
	"net/http"
	"strconv"
	"time"
)

// quotas counts arrivals in a sliding minute for each client id and endpoint class.
type quotas map[string][]time.Time

// allow takes one arrival into account; it answers 429 and reports false when the minute is full.
// Refused arrivals do not count.
func (s *Server) allow(c *call, clientID, class string, perMinute int) bool {
	if !s.cfg.Limits {
		return true
	}

	if n, ok := s.cfg.Quotas[class]; ok {
		perMinute = n
	}

	s.mu.Lock()
	if s.quota == nil {
		s.quota = quotas{}
	}

	key := clientID + " " + class
	wait, kept := admit(s.quota[key], c.now, perMinute)
	s.quota[key] = kept
	s.mu.Unlock()
	if wait == 0 {
		return true
	}

	c.w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	c.write(http.StatusTooManyRequests, obj{"developerMessage": "Quota limit exceeded."})

	return false
}

// admit drops what is older than a minute and adds now when there is room; else it says how long
// until there is.
func admit(arrivals []time.Time, now time.Time, perMinute int) (time.Duration, []time.Time) {
	old := 0
	for old < len(arrivals) && !now.Before(arrivals[old].Add(time.Minute)) {
		old++
	}

	arrivals = arrivals[old:]
	if len(arrivals) >= perMinute {
		return max(arrivals[len(arrivals)-perMinute].Add(time.Minute).Sub(now), time.Nanosecond), arrivals
	}

	return 0, append(arrivals, now)
}
