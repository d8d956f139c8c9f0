package watcher

import (
	"path/filepath"
	"strings"

	"hoist/watcher/disk"
)

// mountsBelow tells what is mounted below a folder, by slash path below it: the ids of the mounts,
// the uppermost last.
func mountsBelow(root string) map[string]string {
	table, err := disk.MountTable()
	if err != nil || !strings.Contains(table, " "+escapeMount(root)+"/") {
		return nil
	}

	out := map[string]string{}
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}

		if rel, ok := strings.CutPrefix(fields[4], escapeMount(root)+"/"); ok {
			rel = filepath.ToSlash(disk.Unescape(rel))
			out[rel] += fields[0] + " "
		}
	}

	return out
}

// escapeMount writes a path as /proc does: the kernel writes these as octal numbers.
var escapeMount = strings.NewReplacer("\\", `\134`, " ", `\040`, "\t", `\011`, "\n", `\012`).Replace
