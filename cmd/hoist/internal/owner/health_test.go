package owner

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient/emulator"
	"hoist/cmd/hoist/internal/control"
)

func TestStuck(t *testing.T) {
	for _, tt := range []struct {
		name  string
		jobs  control.Counts
		still time.Duration
		want  bool
	}{
		{"nothing to do", control.Counts{Done: 9}, 48 * time.Hour, false},
		{"just begun", control.Counts{Queued: 1}, time.Minute, false},
		{"nothing moves", control.Counts{Queued: 1}, stuckAfter, true},
		{"waits in vain", control.Counts{Waiting: 1}, stuckAfter, true},
		{"a person must decide", control.Counts{Attention: 3, Paused: 1}, 48 * time.Hour, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := stuck(tt.jobs, tt.still); (err != nil) != tt.want {
				t.Errorf("got %v, want an error: %v", err, tt.want)
			}
		})
	}
}

// TestHealthOverAnOutage: red once nothing has moved for a quarter of an hour though it should, green
// again when it does, and green before and after while there is nothing to do.
func TestHealthOverAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		options, cloud := newOptions(t)
		options.apart = true
		o := open(t, Working, options)

		time.Sleep(24 * time.Hour)
		if err := o.Health(); err != nil {
			t.Errorf("a day without work: %v", err)
		}

		cloud.SetFault(func(r emulator.Request) emulator.Fault {
			if r.Method == http.MethodGet || strings.Contains(r.Path, "/authentication/") {
				return emulator.Fault{}
			}

			return emulator.Fault{Kind: emulator.FailBefore, Status: http.StatusServiceUnavailable}
		})
		path := write(t, filepath.Join(t.TempDir(), "a.dwg"), []byte("x"))
		if _, err := o.Push(t.Context(), control.PushRequest{Paths: []string{path},
			Remote: cloud.DemoRemote()}); err != nil {
			t.Fatal(err)
		}

		time.Sleep(10 * time.Minute)
		if err := o.Health(); err != nil {
			t.Errorf("ten minutes of an outage: %v", err)
		}

		time.Sleep(30 * time.Minute)
		if err := o.Health(); err == nil || !strings.Contains(err.Error(), "nothing has moved") {
			t.Errorf("an outage of forty minutes: %v", err)
		}

		cloud.SetFault(nil)
		time.Sleep(30 * time.Minute)
		if err := o.Health(); err != nil {
			t.Errorf("after the outage: %v", err)
		}
	})
}
