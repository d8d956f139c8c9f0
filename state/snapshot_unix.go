//go:build linux || darwin

package state

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

func snapshotOf(_ *os.File, fi os.FileInfo) (Snapshot, error) {
	s := Snapshot{Size: fi.Size(), ModTime: fi.ModTime().UTC()}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		sec, nsec := changeTime(st)
		s.ChangeTime = time.Unix(sec, nsec).UTC()
		var id [33]byte
		b := append(strconv.AppendUint(id[:0], uint64(st.Dev), 16), ':')
		s.FileID = string(strconv.AppendUint(b, st.Ino, 16))
	}

	return s, nil
}

func snapshotPath(path string) (Snapshot, error) {
	fi, err := os.Stat(path)
	if err != nil {
		return Snapshot{}, err
	}

	if !fi.Mode().IsRegular() {
		return Snapshot{}, fmt.Errorf("look at %s: not a regular file", path)
	}

	return snapshotOf(nil, fi)
}
