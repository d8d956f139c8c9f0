package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hoist/apsclient/emulator"
)

// TestRoughNetwork keeps a folder in sync through a network that drops, resets, delays, cuts and
// silences connections at random bytes, for 15 s, with HOIST_LONG=1 for 4 minutes. The daemon does
// not spin (calls and connections a minute are bounded), and when the network is good again
// everything is there in time, each state of a file once.
func TestRoughNetwork(t *testing.T) {
	t.Parallel()
	const seed = 3
	rough, silence := 15*time.Second, 3*time.Second
	if os.Getenv("HOIST_LONG") != "" {
		rough, silence = 4*time.Minute, 0 // for good: only the daemon's own patience ends it
	}

	l := newLab(t)
	proxy := newRoughProxy(t, strings.TrimPrefix(l.url, "http://"), seed, silence)
	l.url = "http://" + proxy.addr
	l.extra = []string{"HOIST_LIMITS=server"}
	dir := filepath.Join(l.dir, "drawings")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}

	l.run(0, "watch", "add", dir, l.remote+"/rough", "--settle", "300ms")
	disk := newSoakDisk(dir, seed, 150*time.Millisecond)
	d := l.start("daemon", "--part-size", "5M")
	l.owned("daemon")

	proxy.setRough(true)
	l.cloud.ResetJournal()

	connsBefore, files := proxy.accepted(), 0
	began := time.Now()
	for time.Since(began) < rough {
		size := int64(10_000 + files)
		if files%10 == 9 {
			size = 11 << 20 // three parts
		}

		if err := disk.do(files, soakStep{do: "save", name: fmt.Sprintf("f%d.dwg", files),
			size: size}); err != nil {
			t.Fatal(err)
		}

		files++
		time.Sleep(rough / 30) // the pace of the work
	}

	calls, conns := len(l.cloud.Requests()), proxy.accepted()-connsBefore
	proxy.setRough(false)

	// A clean run takes 5 calls a small file and 8 a large one, on few connections.
	if most := 4 * (8*files + 20); calls > most || conns > most {
		t.Errorf("it spins: %d calls and %d connections for %d files in %v, want at most %d", calls, conns,
			files, rough, most)
	}

	wait := time.Now()
	inSync(t, l, "rough", disk)
	t.Logf("%d files: %d calls and %d connections in the %v of rough network; all there %v after it", files,
		calls, conns, rough, time.Since(wait).Round(time.Second))
	tree, faults, err := cloudTree(l.cloud, "Project Files/rough", 0)
	if err != nil || len(faults) > 0 || len(tree) != files || versionsIn(tree) != files {
		t.Errorf("%d files have %d items and %d versions: %v, %v", files, len(tree), versionsIn(tree), faults,
			err)
	}

	if code := d.interrupt(); code != 0 {
		t.Errorf("daemon: exit code %d\n%s", code, tail(d.errs.String()))
	}
}

// TestSavedFasterThanItUploads rewrites a file at a pace at which no upload of it ever ends in
// time: versions come nevertheless, each one a state that was saved whole, in their order, the last
// one at the end. HOIST_LONG=1 does it at the pace of people: a save every 5 s, uploads that take
// 60 s, and a version each time one can end.
func TestSavedFasterThanItUploads(t *testing.T) {
	t.Parallel()
	long := os.Getenv("HOIST_LONG") != ""
	t.Run("rests after each save", func(t *testing.T) { // the first try ends with the next one
		t.Parallel()
		saveFasterThanItUploads(t, "500ms", 5*time.Second, long)
	})
	t.Run("never rests", func(t *testing.T) { // it settles by the cap, after 40 s
		t.Parallel()
		if !long {
			t.Skip("takes minutes; HOIST_LONG=1 runs it")
		}

		saveFasterThanItUploads(t, "10s", 45*time.Second, long)
	})
}

func saveFasterThanItUploads(t *testing.T, settle string, first time.Duration, long bool) {
	pace, upload, want := 2500*time.Millisecond, 5*time.Second, 3
	if long {
		pace, upload, want = 5*time.Second, time.Minute, 3
	}

	const size = 6 << 20
	l := newLab(t)
	l.extra = []string{"HOIST_LIMITS=server"}
	l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
		if r.Op == "s3-put" {
			return emulator.Fault{Kind: emulator.Slow,
				BytesPerSecond: int64(float64(5<<20) / upload.Seconds())}
		}

		return emulator.Fault{}
	})
	dir := filepath.Join(l.dir, "drawings")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}

	l.run(0, "watch", "add", dir, l.remote+"/busy", "--settle", settle)
	disk := newSoakDisk(dir, 5, 250*time.Millisecond)
	d := l.start("daemon", "--part-size", "5M")
	l.owned("daemon")
	saves, during := 0, 0

	began := time.Now()
	most := first + time.Duration(want)*(upload+15*time.Second) // of a loaded machine
	for ; time.Since(began) < most && during < want; saves++ {
		how := "save"
		if saves%2 == 1 {
			how = "write" // in place
		}

		if err := disk.do(saves, soakStep{do: how, name: "model.rvt", size: size}); err != nil {
			t.Fatal(err)
		}

		time.Sleep(pace) // of the one who saves
		tree, _, err := cloudTree(l.cloud, "Project Files/busy", 0)
		if err != nil {
			t.Fatal(err)
		}

		if n := versionsIn(tree); n > during {
			during = n
			t.Logf("version %d after %v", n, time.Since(began).Round(time.Second))
		}
	}

	if during < want {
		t.Errorf("%d versions in the %v in which it was saved %d times, want %d", during, most, saves, want)
	}

	begun := 0
	for _, r := range l.cloud.Requests() {
		if r.Op == "get-signed-s3-upload-urls" && r.UploadKey == "" {
			begun++
		}
	}

	if begun > during+2 { // the first, which the next save ends, and the one that is on its way
		t.Errorf("%d uploads were begun for %d versions: saves end them", begun, during)
	}

	inSync(t, l, "busy", disk)
	if code := d.interrupt(); code != 0 {
		t.Errorf("daemon: exit code %d\n%s", code, tail(d.errs.String()))
	}
}

// inSync waits until the cloud holds what is on disk, and fails when it holds anything that never
// was there.
func inSync(t *testing.T, l *lab, folder string, disk *soakDisk) {
	t.Helper()

	deadline := time.Now().Add(2 * time.Minute)
	for {
		tree, faults, err := cloudTree(l.cloud, "Project Files/"+folder, 0)
		if err != nil {
			t.Fatal(err)
		}

		lagging, wrong := disk.compare(tree)
		if len(faults)+len(wrong) > 0 {
			t.Fatalf("%v\n%v", faults, wrong)
		}

		if len(lagging) == 0 {
			return
		}

		if time.Now().After(deadline) {
			t.Fatalf("not in sync after two minutes: %v\n%+v", lagging, l.status())
		}

		time.Sleep(300 * time.Millisecond) // between two looks at a condition
	}
}

// TestRoughProxyPassesAll: when it is not rough the proxy changes nothing, so that a failure above
// is not its own.
func TestRoughProxyPassesAll(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.url = "http://" + newRoughProxy(t, strings.TrimPrefix(l.url, "http://"), 1, 0).addr
	a := l.file("a.rvt", 7<<20)
	l.run(0, "push", a, l.remote, "--part-size", "5M")
	back := filepath.Join(l.dir, "back.rvt")
	l.run(0, "pull", l.remote+"/a.rvt", back)
	x, err := os.ReadFile(a)
	if err != nil {
		t.Fatal(err)
	}

	y, err := os.ReadFile(back)
	if err != nil || !bytes.Equal(x, y) {
		t.Errorf("it comes back changed: %v", err)
	}
}
