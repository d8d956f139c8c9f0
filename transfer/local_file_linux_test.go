package transfer

import (
	"io/fs"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"hoist/state"
)

// TestReadOnlyDisk: what cannot be written since its disk is read-only has a reason that heals.
func TestReadOnlyDisk(t *testing.T) {
	err := &fs.PathError{Op: "openat", Path: "p", Err: unix.EROFS}
	if got := classify(err, state.Job{Kind: state.Download}); got.Reason != ReasonUnreadable ||
		got.Class != classPerson {
		t.Errorf("got %+v", got)
	}
}

// TestStoresThroughAMapping: a page that was written already takes further stores without another
// time of the file; from the moment a file is opened to be sent, each of them shows.
func TestStoresThroughAMapping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("plan.rvt", 1<<20, 1)
		f, err := os.OpenFile(w.path("plan.rvt"), os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()

		pages, err := unix.Mmap(int(f.Fd()), 0, 1<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			t.Skip("no mappings here:", err)
		}

		defer func() { _ = unix.Munmap(pages) }()
		moves := func(by byte) bool {
			before, err := f.Stat()
			if err != nil {
				t.Fatal(err)
			}

			_ = unix.Nanosleep(&unix.Timespec{Nsec: int64(20 * time.Millisecond)}, nil)
			pages[4096] = by
			after, err := f.Stat()
			if err != nil {
				t.Fatal(err)
			}

			return !after.ModTime().Equal(before.ModTime())
		}
		if !moves(1) || moves(2) {
			t.Skip("this file system has other times of files written through memory")
		}

		src, err := w.engine().openSource(t.Context(), w.job("plan.rvt"))
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()

		if err := src.check(); err != nil {
			t.Errorf("before the store: %v", err)
		}

		if !moves(3) || src.check() == nil {
			t.Error("the store does not show")
		}
	})
}
