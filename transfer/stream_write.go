package transfer

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"hoist/apsclient"
)

const (
	// streamSlots is how many parts of a stream are held at once: one is read, the others are on
	// their way.
	streamSlots = 4
	// heldPart is the largest part that is held in memory; larger ones lie in the spool. With what the
	// collector lets grow beside them the process stays below 100 MiB.
	heldPart = 8 * mib
	// streamURLs is how many URLs are asked for at a time, of a stream that may end any moment.
	streamURLs = 10
)

// streamPart is the size of part number n of a stream whose length nobody knows: small parts first,
// so that little is held, and larger ones later, so that their count does not run out. All parts
// but the last have the size of their number.
func streamPart(n int, configured int64) int64 {
	if configured > 0 {
		return max(configured, minPartSize)
	}

	switch {
	case n <= 4000: // 34 GB
		return heldPart
	case n <= 6000: // 168 GB
		return 8 * heldPart
	case n <= 8000: // 705 GB
		return 32 * heldPart
	}

	return 128 * heldPart // 2.9 TB
}

// Stream is an upload of bytes that come once, such as those of a pipe: nothing of it is on record,
// and one that is interrupted cannot be resumed. Parts are held until they are stored, small ones
// in memory and large ones in files that have no name when the system allows that.
type Stream struct {
	Object       apsclient.ObjectID
	Name         string // for messages
	ID           string // marks the object, so that a lost reply can be settled
	Spool        string // folder for large parts
	PartSize     int64  // bytes; 0: small parts first, larger ones later
	Acceleration bool
	Force        bool      // make the object again, even with the same content
	NoMD5        bool      // the service does not check the bytes of each part
	Sent         func(int) // bytes handed to the connections, as of [apsclient.PartBody]; nil: none
	// Renew gives another client after a failure, nil: the same; nil: there is none.
	Renew func(ctx context.Context, failure error) *apsclient.Client
}

// StreamedObject is what became of a stream.
type StreamedObject struct {
	Size     int64
	PartSize int64 // of the first part
	ETags    []string
	SHA1     string // of what was read, hex
	Replaced bool   // an object had the key
	// Unchanged: that object has the very content, and stays
	Unchanged bool
}

// Write reads in to its end and makes the object of it. Only a whole stream becomes an object; an
// error, of in too, leaves what was there.
func (s Stream) Write(ctx context.Context, c *apsclient.Client, in io.Reader) (StreamedObject, error) {
	w := &streaming{s: s, client: c, sum: sha1.New(), slots: make(chan *slot, streamSlots)}
	for range streamSlots {
		w.slots <- &slot{}
	}

	defer w.close()

	var was apsclient.Object
	if err := w.call(ctx, lookPatience, func(c *apsclient.Client) (err error) {
		was, err = c.Objects.Details(ctx, s.Object)
		w.out.Replaced = err == nil
		if errors.Is(err, apsclient.ErrNotFound) {
			err = nil
		}

		return err
	}); err != nil {
		return w.out, fmt.Errorf("look at %s: %w", s.Name, err)
	}

	if err := w.parts(ctx, in); err != nil {
		return w.out, err
	}

	w.out.SHA1 = hex.EncodeToString(w.sum.Sum(nil))
	if !s.Force && w.out.Replaced && was.Size == w.out.Size && strings.EqualFold(was.SHA1, w.out.SHA1) {
		w.out.Unchanged = true
		return w.out, nil
	}

	return w.out, w.complete(ctx)
}

// streaming is one Stream under way.
type streaming struct {
	s   Stream
	out StreamedObject
	sum interface {
		io.Writer
		Sum([]byte) []byte
	}
	slots chan *slot

	mu     sync.Mutex // guards what follows
	client *apsclient.Client
	key    string
	urls   map[int]apsclient.SignedURL
	etags  map[int]string

	asking sync.Mutex // one question for URLs at a time
}

// slot holds one part at a time.
type slot struct {
	data []byte   // of a small part
	file *os.File // of a large one
}

func (w *streaming) close() {
	for range streamSlots {
		if s := <-w.slots; s.file != nil {
			_ = s.file.Close()           // nothing that is needed
			_ = os.Remove(s.file.Name()) // it has no name when the system allows that
		}
	}
}

// call makes a call, again while the failure is of the passing kind.
func (w *streaming) call(ctx context.Context, patience time.Duration,
	do func(c *apsclient.Client) error) error {
	return within(ctx, patience, func() (bool, error) {
		w.mu.Lock()
		c := w.client
		w.mu.Unlock()

		err := do(c)
		if err != nil && ctx.Err() == nil && w.s.Renew != nil {
			if other := w.s.Renew(ctx, err); other != nil {
				w.mu.Lock()
				w.client = other
				w.mu.Unlock()
			}
		}

		return false, err
	})
}

// parts reads and sends until the end of the stream.
func (w *streaming) parts(ctx context.Context, in io.Reader) error {
	w.urls, w.etags = map[int]apsclient.SignedURL{}, map[int]string{}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	g, ctx := errgroup.WithContext(ctx)
	stop := func(err error) error {
		cancel(err)
		_ = g.Wait() // what it says follows from err

		return err
	}
	count := 0
	for ended := false; !ended; {
		var held *slot
		select {
		case held = <-w.slots:
		case <-ctx.Done():
			return stop(context.Cause(ctx))
		}

		if count == maxParts {
			w.slots <- held
			return stop(fmt.Errorf("%s: the stream is longer than %d bytes, which is what %d parts hold",
				w.s.Name, w.out.Size, maxParts))
		}

		n := count + 1
		body, size, md, err := w.read(held, in, streamPart(n, w.s.PartSize))
		if ended = errors.Is(err, io.EOF); err != nil && !ended {
			w.slots <- held
			return stop(err)
		}

		if ended && size == 0 && n > 1 { // it ended with the part before
			w.slots <- held
			break
		}

		count = n
		w.out.Size += size
		if n == 1 {
			w.out.PartSize = streamPart(n, w.s.PartSize)
		}

		g.Go(func() error {
			defer func() { w.slots <- held }()
			return w.send(ctx, n, body, size, md, ended)
		})
	}

	if err := g.Wait(); err != nil {
		return err
	}

	for n := 1; n <= count; n++ {
		w.out.ETags = append(w.out.ETags, w.etags[n])
	}

	return nil
}

// read fills a slot with the next part. The error is io.EOF when the stream ends with it.
func (w *streaming) read(held *slot, in io.Reader, size int64) (io.ReaderAt, int64, string, error) {
	part := md5.New()
	in = io.TeeReader(in, io.MultiWriter(w.sum, part))
	var body io.ReaderAt
	var n int64
	var err error
	if size <= heldPart {
		if int64(len(held.data)) < size {
			held.data = nil // let it go before the larger one comes
			held.data = make([]byte, size)
		}

		var got int
		got, err = io.ReadFull(in, held.data[:size])
		n, body = int64(got), bytes.NewReader(held.data[:got])
	} else {
		held.data = nil
		if held.file == nil {
			if held.file, err = namelessFile(w.s.Spool, heldName+w.s.ID+"-*"); err != nil {
				return nil, 0, "", fmt.Errorf("keep a part of standard input: %w", err)
			}
		}

		body = held.file
		n, err = io.Copy(io.NewOffsetWriter(held.file, 0), io.LimitReader(in, size))
		if err == nil && n < size {
			err = io.EOF
		}
	}

	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}

	sum := ""
	if !w.s.NoMD5 {
		sum = hex.EncodeToString(part.Sum(nil))
	}

	return body, n, sum, err
}

// heldName begins the names of files that hold a part of a stream.
const heldName = "part-"

// namelessFile makes a private file that is gone with the process: without a name when the system
// allows that, else one that the next start sweeps.
func namelessFile(dir, pattern string) (*os.File, error) {
	f, err := os.CreateTemp(dir, filepath.Base(pattern))
	if err == nil {
		_ = os.Remove(f.Name()) // Windows keeps it: see close
	}

	return f, err
}

// SweepStreams removes the parts that killed commands left in a spool of streams, and returns how
// many. A running command does not need the name of its file, or the system keeps what is open; a
// file that was just made is left alone for a minute.
func SweepStreams(spool string) (n int, err error) {
	left, _ := filepath.Glob(filepath.Join(spool, heldName+"*")) // the pattern is sound
	for _, path := range left {
		info, e := os.Lstat(path)
		if e != nil || time.Since(info.ModTime()) < time.Minute {
			continue
		}

		if e := os.Remove(path); e != nil {
			err = errors.Join(err, e)
			continue
		}

		n++
	}

	return n, err
}

// send stores one part.
func (w *streaming) send(ctx context.Context, n int, body io.ReaderAt, size int64, md string,
	last bool) error {
	refreshes := 0
	err := patiently(ctx, func() (bool, error) {
		url, err := w.url(ctx, n, last)
		if err != nil {
			return false, err
		}

		w.mu.Lock()
		c := w.client
		w.mu.Unlock()

		etag, err := c.Data.PutPart(ctx, url,
			apsclient.PartBody{R: body, Size: size, MD5: md, Sent: w.s.Sent})
		if err == nil {
			w.mu.Lock()
			w.etags[n] = etag
			w.mu.Unlock()

			return true, nil
		}

		if answer, _ := errors.AsType[*apsclient.Error](err); urlMayHaveEnded(answer) &&
			refreshes < urlRefreshes {
			refreshes++
			w.mu.Lock()
			delete(w.urls, n)
			w.mu.Unlock()

			return true, &apsclient.NetError{Op: "put part", Err: err} // at once, with another URL
		}

		return false, err
	})
	if err != nil {
		return fmt.Errorf("upload %s: part %d: %w", w.s.Name, n, err)
	}

	return nil
}

// url is where part n goes. A few are asked for at a time, of the last part that one alone.
func (w *streaming) url(ctx context.Context, n int, last bool) (apsclient.SignedURL, error) {
	w.asking.Lock()
	defer w.asking.Unlock()

	w.mu.Lock()
	url, c, key := w.urls[n], w.client, w.key
	w.mu.Unlock()
	if url != "" {
		return url, nil
	}

	want := streamURLs
	if last || n == 1 {
		want = 1
	}

	r := apsclient.UploadURLsRequest{Parts: min(want, maxParts-n+1), FirstPart: n,
		UploadKey: key, Minutes: 60, Acceleration: w.s.Acceleration}

	got, err := c.Objects.UploadURLs(ctx, w.s.Object, r)
	if err != nil {
		if w.s.Renew != nil && ctx.Err() == nil {
			if other := w.s.Renew(ctx, err); other != nil {
				w.mu.Lock()
				w.client = other
				w.mu.Unlock()
			}
		}

		return "", err
	}

	w.mu.Lock()
	defer w.mu.Unlock()

	w.key = got.UploadKey
	for i, u := range got.URLs {
		w.urls[n+i] = u
	}

	return w.urls[n], nil
}

// complete makes the object of the parts. After a lost reply the mark in the object tells.
func (w *streaming) complete(ctx context.Context) error {
	completion := apsclient.Completion{UploadKey: w.key, Size: w.out.Size, ETags: w.out.ETags,
		UserMetadata: fmt.Sprintf(`{"hoist":"%s"}`, w.s.ID)}
	err := w.call(ctx, streamPatience, func(c *apsclient.Client) error {
		done, err := apsclient.Doubt[apsclient.CompletedObject]{
			Harmless: true, // the key works once
			Call: func(ctx context.Context) (apsclient.CompletedObject, error) {
				return c.Objects.Complete(ctx, w.s.Object, completion)
			},
			Look: func(ctx context.Context) (done apsclient.CompletedObject, there bool, err error) {
				o, err := c.Objects.Details(ctx, w.s.Object)
				if errors.Is(err, apsclient.ErrNotFound) {
					return done, false, nil
				}

				return done, err == nil && o.Size == w.out.Size && strings.Contains(o.UserMetadata, w.s.ID),
					err
			},
			Ours: func(err error) bool { return isRefused(err) || isSessionDead(err) },
		}.Do(ctx)
		if err == nil && done.Size > 0 && done.Size != w.out.Size {
			err = fmt.Errorf("the service assembled %d bytes of %d", done.Size, w.out.Size)
		}

		return err
	})
	if err != nil {
		return uncompleted(w.s.Name, err)
	}

	return nil
}
