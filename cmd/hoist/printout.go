package main

import (
	"fmt"
	"io"
	"sync"
)

// printout is standard output. It keeps the first error of a write, since what is printed for people does
// not ask for one: a command whose answer is lost has not succeeded.
type printout struct {
	to io.Writer

	mu  sync.Mutex
	err error
}

func (o *printout) Write(p []byte) (int, error) {
	n, err := o.to.Write(p)
	if err != nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.err == nil {
			o.err = fmt.Errorf("write to standard output: %w", err)
		}
	}

	return n, err
}

// Unwrap returns the output itself.
func (o *printout) Unwrap() any {
	if w, ok := o.to.(interface{ Unwrap() any }); ok {
		return w.Unwrap()
	}

	return o.to
}

// lost is why something that was printed did not arrive; nil when all did.
func (o *printout) lost() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}
