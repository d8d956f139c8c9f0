//go:build unix

package watcher

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// statEntry looks at a file relative to its open folder, which spares the kernel the way from the
// root for each file.
func statEntry(dir *os.File, e entry) (record, error) {
	var st unix.Stat_t
	for {
		err := unix.Fstatat(int(dir.Fd()), e.name, &st, unix.AT_SYMLINK_NOFOLLOW)
		if errors.Is(err, unix.EINTR) {
			continue
		}

		if err != nil {
			return record{}, &fs.PathError{Op: "lstat", Path: dir.Name() + "/" + e.name, Err: err}
		}

		break
	}

	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return record{}, fs.ErrNotExist // replaced by something else meanwhile
	}

	return record{
		name: e.name, size: st.Size, mtime: st.Mtim.Nano(), ctime: st.Ctim.Nano(),
		ino: st.Ino, dev: uint64(st.Dev), //nolint:unconvert // its type differs between systems
	}, nil
}

func recordOf(info fs.FileInfo) record {
	r := record{name: info.Name(), dir: info.IsDir(), size: info.Size(), mtime: info.ModTime().UnixNano()}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		r.ino, r.dev = st.Ino, uint64(st.Dev) //nolint:unconvert // its type differs between systems
		r.ctime = changeTime(st)
	}

	return r
}

// identify adds nothing: each look tells the file id.
func identify(_, _ string, r record) record { return r }

func isNotDir(err error) bool { return errors.Is(err, unix.ENOTDIR) }
