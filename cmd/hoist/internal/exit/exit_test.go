package exit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/config"
	"hoist/state"
	"hoist/transfer"
)

func TestFrom(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		want int
	}{
		{"nothing", nil, OK},
		{"anything", errors.New("x"), Failure},
		{"given", &Error{Code: TimeUp, Err: errors.New("x")}, TimeUp},
		{"interrupted", ErrInterrupted, Interrupted},
		{"cancelled", context.Canceled, Interrupted},
		{"usage", Usagef("x"), Usage},
		{"configuration", &config.Error{Key: "x"}, Usage},
		{"several of configuration", errors.Join(&config.Error{Key: "x"}, &config.Error{Key: "y"}), Usage},
		{"no credentials", &config.NoCredentialsError{}, Unauthorized},
		{"setting of the client", &apsclient.ConfigError{Name: "x"}, Usage},
		{"address", &transfer.AddressError{}, Usage},
		{"name twice", &transfer.AmbiguousError{}, Usage},
		{"two on one name", &transfer.CollisionError{}, Usage},
		{"contradiction", &transfer.UsageError{}, Usage},
		{"remote not found", &transfer.NotFoundError{}, NotFound},
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

			code, hint := From(err)
			if code != tt.want {
				t.Errorf("got %d, want %d", code, tt.want)
			}

			if (hint == "") != (code == OK) {
				t.Errorf("code %d with hint %q", code, hint)
			}
		})
	}
}

// TestHints: what stands between a home and its work is told apart.
func TestHints(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		hint string
	}{
		{"held", &state.LockedError{PID: 7}, "--home"},
		{"newer", &state.VersionError{}, "newer hoist"},
		{"damaged", &state.DamagedError{}, "hoist state repair"},
		{"disk full", &state.WriteError{Path: "p", Err: syscall.ENOSPC}, "make room"},
		{"disk full, as text alone",
			&state.WriteError{Path: "p", Err: errors.New("file resize error: no space left on device")},
			"make room"},
		{"disk broken", &state.WriteError{Path: "p", Err: syscall.EIO}, "check the disk"},
		{"home not writable", &fs.PathError{Op: "open", Path: "p", Err: fs.ErrPermission}, "writable"},
		{"home on a read-only disk", &fs.PathError{Op: "open", Path: "p", Err: syscall.EROFS}, "writable"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, hint := From(fmt.Errorf("outer: %w", tt.err))
			if code != Failure || !strings.Contains(hint, tt.hint) {
				t.Errorf("code %d, hint %q", code, hint)
			}
		})
	}
}
