package owner

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
)

// TestStatusPageOfADaemon: it is there soon, says what changed, is as fresh as it promises and tells the end.
func TestStatusPageOfADaemon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		options, _ := newOptions(t)
		options.apart = true
		path := filepath.Join(t.TempDir(), "hoist-status.html")
		text := "status_file = '" + path + "'\n"
		if err := config.WriteFile(options.Home.ConfigFile(), []byte(text)); err != nil {
			t.Fatal(err)
		}

		o := open(t, Full, options)
		says := func(want string) string {
			t.Helper()
			synctest.Wait()
			page, err := os.ReadFile(path)
			if err != nil || !strings.Contains(string(page), want) {
				t.Errorf("%v, and it does not say %q:\n%s", err, want, page)
			}

			return string(page)
		}

		before := says("Nothing is watched yet")
		time.Sleep(statusOften / 2)
		if now := says("Nothing"); now != before {
			t.Error("it is written though nothing changed")
		}

		time.Sleep(statusOften)
		if now := says("Nothing"); now == before {
			t.Error("it is older than it says")
		}

		shut(t, o)
		says("hoist does not run")
	})
}

// TestAWatchDoesNotHoldTheStatusPage: the folder is refused, and config.toml stays as it is.
func TestAWatchDoesNotHoldTheStatusPage(t *testing.T) {
	options, cloud := newOptions(t)
	dir := t.TempDir()
	text := "status_file = '" + filepath.Join(dir, "hoist-status.html") + "'\n"
	if err := config.WriteFile(options.Home.ConfigFile(), []byte(text)); err != nil {
		t.Fatal(err)
	}

	o := open(t, Serving, options)
	_, err := o.AddWatch(t.Context(), control.WatchRequest{Path: dir, Remote: cloud.DemoRemote()})
	if err == nil || !strings.Contains(err.Error(), "status page") {
		t.Errorf("%v", err)
	}

	if now, _ := os.ReadFile(options.Home.ConfigFile()); string(now) != text {
		t.Errorf("config.toml: %s", now)
	}
}

// TestBandwidthAndPauseOfAll: what the page does to everything at once.
func TestBandwidthAndPauseOfAll(t *testing.T) {
	options, cloud := newOptions(t)
	options.Reload = func() (config.Settings, []config.Watch, error) {
		file, err := config.Load(options.Home)
		return file.Settings, file.Watch, err
	}
	o := open(t, Serving, options) // nothing moves
	var paths []string
	dir := t.TempDir()
	for _, name := range []string{"a", "b", "c"} {
		paths = append(paths, write(t, filepath.Join(dir, name), []byte(name)))
	}

	if _, err := o.Push(t.Context(),
		control.PushRequest{Paths: paths, Remote: cloud.DemoRemote()}); err != nil {
		t.Fatal(err)
	}

	for _, step := range []struct {
		verb control.Verb
		want int
		left control.Counts
	}{
		{control.Pause, 3, control.Counts{Paused: 3}},
		{control.Pause, 0, control.Counts{Paused: 3}},
		{control.Resume, 3, control.Counts{Queued: 3}},
		{control.Retry, 0, control.Counts{Queued: 3}},
	} {
		got, err := o.ActAll(t.Context(), step.verb, control.ActAllRequest{})
		if st, _ := o.Status(t.Context()); err != nil || got.Jobs != step.want || st.Jobs != step.left {
			t.Errorf("%s: %+v, %v; now %+v", step.verb, got, err, st.Jobs)
		}
	}

	if _, err := o.ActAll(t.Context(), control.Cancel, control.ActAllRequest{}); err == nil {
		t.Error("all can be cancelled without a word")
	}

	got, err := o.SetBandwidth(t.Context(), control.BandwidthRequest{Setting: "2M:1M"})
	st, _ := o.Status(t.Context())
	if err != nil || got.Up != 2<<20 || st.Bandwidth == nil || *st.Bandwidth != got ||
		int64(o.bandwidth.Up.Limit()) != 2<<20 {
		t.Errorf("%+v, %v, %+v", got, err, st.Bandwidth)
	}

	if _, err := o.SetBandwidth(t.Context(), control.BandwidthRequest{Setting: "fast"}); err == nil {
		t.Error("a limit that is none is taken")
	}

	if _, err := o.SetBandwidth(t.Context(), control.BandwidthRequest{}); err != nil {
		t.Error(err)
	}

	if st, _ = o.Status(t.Context()); st.Bandwidth != nil {
		t.Errorf("a limit is left: %+v", st.Bandwidth)
	}
}
