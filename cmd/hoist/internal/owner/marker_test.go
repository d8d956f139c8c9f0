package owner

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/transfer/remote"
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

// TestCopiedHome: a home that was copied does not send what its original sends while that is in use; one that
// was moved, or whose original is at rest, does.
func TestCopiedHome(t *testing.T) {
	options, _ := newOptions(t)
	o := open(t, Full, options)
	original, err := os.MkdirTemp("", "h") //nolint:usetesting // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = os.RemoveAll(original) })

	folder := t.TempDir()
	claim := func() error {
		t.Helper()
		m := o.me()
		m.Home = original
		if err := writeMarker(folder, m, true); err != nil {
			t.Fatal(err)
		}

		return o.claim(config.Watch{ID: "w", Path: folder}, false)
	}

	if err := claim(); err != nil {
		t.Errorf("the original is at rest: %v", err)
	}

	if m, err := readMarker(folder); err != nil || m == nil || m.Home != o.options.Home.State {
		t.Errorf("the marker is %+v, %v", m, err)
	}

	l, err := net.Listen("unix", filepath.Join(original, "control.sock"))
	if err != nil {
		t.Skip("no sockets here:", err)
	}

	s := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	go func() { _ = s.Serve(l) }()

	if _, ok := errors.AsType[*ForeignRootError](claim()); !ok {
		t.Error("the original is in use, and its copy claims the folder")
	}

	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	if err := claim(); err != nil {
		t.Errorf("the original has ended: %v", err)
	}
}

// TestFoldersThatChangedPlaces: of two watches whose folders have changed places, or whose disks are mounted
// at each other's place, none sends what belongs to the other. A copy of a watched folder is nobody else's.
func TestFoldersThatChangedPlaces(t *testing.T) {
	options, cloud := newOptions(t)
	if err := options.Home.Ensure(); err != nil {
		t.Fatal(err)
	}

	dir := t.TempDir()
	var pair [2]config.Watch
	for i, name := range []string{"a", "b"} {
		pair[i] = config.Watch{ID: name, Path: filepath.Join(dir, name), Remote: cloud.DemoRemote() + "/" + name,
			Mode: "push", Settle: "1s"}
		write(t, filepath.Join(pair[i].Path, name+".dwg"), nil)
		if err := config.AppendWatch(options.Home, pair[i]); err != nil {
			t.Fatal(err)
		}
	}

	o := open(t, Working, options)
	rename := func(from, to string) {
		t.Helper()
		if err := os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)); err != nil {
			t.Fatal(err)
		}
	}
	swap := func() { rename("a", "t"); rename("b", "a"); rename("t", "b") }
	claims := func(when string, foreign ...bool) {
		t.Helper()
		for i, w := range pair {
			err := o.claimAgain(w, true)
			e, is := errors.AsType[*ForeignRootError](err)
			if is != foreign[i] || !is && err != nil || is && e.Watch.ID != pair[1-i].ID {
				t.Errorf("%s, %s: %v", when, w.ID, err)
			}
		}
	}

	claims("at first", false, false)
	swap()
	claims("in each other's place", true, true)
	swap()
	claims("back again", false, false)

	rename("a", "t")
	rename("b", "a")
	if _, ok := errors.AsType[*ForeignRootError](o.claimAgain(pair[0], true)); !ok {
		t.Error("one in the place of the other, which is away, is sent as that")
	}

	rename("a", "b")
	if err := os.CopyFS(pair[0].Path, os.DirFS(pair[1].Path)); err != nil {
		t.Fatal(err)
	}

	claims("a copy", false, false)
}

// TestBareFolderIsNotClaimed: the disk of a watched folder that went while its changes were handed
// over leaves a bare place, which gets no marker: it would pass for the folder.
func TestBareFolderIsNotClaimed(t *testing.T) {
	options, cloud := newOptions(t)
	o := open(t, Full, options)
	address, err := remote.ParseAddress(cloud.DemoRemote())
	if err != nil {
		t.Fatal(err)
	}

	c := config.Watch{ID: "w1", Path: t.TempDir(), Remote: cloud.DemoRemote(), Mode: "push"}
	changes := []watcher.Change{{Path: "a.dwg", Snapshot: watcher.Snapshot{Size: 1, ModTime: time.Now()}}}
	if err := o.watches.take(c, &watching{c: c, watcher: new(watcher.Watcher)}, address,
		changes); !errors.Is(err, errBare) {
		t.Errorf("taken: %v", err)
	}

	// or it went right after that look
	if err := o.claimAgain(c, false); !errors.Is(err, errBare) {
		t.Errorf("claimed: %v", err)
	}

	if left, err := os.ReadDir(c.Path); err != nil || len(left) > 0 {
		t.Errorf("in the bare place is %v, %v", left, err)
	}

	write(t, filepath.Join(c.Path, "a.dwg"), []byte("a"))
	if err := o.watches.take(c, &watching{c: c, watcher: new(watcher.Watcher)}, address,
		changes); err != nil {
		t.Errorf("not taken: %v", err)
	}
}
