package state

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// lockHolder names the process that holds the lock of a file, as the kernel tells it; 0: it does
// not.
func lockHolder(path string) (pid int, command string) {
	fi, err := os.Stat(path)
	if err != nil {
		return 0, ""
	}

	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, ""
	}

	locks, err := os.ReadFile("/proc/locks")
	if err != nil {
		return 0, ""
	}

	dev := uint64(st.Dev)

	file := fmt.Sprintf("%02x:%02x:%d", unix.Major(dev), unix.Minor(dev), st.Ino)
	for line := range strings.Lines(string(locks)) {
		// 1: FLOCK ADVISORY WRITE 1234 fe:00:10040380 0 EOF; who waits has an arrow after the
		// number
		f := strings.Fields(line)
		if len(f) < 6 || f[1] != "FLOCK" || f[5] != file {
			continue
		}

		if pid, err = strconv.Atoi(f[4]); err != nil || pid <= 0 {
			return 0, ""
		}

		name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		if err != nil {
			name = []byte("unknown")
		}

		return pid, strings.TrimSpace(string(name))
	}

	return 0, ""
}
