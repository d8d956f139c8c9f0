//go:build !windows && !darwin

package watcher

import "io/fs"

// OnlineOnly: this system has no such files.
func OnlineOnly(fs.FileInfo) bool { return false }
