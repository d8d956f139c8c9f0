package watcher

import (
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// otherProgram is a shell script that works on files beside the watcher.
type otherProgram struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out io.Reader
}

func newOtherProgram(t *testing.T, script string, args ...string) *otherProgram {
	t.Helper()
	p := &otherProgram{t: t,
		cmd: exec.CommandContext(t.Context(), "sh", append([]string{"-c", script}, args...)...)}
	var err error
	p.in, err = p.cmd.StdinPipe()
	must(t, err)
	p.out, err = p.cmd.StdoutPipe()
	must(t, err)
	must(t, p.cmd.Start())

	return p
}

// awaitWord waits until it says something.
func (p *otherProgram) awaitWord() {
	p.t.Helper()
	_, err := p.out.Read(make([]byte, 10))
	must(p.t, err)
}

func (p *otherProgram) goOn() {
	p.t.Helper()
	_, err := p.in.Write([]byte("go on\n"))
	must(p.t, err)
}

func (p *otherProgram) end() {
	p.t.Helper()
	must(p.t, p.in.Close())
	must(p.t, p.cmd.Wait())
}

// TestCopyWithPauses lets another program write a file in pieces, with pauses longer than the
// settle time, and hold it open: one state is told, when it has let go.
func TestCopyWithPauses(t *testing.T) {
	f := newTree(t)
	x := newFixture(t, f, func(c *Config) { c.Settle = 300 * time.Millisecond })
	x.w.source = newOSNotifier
	x.start(t)
	x.awaitState(StateWatching)

	other := newOtherProgram(t, `exec 3>"$0"; for i in 1 2 3; do echo piece >&3; read line; done; true`,
		f.path("m.rvt"))
	for range 2 {
		time.Sleep(900 * time.Millisecond) // a pause of three settle times
		x.want(t)
		other.goOn()
	}

	other.end()
	x.awaitTold("m.rvt")
	if s := x.states["m.rvt"]; s.Size != int64(len("piece\n")*3) {
		t.Errorf("told with %d bytes", s.Size)
	}
}

// TestCopyThatKeepsOldTimes: a copier sets the time of the original after each piece, so a scan finds a file
// that seems to have rested for years. While it is open for writing it is waited for all the same.
func TestCopyThatKeepsOldTimes(t *testing.T) {
	f := newTree(t)
	other := newOtherProgram(t,
		`exec 3>"$0"; for i in 1 2 3; do echo piece >&3; touch -d 2001-02-03 "$0"; echo; read `+
			`line; done; true`,
		f.path("m.rvt"))
	other.awaitWord()

	x := newFixture(t, f, func(c *Config) { c.Settle = 300 * time.Millisecond })
	x.w.source = newOSNotifier
	x.start(t)
	x.awaitState(StateWatching)

	for range 2 {
		time.Sleep(600 * time.Millisecond)
		x.want(t)
		other.goOn()
		other.awaitWord()
	}

	other.end()
	x.awaitTold("m.rvt")
	if s := x.states["m.rvt"]; s.Size != int64(len("piece\n")*3) {
		t.Errorf("told with %d bytes", s.Size)
	}
}

func TestWritersBelow(t *testing.T) {
	f := newTree(t)
	f.write("read.dwg", "1")
	f.write("written.dwg", "1")
	other := newOtherProgram(t, `exec 3<"$0" 4>>"$1"; echo ready; read line; true`, f.path("read.dwg"),
		f.path("written.dwg"))
	other.awaitWord()

	open, known := writerOf(f.path("written.dwg"), true)
	reads, _ := writerOf(f.path("read.dwg"), true)
	if known && (!open || reads) {
		t.Errorf("the lease says of the written file %v, of the read one %v", open, reads)
	}

	got := writersBelow(f.root)
	info, err := os.Stat(f.path("written.dwg"))
	must(t, err)
	if rec := recordOf(info); len(got) != 1 || !got[fileID{rec.dev, rec.ino}] {
		t.Errorf("written: %v, want that of %d", got, rec.ino)
	}

	other.end()
	if got := writersBelow(f.root); len(got) != 0 {
		t.Errorf("written after its end: %v", got)
	}

	if open, known := writerOf(f.path("written.dwg"), true); known && open {
		t.Error("the lease says that it is written after its end")
	}
}

// TestWriterOfHoldsNothing: a lease is dropped at once, so that a writer never waits for it, and on what
// is no file it is not asked for.
func TestWriterOfHoldsNothing(t *testing.T) {
	f := newTree(t)
	f.write("a.dwg", "1")
	if open, known := writerOf(f.path("a.dwg"), true); !known || open {
		t.Skip("no leases are given here")
	}

	for range 100 {
		writerOf(f.path("a.dwg"), true)

		w, err := os.OpenFile(f.path("a.dwg"), os.O_WRONLY|syscall.O_NONBLOCK, 0)
		must(t, err) // "would block" while a lease is held

		if open, known := writerOf(f.path("a.dwg"), true); !open || !known {
			t.Errorf("a writer of this process: open %v, known %v", open, known)
		}

		must(t, w.Close())
	}

	must(t, syscall.Mkfifo(f.path("pipe"), 0o600))

	if _, known := writerOf(f.path("pipe"), true); known {
		t.Error("a pipe is asked about")
	}
}

func BenchmarkWriters(b *testing.B) {
	for b.Loop() {
		writersBelow("/nowhere")
	}
}
