package plan

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hoist/state"
)

// aSource is the i-th of many: files of folders, with and without what is not always known.
func aSource(i int) Source {
	rel := fmt.Sprintf("Tower %d/Level %02d/ä%d.dwg", i/1000, i/100%10, i)
	s := Source{Path: filepath.Join(string(filepath.Separator)+"srv", filepath.FromSlash(rel)), Rel: rel,
		Snapshot: state.Snapshot{Size: int64(i * 7), ModTime: time.Unix(int64(i)*1e6, int64(i)),
			FileID: fmt.Sprint("64:", i)}}
	switch i % 5 {
	case 0:
		s.Walked = filepath.Join(string(filepath.Separator)+"srv", "Tower")
	case 1:
		s.Snapshot.ChangeTime = time.Date(9999, 1, 1, 0, 0, 0, 1, time.UTC)
	case 2:
		s.Snapshot = state.Snapshot{Size: -1}
	case 3:
		s.From, s.Folder = "before/"+rel, true
	default:
		s.Changing = true
	}

	return s
}

func sameSource(a, b Source) bool {
	at, bt := a.Snapshot, b.Snapshot
	same := at.ModTime.Equal(bt.ModTime) && at.ChangeTime.Equal(bt.ChangeTime)
	at.ModTime, at.ChangeTime, bt.ModTime, bt.ChangeTime = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	a.Snapshot, b.Snapshot = at, bt

	return same && a == b
}

// TestSources: many come back as they were, in any order, and leave nothing behind.
func TestSources(t *testing.T) {
	for _, n := range []int{0, 1, blockSize, blockSize + 1, 40_000} {
		dir := t.TempDir()
		s := NewSources(dir)
		for i := range n {
			if err := s.Add(aSource(i)); err != nil {
				t.Fatal(err)
			}
		}

		if s.Len() != n || (s.file != nil) != (n == 40_000) {
			t.Fatalf("%d of %d, in a file: %v", s.Len(), n, s.file != nil)
		}

		i := 0
		for got := range s.All() {
			if !sameSource(got, aSource(i)) {
				t.Fatalf("number %d: %+v", i, got)
			}

			i++
		}

		for k := range min(n, 300) {
			i := k * 7919 % n
			if got := s.At(i); !sameSource(got, aSource(i)) {
				t.Fatalf("number %d: %+v", i, got)
			}
		}

		if err := s.Err(); err != nil {
			t.Fatal(err)
		}

		s.Close()
		s.Close()

		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%v is left", left)
		}
	}
}

// TestSourcesThatAreCutShort: a plan is not made of what cannot be read.
func TestSourcesThatAreCutShort(t *testing.T) {
	s := NewSources(t.TempDir())
	defer s.Close()

	for i := range 40_000 {
		if err := s.Add(aSource(i)); err != nil {
			t.Fatal(err)
		}
	}

	if err := s.file.Truncate(s.ends[3]); err != nil {
		t.Fatal(err)
	}

	if s.At(0); s.Err() != nil {
		t.Error(s.Err())
	}

	if s.At(5 * blockSize); !errors.Is(s.Err(), io.EOF) {
		t.Errorf("error %v", s.Err())
	}

	for _, text := range []string{"", "\xff", strings.Repeat("\x01", 20)} {
		r := listReader{text: []byte(text)}
		if readSource(&r, Source{}); !r.bad {
			t.Errorf("%q is a source", text)
		}
	}
}
