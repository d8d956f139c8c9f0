//go:build !windows && !darwin

package preflight

import "io/fs"

// onlineOnly: this system has no such files.
func onlineOnly(fs.FileInfo) bool { return false }
