//go:build !linux

package watcher

// mountsBelow is not known here without asking for each folder: a scan finds what was mounted.
func mountsBelow(string) map[string]string { return nil }
