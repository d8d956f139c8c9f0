package transfer

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
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
// one, also where it has gone.
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
			src, err := e.openSource(w.job("plan.rvt"))
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
