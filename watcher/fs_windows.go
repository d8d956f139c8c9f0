package watcher

import (
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"
)

// remoteKind names the kind of network mount that a path lies on, "" for a local one.
func remoteKind(path string) string {
	volume := filepath.VolumeName(path)
	if strings.HasPrefix(strings.ToUpper(volume), `\\?\UNC\`) ||
		strings.HasPrefix(volume, `\\`) && !strings.HasPrefix(volume, `\\?\`) &&
			!strings.HasPrefix(volume, `\\.\`) {
		return "network share"
	}
	root, err := windows.UTF16PtrFromString(volume + `\`)
	if err != nil {
		return ""
	}
	if windows.GetDriveType(root) == windows.DRIVE_REMOTE {
		return "network drive"
	}
	return ""
}
