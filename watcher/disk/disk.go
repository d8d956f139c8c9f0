package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"
)

// Patience is how long a file system may take for one call.
const Patience = 3 * time.Second

// most is how many questions may wait past their time on one mount.
const most = 4

// ErrSilent says that a file system did not answer in time.
var ErrSilent = errors.New("the disk does not answer")

// waiting is a question that waits past its time.
type waiting struct{ path, mount string }

var silent struct {
	any atomic.Int32 // how many there are; spares the lock

	mu  sync.Mutex
	all map[*waiting]bool // guarded by mu
}

// Ask puts a question about a path, whose answer may take as long as patience. An answer that comes
// later is lost.
func Ask[T any](path string, patience time.Duration, question func() (T, error)) (T, error) {
	return AskOn(path, patience, func(func()) (T, error) { return question() })
}

// Do is Ask when there is no answer but an error.
func Do(path string, patience time.Duration, question func() error) error {
	_, err := Ask(path, patience, func() (struct{}, error) { return struct{}{}, question() })
	return err
}

// AskOn is Ask for a question of many calls: each beat starts its patience again.
func AskOn[T any](path string, patience time.Duration, question func(beat func()) (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}

	var none T
	if silent.any.Load() > 0 && hopeless(path) {
		return none, silence(path, patience)
	}

	var beats atomic.Int64
	var parted atomic.Bool // by the first of the two that ends
	var past *waiting      // set before the asker parts
	got := make(chan answer, 1)
	go func() {
		value, err := question(func() { beats.Add(1) })
		got <- answer{value, err}
		if !parted.CompareAndSwap(false, true) {
			past.end()
		}
	}()

	timer := time.NewTimer(patience)
	defer timer.Stop()

	for seen := int64(0); ; {
		select {
		case a := <-got:
			return a.value, a.err
		case <-timer.C:
		}

		if now := beats.Load(); now != seen {
			seen = now
			timer.Reset(patience)

			continue
		}

		past = begin(path)
		if parted.CompareAndSwap(false, true) {
			return none, silence(path, patience)
		}

		past.end() // the answer came in this very moment
		a := <-got

		return a.value, a.err
	}
}

func silence(path string, patience time.Duration) error {
	return &fs.PathError{Op: "look at", Path: path, Err: fmt.Errorf("%w within %v", ErrSilent, patience)}
}

// hopeless reports whether a question about a path would wait like those before it.
func hopeless(path string) bool {
	mount, n := mountOf(path), 0
	silent.mu.Lock()
	defer silent.mu.Unlock()

	for w := range silent.all {
		if w.path == path {
			return true
		}

		if w.mount == mount {
			n++
		}
	}

	return n >= most
}

func begin(path string) *waiting {
	w := &waiting{path, mountOf(path)}
	silent.mu.Lock()
	defer silent.mu.Unlock()

	if silent.all == nil {
		silent.all = map[*waiting]bool{}
	}

	silent.all[w] = true
	silent.any.Add(1)

	return w
}

func (w *waiting) end() {
	silent.mu.Lock()
	defer silent.mu.Unlock()

	delete(silent.all, w)
	silent.any.Add(-1)
}
