package transfer

import (
	"errors"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// writeHold keeps other programs from opening a file for writing for the few milliseconds that it
// lasts, while names are given and their folder is synced: a read lease, which makes them wait. What
// cannot be held is only looked at.
type writeHold struct{ f *os.File }

// remoteFileSystems refuse a lease for reasons of their own.
var remoteFileSystems = []int64{unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC,
	unix.SMB2_SUPER_MAGIC}

// isFar reports whether a file lies on a network, or behind a program: a read of it may never end.
func isFar(f *os.File) bool {
	var fs unix.Statfs_t
	if unix.Fstatfs(int(f.Fd()), &fs) != nil {
		return true
	}

	return slices.Contains(remoteFileSystems, int64(fs.Type)) || slices.Contains([]int64{
		unix.FUSE_SUPER_MAGIC, unix.V9FS_MAGIC, unix.AFS_SUPER_MAGIC, unix.AFS_FS_MAGIC,
		unix.CEPH_SUPER_MAGIC, unix.CODA_SUPER_MAGIC}, int64(fs.Type))
}

// holdWrites reports as well whether another program has the file open for writing already, as far
// as the system can tell.
func holdWrites(f *os.File) (h writeHold, written bool) {
	var fs unix.Statfs_t
	if unix.Fstatfs(int(f.Fd()), &fs) != nil || slices.Contains(remoteFileSystems, int64(fs.Type)) {
		return writeHold{}, false
	}

	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_RDLCK); err != nil {
		return writeHold{}, errors.Is(err, unix.EAGAIN)
	}

	return writeHold{f}, false
}

// intact reports whether nobody asked to write; true as well when nothing is held.
func (h writeHold) intact() bool {
	if h.f == nil {
		return true
	}

	kind, err := unix.FcntlInt(h.f.Fd(), unix.F_GETLEASE, 0)

	return err == nil && kind == unix.F_RDLCK
}

// until returns when a change of the file would get a later time than t, one tick of the kernel's
// clock at most.
func (h writeHold) until(t time.Time) {
	const tick = 10 * time.Millisecond
	var now unix.Timespec
	for h.f != nil && unix.ClockGettime(unix.CLOCK_REALTIME_COARSE, &now) == nil {
		if wait := t.Sub(time.Unix(now.Unix())); wait < 0 || wait > tick {
			return
		}

		_ = unix.Nanosleep(&unix.Timespec{Nsec: int64(time.Millisecond)}, nil)
	}
}

func (h writeHold) release() {
	if h.f != nil {
		_, _ = unix.FcntlInt(h.f.Fd(), unix.F_SETLEASE, unix.F_UNLCK)
	}
}

// cleanPages writes what is in memory of a file to its disk, so that the next store through a
// mapping moves the file's time; a page that is dirty already takes further ones without.
func cleanPages(f *os.File) {
	const all = unix.SYNC_FILE_RANGE_WAIT_BEFORE | unix.SYNC_FILE_RANGE_WRITE |
		unix.SYNC_FILE_RANGE_WAIT_AFTER
	if unix.SyncFileRange(int(f.Fd()), 0, 0, all) != nil {
		_ = unix.Fdatasync(int(f.Fd()))
	}
}
