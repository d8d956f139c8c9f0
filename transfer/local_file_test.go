package transfer

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"hoist/state"
)

// TestAheadReader: whatever is asked for at once, and in whatever order, it is what the file holds.
func TestAheadReader(t *testing.T) {
	data := make([]byte, 3*copyBuffer+7)
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range data {
		data[i] = byte(rng.Uint32())
	}

	const end = 2*copyBuffer + 9 // of the part
	a := &aheadReader{r: bytes.NewReader(data), end: end}
	for _, r := range []struct{ from, size int }{{0, 10}, {10, copyBuffer}, {5, end - 5}, {copyBuffer - 1, 2},
		{0, 1}} {
		got := make([]byte, r.size)
		if n, err := a.ReadAt(got, int64(r.from)); n != r.size || err != nil ||
			!bytes.Equal(got, data[r.from:r.from+r.size]) {
			t.Errorf("%d bytes at %d: %d, %v", r.size, r.from, n, err)
		}
	}

	if n, err := a.ReadAt(make([]byte, 20), end-9); n != 9 || !errors.Is(err, io.EOF) {
		t.Errorf("past the end: %d, %v; want 9 and EOF", n, err)
	}
}

// TestReplacedBetweenTwoReads: a source that is opened for each read says that its file is another
// one, also when it has gone.
func TestReplacedBetweenTwoReads(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"replaced": func(path string) error {
			return errors.Join(os.WriteFile(path+".new", []byte("drawing"), 0o600),
				os.Rename(path+".new", path))
		},
		"gone": os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.write("plan.rvt", 7, 1)
			e := w.engine()
			e.holdOpen = false
			src, err := e.openSource(t.Context(), w.job("plan.rvt"))
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			if _, err := src.ReadAt(make([]byte, 3), 0); err != nil {
				t.Fatal(err)
			}

			if err := change(filepath.Join(w.dir, "plan.rvt")); err != nil {
				t.Fatal(err)
			}

			_, err = src.ReadAt(make([]byte, 3), 3)
			if c, ok := errors.AsType[*changedError](err); !ok || c.Gone != (name == "gone") {
				t.Errorf("read: %v", err)
			}
		})
	}
}

// TestRipens: how long a state must rest until each further change of the file shows in its times.
func TestRipens(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 0, 500, time.UTC)

	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	whole := func(d time.Duration) time.Time { return ago(d).Truncate(time.Second) }
	for _, row := range []struct {
		name            string
		modTime, change time.Time
		want            time.Duration
	}{
		{"written just now", ago(0), ago(0), 20 * time.Millisecond},
		{"written 5 ms ago", ago(5 * time.Millisecond), ago(5 * time.Millisecond), 15 * time.Millisecond},
		{"written a second ago", ago(time.Second), ago(time.Second), 0},
		{"its time set back just now", ago(time.Hour), ago(0), 20 * time.Millisecond},
		{"its time set to a whole second", whole(0), ago(time.Minute), 0},
		{"whole seconds, a second ago", whole(time.Second), whole(time.Second), time.Second - 500},
		{"whole seconds, a minute ago", whole(time.Minute), whole(time.Minute), 0},
		{"no change time", whole(time.Second), time.Time{}, time.Second - 500},
		{"in the future", ago(-time.Hour), ago(-time.Hour), 20 * time.Millisecond},
		{"a time in the future that was set", ago(-time.Hour), ago(time.Hour), 0},
	} {
		if got := ripens(state.Snapshot{ModTime: row.modTime, ChangeTime: row.change}, now); got != row.want {
			t.Errorf("%s: %v, want %v", row.name, got, row.want)
		}
	}
}
