package transfer

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"hoist/state"
)

// hideJob hides the item of a file of the watch.
func (w *world) hideJob(rel string) state.Job {
	return state.Job{Kind: state.Hide, Profile: "default", Root: watchRoot, Rel: rel, Path: w.path(rel),
		Target: state.Target{Address: w.srv.DemoRemote() + "/" + rel, Name: rel}}
}

// wantHidden checks that an item is hidden, by one version that says so.
func (w *world) wantHidden(was state.PublishedRecord) {
	w.t.Helper()
	for _, f := range w.srv.Items() {
		if f.ItemID == was.Item && (!f.Hidden || len(f.Versions) != was.Number+1) {
			w.t.Errorf("%s is to be hidden once: %+v", was.Rel, f)
		}
	}

	w.wantNothingOf(was.Rel)
}

func hiddenFile(w *world) crashRun {
	w.watched("b.rvt", 10, 2) // else the folder is empty, and taken for one that is away
	was := w.watched("a.rvt", 10, 1)
	w.remove("a.rvt")
	w.enqueue(w.hideJob("a.rvt"))

	return crashRun{receipts: 2, check: func() { w.wantHidden(was) }}
}

// TestNotHidden: what speaks against a hide that was asked for.
func TestNotHidden(t *testing.T) {
	for _, c := range []struct {
		name string
		play func(w *world)
	}{
		{"the file is there again", func(w *world) { w.write("a.rvt", 10, 1) }},
		{"somebody else made a version", func(w *world) { w.remote("Project Files/a.rvt", 30, 3) }},
		{"a rule leaves it out", func(w *world) {
			w.cfg.Rules = func(state.Job) (string, time.Duration, error) { return "*.rvt", 0, nil }
		}},
		{"nothing of it is published", func(w *world) {
			if err := w.store.Forget(state.Forgotten{Path: w.path("a.rvt"), Root: watchRoot,
				Rel: "a.rvt"}); err != nil {
				w.t.Fatal(err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.watched("b.rvt", 10, 2)
				was := w.watched("a.rvt", 10, 1)
				w.remove("a.rvt")
				j := w.enqueue(w.hideJob("a.rvt"))
				c.play(w)
				w.runAll(w.engine())
				if j = w.get(j.ID); j.End != state.EndSuperseded || j.Reason != ReasonNotCarried ||
					j.Error == "" {
					t.Errorf("the job ended %q %q %q", j.End, j.Reason, j.Error)
				}

				if f, ok := w.srv.File("Project Files/a.rvt"); !ok || f.ItemID != was.Item {
					t.Errorf("it is hidden: %+v %v", f, ok)
				}
			})
		})
	}
}

// TestNotHiddenWhileTheFolderIsAway: it waits, and goes on when the folder is back without the file.
func TestNotHiddenWhileTheFolderIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.watched("b.rvt", 10, 2)
		was := w.watched("a.rvt", 10, 1)
		w.remove("a.rvt")
		away := w.dir + ".away"
		if err := os.Rename(w.dir, away); err != nil {
			t.Fatal(err)
		}

		j := w.enqueue(w.hideJob("a.rvt"))
		w.runUntil(w.engine(), func() bool { return w.get(j.ID).Attempts > 3 })
		if j = w.get(j.ID); j.Reason != ReasonFolderAway {
			t.Errorf("waits for %q %q", j.Reason, j.Error)
		}

		if err := os.Rename(away, w.dir); err != nil {
			t.Fatal(err)
		}

		w.runAll(w.engine())
		w.wantHidden(was)
	})
}
