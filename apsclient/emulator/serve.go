package emulator

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strconv"
	"time"
)

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case <-s.done:
		panic(http.ErrAbortHandler) // nobody answers any more
	default:
	}

	rec := Request{Time: s.now(), Method: r.Method, Path: r.URL.EscapedPath(), N: s.journal.number()}
	out := &answer{ResponseWriter: w}
	c := &call{s: s, w: out, r: r, q: r.URL.Query(), now: rec.Time, rec: &rec, knob: s.knob()}
	logged := false

	out.log = func() {
		if logged {
			return
		}

		logged = true
		rec.Status = out.status
		if rec.Bytes == 0 && r.Method == http.MethodGet {
			rec.Bytes = out.n
		}

		s.journal.add(rec)
	}
	defer out.log()
	rt, params, known := s.routes.find(r.Method, rec.Path)
	c.rt, c.p = rt, params
	if rt != nil {
		rec.Op, rec.Class = rt.op, rt.class
	}

	s3 := rt != nil && rt.family == famS3
	if !s3 && (rt == nil || !rt.streams) {
		out.hold = &bytes.Buffer{} // so that the journal has a request before the client has its answer
		body, err := readBody(r)
		if err != nil {
			panic(http.ErrAbortHandler) // the client went away
		}

		c.body, rec.Bytes = body, int64(len(body))
	}

	c.describe()
	if c.portal() {
		out.finish(c)
		return
	}

	if c.knob.Facts.LimitHeaders {
		w.Header().Set("X-RateLimit-Limit", "300")
		w.Header().Set("X-RateLimit-Remaining", "299")
	}

	if hook := s.fault.Load(); hook != nil {
		c.fault = (*hook)(rec)
		rec.Fault = c.fault.Kind.String()
	}

	if !c.befall(out, s3) {
		out.release()
		return
	}

	switch {
	case rt == nil && known:
		c.fail(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "the resource does not take "+r.Method)
	case rt == nil:
		c.refuse(missing("no such resource"))
	case c.authorize():
		rt.handle(c)
	}

	out.finish(c)
}

// describe fills in what the journal says about parts and sessions.
func (c *call) describe() {
	if c.rt == nil {
		return
	}

	switch c.rt.op {
	case "s3-put":
		c.rec.Part, _ = strconv.Atoi(c.q.Get("partNumber"))
		c.s.read(func(m *model) {
			if sess := m.byID[c.q.Get("uploadId")]; sess != nil {
				c.rec.UploadKey = sess.Key
			}
		})
	case "get-signed-s3-upload-urls":
		c.rec.Part, _ = strconv.Atoi(c.q.Get("firstPart"))
		c.rec.UploadKey = c.q.Get("uploadKey")
	case "signed-s3-upload":
		var b struct {
			UploadKey string `json:"uploadKey"`
		}
		if json.Unmarshal(c.body, &b) == nil {
			c.rec.UploadKey = b.UploadKey
		}
	}
}

// befall applies the fault that comes before the effect. It reports false when the request ended
// here.
func (c *call) befall(out *answer, s3 bool) bool {
	f := c.fault
	if f.Do != nil {
		f.Do()
	}

	if f.Delay > 0 && f.Kind != Stall && !c.wait(f.Delay) {
		panic(http.ErrAbortHandler)
	}

	upload := s3 && c.r.Method == http.MethodPut
	switch f.Kind {
	case FailBefore:
		c.failBefore()
		return false
	case SlowDown:
		c.slowDown()
		return false
	case LoseReply:
		out.hold, out.lost = &bytes.Buffer{}, true
	case ResetBody, Stall:
		switch {
		case upload:
			after := f.After
			if n := c.r.ContentLength; n > 0 && after >= n {
				after = n - 1
			}

			c.r.Body = &faultyBody{ReadCloser: c.r.Body, c: c, left: after}
		case c.r.Method == http.MethodGet:
			out.hold, out.cut = nil, &cutter{c: c, left: f.After}
		default:
			if f.Kind == Stall {
				c.stall()
			}

			panic(http.ErrAbortHandler)
		}
	case Slow:
		if upload {
			c.r.Body = &slowBody{ReadCloser: c.r.Body, c: c}
		}

		out.hold, out.slow = nil, c
	case CorruptBytes:
		if upload {
			c.r.Body = &corruptBody{ReadCloser: c.r.Body, at: f.After}
		} else {
			out.hold, out.corrupt, out.corruptAt = nil, true, f.After
		}
	case ExpireNow:
		c.expire()
	case FaultNone, WrongETag:
	}

	if f.DoAfter != nil && out.hold == nil && !(s3 && c.r.Method == http.MethodGet) {
		out.hold = &bytes.Buffer{}
	}

	return true
}

func (c *call) failBefore() {
	f := c.fault
	status := f.Status
	if status == 0 {
		status = http.StatusInternalServerError
	}

	maps.Copy(c.w.Header(), f.Header)
	if f.Body != nil {
		if c.w.Header().Get("Content-Type") == "" {
			c.w.Header().Set("Content-Type", "application/json")
		}

		c.w.WriteHeader(status)
		_, _ = c.w.Write(f.Body)

		return
	}

	code := "InternalError"
	if status == http.StatusServiceUnavailable {
		code = "ServiceUnavailable"
	}

	c.fail(status, code, "ordered failure")
}

func (c *call) slowDown() {
	f := c.fault
	maps.Copy(c.w.Header(), f.Header)
	if c.rt != nil && c.rt.family == famS3 {
		c.s3fail(http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate.")
		return
	}

	if c.w.Header().Get("Retry-After") == "" {
		c.w.Header().Set("Retry-After", "1")
	}

	status := f.Status
	if status == 0 {
		status = http.StatusTooManyRequests
	}

	c.write(status, obj{"developerMessage": "Quota limit exceeded."})
}

// wait sleeps for d and reports whether the request is still wanted.
func (c *call) wait(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()

	select {
	case <-t.C:
		return true
	case <-c.r.Context().Done():
		return false
	case <-c.s.done:
		return false
	}
}

func (c *call) stall() {
	var end <-chan time.Time
	if c.fault.Delay > 0 {
		t := time.NewTimer(c.fault.Delay)
		defer t.Stop()
		end = t.C
	}

	select {
	case <-end:
	case <-c.r.Context().Done():
	case <-c.s.done:
	}
}

// pace waits as long as n bytes last.
func (c *call) pace(n int) bool {
	rate := c.fault.BytesPerSecond
	if rate <= 0 {
		rate = 64 << 10
	}

	return c.wait(time.Duration(float64(n) / float64(rate) * float64(time.Second)))
}

// faultyBody ends or stalls a request's body after left bytes.
type faultyBody struct {
	io.ReadCloser
	c    *call
	left int64
}

func (b *faultyBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		if b.c.fault.Kind == Stall {
			b.c.stall()
		}

		panic(http.ErrAbortHandler)
	}

	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)

	return n, err
}

type slowBody struct {
	io.ReadCloser
	c *call
}

func (b *slowBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p[:min(len(p), 16<<10)])
	if !b.c.pace(n) {
		panic(http.ErrAbortHandler)
	}

	return n, err
}

type corruptBody struct {
	io.ReadCloser
	at, pos int64
}

func (b *corruptBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if i := b.at - b.pos; i >= 0 && i < int64(n) {
		p[i] ^= 0xff
	}

	b.pos += int64(n)

	return n, err
}

// answer counts what goes out and applies faults to it.
type answer struct {
	http.ResponseWriter
	status    int
	n         int64
	hold      *bytes.Buffer // the answer waits here until the request stands in the journal
	lost      bool          // and never leaves
	log       func()        // writes the journal
	cut       *cutter
	slow      *call
	corrupt   bool
	corruptAt int64
}

type cutter struct {
	c    *call
	left int64
}

func (a *answer) WriteHeader(status int) {
	if a.status != 0 {
		return
	}

	a.status = status
	if a.hold == nil {
		a.ResponseWriter.WriteHeader(status)
	}
}

func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	if a.hold != nil {
		if !a.lost {
			a.hold.Write(p)
		}

		a.n += int64(len(p))

		return len(p), nil
	}

	if a.corrupt && a.corruptAt >= a.n && a.corruptAt < a.n+int64(len(p)) {
		p = bytes.Clone(p)
		p[a.corruptAt-a.n] ^= 0xff
	}

	total := 0
	for len(p) > 0 {
		part := p
		if a.slow != nil {
			part = p[:min(len(p), 16<<10)]
			if !a.slow.pace(len(part)) {
				panic(http.ErrAbortHandler)
			}
		}

		if a.cut != nil && int64(len(part)) > a.cut.left {
			_, _ = a.ResponseWriter.Write(part[:a.cut.left])
			_ = http.NewResponseController(a.ResponseWriter).Flush()
			a.n += a.cut.left
			if a.cut.c.fault.Kind == Stall {
				a.cut.c.stall()
			}

			panic(http.ErrAbortHandler)
		}

		n, err := a.ResponseWriter.Write(part)
		if a.cut != nil {
			a.cut.left -= int64(n)
		}

		a.n += int64(n)
		total += n
		if err != nil {
			return total, err
		}

		p = p[len(part):]
	}

	return total, nil
}

// ReadFrom keeps the way from a file to a socket short when nothing has to look at the bytes.
func (a *answer) ReadFrom(src io.Reader) (int64, error) {
	rf, ok := a.ResponseWriter.(io.ReaderFrom)
	if !ok || a.hold != nil || a.corrupt || a.slow != nil || a.cut != nil {
		return io.CopyBuffer(writerOnly{a}, src, make([]byte, 128<<10))
	}

	a.WriteHeader(http.StatusOK)
	n, err := rf.ReadFrom(src)
	a.n += n

	return n, err
}

type writerOnly struct{ io.Writer }

// finish lets the held answer go or loses it.
func (a *answer) finish(c *call) {
	if c.fault.DoAfter != nil {
		c.fault.DoAfter()
	}

	if c.fault.Kind == LoseReply {
		panic(http.ErrAbortHandler)
	}

	if c.fault.Kind == Stall || c.fault.Kind == ResetBody {
		if a.cut != nil { // the answer was shorter than After: end it without its end
			if c.fault.Kind == Stall {
				c.stall()
			}

			panic(http.ErrAbortHandler)
		}
	}

	a.release()
}

// release writes the journal and lets the held answer go.
func (a *answer) release() {
	if a.hold == nil {
		return
	}

	if a.status == 0 {
		a.status = http.StatusOK
	}

	a.log()
	a.ResponseWriter.WriteHeader(a.status)
	_, _ = a.ResponseWriter.Write(a.hold.Bytes())
}

// expire ages what the request relies on.
func (c *call) expire() {
	if c.rt == nil {
		return
	}

	c.s.update(func(m *model) {
		if c.rt.family == famS3 {
			return // the handler looks at the fault
		}

		if sess := m.sessions.get(c.rec.UploadKey); sess != nil {
			sess.Expires = c.now.Add(-time.Second)
			m.sessions.put(sess.Key, sess)
			return
		}

		if t := m.tokens.get(bearer(c.r)); t != nil {
			t.Expires = c.now.Add(-time.Second)
			m.tokens.put(bearer(c.r), t)
		}
	})
}

func bearer(r *http.Request) string {
	const prefix = "Bearer "
	if h := r.Header.Get("Authorization"); len(h) > len(prefix) {
		return h[len(prefix):]
	}

	return ""
}
