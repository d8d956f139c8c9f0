package watcher

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

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
