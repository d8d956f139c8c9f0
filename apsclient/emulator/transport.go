package emulator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// errClosed is what the in-process transport reports when a connection would have been closed
// without an answer.
var errClosed = errors.New("connection closed without an answer")

// Transport carries requests to the server in process, without sockets. Bodies are streamed; a
// request ends when its context ends; once an answer's body is closed or read to its end nothing is
// left behind. It works in a testing/synctest bubble.
func (s *Server) Transport() http.RoundTripper { return &inProcess{handler: s} }

type inProcess struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper.
func (t *inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		closeBody(req.Body)
		return nil, err
	}

	ctx, cancel := context.WithCancel(context.WithValue(req.Context(), schemeKey{}, req.URL.Scheme))
	in, body := received(ctx, req)
	w := newPipeWriter(ctx)
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		defer cancel()

		err := io.EOF
		defer func() {
			if p := recover(); p != nil {
				if p != http.ErrAbortHandler { //nolint:errorlint // a panic value, compared as net/http does
					w.end(errClosed)
					panic(p)
				}

				err = errClosed
			}

			body.shut()
			w.end(err)
		}()
		t.handler.ServeHTTP(w, in)
	}()

	select {
	case <-w.ready:
	case <-req.Context().Done():
		cancel()
		body.shut()
		w.end(req.Context().Err())

		return nil, req.Context().Err()
	}

	if w.status == 0 {
		cancel()
		return nil, errClosed
	}

	return answered(req, w, cancel, finished), nil
}

// answered is the response of a handler that has said its status.
func answered(req *http.Request, w *pipeWriter, cancel context.CancelFunc,
	finished chan struct{}) *http.Response {
	resp := &http.Response{
		Status: fmt.Sprintf("%d %s", w.status, http.StatusText(w.status)), StatusCode: w.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.sent, ContentLength: contentLength(w.sent), Request: req,
		Body: &pipeBody{PipeReader: w.r, cancel: cancel, finished: finished},
	}
	if req.Method == http.MethodHead || w.status == http.StatusNoContent ||
		w.status == http.StatusNotModified {
		_ = resp.Body.Close()
		resp.Body = http.NoBody
	}

	if resp.ContentLength == 0 {
		<-finished
	}

	return resp
}

// received is a request as a server has it.
func received(ctx context.Context, req *http.Request) (*http.Request, *sharedBody) {
	u := *req.URL
	u.Scheme, u.Host = "", ""
	in := (&http.Request{
		Method: req.Method, URL: &u, RequestURI: u.RequestURI(), Host: req.Host, Header: req.Header.Clone(),
		ContentLength: req.ContentLength,
		Proto:         "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, RemoteAddr: "127.0.0.1:1",
	}).WithContext(ctx)
	if in.Host == "" {
		in.Host = req.URL.Host
	}

	if in.Header == nil {
		in.Header = http.Header{}
	}

	body := &sharedBody{ReadCloser: req.Body}
	if req.Body == nil || req.Body == http.NoBody {
		in.Body, in.ContentLength = http.NoBody, 0
		if req.Method != http.MethodGet && req.Method != http.MethodHead {
			in.Header.Set("Content-Length", "0")
		}
	} else {
		in.Body = body
		if in.ContentLength == 0 {
			in.ContentLength = -1
		}
	}

	return in, body
}

func contentLength(h http.Header) int64 {
	n := int64(-1)
	if v := h.Get("Content-Length"); v != "" {
		n = 0
		for _, d := range v {
			n = n*10 + int64(d-'0')
		}
	}

	return n
}

func closeBody(b io.Closer) {
	if b != nil {
		_ = b.Close()
	}
}

// sharedBody lets the transport end the handler's reading.
type sharedBody struct {
	io.ReadCloser
	mu   sync.Mutex
	done bool
}

func (b *sharedBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.done {
		return 0, errClosed
	}

	return b.ReadCloser.Read(p)
}

func (b *sharedBody) Close() error { return nil }

func (b *sharedBody) shut() {
	if b.ReadCloser == nil {
		return
	}

	if b.mu.TryLock() {
		defer b.mu.Unlock()
	} else { // a Read is under way: closing is what ends it
		_ = b.ReadCloser.Close()
		b.mu.Lock()
		defer b.mu.Unlock()
	}

	if !b.done {
		b.done = true
		_ = b.ReadCloser.Close()
	}
}

// pipeWriter is the handler's end of an answer.
type pipeWriter struct {
	ready  chan struct{} // closed when the status is known or the handler ended
	once   sync.Once
	header http.Header
	sent   http.Header
	status int
	r      *io.PipeReader
	w      *io.PipeWriter
	stop   func() bool
}

func newPipeWriter(ctx context.Context) *pipeWriter {
	w := &pipeWriter{ready: make(chan struct{}), header: http.Header{}}
	w.r, w.w = io.Pipe()
	w.stop = context.AfterFunc(ctx, func() { _ = w.w.CloseWithError(context.Cause(ctx)) })

	return w
}

func (w *pipeWriter) Header() http.Header { return w.header }

func (w *pipeWriter) WriteHeader(status int) {
	w.once.Do(func() {
		w.status, w.sent = status, w.header.Clone()
		close(w.ready)
	})
}

func (w *pipeWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if len(p) == 0 {
		return 0, nil // a pipe would wait for a reader even so
	}

	return w.w.Write(p)
}

// Flush implements http.Flusher; nothing is buffered.
func (w *pipeWriter) Flush() {}

func (w *pipeWriter) end(err error) {
	w.stop()
	if err == io.EOF { //nolint:errorlint // our own marker of a proper end
		w.WriteHeader(http.StatusOK)
		_ = w.w.Close()
	}

	w.once.Do(func() { close(w.ready) })
	_ = w.w.CloseWithError(err)
}

type pipeBody struct {
	*io.PipeReader
	cancel   context.CancelFunc
	finished chan struct{}
}

// Close waits for the handler: after it the request stands in the journal.
func (b *pipeBody) Close() error {
	err := b.PipeReader.Close()
	b.cancel()
	<-b.finished

	return err
}
