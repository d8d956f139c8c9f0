package control

import (
	"context"
	"net/http"
	"time"
)

// PreflightRow is one thing that would keep files from arriving.
type PreflightRow struct {
	Check   string `json:"check"`   // a reason, or depth, extension, permission and the like
	Verdict string `json:"verdict"` // problem or warning
	Path    string `json:"path,omitempty"`
	Remote  string `json:"remote,omitempty"`
	Detail  string `json:"detail"`
	Fix     string `json:"fix,omitempty"`
}

// PreflightReport answers a PushRequest that is only looked at.
type PreflightReport struct {
	Rows     []PreflightRow `json:"rows"`
	Forecast Forecast       `json:"forecast"`
	When     []Expected     `json:"when,omitempty"` // of the files to be sent, if it was asked for
}

// Expected is when a file will be done, as far as that is known.
type Expected struct {
	Remote string    `json:"remote"`
	At     time.Time `json:"at,omitzero"`
}

// Forecast is what a push will take.
type Forecast struct {
	Files     int           `json:"files"`
	Bytes     int64         `json:"bytes"`   // to be sent
	Folders   int           `json:"folders"` // to be made
	Calls     int           `json:"calls"`   // of the service
	Seconds   int64         `json:"seconds,omitempty"`
	DecidedBy string        `json:"decided_by,omitempty"` // bandwidth, latency, or the class of a limit
	InTime    *ForecastPart `json:"in_time,omitempty"`    // what will be done by the time that was given
	Late      *ForecastPart `json:"late,omitempty"`       // and what not
}

// ForecastPart is a part of what will be sent.
type ForecastPart struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
}

// Preflight implements [API].
func (c *Client) Preflight(ctx context.Context, r PushRequest) (PreflightReport, error) {
	return call[PreflightReport](ctx, c, http.MethodPost, "/v1/preflight", r)
}

func (s server) preflight(w http.ResponseWriter, r *http.Request) {
	var req PushRequest
	if s.read(w, r, &req) {
		s.answer(w)(s.api.Preflight(r.Context(), req))
	}
}
