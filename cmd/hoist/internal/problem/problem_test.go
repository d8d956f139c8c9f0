package problem

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
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
