package problem

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/config"
	"hoist/state"
	"hoist/transfer/plan"
	"hoist/transfer/remote"
)

func TestOf(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		want Kind
	}{
		{"nothing", nil, ""},
		{"anything", errors.New("x"), Failure},
		{"given", &Error{Kind: TimeUp, Err: errors.New("x")}, TimeUp},
		{"interrupted", ErrInterrupted, Interrupted},
		{"cancelled", context.Canceled, Interrupted},
		{"usage", Usagef("x"), Usage},
		{"configuration", &config.Error{Key: "x"}, Usage},
		{"several of configuration", errors.Join(&config.Error{Key: "x"}, &config.Error{Key: "y"}), Usage},
		{"no credentials", &config.NoCredentialsError{}, Unauthorized},
		{"setting of the client", &apsclient.ConfigError{Name: "x"}, Usage},
		{"address", &remote.AddressError{}, Usage},
		{"name twice", &remote.AmbiguousError{}, Usage},
		{"two on one name", &plan.CollisionError{}, Usage},
		{"contradiction", &remote.UsageError{}, Usage},
		{"remote that is not allowed", &remote.OutsideError{}, Usage},
		{"no hub is visible", &remote.NotFoundError{NoneVisible: true}, Unauthorized},
		{"remote not found", &remote.NotFoundError{}, NotFound},
		{"local not found", fs.ErrNotExist, NotFound},
		{"job not found", state.ErrNotFound, NotFound},
		{"short id", &state.PrefixError{}, Usage},
		{"held", &state.LockedError{}, Failure},
		{"newer", &state.VersionError{}, Failure},
		{"damaged", &state.DamagedError{}, Failure},
		{"wrong secret", &apsclient.AuthError{}, Unauthorized},
		{"401", &apsclient.Error{Status: 401}, Unauthorized},
		{"403", &apsclient.Error{Status: 403}, Unauthorized},
		{"404", &apsclient.Error{Status: 404}, NotFound},
		{"409", &apsclient.Error{Status: 409}, Failure},
		{"429", &apsclient.Error{Status: 429}, Failure},
		{"500", &apsclient.Error{Status: 500}, Failure},
		{"no clear answer", &apsclient.UnsettledError{Call: &apsclient.Error{Status: 503},
			Look: &apsclient.Error{Status: 503}}, Failure},
		{"no clear answer, and no permission to look", &apsclient.UnsettledError{
			Call: &apsclient.Error{Status: 503}, Look: &apsclient.Error{Status: 403, Code: "AUTH-001"}},
			Unauthorized},
		{"no network", &apsclient.NetError{Err: errors.New("x")}, Failure},
		{"no network while stopping", fmt.Errorf("x: %w", &apsclient.NetError{Err: context.Canceled}),
			Interrupted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.err
			if err != nil {
				err = fmt.Errorf("outer: %w", err)
			}

			kind, fix := Of(err)
			if kind != tt.want {
				t.Errorf("got %q, want %q", kind, tt.want)
			}

			if (fix == Fix{}) != (err == nil) {
				t.Errorf("kind %q with fix %v", kind, fix)
			}
		})
	}
}

// TestNothingIsAskedForTwice: after a call that may have been done, no hint says to make it again.
func TestNothingIsAskedForTwice(t *testing.T) {
	for _, look := range []error{nil, &apsclient.Error{Status: 503}, &apsclient.Error{Status: 401},
		&apsclient.NetError{Err: errors.New("x")}, &apsclient.DecodeError{Err: errors.New("x")}} {
		err := &apsclient.UnsettledError{Call: &apsclient.NetError{Err: errors.New("x"), Sent: true},
			Look: look}
		if _, fix := Of(err); !strings.Contains(fix.Words, "look with") ||
			strings.Contains(fix.Words, "run it") {
			t.Errorf("%v: %+v", err, fix)
		}
	}
}
