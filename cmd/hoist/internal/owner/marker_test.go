package owner

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/watcher"
)

// TestStatusClaimsNothing: a question about a watch whose folder another home has let go finds it
// free, and leaves no marker.
func TestStatusClaimsNothing(t *testing.T) {
	options, cloud := newOptions(t)
	c := config.Watch{ID: "w1", Path: t.TempDir(), Remote: cloud.DemoRemote(), Mode: "push", Settle: "1s"}
	if err := options.Home.Ensure(); err != nil {
		t.Fatal(err)
	}

	if err := config.AppendWatch(options.Home, c); err != nil {
		t.Fatal(err)
	}

	other, err := json.Marshal(marker{Instance: "other", Home: "/elsewhere", Host: "h", Since: time.Now()})
	if err != nil {
		t.Fatal(err)
	}

	file := write(t, filepath.Join(c.Path, markerName), other)
	o := open(t, Full, options)
	look := func() control.Watch {
		list, err := o.Watches(t.Context())
		if err != nil || len(list) != 1 {
			t.Fatalf("%+v, %v", list, err)
		}

		return list[0]
	}

	for look().State != watcher.StateUnavailable {
		if t.Context().Err() != nil {
			t.Fatal("the other home is not seen")
		}

		time.Sleep(5 * time.Millisecond)
	}

	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}

	if w := look(); w.State == watcher.StateUnavailable {
		t.Errorf("the folder is free: %+v", w)
	}

	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a question left a marker: %v", err)
	}
}
