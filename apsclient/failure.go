package apsclient

import (
	"context"
	"errors"
)

// Failure carries an error without an answer of the service across the control socket, so that it
// means the same there.
type Failure struct {
	Kind    string       `json:"kind"` // net, auth, param, config, error, cancelled, other
	Op      string       `json:"op,omitempty"`
	Message string       `json:"message,omitempty"`
	Sent    bool         `json:"sent,omitempty"`
	Auth    *AuthError   `json:"auth,omitempty"`
	Param   *ParamError  `json:"param,omitempty"`
	Config  *ConfigError `json:"config,omitempty"`
	Error   *Error       `json:"error,omitempty"`
}

// AnswerOf turns what Do returned into one Response that can be sent: the service's answer, or a
// Failure.
func AnswerOf(resp *Response, err error) *Response {
	if resp != nil {
		return resp
	}

	if err == nil {
		err = errors.New("no answer")
	}

	f := &Failure{Kind: "other", Message: err.Error()}
	var (
		n *NetError
		a *AuthError
		p *ParamError
		c *ConfigError
		e *Error
	)
	switch {
	case errors.As(err, &a):
		f.Kind, f.Auth = "auth", a
	case errors.As(err, &n):
		f.Kind, f.Op, f.Message, f.Sent = "net", n.Op, n.Err.Error(), n.Sent
	case errors.As(err, &p):
		f.Kind, f.Param = "param", p
	case errors.As(err, &c):
		f.Kind, f.Config = "config", c
	case errors.As(err, &e):
		f.Kind, f.Error = "error", e
	case errors.Is(err, context.Canceled):
		f.Kind = "cancelled"
	}

	return &Response{Failure: f}
}

// Err returns the typed error.
func (f *Failure) Err() error {
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
		return &NetError{Op: f.Op, Err: errors.New(f.Message), Sent: f.Sent}
	case f.Kind == "cancelled":
		// The owner was told to stop; this process was not.
		return &NetError{Op: "call", Err: errors.New("the owner of the home is stopping"), Sent: true}
	}

	return errors.New(f.Message)
}
