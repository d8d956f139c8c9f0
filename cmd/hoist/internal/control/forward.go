package control

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"

	"hoist/apsclient"
)

// Answer is what became of a call that the owner made for another process: an answer of the
// service, or a Failure.
type Answer struct {
	Status  int         `json:"status"`
	Header  http.Header `json:"header,omitempty"`
	Body    []byte      `json:"body,omitempty"`
	Failure *Failure    `json:"failure,omitempty"`
}

// Failure carries an error without an answer of the service, so that it means the same in the other
// process.
type Failure struct {
	Kind    string                 `json:"kind"` // net, auth, param, config, error, cancelled, other
	Op      string                 `json:"op,omitempty"`
	Message string                 `json:"message,omitempty"`
	Sent    bool                   `json:"sent,omitempty"`
	Auth    *apsclient.AuthError   `json:"auth,omitempty"`
	Param   *apsclient.ParamError  `json:"param,omitempty"`
	Config  *apsclient.ConfigError `json:"config,omitempty"`
	Error   *apsclient.Error       `json:"error,omitempty"`
}

// AnswerOf turns what [apsclient.Client.Do] returned into an Answer.
func AnswerOf(resp *apsclient.Response, err error) *Answer {
	if resp != nil {
		return &Answer{Status: resp.Status, Header: resp.Header, Body: resp.Body}
	}

	if err == nil {
		err = errors.New("no answer")
	}

	f := &Failure{Kind: "other", Message: err.Error()}
	if f.Auth, _ = errors.AsType[*apsclient.AuthError](err); f.Auth != nil {
		f.Kind = "auth"
	} else if n, ok := errors.AsType[*apsclient.NetError](err); ok {
		f.Kind, f.Op, f.Message, f.Sent = "net", n.Op, n.Err.Error(), n.Sent
	} else if f.Param, _ = errors.AsType[*apsclient.ParamError](err); f.Param != nil {
		f.Kind = "param"
	} else if f.Config, _ = errors.AsType[*apsclient.ConfigError](err); f.Config != nil {
		f.Kind = "config"
	} else if f.Error, _ = errors.AsType[*apsclient.Error](err); f.Error != nil {
		f.Kind = "error"
	} else if errors.Is(err, context.Canceled) {
		f.Kind = "cancelled"
	}

	return &Answer{Failure: f}
}

// err returns the typed error.
func (f *Failure) err() error {
	switch {
	case f.Auth != nil:
		return f.Auth
	case f.Param != nil:
		return f.Param
	case f.Config != nil:
		return f.Config
	case f.Error != nil:
		return f.Error
	case f.Kind == "net":
		return &apsclient.NetError{Op: f.Op, Err: errors.New(f.Message), Sent: f.Sent}
	case f.Kind == "cancelled":
		// The owner was told to stop; this process was not.
		return &apsclient.NetError{Err: errors.New("the owner of the home is stopping"), Sent: true}
	}

	return errors.New(f.Message)
}

// Forwarder is the [apsclient.Config.Chain] of a process that is not the owner: the owner makes the
// calls of a profile, with its token, budgets and repeats. What the owner refuses itself, for an
// unknown profile or another account, was not sent.
type Forwarder struct {
	API     API
	Profile string
}

// remoteHeader carries what [WithRemote] names.
const remoteHeader = "Hoist-Remote"

type remoteKey struct{}

// WithRemote names the remote that a command changes: its calls go by ids, and the owner holds what
// it may change against addresses.
func WithRemote(ctx context.Context, address string) context.Context {
	return context.WithValue(ctx, remoteKey{}, address)
}

// RemoteOf is what WithRemote named, "" nothing.
func RemoteOf(ctx context.Context) string {
	address, _ := ctx.Value(remoteKey{}).(string)
	return address
}

// RoundTrip implements http.RoundTripper.
func (f Forwarder) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_ = r.Body.Close() // the request goes by its parameters
	}

	got, err := f.API.Action(r.Context(), f.Profile, apsclient.RequestOf(r))
	switch {
	case errors.Is(err, ErrNoOwner): // it has gone in the midst of the call
		return nil, &apsclient.NetError{Err: err, Sent: true}
	case err != nil:
		return nil, err
	case got == nil:
		return nil, &apsclient.NetError{Err: errors.New("empty answer of the owner"), Sent: true}
	case got.Failure != nil:
		return nil, got.Failure.err()
	}

	header := got.Header
	if header == nil {
		header = http.Header{}
	}

	return &http.Response{StatusCode: got.Status, Header: header, Request: r,
		Body: io.NopCloser(bytes.NewReader(got.Body)), ContentLength: int64(len(got.Body))}, nil
}
