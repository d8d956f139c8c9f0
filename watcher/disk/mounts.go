package disk

import (
	"path/filepath"
	"strings"
	"sync"
	"time"
)

var mounts struct {
	mu   sync.Mutex
	at   time.Time // of the last look
	list []string  // guarded by mu
}

// mountOf is the place where the file system of a path is mounted. It asks no file system.
func mountOf(path string) string {
	mounts.mu.Lock()
	if time.Since(mounts.at).Abs() > time.Second {
		mounts.list, mounts.at = mountPoints(), time.Now()
	}

	list := mounts.list
	mounts.mu.Unlock()

	best := filepath.VolumeName(path)
	for _, m := range list {
		if len(m) > len(best) && (path == m || strings.HasPrefix(path, strings.TrimSuffix(m, "/")+"/")) {
			best = m
		}
	}

	return best
}
