package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"hoist/cmd/hoist/internal/control"
	"hoist/transfer"
)

// TestMassChange: a watch whose drawings turn into noise is stopped, and both of its fixes work as
// they are printed.
func TestMassChange(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there is no sh there")
	}

	l := newLab(t)
	l.start("daemon", "--log-format", "json")
	l.owned("daemon")

	const files, first = 14, 5

	dir := filepath.Join(l.dir, "set")
	name := func(i int) string { return filepath.Join(dir, fmt.Sprintf("plan %d.dwg", i)) }
	save := func(from, to int, text string) {
		for i := from; i < to; i++ {
			temp := name(i) + ".tmp"
			must(t, os.WriteFile(temp, []byte(text+strings.Repeat(" and more", 100+i)), 0o600))
			must(t, os.Rename(temp, name(i)))
		}
	}
	must(t, os.Mkdir(dir, 0o700))
	save(0, files, "AC1032 drawn")
	l.run(0, "watch", "add", dir, l.remote+"/set", "--settle", "100ms")
	versions := func() (n int) {
		for _, f := range l.cloud.Items() {
			n += len(f.Versions)
		}

		return n
	}
	eventually(t, "all is sent", func() bool { return versions() == files })

	save(0, first, "noise")
	eventually(t, "a few are sent", func() bool { return versions() == files+first })

	save(first, files, "noise")
	var b *control.Brake
	eventually(t, "the watch is stopped, and says what was sent", func() bool {
		s := l.status()
		b = s.Watches[0].Brake

		return b != nil && b.PutBack != "" && s.Jobs.Active == 0
	})

	c := &cure{lab: l, cureRow: cureRow{name: "a mass change", reason: transfer.ReasonMassChange},
		api: l.api(), path: dir}
	c.told(l.status())

	// A create that was under way when the watch stopped may have had its effect though nobody heard of
	// it; its job looks for it once it goes on.
	sent := versions() - files
	if sent > 10 || len(b.Sent) > sent {
		t.Errorf("%d of the files were sent, %+v", sent, b)
	}

	told := func(path string) bool {
		return slices.ContainsFunc(b.Sent, func(v control.SentVersion) bool {
			return strings.HasSuffix(v.Remote, path)
		})
	}
	paste := func(command string) {
		t.Helper()

		cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
		cmd.Env, cmd.Dir = l.environ(), l.dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
	}
	paste(b.PutBack)
	for _, f := range l.cloud.Items() {
		r, err := l.cloud.ReadVersion(f.Versions[len(f.Versions)-1].ID)
		must(t, err)
		head := make([]byte, 6)
		_, err = r.Read(head)
		must(t, err)
		must(t, r.Close())
		if string(head) != "AC1032" && told(f.Path) {
			t.Errorf("%s begins with %q", f.Path, head)
		}
	}

	before := versions()
	paste(b.PutBack)

	if n := versions() - before; n != 0 {
		t.Errorf("put-back once more makes %d versions", n)
	}

	if w := l.status().Watches[0]; w.State != control.WatchPaused {
		t.Errorf("the watch goes on by itself: %+v", w)
	}

	before = versions()
	paste(l.status().Attention[0].Fix)
	eventually(t, "the rest is sent", func() bool { return versions() == before+files-sent })
}
