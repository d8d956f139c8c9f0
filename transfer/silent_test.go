package transfer

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
	"hoist/state"
)

// TestDownloadToASilentDisk: a download whose disk ceases to answer holds up no other, says why it
// does not go on, and goes on when the disk is back.
func TestDownloadToASilentDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(_ *emulator.Config, _ *apsclient.Config, c *Config) {
			c.Transfers, c.Parts = 1, 1
		})
		want := map[string][]byte{}
		for i, name := range []string{"a.rvt", "b.rvt"} {
			want[name] = w.write("up/"+name, 2*mib, uint64(i))
			if _, _, err := w.srv.AddFile(string(w.project), "Project Files/in/"+name, newReader(want[name]),
				2*mib); err != nil {
				t.Fatal(err)
			}
		}

		e := w.engine()
		back := make(chan struct{})
		var first atomic.Bool
		e.onEffect = func(name string, after bool) error {
			if name == "sync the temporary file" && !after && first.CompareAndSwap(false, true) {
				<-back
			}

			return nil
		}
		jobs := w.pull(e, w.srv.DemoRemote()+"/in", "down")
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		ended := make(chan error, 1)
		go func() { ended <- e.Run(ctx) }()

		open := func() (open []state.Job) {
			t.Helper()
			open, err := w.store.OpenJobs()
			if err != nil {
				t.Fatal(err)
			}

			return open
		}

		time.Sleep(readPatience - time.Second)
		if n := len(open()); n != len(jobs) {
			t.Errorf("%d jobs are open while one has the only slot, want %d", n, len(jobs))
		}

		time.Sleep(time.Minute)
		left := open()
		if len(left) != 1 || left[0].Reason != ReasonUnreadable ||
			!strings.Contains(left[0].Error, "does not answer") {
			t.Fatalf("open are %+v, want the one that waits for its disk", left)
		}

		if used := held(e.parts) + held(e.small); used != 0 {
			t.Errorf("%d slots are held", used)
		}

		close(back)
		time.Sleep(time.Minute)
		if left := open(); len(left) != 0 {
			t.Errorf("when the disk is back, open are %+v", left)
		}

		if used := held(e.parts) + held(e.small); used != 0 {
			t.Errorf("at the end %d slots are held", used)
		}

		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}

		for name, data := range want {
			w.wantFile("down/"+name, data)
		}
	})
}

// TestReadOfASilentDisk: the same of a read, whatever it answers in the end.
func TestReadOfASilentDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, onePartAtATime)
		w.write("plan.rvt", 10, 1)
		e, r := w.engine(), &run{job: w.enqueue(w.job("plan.rvt")).ID}
		if err := e.parts.acquire(t.Context()); err != nil {
			t.Fatal(err)
		}

		silent := func() int {
			e.mu.Lock()
			defer e.mu.Unlock()

			return r.silent
		}
		back := make(chan struct{})
		ended := make(chan struct{})
		go func() {
			file := &onDiskReader{e, r, e.parts, w.path("plan.rvt"), waitingReader(back)}
			if n, err := file.ReadAt(make([]byte, 3), 0); n != 3 || err != nil {
				t.Errorf("read %d: %v", n, err)
			}

			close(ended)
		}()

		soon, stop := context.WithTimeout(t.Context(), readPatience-time.Second)
		defer stop()
		if e.parts.acquire(soon) == nil {
			t.Error("the slot is another's before the read took long")
		}

		if err := e.parts.acquire(t.Context()); err != nil { // waits for the rest of the time
			t.Fatal(err)
		}

		synctest.Wait()
		if job := w.get(r.job); job.Reason != ReasonUnreadable || silent() != 1 {
			t.Errorf("%+v does not say what it waits for", job)
		}

		close(back)
		<-ended

		if held(e.parts) != 2 || silent() != 0 {
			t.Errorf("%d slots are held, want those of both", e.parts.used)
		}
	})
}

// waitingReader answers when the channel is closed.
type waitingReader chan struct{}

func (w waitingReader) ReadAt(p []byte, _ int64) (int, error) {
	<-w
	return len(p), nil
}

func held(g *gate) int {
	g.mu.Lock()
	defer g.mu.Unlock()

	return g.used
}
