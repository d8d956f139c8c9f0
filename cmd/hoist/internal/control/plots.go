package control

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Plots are what a home did over the last hour, day or week.
type Plots struct {
	Span        string         `json:"span"` // hour, day or week
	Since       time.Time      `json:"since"`
	Until       time.Time      `json:"until"`
	StepSeconds int64          `json:"step_seconds"`
	Limits      map[string]int `json:"limits"` // calls a minute, by class, as they are now
	Points      []PlotPoint    `json:"points"` // oldest first; none when nothing is known
}

// PlotPoint is one step of a plot.
type PlotPoint struct {
	Time      time.Time      `json:"time"`            // its beginning
	Sent      int64          `json:"sent"`            // bytes a second
	Received  int64          `json:"received"`        // bytes a second
	QueueAge  int64          `json:"queue_age"`       // seconds: the oldest job that could move, at the most
	Published int            `json:"published"`       // files
	Calls     map[string]int `json:"calls,omitempty"` // of the minute that made most, by class of limit
}

// Plots implements [API].
func (c *Client) Plots(ctx context.Context, span string) (Plots, error) {
	return call[Plots](ctx, c, http.MethodGet, "/v1/plots?span="+url.QueryEscape(span), nil)
}

func (s server) plots(w http.ResponseWriter, r *http.Request) {
	s.answer(w)(s.api.Plots(r.Context(), r.URL.Query().Get("span")))
}
