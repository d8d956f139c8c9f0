package control

import (
	"context"
	"net/http"
	"net/url"
)

// Bandwidth is the limit of bytes in effect: its setting, and what that is at this hour.
type Bandwidth struct {
	Setting string `json:"setting"`        // as bwlimit has it
	Up      int64  `json:"up,omitempty"`   // bytes a second; absent: no limit
	Down    int64  `json:"down,omitempty"` // bytes a second; absent: no limit
}

// BandwidthRequest asks for another limit, "" for none.
type BandwidthRequest struct {
	Setting string `json:"setting"`
}

// ActedOn is how many jobs a verb for all of them changed.
type ActedOn struct {
	Jobs int `json:"jobs"`
}

// ActAllRequest chooses the jobs that a verb for all of them is done to.
type ActAllRequest struct {
	Reason string `json:"reason,omitempty"` // only those that have it
}

// Finding is what a look at the account, the service or this machine came to.
type Finding struct {
	Check   string `json:"check"`
	Verdict string `json:"verdict"` // ok, warning, problem or skipped
	Detail  string `json:"detail,omitempty"`
	Fix     string `json:"fix,omitempty"`
}

// SetBandwidth implements [API].
func (c *Client) SetBandwidth(ctx context.Context, r BandwidthRequest) (Bandwidth, error) {
	return call[Bandwidth](ctx, c, http.MethodPut, "/v1/bandwidth", r)
}

// ActAll implements [API].
func (c *Client) ActAll(ctx context.Context, verb Verb, r ActAllRequest) (ActedOn, error) {
	return call[ActedOn](ctx, c, http.MethodPost, "/v1/jobs/"+string(verb), r)
}

// Renewed names the profile whose credentials are read again.
type Renewed struct {
	Profile string `json:"profile"`
}

// Renew implements [API].
func (c *Client) Renew(ctx context.Context, profile string) (Renewed, error) {
	return call[Renewed](ctx, c, http.MethodPost, "/v1/profiles/"+url.PathEscape(profile)+"/renew", nil)
}

func (s server) renew(w http.ResponseWriter, r *http.Request) {
	s.answer(w)(s.api.Renew(r.Context(), r.PathValue("name")))
}

// Doctor implements [API].
func (c *Client) Doctor(ctx context.Context) ([]Finding, error) {
	return call[[]Finding](ctx, c, http.MethodPost, "/v1/doctor", nil)
}

func (s server) setBandwidth(w http.ResponseWriter, r *http.Request) {
	var req BandwidthRequest
	if s.read(w, r, &req) {
		s.answer(w)(s.api.SetBandwidth(r.Context(), req))
	}
}

func (s server) doctor(w http.ResponseWriter, r *http.Request) {
	s.answer(w)(s.api.Doctor(r.Context()))
}

// actAll does a verb to every job that it can concern; cancel names its jobs.
func (s server) actAll(verb Verb) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var req ActAllRequest
		if s.read(w, r, &req) {
			s.answer(w)(s.api.ActAll(r.Context(), verb, req))
		}
	}
}
