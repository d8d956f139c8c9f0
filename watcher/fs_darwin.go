package watcher

import "golang.org/x/sys/unix"

const limitAdvice = "raise it with: ulimit -n 10240"

// remoteKind names the kind of network mount that a path lies on, "" for a local one.
func remoteKind(path string) string {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil || st.Flags&unix.MNT_LOCAL != 0 {
		return ""
	}
	return unix.ByteSliceToString(st.Fstypename[:])
}
