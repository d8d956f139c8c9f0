package transfer

import (
	"testing"
	"testing/synctest"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
	"hoist/state"
)

// A small file is two commits: one when it is whole and verified, one when it has its name.
func TestSmallDownloadIsTwoCommits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		data := w.remote("Project Files/small.txt", 100<<10, 1)
		e := w.engine()
		j := w.pull(e, w.srv.DemoRemote()+"/small.txt", "small.txt")[0]
		commits := 0
		e.onCommit = func(_ state.JobID, after bool, _ []state.Event) error {
			if after {
				commits++
			}

			return nil
		}
		w.runAll(e)
		w.wantDone(j.ID, state.ResultDownloaded)
		w.wantFile("small.txt", data)
		if commits != 2 {
			t.Errorf("%d commits, want 2", commits)
		}
	})
}

// Nothing is summed that nobody compares: without a SHA-1 of the service only while the link is not
// known to be fast, or when asked for.
func TestSumOnlyWhereItIsCompared(t *testing.T) {
	for _, row := range []struct {
		name, checksum string
		named, fast    bool
		want           bool
	}{
		{"named", "never", true, true, true},
		{"not named, slow", "auto", false, false, true},
		{"not named, fast", "auto", false, true, false},
		{"not named, always", "always", false, true, true},
		{"not named, never", "never", false, false, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func(_ *emulator.Config, _ *apsclient.Config, c *Config) {
					c.Checksum, c.PartSize = row.checksum, minPartSize
				})
				w.srv.SetKnobs(func(k *emulator.Knobs) { k.NoSHA1 = !row.named })
				data := w.remote("Project Files/model.rvt", 3*minPartSize, 1)
				e := w.engine()
				j := w.pull(e, w.srv.DemoRemote()+"/model.rvt", "model.rvt")[0]
				if row.fast {
					seemFast(e)
				}

				w.runAll(e)
				w.wantDone(j.ID, state.ResultDownloaded)
				w.wantFile("model.rvt", data)
				rec, _, err := w.store.Published(j.Root, j.Rel)
				if err != nil || (rec.SHA1 != "") != row.want {
					t.Errorf("SHA-1 %q, %v; summed: want %v", rec.SHA1, err, row.want)
				}
			})
		})
	}
}
