package plots

import "time"

// Span is how far a plot goes back.
type Span string

// The spans.
const (
	Hour Span = "hour"
	Day  Span = "day"
	Week Span = "week"
)

// Spans are how far back each goes, and the time of one of its points.
var Spans = map[Span]struct{ Back, Step time.Duration }{
	Hour: {time.Hour, time.Minute},
	Day:  {24 * time.Hour, 5 * time.Minute},
	Week: {7 * 24 * time.Hour, 30 * time.Minute},
}

// Point is what is known of one step of a plot.
type Point struct {
	Time           time.Time // its beginning
	Sent, Received int64     // bytes a second, over the minutes that are known
	QueueAge       time.Duration
	Published      int
	Calls          map[string]int // the most of one minute, by class
}

// Points sums minutes up, oldest first, into steps. A step of which nothing is known has no point.
func Points(minutes []Minute, step time.Duration) []Point {
	out := []Point{}
	known := int64(0) // minutes of the last point
	for _, m := range minutes {
		at := m.Time.Truncate(step)
		if len(out) == 0 || !out[len(out)-1].Time.Equal(at) {
			out = append(out, Point{Time: at, Calls: map[string]int{}})
			known = 0
		}

		p := &out[len(out)-1]
		p.Sent = (p.Sent*60*known + m.Sent) / (60 * (known + 1))
		p.Received = (p.Received*60*known + m.Received) / (60 * (known + 1))
		p.QueueAge = max(p.QueueAge, m.QueueAge)
		p.Published += m.Published
		for class, n := range m.Calls {
			p.Calls[class] = max(p.Calls[class], n)
		}

		known++
	}

	return out
}
