package owner

import (
	"os"
	"path/filepath"
	"time"

	"hoist/cmd/hoist/internal/config"
	"hoist/transfer"
)

// streamsFor is how long what "push -" and "pull -" of former versions kept in the home stays after
// its last change, when no job needs it any more.
const streamsFor = 24 * time.Hour

// cleanStreams removes what killed commands left behind.
func (o *Owner) cleanStreams() {
	config.RemoveLeftovers(o.options.Home.Config)
	config.RemoveLeftovers(o.options.Home.State)
	dir := o.options.Home.Streams()
	if _, err := transfer.SweepStreams(dir); err != nil {
		o.log.Warn("what a killed command left in the home could not be removed", "error", err)
	}

	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		return
	}

	jobs, err := o.store.OpenJobs()
	if err != nil {
		return
	}

	needed := map[string]bool{}
	for _, j := range jobs {
		needed[j.Path], needed[j.Temp] = true, true
	}

	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		info, err := entry.Info()
		if err != nil || needed[path] || time.Since(info.ModTime()) < streamsFor {
			continue
		}

		if err := os.Remove(path); err != nil {
			o.log.Warn("what a killed command left in the home could not be removed", "path", path, "error",
				err)
		}
	}
}
