//go:build !linux && !windows

package watcher

// writerOf is not known here.
func writerOf(string, bool) (open, known bool) { return false, false }

// writersBelow is not known here.
func writersBelow(string) map[fileID]bool { return nil }
