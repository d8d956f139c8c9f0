package apsclient

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/time/rate"
)

const (
	// stallTimeout: so long no byte may move.
	stallTimeout = 30 * time.Second
	// answerTimeout: so long the answer may take after the last byte was handed to the system,
	// whose buffers drain meanwhile.
	answerTimeout = 60 * time.Second
)

// DataService is the data plane: signed URLs of S3 and CDN hosts. No token ever goes there, and
// nothing is repeated here.
type DataService struct{ c *Client }

// PartBody is the bytes of one part: Size bytes at Offset of R. R is read from one goroutine at a
// time.
type PartBody struct {
	R            io.ReaderAt
	Offset, Size int64
	// Sent is called with the bytes handed to the connection since the last call, and with minus
	// the sum when they must be sent again (the connection was replaced, or PutPart failed). Calls
	// do not overlap. Nil: none.
	Sent func(n int)
	// MD5 of the bytes in hex, if it is known: S3 then refuses any others with BadDigest.
	MD5 string
}

// withHeader is up to what size a part is read before its request begins: net/http sends a body that lies
// in memory in one write with the header, if both fit into its 4 KiB.
const withHeader = 2 << 10

// signedURL checks and parses a signed URL. It must be https; http only if it and the base URL
// are loopback.
func (c *Client) signedURL(s SignedURL) (*url.URL, error) {
	u, err := url.Parse(s.Reveal())
	if err != nil || u.Host == "" {
		return nil, &ConfigError{Name: "signed URL", Problem: "not a URL"}
	}

	if u.Scheme == "https" || (u.Scheme == "http" && loopback(u) && loopback(c.core.base)) {
		return u, nil
	}

	return nil, &ConfigError{Name: "signed URL",
		Problem: fmt.Sprintf("scheme %s to host %s: only https leaves this machine", u.Scheme, u.Host)}
}

// PutPart stores a part and returns its ETag without quotes. One try: the caller repeats, with the
// same URL for the same bytes. The bytes stream from R; no more than withHeader of them are held. There
// is no total time-out; ErrStalled inside a *NetError after 30 s without a byte. Refusals of S3 are *Error
// with its code (AccessDenied: ask for this part's URL again).
func (s *DataService) PutPart(ctx context.Context, signed SignedURL, b PartBody) (string, error) {
	u, err := s.c.signedURL(signed)
	if err != nil {
		return "", err
	}

	ctx, watch := watchStall(ctx)
	defer watch.stop()
	ctx, sent := watchSent(ctx)

	count := &counter{report: b.Sent}
	defer count.end()
	r := (&http.Request{
		Method: http.MethodPut, URL: u, Host: u.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		ContentLength: b.Size,
		Header: http.Header{"Content-Type": {"application/octet-stream"},
			"User-Agent": {s.c.core.userAgent}},
	}).WithContext(ctx)
	if sum, err := hex.DecodeString(b.MD5); err == nil && len(sum) > 0 {
		r.Header.Set("Content-MD5", base64.StdEncoding.EncodeToString(sum))
	}

	if b.Size == 0 {
		r.Body = http.NoBody
		watch.after(answerTimeout)
	} else {
		open := func() (io.ReadCloser, error) {
			p := &partReader{r: io.NewSectionReader(b.R, b.Offset, b.Size), left: b.Size, ctx: ctx,
				watch: watch, count: count, limit: s.c.core.bandwidth.Up}
			if b.Size > withHeader {
				return p, nil
			}

			data := make([]byte, b.Size)
			_, err := io.ReadFull(p, data)

			return io.NopCloser(bytes.NewReader(data)), err
		}
		if r.Body, err = open(); err != nil {
			count.takeBack()
			return "", putError(ctx, count, err, false)
		}

		r.GetBody = func() (io.ReadCloser, error) {
			count.takeBack() // the connection was replaced: all goes again
			return open()
		}
	}

	resp, err := s.c.core.data.RoundTrip(r)
	if err != nil {
		if errors.Is(context.Cause(ctx), ErrStalled) {
			s.c.core.stalled()
		}

		count.takeBack()

		return "", putError(ctx, count, err, sent(err))
	}

	etag, err := storedAs(ctx, resp, u)
	if err != nil {
		count.takeBack()
	}

	return etag, err
}

// storedAs is the ETag that S3 answers for a part put to u, or why it did not take it.
func storedAs(ctx context.Context, resp *http.Response, u *url.URL) (string, error) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	_ = resp.Body.Close()
	if err == nil {
		if e := foreignPart(resp.StatusCode, resp.Header, body); e != nil {
			err = e
		}
	}

	switch {
	case err != nil:
		return "", &NetError{Op: putPart, Err: plainError(ctx, err), Sent: true}
	case resp.StatusCode != http.StatusOK:
		return "", newError(putPart, http.MethodPut, u.EscapedPath(), resp.StatusCode, resp.Header, body)
	}

	return strings.Trim(resp.Header.Get("ETag"), `"`), nil
}

const putPart = "put part"

// putError is why a part did not go, which may be that it cannot be read.
func putError(ctx context.Context, count *counter, err error, sent bool) error {
	if read := count.readError(); read != nil {
		return fmt.Errorf("%s: read: %w", putPart, read)
	}

	return &NetError{Op: putPart, Err: plainError(ctx, err), Sent: sent}
}

// stalled notes that a part went without a sign of life. The link may only be so slow that what the
// system's buffers hold takes longer than the time-outs; connections made from now on therefore
// hold little. Always would cost a tenth of the CPU of a fast upload.
func (k *core) stalled() {
	if !k.slow.Swap(true) {
		for _, t := range k.own {
			t.CloseIdleConnections()
		}
	}
}

// dialed is called with each new connection of the data plane.
func (k *core) dialed(_, _ string, c syscall.RawConn) error {
	if !k.slow.Load() {
		return nil
	}

	return c.Control(boundUnsent)
}

// counter reports the bytes of one part, whatever the number of bodies.
type counter struct {
	report func(int)

	mu    sync.Mutex // guards all below, and orders the reports
	sum   int
	ended bool  // PutPart has returned: the source is not read any more
	err   error // of reading the source
}

func (c *counter) add(n int) {
	if c.report == nil || n == 0 {
		return
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		c.sum += n
		c.report(n)
	}
}

// end stops reports: net/http may still hold the body when the answer came early.
func (c *counter) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
}

func (c *counter) takeBack() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.report != nil && c.sum != 0 {
		c.report(-c.sum)
	}

	c.sum = 0
}

func (c *counter) failed(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
}

func (c *counter) readError() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// partReader is the body of one attempt. It adds to a SectionReader a count, a touch of the stall
// watch, and the limiter.
type partReader struct {
	r      *io.SectionReader
	left   int64
	ctx    context.Context
	watch  *stallWatch
	count  *counter
	limit  *rate.Limiter
	closed atomic.Bool
}

func (p *partReader) Read(b []byte) (int, error) {
	if p.closed.Load() {
		return 0, errors.New("body closed")
	}

	if p.limit != nil && len(b) > 0 && p.left > 0 {
		var err error
		if b, err = throttle(p.ctx, p.limit, b[:min(int64(len(b)), p.left)], p.watch); err != nil {
			return 0, err
		}
	}

	n, err := p.r.Read(b)
	p.left -= int64(n)
	if err == io.EOF && p.left > 0 {
		// The file is shorter than the part was planned: not a state that may be published.
		err = io.ErrUnexpectedEOF
	}

	if err != nil && err != io.EOF {
		p.count.failed(err)
	}

	p.count.add(n)
	if p.left > 0 {
		p.watch.after(stallTimeout)
	} else {
		p.watch.after(answerTimeout)
	}

	return n, err
}

func (p *partReader) Close() error {
	p.closed.Store(true)
	return nil
}

// BandwidthTurn is how many bytes a part sends, or receives, on a limited line before others have
// their turn, so that small parts do not wait for large buffers.
const BandwidthTurn = 32 << 10

// throttle waits until the limiter lets bytes through, and returns how much of b may be used. The
// wait is no stall.
func throttle(ctx context.Context, l *rate.Limiter, b []byte, watch *stallWatch) ([]byte, error) {
	n := len(b)
	if l.Limit() != rate.Inf {
		n = max(1, min(n, BandwidthTurn, l.Burst(), max(1, int(l.Limit()))))
	}

	watch.pause()
	if err := l.WaitN(ctx, n); err != nil {
		return nil, err
	}

	watch.after(stallTimeout)

	return b[:n], nil
}

// stallWatch ends a context when nothing touched it in time. A touch only notes a time: resetting a
// timer for each 32 KiB costs more than all else here.
type stallWatch struct {
	cancel context.CancelCauseFunc

	mu       sync.Mutex // guards timer and ended
	timer    *time.Timer
	ended    bool
	deadline atomic.Int64 // Unix nanoseconds; 0: none while paused
}

func watchStall(ctx context.Context) (context.Context, *stallWatch) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &stallWatch{cancel: cancel}
	w.after(stallTimeout)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = time.AfterFunc(stallTimeout, w.look)

	return ctx, w
}

// look runs when the timer fires: the deadline has passed, or has moved and is looked at again
// then.
func (w *stallWatch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return
	}

	rest := stallTimeout
	if d := w.deadline.Load(); d != 0 {
		if rest = time.Until(time.Unix(0, d)); rest <= 0 {
			w.cancel(ErrStalled)
			return
		}
	}

	// Never later than the shortest deadline that a touch may set meanwhile.
	w.timer.Reset(min(rest, stallTimeout))
}

// after allows d until the next touch.
func (w *stallWatch) after(d time.Duration) { w.deadline.Store(time.Now().Add(d).UnixNano()) }

// pause allows any time until the next touch.
func (w *stallWatch) pause() { w.deadline.Store(0) }

func (w *stallWatch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	w.timer.Stop()
	w.cancel(nil)
}

// Ranged is the answer of GetRange. The caller reads Body to its end and closes it; a Body that
// ends early gives an error.
type Ranged struct {
	Body  io.ReadCloser
	ETag  string // as given, for If-Match; weak ones and none give ""
	Total int64  // bytes of the whole object, -1 unknown
	Whole bool   // the server ignores ranges: it sends the whole object for each
}

// GetRange gets the bytes from..to (inclusive) of a signed URL; to < 0 means to the end. It insists
// on what was asked for: 206 with that range, or 200 with the whole object, of which the bytes
// before from are read and dropped. ifMatch, when not "", makes a changed object answer 412
// (ErrPrecondition). One try; errors as of PutPart.
func (s *DataService) GetRange(ctx context.Context, signed SignedURL, from, to int64,
	ifMatch string) (*Ranged, error) {
	const op = "get range"
	u, err := s.c.signedURL(signed)
	if err != nil {
		return nil, err
	}

	ctx, watch := watchStall(ctx)
	ctx, sent := watchSent(ctx)
	r := (&http.Request{
		Method: http.MethodGet, URL: u, Host: u.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Accept-Encoding": {"identity"}, "User-Agent": {s.c.core.userAgent}},
	}).WithContext(ctx)
	if from > 0 || to >= 0 {
		spec := "bytes=" + strconv.FormatInt(from, 10) + "-"
		if to >= 0 {
			spec += strconv.FormatInt(to, 10)
		}

		r.Header.Set("Range", spec)
	}

	if ifMatch != "" {
		r.Header.Set("If-Match", ifMatch)
	}

	resp, err := s.c.core.data.RoundTrip(r)
	if err != nil {
		watch.stop()
		return nil, &NetError{Op: op, Err: plainError(ctx, err), Sent: sent(err)}
	}

	fail := func(err error) (*Ranged, error) {
		_ = resp.Body.Close()
		watch.stop()
		return nil, err
	}
	if e := foreignContent(resp); e != nil {
		return fail(&NetError{Op: op, Err: e, Sent: true})
	}

	skip, length, total, err := checkRange(resp, from, to)
	if err != nil {
		return fail(&DecodeError{Op: op, Err: err})
	}

	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusPartialContent {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
		if e := foreign(resp.StatusCode, resp.Header, body); e != nil {
			return fail(&NetError{Op: op, Err: e, Sent: true})
		}

		return fail(newError(op, http.MethodGet, u.EscapedPath(), resp.StatusCode, resp.Header, body))
	}

	etag := resp.Header.Get("ETag")
	if strings.HasPrefix(etag, "W/") {
		etag = ""
	}

	watch.after(stallTimeout)
	b := &rangeBody{body: resp.Body, left: length, ctx: ctx, watch: watch, limit: s.c.core.bandwidth.Down}
	whole := resp.StatusCode == http.StatusOK && (skip > 0 || length >= 0 && length != total)
	if length >= 0 {
		b.left += skip
	}

	if whole && length >= 0 {
		b.body = cutBody{io.LimitReader(resp.Body, b.left), resp.Body}
	}

	if _, err := io.CopyN(io.Discard, b, skip); errors.Is(err, io.EOF) {
		return fail(&NetError{Op: op, Err: io.ErrUnexpectedEOF, Sent: true})
	} else if err != nil {
		return fail(err)
	}

	return &Ranged{ETag: etag, Total: total, Whole: whole, Body: b}, nil
}

// cutBody is the beginning of a body.
type cutBody struct {
	io.Reader
	io.Closer
}

// checkRange returns how many bytes of the body come before what was asked for, how many are that,
// and the size of the object (-1 unknown both).
func checkRange(resp *http.Response, from, to int64) (skip, length, total int64, err error) {
	switch resp.StatusCode {
	case http.StatusOK:
		total = resp.ContentLength
		end := to
		if total >= 0 && (end < 0 || end > total-1) {
			end = total - 1
		}

		switch {
		case end < 0 && total != 0:
			return from, -1, -1, nil
		case from > 0 && end < from:
			return 0, 0, 0, fmt.Errorf("asked for bytes from %d on, got an object of %d", from, total)
		}

		return from, end - from + 1, total, nil
	case http.StatusPartialContent:
		var first, last int64
		size := ""
		if _, err := fmt.Sscanf(resp.Header.Get("Content-Range"), "bytes %d-%d/%s", &first, &last,
			&size); err != nil {
			return 0, 0, 0, errors.New("206 without a readable Content-Range")
		}

		total = -1
		if n, err := strconv.ParseInt(size, 10, 64); err == nil && n >= 0 {
			total = n
		}

		end := to
		if total >= 0 && (end < 0 || end > total-1) {
			end = total - 1
		}

		if first != from || (end >= 0 && last != end) || last < first || last == math.MaxInt64 ||
			total >= 0 && last >= total {
			return 0, 0, 0, fmt.Errorf("asked for bytes %d-%d, got %d-%d", from, to, first, last)
		}

		return 0, last - first + 1, total, nil
	}

	return 0, 0, -1, nil
}

// rangeBody watches for stalls, limits, and insists on the promised length.
type rangeBody struct {
	body  io.ReadCloser
	left  int64 // -1 unknown
	ctx   context.Context
	watch *stallWatch
	limit *rate.Limiter
}

func (b *rangeBody) Read(p []byte) (int, error) {
	if b.limit != nil && len(p) > 0 {
		var err error
		if p, err = throttle(b.ctx, b.limit, p, b.watch); err != nil {
			return 0, err
		}
	}

	b.watch.after(stallTimeout)
	n, err := b.body.Read(p)
	if b.left >= 0 {
		if int64(n) > b.left {
			return 0, &DecodeError{Op: "get range", Err: errors.New("more bytes than promised")}
		}

		b.left -= int64(n)
		if err == io.EOF && b.left > 0 {
			err = io.ErrUnexpectedEOF
		}
	}

	if err != nil && err != io.EOF {
		err = &NetError{Op: "get range", Err: plainError(b.ctx, err), Sent: true}
	}

	// What is read is the reader's to store, for as long as that takes.
	b.watch.pause()

	return n, err
}

func (b *rangeBody) Close() error {
	err := b.body.Close()
	b.watch.stop()
	return err
}

// putBinary is the action upload-binary-to-signed-s3-url.
func (c *Client) putBinary(ctx context.Context, r Request) (*Response, error) {
	etag, err := c.Data.PutPart(ctx, SignedURL(strings.TrimSpace(r.Params["url"])),
		PartBody{R: bytes.NewReader(r.Body), Size: int64(len(r.Body))})
	if err != nil {
		if e, ok := errors.AsType[*Error](err); ok {
			return &Response{Status: e.Status, Header: http.Header{"Content-Type": {"application/xml"}},
				Body: e.Body}, err
		}

		return nil, err
	}

	return &Response{Status: http.StatusOK, Header: http.Header{"Etag": {`"` + etag + `"`}}}, nil
}
