package transfer

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"hoist/apsclient"
)

// streamPatience is how long a stream waits for a service that does not answer. A stream cannot be
// gone on with later, so it waits longer than a command that has sent nothing yet.
const streamPatience = 10 * time.Minute

// lookPatience is how long the look at the remote of a stream may take, of which nothing was read yet.
const lookPatience = time.Minute

// patiently does something again until it succeeds, with a wait between, as long as the failures
// are of the passing kind and nothing was moved for streamPatience. do reports whether it moved
// anything.
func patiently(ctx context.Context, do func() (moved bool, err error)) error {
	return within(ctx, streamPatience, do)
}

// within is patiently with another patience.
func within(ctx context.Context, patience time.Duration, do func() (moved bool, err error)) error {
	idleSince := time.Now()
	for tries := 0; ; tries++ {
		moved, err := do()
		if err == nil {
			return nil
		}

		if ctx.Err() != nil {
			return context.Cause(ctx)
		}

		if moved {
			tries, idleSince = 0, time.Now()
		}

		after, ok := apsclient.Retryable(err)
		if !ok || time.Since(idleSince) > patience {
			return err
		}

		if err := apsclient.Sleep(ctx, max(after, backoff(tries, offlineCap))); err != nil {
			return err
		}
	}
}

// Streamed is an object that is read from its beginning to its end.
type Streamed struct {
	Object apsclient.ObjectID
	Name   string // for messages
	Size   int64  // bytes, -1 unknown
	SHA1   string // hex, "" unknown
}

// Read writes the content to w, in order, and checks length and SHA-1 at the end, as far as the
// service tells them. What breaks off goes on where it stopped, while the object stays the same.
// It returns how many bytes were written. Memory does not grow with the size.
func (s Streamed) Read(ctx context.Context, c *apsclient.Client, w io.Writer) (int64, error) {
	d := &download{client: c, object: s.Object, name: s.Name, size: s.Size, sha1: s.SHA1}
	if err := patiently(ctx, func() (bool, error) { return false, d.ask(ctx, 0) }); err != nil {
		return 0, err
	}

	if d.size < 0 { // the service did not say: the answer for the first byte does
		if err := patiently(ctx, func() (bool, error) {
			body, _, err := d.open(ctx, 0, 0)
			if err == nil {
				body.Close()
			}

			return false, err
		}); err != nil {
			return 0, err
		}
	}

	sum, out := sha1.New(), &onlyErrors{w: w}
	var done int64
	for done < d.size {
		err := patiently(ctx, func() (bool, error) {
			body, end, err := d.open(ctx, done, d.size-1)
			if err != nil {
				return false, err
			}
			defer body.Close()

			before := done
			err = copyContext(ctx, io.MultiWriter(out, sum, counting{&done}), body, end-done+1)
			if err != nil && out.err == nil && !isTyped(err) {
				err = &apsclient.NetError{Op: "get range", Err: err}
			}

			return done > before, err
		})
		if out.err != nil {
			err = fmt.Errorf("write what was read: %w", out.err)
		}

		if err != nil {
			return done, err
		}
	}

	if got := hex.EncodeToString(sum.Sum(nil)); d.sha1 != "" && !strings.EqualFold(got, d.sha1) {
		return done, fmt.Errorf("%s: the bytes that arrived are not those of the object: SHA-1 %s, not %s",
			s.Name, got, d.sha1)
	}

	return done, nil
}

// counting adds up what is written.
type counting struct{ n *int64 }

func (c counting) Write(p []byte) (int, error) {
	*c.n += int64(len(p))
	return len(p), nil
}

// onlyErrors remembers that the writer failed, which no new attempt mends.
type onlyErrors struct {
	w   io.Writer
	err error
}

func (o *onlyErrors) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	o.err = errors.Join(o.err, err)

	return n, err
}
