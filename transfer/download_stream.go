package transfer

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"time"

	"hoist/apsclient"
)

// Stream writes a remote file to w as it comes, in order; req.Path is not used. A connection that breaks is taken up where it ended, so w sees
// each byte once. The size and, where the service has one, the SHA-1 are checked at the end: after an error what w got is not to be used.
// sent is called with the bytes of each write; nil: none.
func (e *Engine) Stream(ctx context.Context, req PullRequest, w io.Writer, sent func(n int)) (Planned, error) {
	r, err := e.Resolver(req.Profile)
	if err != nil {
		return Planned{}, err
	}
	place, err := r.Resolve(ctx, req.Remote)
	if err != nil {
		return Planned{}, err
	}
	if place.Kind != KindItem && place.Kind != KindObject {
		return Planned{}, &UsageError{Msg: fmt.Sprintf("%s is no file", place.Address)}
	}
	if place, err = r.atVersion(ctx, place, req.Version); err != nil {
		return Planned{}, err
	}
	req.Path = "-"
	plan, err := e.planFetch(req, place, ".", nil, "-")
	if err != nil {
		return plan, err
	}
	plan.Warning, plan.Source.Path = "", "-"
	if plan.Result == PlanAttention {
		return plan, needsPerson(plan.Reason, "%s", plan.Detail)
	}
	plan.Result = ""
	c, err := e.clientFor(plan.Job)
	if err != nil {
		return plan, err
	}
	d := newDownload(c, plan.Job)
	if err := d.ask(ctx, 0); err != nil {
		return plan, err
	}
	s := &streaming{e: e, d: d, w: w, hash: sha1.New(), sent: sent}
	err = s.run(ctx)
	plan.Bytes = s.at
	if err != nil {
		return plan, fmt.Errorf("fetch %s: %w", plan.Remote, err)
	}
	sum := hex.EncodeToString(s.hash.Sum(nil))
	if d.sha1 != "" && !strings.EqualFold(d.sha1, sum) {
		return plan, needsPerson(ReasonDamaged, "fetch %s: the SHA-1 is %s, the service says %s", plan.Remote, sum, d.sha1)
	}
	plan.Job.SHA1 = sum
	return plan, nil
}

// streaming is one Stream at work.
type streaming struct {
	e    *Engine
	d    *download
	w    io.Writer
	hash hash.Hash
	sent func(int)
	at   int64
}

func (s *streaming) run(ctx context.Context) error {
	if s.d.size == 0 {
		return nil
	}
	if err := s.e.parts.acquire(ctx); err != nil {
		return err
	}
	defer s.e.parts.release()
	for tries := 0; s.d.size < 0 || s.at < s.d.size; {
		to := s.d.size - 1
		if s.d.size < 0 {
			to = 0 // the first byte's answer tells the size
		}
		before := s.at
		body, end, err := s.d.open(ctx, s.at, to)
		if err == nil {
			err = s.copy(ctx, body, end)
			body.Close()
		}
		if err == nil {
			if s.d.size < 0 {
				return errors.New("the service does not tell its size")
			}
			continue
		}
		if s.at > before {
			tries = 0
		}
		if err := s.e.again(ctx, err, &tries); err != nil {
			return err
		}
	}
	return nil
}

// copy passes an answer on; it must hold all bytes up to end, inclusive.
func (s *streaming) copy(ctx context.Context, body io.Reader, end int64) error {
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	for s.at <= end {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := body.Read((*buf)[:min(copyBuffer, end-s.at+1)])
		if n > 0 {
			s.hash.Write((*buf)[:n])
			if _, err := s.w.Write((*buf)[:n]); err != nil {
				return err
			}
			s.at += int64(n)
			s.e.meter.add(int64(n), time.Now())
			if s.sent != nil {
				s.sent(n)
			}
		}
		if err != nil && s.at <= end {
			if err != io.EOF && isTyped(err) {
				return err
			}
			return &apsclient.NetError{Op: "get range", Err: io.ErrUnexpectedEOF}
		}
	}
	return nil
}
