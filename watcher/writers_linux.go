package watcher

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// writerOf asks whether somebody has a file open for writing, by a read lease: the system gives none
// while somebody has, whoever that is. It is dropped at once, so that nobody who begins to write waits
// for us. known: it said so, which it does not of a file of another user or on the disk of another
// machine.
func writerOf(name string, _ bool) (open, known bool) {
	const mode = unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOFOLLOW | unix.O_CLOEXEC
	fd, err := unix.Open(name, mode, 0)
	if err != nil {
		return false, false
	}
	defer unix.Close(fd)

	var fs unix.Statfs_t
	err = unix.Fstatfs(fd, &fs)
	if err != nil || remoteTypes[uint32(fs.Type)] != "" { //nolint:unconvert // its type differs
		return false, false
	}

	_, err = unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_RDLCK)
	if err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_UNLCK)
		return false, err == nil
	}

	return true, errors.Is(err, unix.EAGAIN)
}

// writersBelow is which files below a root other processes have open for writing, as far as this
// one may see: those of the same user, or all for root. It costs a look at each open file of the
// system.
func writersBelow(root string) map[fileID]bool {
	procs, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}

	out := map[fileID]bool{}
	for _, p := range procs {
		pid, err := strconv.Atoi(p.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}

		dir := "/proc/" + p.Name()
		fds, err := os.ReadDir(dir + "/fd")
		if err != nil {
			continue // somebody else's, or gone
		}

		for _, fd := range fds {
			at := dir + "/fd/" + fd.Name()
			path, err := os.Readlink(at)
			if err != nil || !strings.HasPrefix(path, strings.TrimSuffix(root, "/")+"/") ||
				!writes(dir+"/fdinfo/"+fd.Name()) {
				continue
			}

			var st syscall.Stat_t
			if syscall.Stat(at, &st) == nil {
				out[fileID{uint64(st.Dev), st.Ino}] = true //nolint:unconvert // its type differs
			}
		}
	}

	return out
}

// writes reads from what the kernel tells of an open file whether it may be written by.
func writes(fdinfo string) bool {
	data, err := os.ReadFile(fdinfo)
	if err != nil {
		return false
	}

	_, rest, _ := strings.Cut(string(data), "flags:")
	line, _, _ := strings.Cut(rest, "\n")
	flags, err := strconv.ParseUint(strings.TrimSpace(line), 8, 64)

	return err == nil && flags&syscall.O_ACCMODE != syscall.O_RDONLY
}
