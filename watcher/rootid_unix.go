//go:build unix

package watcher

import (
	"fmt"
	"os"
)

// idNow is idOf without a bound.
func idNow(path string) (fileID, error) {
	info, err := os.Stat(path)
	if err != nil {
		return fileID{}, err
	}

	if !info.IsDir() {
		return fileID{}, fmt.Errorf("%s: %w", path, errNoFolder)
	}

	rec := recordOf(info)

	return fileID{rec.dev, rec.ino}, nil
}
