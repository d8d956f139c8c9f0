package transfer

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient/emulator"
	"hoist/state"
	"hoist/transfer/plan"
)

// watch enqueues files below a local folder as a watch of it would.
func (w *world) watch(remote string, sources ...plan.Source) []state.Job {
	w.t.Helper()
	files, err := plan.Watch(w.store, plan.PushRequest{Profile: "default", Root: "watch",
		Sources: sources, Remote: mustAddress(w.t, remote), Batch: "watch"})
	if err != nil {
		w.t.Fatal(err)
	}

	var jobs []state.Job
	for _, f := range files {
		jobs = append(jobs, f.Job)
	}

	queued, _, err := w.store.EnqueueAll(jobs)
	if err != nil {
		w.t.Fatal(err)
	}

	return queued
}

// parked maps the files that wait, below dir, to their reasons.
func (w *world) parked(dir string) map[string]string {
	w.t.Helper()
	jobs, err := w.store.OpenJobs()
	if err != nil {
		w.t.Fatal(err)
	}

	out := map[string]string{}
	for _, j := range jobs {
		if j.Attention {
			below := strings.TrimPrefix(j.Path, w.path(dir)+string(os.PathSeparator))
			out[filepath.ToSlash(below)] = j.Reason
		}
	}

	return out
}

// there lists the files at the service below the demonstration folder.
func (w *world) there() []string {
	var out []string
	for _, f := range w.srv.Items() {
		out = append(out, strings.TrimPrefix(f.Path, "Project Files/"))
	}

	slices.Sort(out)

	return out
}

func sensitive(t *testing.T, dir string) {
	t.Helper()
	if err := os.WriteFile(dir+"/case-probe", nil, 0o600); err != nil {
		t.Fatal(err)
	}

	defer os.Remove(dir + "/case-probe")
	if _, err := os.Lstat(dir + "/CASE-PROBE"); err == nil {
		t.Skip("the file system has no regard for case")
	}
}

// TestNamesThatClash: nothing is made of names that may be one name at the service, by a push or a
// watch, until one of them is renamed; everything else goes on.
func TestNamesThatClash(t *testing.T) {
	const nfc, nfd = "Pl\u00e4ne.dwg", "Pla\u0308ne.dwg"

	for name, row := range map[string]struct {
		files  []string
		there  []string // made by others before
		parked []string
		rename string // of these, which other name frees the rest
		after  []string
	}{
		"files": {files: []string{"Plan.dwg", "plan.dwg", "other.dwg"},
			parked: []string{"Plan.dwg", "plan.dwg"}, rename: "plan.dwg",
			after: []string{"Plan.dwg", "other.dwg"}},
		"letters beyond ASCII": {files: []string{"\u00c4.dwg", "\u00e4.dwg"},
			parked: []string{"\u00c4.dwg", "\u00e4.dwg"}, rename: "\u00e4.dwg",
			after: []string{"\u00c4.dwg"}},
		"Unicode forms": {files: []string{nfc, nfd}, parked: []string{nfc, nfd}, rename: nfd,
			after: []string{nfc}},
		"folders": {files: []string{"Arch/x.dwg", "arch/x.dwg", "arch/y.dwg", "b/x.dwg"},
			parked: []string{"Arch/x.dwg", "arch/x.dwg", "arch/y.dwg"}, rename: "arch",
			after: []string{"Arch/x.dwg", "b/x.dwg"}},
		"deep folders": {files: []string{"a/b/C/x.dwg", "a/b/c/y.dwg"},
			parked: []string{"a/b/C/x.dwg", "a/b/c/y.dwg"}, rename: "a/b/c", after: []string{"a/b/C/x.dwg"}},
		"a file and a folder": {files: []string{"Plan", "plan/x.dwg"}, parked: []string{"Plan", "plan/x.dwg"},
			rename: "Plan", after: []string{"plan/x.dwg"}},
		"alike and no more": {files: []string{"stra\u00dfe.dwg", "strasse.dwg", "plan2.dwg", "plan.dwg"},
			after: []string{"plan.dwg", "plan2.dwg", "strasse.dwg", "stra\u00dfe.dwg"}},
		"a file there": {files: []string{"plan.dwg", "b.dwg"}, there: []string{"Plan.dwg"},
			parked: []string{"plan.dwg"}, after: []string{"Plan.dwg", "b.dwg"}},
		"a folder there": {files: []string{"arch/x.dwg", "b.dwg"}, there: []string{"Arch/y.dwg"},
			parked: []string{"arch/x.dwg"}, after: []string{"Arch/y.dwg", "b.dwg"}},
	} {
		for _, by := range []string{"push", "watch", "watch, one after the other"} {
			t.Run(name+", "+by, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					sensitive(t, w.dir)

					for _, f := range row.there {
						w.addFile(w.srv.Demo().Project, "Project Files/"+f, "theirs")
					}

					for i, f := range row.files {
						w.write("d/"+f, 10, uint64(i))
					}

					e := w.engine()
					switch by {
					case "push":
						w.start(w.push(e, plan.PushRequest{Profile: "default", Sources: w.sources("d", ""),
							Remote: mustAddress(t, w.srv.DemoRemote())}))
					case "watch":
						w.watch(w.srv.DemoRemote(), w.sources("d", "")...)
					default:
						for _, s := range w.sources("d", "") {
							w.watch(w.srv.DemoRemote(), s)
						}
					}

					w.runAll(e)
					began := time.Now() // nothing goes on by time alone
					w.runUntil(e, func() bool {
						return len(row.parked) == 0 || time.Since(began) > 5*time.Minute
					})

					parked := w.parked("d")
					for _, f := range row.parked {
						if parked[f] != ReasonNameClash {
							t.Errorf("%s: reason %q, want %s", f, parked[f], ReasonNameClash)
						}
					}

					if len(parked) != len(row.parked) {
						t.Errorf("parked %v, want %q", parked, row.parked)
					}

					for _, f := range w.there() {
						if slices.Contains(row.parked, f) {
							t.Errorf("%s was made", f)
						}
					}

					if row.rename != "" {
						if err := os.Rename(w.path("d/"+row.rename), w.path("away")); err != nil {
							t.Fatal(err)
						}
					}

					want := slices.Concat(row.after, nil)
					slices.Sort(want)
					began = time.Now()
					w.runUntil(e, func() bool {
						return slices.Equal(w.there(), want) || time.Since(began) > time.Hour
					})
					if got := w.there(); !slices.Equal(got, want) {
						t.Errorf("there in the end %q, want %q", got, want)
					}
				})
			})
		}
	}
}

// TestObjectKeysNeverClash: a key is exact.
func TestObjectKeysNeverClash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		sensitive(t, w.dir)
		w.write("d/Plan.dwg", 10, 1)
		w.write("d/plan.dwg", 10, 2)
		if _, err := w.client.Buckets.Create(t.Context(), "drawings", "persistent", ""); err != nil {
			t.Fatal(err)
		}

		e := w.engine()
		w.start(w.push(e, plan.PushRequest{Profile: "default", Sources: w.sources("d", ""),
			Remote: mustAddress(t, "oss://drawings")}))
		w.runAll(e)
		if parked := w.parked("d"); len(parked) != 0 {
			t.Errorf("parked %v", parked)
		}
	})
}

// TestConflictThatPasses: a 409 that goes away puts nothing under a name of another case.
func TestConflictThatPasses(t *testing.T) {
	for _, op := range []string{"create-folder", "create-item"} {
		t.Run(op, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.addFile(w.srv.Demo().Project, "Project Files/New/A.dwg", "theirs")
				w.write("d/new2/a2.dwg", 10, 1)
				left := 1
				w.srv.SetFault(func(q emulator.Request) emulator.Fault {
					if q.Op != op || left == 0 {
						return emulator.Fault{}
					}

					left--

					return emulator.Fault{Kind: emulator.FailBefore, Status: 409}
				})
				e := w.engine()
				w.start(w.push(e, plan.PushRequest{Profile: "default", Sources: w.sources("d", ""),
					Remote: mustAddress(t, w.srv.DemoRemote())}))
				w.runAll(e)
				if got, want := w.there(), []string{"New/A.dwg", "new2/a2.dwg"}; !slices.Equal(got, want) ||
					left != 0 {
					t.Errorf("there %q, want %q", got, want)
				}
			})
		})
	}
}
