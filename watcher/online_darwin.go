package watcher

import (
	"io/fs"
	"syscall"
)

// OnlineOnly reports whether the content of a file lies at a sync service and is fetched when it is
// read.
func OnlineOnly(info fs.FileInfo) bool {
	const dataless = 0x40000000 // SF_DATALESS

	s, ok := info.Sys().(*syscall.Stat_t)

	return ok && s.Flags&dataless != 0
}
