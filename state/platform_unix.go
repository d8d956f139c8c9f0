//go:build !windows

package state

import (
	"errors"
	"os"
	"syscall"
)

// initialMmap is address space, not memory: while the file is smaller than this, growing it need
// not wait for readers.
const initialMmap = 256 << 20

// replaceableWhileOpen: a file that is open may lose its name to another.
const replaceableWhileOpen = true

var fullErrors = []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG}

// tryLock takes the lock that bbolt takes.
func tryLock(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}

	return err == nil, err
}

func unlock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_UN) }

// nameless reports whether another file took the last name of this one.
func nameless(f *os.File) bool {
	info, err := f.Stat()
	if err != nil {
		return false
	}

	st, ok := info.Sys().(*syscall.Stat_t)

	return ok && st.Nlink == 0
}

// ownLike gives a file the owner of another: who works on the home of somebody else, as an administrator may,
// must not lock them out of it.
func ownLike(path, like string) error {
	want, err := os.Stat(like)
	if err != nil {
		return err
	}

	have, err := os.Stat(path)
	if err != nil {
		return err
	}

	a, aOK := want.Sys().(*syscall.Stat_t)
	b, bOK := have.Sys().(*syscall.Stat_t)
	if !aOK || !bOK || a.Uid == b.Uid && a.Gid == b.Gid {
		return nil
	}

	return os.Chown(path, int(a.Uid), int(a.Gid))
}

// syncDir makes a rename in the folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}

	err = d.Sync()
	if cerr := d.Close(); err == nil {
		err = cerr
	}

	return err
}
