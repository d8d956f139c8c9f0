package transfer

import (
	"io"
	"os"
	"testing"
	"testing/synctest"

	"hoist/state"
)

// TestSavedWhileItIsJudged: what is sent is what was judged. A save that comes while a queued job looks
// at the cloud is judged by itself, in the place of the one before.
func TestSavedWhileItIsJudged(t *testing.T) {
	for name, c := range map[string]struct {
		before, after string
		reason        string
	}{
		"a good one becomes a doubtful one": {"AC1027 drawing", "!noise", ReasonDoubtful},
		"a doubtful one becomes a good one": {"!noise", "AC1027 drawing", ""},
		"a good one becomes a good one":     {"AC1027 drawing", "AC1027 drawing, saved again", ""},
	} {
		for _, at := range []string{"a folder", "a bucket"} {
			t.Run(name+" in "+at, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					if _, err := w.client.Buckets.Create(t.Context(), "drawings", "persistent",
						""); err != nil {
						t.Fatal(err)
					}

					save := func(text string) state.Job {
						if err := os.WriteFile(w.path("a.dwg"), []byte(text), 0o600); err != nil {
							t.Fatal(err)
						}

						j := w.job("a.dwg", "new")
						j.Root, j.Rel, j.Batch = "w", "a.dwg", "w"
						if at == "a bucket" {
							j.Target = state.Target{Address: "oss://drawings/a.dwg", Bucket: "drawings",
								Key: "a.dwg", Name: "a.dwg"}
						}

						return j
					}
					j := w.enqueue(save(c.before))
					e := w.engine()
					judged := false
					e.cfg.Inspect = func(_ state.Job, _ string, r io.ReaderAt) (Inspection, error) {
						var first [1]byte
						if _, err := r.ReadAt(first[:], 0); err != nil {
							return Inspection{}, err
						}

						if !judged {
							judged = true
							w.enqueue(save(c.after))
						}

						found := Inspection{Content: "dwg"}
						if first[0] == '!' {
							found.Sign, found.Park = "noise", true
						}

						return found, nil
					}
					w.runAll(e)

					if c.reason != "" {
						w.wantParked(j.ID, c.reason)
						return
					}

					if j = w.get(j.ID); j.End != state.EndDone || j.Snapshot.Size != int64(len(c.after)) {
						t.Errorf("the job ended as %q with %d bytes: %s %s", j.End, j.Snapshot.Size,
							j.Reason, j.Error)
					}
				})
			})
		}
	}
}
