package state

import (
	"testing"
	"time"
)

// TestGlance: what is read of a record fast is what is read of it whole, and of what is plain nothing else is
// read.
func TestGlance(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	plain := uploadJob(1)
	plain.Phase, plain.Created, plain.Updated = PhaseQueued, at, at

	var r glancer
	for name, row := range map[string]struct {
		change func(*Job)
		plain  bool
	}{
		"queued":    {func(*Job) {}, true},
		"as before": {func(*Job) {}, true},
		"another root": {func(j *Job) {
			j.Root, j.Rel, j.Size, j.Priority = "path-0011223344556677", "a/b/c.dwg", 1<<40, -1
			j.Path, j.Target.Key, j.Target.Dirs = "/x/a/b/c.dwg", "a/b/c.dwg", []string{"a", "b"}
		}, true},
		"no root":   {func(j *Job) { j.Root, j.Rel = "", "" }, true},
		"a rename":  {func(j *Job) { j.Kind, j.From = Rename, "before" }, true},
		"begun":     {func(j *Job) { j.Phase, j.UploadKey, j.PartsTotal = PhaseUploading, "key", 3 }, true},
		"pending":   {func(j *Job) { s := snap(1, 2); j.Pending = &s }, true},
		"paused":    {func(j *Job) { j.Paused = true }, false},
		"attention": {func(j *Job) { j.Attention, j.Reason, j.Since = true, "offline c.dwg", at }, false},
		"waiting":   {func(j *Job) { j.NextAttempt, j.Wait, j.Reason = at, time.Hour, "1.dwg" }, false},
		"ended":     {func(j *Job) { j.End, j.Ended = EndCancelled, at }, false},
	} {
		t.Run(name, func(t *testing.T) {
			j := plain
			row.change(&j)
			v := encodeJob(j)

			var want jobGlance
			if err := decodeRecord(v, &want, ""); err != nil {
				t.Fatal(err)
			}

			got, err := r.glance(v)
			if err != nil || (got.Rel != want.Rel) != row.plain && want.Rel != "" {
				t.Errorf("%+v, %v", got, err)
			}

			if got.Rel = want.Rel; got != want {
				t.Errorf("%+v, want %+v", got, want)
			}

			if _, ok := r.plain(v); ok != row.plain {
				t.Errorf("plain: %v", ok)
			}

			for n := range v {
				r.plain(v[:n]) // damage ends it, and no more
			}
		})
	}
}
