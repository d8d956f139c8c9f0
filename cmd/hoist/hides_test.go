package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"hoist/transfer"
)

// TestWatchHides: a few files that are removed from a watch are hidden, and come back by one command;
// many are not until somebody says so, nor are those of a root that is gone.
func TestWatchHides(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there is no sh there")
	}

	const files, half = 60, 30
	l := newLab(t)
	l.extra = []string{"HOIST_LIMITS=server"}
	name := func(i int) string { return fmt.Sprintf("%d/%d.dwg", i/half, i) }
	for i := range files {
		l.file("w/"+name(i), int64(1000+i))
	}

	dir := filepath.Join(l.dir, "w")
	l.start("daemon", "--log-format", "json")
	l.owned("daemon")
	l.run(0, "watch", "add", dir, l.remote, "--settle", "200ms", "--delete", "hide")
	shown := func() (n int) {
		for i := range files {
			if _, ok := l.cloud.File("Project Files/" + name(i)); ok {
				n++
			}
		}

		return n
	}
	move := func(from, to string) { must(t, os.Rename(filepath.Join(l.dir, from), filepath.Join(l.dir, to))) }
	hidden := func() int {
		out, _ := l.run(0, "jobs", "--json", "--kind", "hide")
		return strings.Count(out, `"result":"hidden"`)
	}
	held := func(n int) func() bool {
		return func() bool {
			s := l.status()
			return len(s.Attention) == 1 && s.Attention[0].Reason == transfer.ReasonMassDelete &&
				strings.HasPrefix(s.Attention[0].Detail, fmt.Sprintf("%d of ", n))
		}
	}
	eventually(t, "all is sent", func() bool { return shown() == files && l.status().Jobs.Done == files })

	for i := range 3 {
		must(t, os.Remove(filepath.Join(dir, filepath.FromSlash(name(i)))))
	}

	eventually(t, "three are hidden", func() bool { return shown() == files-3 && hidden() == 3 })

	out, _ := l.run(0, "restore", "--hidden-by", dir)
	if n := strings.Count(out, "restored"); n != 3 || shown() != files {
		t.Errorf("%d restored, %d shown: %s", n, shown(), out)
	}

	if out, _ = l.run(0, "restore", "--hidden-by", dir); out != "" {
		t.Errorf("restored twice: %s", out)
	}

	l.run(0, "rm", "--yes", l.remote+"/0/29.dwg") // not by the watch: it stays hidden
	if l.run(0, "restore", "--hidden-by", dir); shown() != files-1 {
		t.Errorf("%d shown: what somebody else hid is restored", shown())
	}

	l.run(0, "restore", l.remote+"/0/29.dwg")
	move("w/1", "one")
	eventually(t, "half of them are held", held(half))
	if n := shown(); n != files {
		t.Errorf("%d are shown, and nobody has decided", n)
	}

	c := &cure{lab: l, cureRow: cureRow{name: "a mass removal", reason: transfer.ReasonMassDelete},
		api: l.api(), path: dir}
	l.pasted(c.told(l.status()))

	eventually(t, "they are hidden", func() bool {
		return shown() == files-half && len(l.status().Attention) == 0
	})

	move("w/0", "zero") // nothing is left
	eventually(t, "those of an emptied folder are held", held(half-3))
	if n := shown(); n != files-half {
		t.Errorf("%d are shown after the folder was emptied", n)
	}

	move("zero", "w/0")
	eventually(t, "they are there again", func() bool { return len(l.status().Attention) == 0 })
	if n := shown(); n != files-half {
		t.Errorf("%d are shown after they came back", n)
	}
}
