package main

import (
	"slices"
	"sync"
	"time"

	"hoist/cmd/hoist/internal/progress"
)

const (
	waitLine = 4 * time.Second // between two lines of what is waited for, when nobody looks on
	waitLook = time.Second     // what is over by then is no wait
)

// waits are what a command waits for now. Nothing is silent for more than five seconds: standard
// error says what the newest of them is. Safe for concurrent use.
type waits struct {
	app   *app
	quiet bool // the user asked for no word of it; set by begin of the app

	mu   sync.Mutex
	list []*wait // guarded by mu
	// guarded by mu: since when there is something, but for short gaps, and when there last was
	began, idle time.Time
	// guarded by mu: the displays of the command itself, which say more
	others []*progress.Reporter
	show   *progress.Reporter
	asking bool // guarded by mu: a question stands there, and the user is waited for
	stop   chan struct{}
	done   sync.WaitGroup
}

// wait is one thing that is waited for.
type wait struct {
	what string
	why  string // it was not there at once
}

// reporter makes the display of a command.
func (a *app) reporter(every time.Duration) *progress.Reporter {
	r := progress.New(a.stderr, a.flags.quiet, every)
	if every >= 0 {
		a.waits.mu.Lock()
		defer a.waits.mu.Unlock()
		a.waits.others = append(a.waits.others, r)
	}

	return r
}

// begin notes that something is waited for, until the function that it returns is called.
func (w *waits) begin(what string) (end func()) {
	_, end = w.add(what)
	return end
}

// call notes a call of the service. again tells what an attempt met that is made again.
func (w *waits) call(op string) (again func(why string), end func()) {
	one, end := w.add("waiting for the service (" + op + ")")

	return func(why string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		one.why = why
	}, end
}

func (w *waits) add(what string) (*wait, func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	one := &wait{what: what}
	if len(w.list) == 0 && time.Since(w.idle) > waitLook {
		w.began = time.Now()
	}

	w.list = append(w.list, one)
	if w.show == nil {
		every := time.Duration(0)
		if s, ok := w.app.stderr.(*progress.Screen); !ok || !s.Terminal() {
			every = waitLine
		}

		w.show, w.stop = progress.New(w.app.stderr, w.quiet, every), make(chan struct{})
		w.done.Go(func() { w.tell(w.show, w.stop) })
	}

	return one, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.list = slices.DeleteFunc(w.list, func(x *wait) bool { return x == one })
		w.idle = time.Now()
	}
}

// aside hides the display while the user is asked, until the function that it returns is called.
func (w *waits) aside() (back func()) {
	set := func(asking bool) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.asking = asking; asking && w.show != nil {
			w.show.Hide()
		}
	}
	set(true)

	return func() { set(false) }
}

// tell keeps the display at the newest wait, which calls come and go beside.
func (w *waits) tell(show *progress.Reporter, stop chan struct{}) {
	tick := time.NewTicker(waitLook / 4)
	defer tick.Stop()

	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}

		w.mu.Lock()
		n := len(w.list)
		switch {
		case w.asking:
		case slices.ContainsFunc(w.others, (*progress.Reporter).Showing),
			n == 0 && time.Since(w.idle) > waitLook:
			show.Hide()
		case n > 0 && time.Since(w.began) > waitLook:
			one := w.list[n-1]
			show.Show(progress.State{Doing: one.what, Wait: progress.Wait{Why: printable(oneLine(one.why))}})
		}
		w.mu.Unlock()
	}
}

// close ends the display.
func (w *waits) close() {
	w.mu.Lock()
	show := w.show
	w.mu.Unlock()
	if show != nil {
		close(w.stop)
		w.done.Wait()
		show.Close()
	}
}
