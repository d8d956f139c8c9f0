package watcher

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strings"
)

// mountsBelow tells what is mounted below a folder, by slash path below it: the ids of the mounts,
// the uppermost last.
func mountsBelow(root string) map[string]string {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil || !bytes.Contains(data, []byte(" "+escapeMount(root)+"/")) {
		return nil
	}

	out := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 5 {
			continue
		}

		if rel, ok := strings.CutPrefix(fields[4], escapeMount(root)+"/"); ok {
			rel = filepath.ToSlash(unescapeMount(rel))
			out[rel] += fields[0] + " "
		}
	}

	return out
}

// The kernel writes these as octal numbers.
var (
	mountEscapes   = strings.NewReplacer("\\", `\134`, " ", `\040`, "\t", `\011`, "\n", `\012`)
	mountUnescapes = strings.NewReplacer(`\134`, "\\", `\040`, " ", `\011`, "\t", `\012`, "\n")
)

func escapeMount(s string) string   { return mountEscapes.Replace(s) }
func unescapeMount(s string) string { return mountUnescapes.Replace(s) }
