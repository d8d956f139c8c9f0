package local

import (
	"fmt"

	"hoist/watcher"
	"hoist/watcher/disk"
)

// ReadSmall reads a small file from a folder that is not ours: a pipe or a device in its place is
// refused, and neither it nor a dead disk is waited for.
func ReadSmall(name string, most int64) ([]byte, error) {
	return disk.Ask(name, disk.Patience, func() ([]byte, error) { return readSmall(name, most) })
}

func readSmall(name string, most int64) ([]byte, error) {
	f, err := watcher.OpenRegular(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()

	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case info.Size() > most:
		return nil, fmt.Errorf("%s: it has %d bytes", name, info.Size())
	}

	data := make([]byte, info.Size())
	n, err := f.ReadAt(data, 0)
	if n == len(data) {
		err = nil
	}

	return data, err
}
