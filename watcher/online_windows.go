package watcher

import (
	"io/fs"
	"syscall"
)

// OnlineOnly reports whether the content of a file lies at a sync service and is fetched when it is
// read.
func OnlineOnly(info fs.FileInfo) bool {
	const recallOnOpen, recallOnRead, offline = 0x40000, 0x400000, 0x1000

	d, ok := info.Sys().(*syscall.Win32FileAttributeData)

	return ok && d.FileAttributes&(recallOnOpen|recallOnRead|offline) != 0
}
