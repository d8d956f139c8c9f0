package progress

import (
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	// LineEvery is the time between two lines without a terminal, if nobody asks for another.
	LineEvery = 5 * time.Second
	redraw    = time.Second // of the block, though nothing was told: its times go on
)

// Reporter shows progress until Close. Safe for concurrent use.
type Reporter struct {
	screen *Screen   // nil: no block
	out    io.Writer // of lines; nil: silent
	began  time.Time

	stop    chan struct{}
	stopped sync.WaitGroup

	mu    sync.Mutex
	state State
	known bool   // a state was told
	said  string // the last text of Say

	printing sync.Mutex // held while a line is written
}

// New returns a reporter. On a terminal it draws, unless every asks for lines; elsewhere it prints
// a line that often. An every of zero means LineEvery, one below none at all. Close must be called.
func New(out io.Writer, quiet bool, every time.Duration) *Reporter {
	r := &Reporter{out: out, began: time.Now(), stop: make(chan struct{})}
	s, ok := out.(*Screen)
	switch {
	case quiet:
		r.out = nil
		return r
	case ok && s.Terminal() && every == 0:
		r.screen = s
		r.run(redraw, r.redraw)
	case every >= 0:
		if every == 0 {
			every = LineEvery
		}

		r.run(every, r.line)
	}

	return r
}

// run calls show again and again until Close.
func (r *Reporter) run(every time.Duration, show func()) {
	r.stopped.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()

		for {
			select {
			case <-r.stop:
				return
			case <-tick.C:
				show()
			}
		}
	})
}

// Show brings the display up to date.
func (r *Reporter) Show(s State) {
	r.mu.Lock()
	r.state, r.known = s, true
	r.mu.Unlock()
	if r.screen != nil {
		r.redraw()
	}
}

// Hide shows nothing until the next Show.
func (r *Reporter) Hide() {
	r.mu.Lock()
	was := r.known
	r.known = false
	r.mu.Unlock()
	if r.screen != nil && was {
		r.screen.Clear()
	}
}

// Showing reports whether there is something to show.
func (r *Reporter) Showing() bool {
	r.mu.Lock()
	defer r.mu.Unlock()

	return r.known && r.out != nil
}

func (r *Reporter) now() (s State, known bool, elapsed time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()

	return r.state, r.known, time.Since(r.began)
}

func (r *Reporter) redraw() {
	s, known, elapsed := r.now()
	if !known {
		return
	}

	r.screen.Draw(func(width, height int) []string { return screen(s, elapsed, width, height) })
}

func (r *Reporter) line() {
	if s, known, elapsed := r.now(); known {
		r.print(s.line(elapsed))
	}
}

// print begins a line with the time unless somebody looks on.
func (r *Reporter) print(text string) {
	stamp := ""
	if r.screen == nil {
		stamp = time.Now().Format(time.DateTime) + " "
	}

	r.printing.Lock()
	defer r.printing.Unlock()
	fmt.Fprintln(r.out, stamp+"hoist: "+text)
}

// Say prints a line between the progress, once for each text in a row.
func (r *Reporter) Say(text string) {
	r.mu.Lock()
	again := r.out == nil || text == r.said
	r.said = text
	r.mu.Unlock()
	if !again {
		r.print(text)
	}
}

// Close ends the display.
func (r *Reporter) Close() {
	close(r.stop)
	r.stopped.Wait()
	r.Hide()
}
