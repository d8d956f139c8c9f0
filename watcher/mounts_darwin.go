package watcher

import (
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// mountsBelow tells what is mounted below a folder, by slash path below it: the ids of the file systems.
func mountsBelow(root string) map[string]string {
	n, err := unix.Getfsstat(nil, unix.MNT_NOWAIT)
	if err != nil {
		return nil
	}

	list := make([]unix.Statfs_t, n)
	if n, err = unix.Getfsstat(list, unix.MNT_NOWAIT); err != nil {
		return nil
	}

	out := map[string]string{}
	for _, m := range list[:min(n, len(list))] {
		if rel, ok := strings.CutPrefix(unix.ByteSliceToString(m.Mntonname[:]), root+"/"); ok {
			out[filepath.ToSlash(rel)] += fmt.Sprint(m.Fsid, " ")
		}
	}

	return out
}
