package transfer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"hoist/state"
)

// TestFullDiskOfTheState: whatever is to be written when the disk of the home is full waits for
// room, however long that takes, and the run goes on by itself without doing anything twice.
func TestFullDiskOfTheState(t *testing.T) {
	full := fullDisk(t)
	for _, from := range []string{"state.Reserved", "state.PartStored", "state.Assembled", "state.Intended",
		"state.Finished"} {
		t.Run(from, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				content := w.write("plan.rvt", small, 1)
				j := w.enqueue(w.job("plan.rvt"))
				e := w.engine()
				var began time.Time
				refused := 0
				e.onCommit = func(_ state.JobID, after bool, ev []state.Event) error {
					named := slices.ContainsFunc(ev, func(e state.Event) bool {
						return fmt.Sprintf("%T", e) == from
					})
					if after || !named || !began.IsZero() && time.Since(began) > 40*time.Minute {
						return nil
					}

					if began.IsZero() {
						began = time.Now()
					}

					refused++

					return full
				}
				w.runAll(e)
				w.wantDone(j.ID, state.ResultCreated)
				w.wantVersions("plan.rvt", content)
				if refused < 50 || refused > 500 {
					t.Errorf("refused %d times in forty minutes", refused)
				}
			})
		})
	}
}

func fullDisk(t *testing.T) error {
	t.Helper()
	full := &state.WriteError{Path: "state.db", Err: syscall.ENOSPC}
	if !state.IsFull(full) {
		t.Skip("this system tells a full disk by another error")
	}

	return full
}

func TestFullDiskDoesNotKeepARunFromEnding(t *testing.T) {
	full := fullDisk(t)
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("plan.rvt", small, 1)
		w.enqueue(w.job("plan.rvt"))
		e := w.engine()
		e.onCommit = func(state.JobID, bool, []state.Event) error {
			return full
		}

		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()

		began := time.Now()
		if err := e.Run(ctx); err != nil || time.Since(began) != time.Hour {
			t.Errorf("it ended after %s: %v", time.Since(began), err)
		}
	})
}

// TestOutOfResources: no file handles left is waited out, and tells nothing of a file or its
// folder.
func TestOutOfResources(t *testing.T) {
	watched := state.Job{Kind: state.Upload, Root: "w1", Rel: "a.rvt", Path: t.TempDir() + "/none/a.rvt"}
	for _, errno := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM} {
		for _, err := range []error{&fs.PathError{Op: "open", Path: "p", Err: errno}, errors.Join(errno)} {
			if v := classify(err, watched); v.Class != classRetry || v.Reason != ReasonNoResources {
				t.Errorf("%v: %+v", err, v)
			}

			if away := RootAway(watched, err); away != nil {
				t.Errorf("%v: %v", err, away)
			}
		}
	}
}
