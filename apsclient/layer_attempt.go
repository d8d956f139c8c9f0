package apsclient

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// callTimeout bounds one attempt of a control-plane call with its whole answer; those are
	// small.
	callTimeout = 60 * time.Second
	// readAtOnce bounds what an answer may have reserved by its own word.
	readAtOnce = 1 << 20
	// maxAnswer bounds the answer of a control-plane call; a listing page of 200 items is well
	// below 2 MiB.
	maxAnswer = 64 << 20
)

var errCallTimeout = errors.New("no answer within " + callTimeout.String())

// attempt sends one request and reads its whole answer. Every failure is a *NetError. After a call
// that nobody answered no connection from before is used again: what made one silent, such as a
// router that forgot it, may have done so to all, each for a whole time-out.
func attempt(base http.RoundTripper) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		op := callOf(r).op

		ctx, cancel := context.WithTimeoutCause(r.Context(), callTimeout, errCallTimeout)
		defer cancel()
		defer func() {
			if errors.Is(context.Cause(ctx), errCallTimeout) {
				closeIdle(base)
			}
		}()
		ctx, sent := watchSent(ctx)
		resp, err := base.RoundTrip(r.WithContext(ctx))
		if err != nil {
			return nil, &NetError{Op: op, Err: plainError(ctx, err), Sent: sent(err)}
		}

		body, err := readAnswer(resp)
		_ = resp.Body.Close()
		if err == nil && len(body) > maxAnswer {
			err = fmt.Errorf("answer longer than %d bytes", maxAnswer)
		}

		if err == nil && cut(resp, body) {
			err = io.ErrUnexpectedEOF
		}

		if err == nil {
			if e := foreignAnswer(callOf(r).action, resp.StatusCode, resp.Header, body); e != nil {
				err = e
			}
		}

		if err != nil {
			return nil, &NetError{Op: op, Err: plainError(ctx, err), Sent: true}
		}

		resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))

		return resp, nil
	})
}

// readAnswer reads a body as far as it may go, at once when its length is told.
func readAnswer(resp *http.Response) ([]byte, error) {
	var body bytes.Buffer
	if n := resp.ContentLength; n > 0 && n <= readAtOnce {
		body.Grow(int(n) + bytes.MinRead)
	}

	_, err := body.ReadFrom(io.LimitReader(resp.Body, maxAnswer+1))

	return body.Bytes(), err
}

// cut recognises JSON that ended too early in an answer whose length nothing told but the end of
// the connection.
func cut(resp *http.Response, body []byte) bool {
	if resp.ContentLength >= 0 || len(resp.TransferEncoding) > 0 || resp.ProtoMajor != 1 {
		return false
	}

	b := bytes.TrimSpace(body)

	return len(b) > 0 && (b[0] == '{' || b[0] == '[') && !json.Valid(b)
}

// watchSent tells, after a failure, whether the request may have reached the service.
func watchSent(ctx context.Context) (context.Context, func(error) bool) {
	var asked, wrote atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:      func(string) { asked.Store(true) },
		WroteHeaders: func() { wrote.Store(true) },
	})

	return ctx, func(err error) bool {
		if asked.Load() {
			return wrote.Load()
		}

		// Not net/http's transport: the error must say so itself.
		return !unsentError(err)
	}
}

// unsentError recognises failures before a connection stood.
func unsentError(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	_, dns := errors.AsType[*net.DNSError](err)
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)

	return ok && op.Op == "dial" || dns || unknown || errors.Is(err, syscall.ECONNREFUSED)
}

// notSent reports whether the call certainly never left: its slot and its effect are untouched.
func notSent(err error) bool {
	if err == nil {
		return false
	}

	if _, ok := errors.AsType[*tokenFailure](err); ok {
		return true
	}

	n, ok := errors.AsType[*NetError](err)

	return ok && !n.Sent
}

// plainError removes the URL that net/http puts into errors, and says why a context ended.
func plainError(ctx context.Context, err error) error {
	for u, ok := errors.AsType[*url.Error](err); ok; u, ok = errors.AsType[*url.Error](err) {
		err = u.Err
	}

	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w (%w)", cause, ctx.Err())
	}

	return err
}
