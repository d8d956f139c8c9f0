package watcher

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

// TestCopyWithPauses lets another program write a file in pieces, with pauses longer than the
// settle time, and hold it open: one state is told, when it has let go.
func TestCopyWithPauses(t *testing.T) {
	f := newTree(t)
	x := newFixture(t, f, func(c *Config) { c.Settle = 300 * time.Millisecond })
	x.w.source = newOSNotifier
	x.start(t)
	x.awaitState(StateWatching)

	cmd := exec.CommandContext(t.Context(), "sh", "-c",
		`exec 3>"$0"; for i in 1 2 3; do echo piece >&3; read line; done; true`, f.path("m.rvt"))
	in, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())

	for range 2 {
		time.Sleep(900 * time.Millisecond) // a pause of three settle times
		x.want(t)
		_, err = in.Write([]byte("go on\n"))
		must(t, err)
	}

	must(t, in.Close())
	must(t, cmd.Wait())
	x.awaitTold("m.rvt")
	if s := x.states["m.rvt"]; s.Size != int64(len("piece\n")*3) {
		t.Errorf("told with %d bytes", s.Size)
	}
}

func TestWritersBelow(t *testing.T) {
	f := newTree(t)
	f.write("read.dwg", "1")
	f.write("written.dwg", "1")
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `exec 3<"$0" 4>>"$1"; echo ready; read line`,
		f.path("read.dwg"), f.path("written.dwg"))
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	_, err = out.Read(make([]byte, 10))
	must(t, err)

	got := writersBelow(f.root)
	info, err := os.Stat(f.path("written.dwg"))
	must(t, err)
	if rec := recordOf(info); len(got) != 1 || !got[fileID{rec.dev, rec.ino}] {
		t.Errorf("written: %v, want that of %d", got, rec.ino)
	}

	must(t, in.Close())
	_ = cmd.Wait() // its read has failed
	if got := writersBelow(f.root); len(got) != 0 {
		t.Errorf("written after its end: %v", got)
	}
}

func BenchmarkWriters(b *testing.B) {
	for b.Loop() {
		writersBelow("/nowhere")
	}
}
