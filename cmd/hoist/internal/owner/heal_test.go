package owner

import (
	"os"
	"path/filepath"
	"testing"

	"hoist/cmd/hoist/internal/control"
	"hoist/state"
	"hoist/transfer"
)

// TestHealed: what becomes of a parked job when its cause is looked at again.
func TestHealed(t *testing.T) {
	dir := t.TempDir()

	file := write(t, filepath.Join(dir, "a.dwg"), []byte("x"))
	gone, away := filepath.Join(dir, "gone.dwg"), filepath.Join(dir, "away", "a.dwg")
	for _, tt := range []struct {
		name, path, reason, root string
		want                     state.Event
	}{
		{"it can be read again", file, transfer.ReasonUnreadable, "", state.RetryNow{}},
		{"it came back", file, transfer.ReasonVanished, "w", state.RetryNow{}},
		{"it is a file now", file, transfer.ReasonNotAFile, "w", state.RetryNow{}},
		{"it is a folder still", dir, transfer.ReasonNotAFile, "w", nil},
		{"an unreadable one was removed", gone, transfer.ReasonUnreadable, "w", state.RetryNow{}},
		{"a watched one was removed", gone, transfer.ReasonVanished, "w", state.SourceChanged{Gone: true}},
		{"whoever pushed it decides", gone, transfer.ReasonVanished, "", nil},
		{"one of a name that is refused was renamed", gone, transfer.ReasonNameRefused, "w",
			state.RetryNow{}},
		{"one that lies too deep was moved", gone, transfer.ReasonTooDeep, "w", state.RetryNow{}},
		{"one that lies too deep is there", file, transfer.ReasonTooDeep, "w", nil},
		{"one that clashed was renamed", gone, transfer.ReasonNameClash, "w",
			state.SourceChanged{Gone: true}},
		{"one that clashed is a folder now", dir, transfer.ReasonNameClash, "w",
			state.SourceChanged{Gone: true}},
		{"one that clashes is there", file, transfer.ReasonNameClash, "w", nil},
		{"a doubtful one was removed", gone, transfer.ReasonDoubtful, "w", state.SourceChanged{Gone: true}},
		{"a doubtful one is there", file, transfer.ReasonDoubtful, "w", nil},
		{"a doubtful one is away with its root", away, transfer.ReasonDoubtful, "w", nil},
		{"one that was pushed is its pusher's", gone, transfer.ReasonNameRefused, "", nil},
		{"a conflict needs a decision", file, transfer.ReasonConflict, "w", nil},
		{"so does a file that was edited here", file, transfer.ReasonLocalDiffers, "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			j := state.Job{Kind: state.Upload, Path: tt.path, Reason: tt.reason, Attention: true}
			if tt.root != "" {
				j.Root, j.Batch, j.Rel = tt.root, tt.root, filepath.Base(tt.path)
			}

			if got := healed(j, lookAt(j).reason); got != tt.want {
				t.Errorf("got %#v, want %#v", got, tt.want)
			}
		})
	}
}

// TestHealing: a pushed file that was not there goes on when it is, without a command; one that is
// parked for something else is tried once for each thing that a look finds.
func TestHealing(t *testing.T) {
	options, cloud := newOptions(t)
	o := open(t, Serving, options) // the engine rests
	path := write(t, filepath.Join(t.TempDir(), "a.dwg"), []byte("x"))
	plan, err := o.Push(t.Context(), control.PushRequest{Paths: []string{path}, Remote: cloud.DemoRemote()})
	if err != nil {
		t.Fatal(err)
	}

	id := state.JobID(plan.Files[0].Job)
	park := func() {
		if _, err := o.store.Commit(id, state.Parked{Reason: transfer.ReasonVanished}); err != nil {
			t.Fatal(err)
		}
	}
	parked := func() bool {
		j, err := o.store.Job(id)
		if err != nil {
			t.Fatal(err)
		}

		return j.Attention
	}
	h := healing{owner: o, tried: map[state.JobID]look{}}
	round := func() {
		if err := h.round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}

	park()
	round()
	if !parked() {
		t.Error("tried while the file is away")
	}

	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}

	round()
	if parked() {
		t.Error("not tried when the file is back")
	}

	park()
	round()
	if !parked() {
		t.Error("tried again though nothing changed")
	}

	for range 2 { // away and back, once more
		if err := os.Rename(path, path+".away"); err != nil {
			t.Fatal(err)
		}

		round()
		if err := os.Rename(path+".away", path); err != nil {
			t.Fatal(err)
		}

		round()
		if parked() {
			t.Error("not tried when the file is back once more")
		}

		park()
	}
}
