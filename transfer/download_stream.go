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

	"hoist/apsclient"
)

// Stream writes one version of a remote file to w as it comes, in order; version 0 is the tip. It needs no store and no disk. A connection
// that breaks is taken up where it ended, so w sees each byte once. The size and, where the service has one, the SHA-1 are checked at the
// end: after an error what w got is not to be used. sent is called with the bytes of each write; nil: none.
func (r *Resolver) Stream(ctx context.Context, a Address, version int, w io.Writer, sent func(n int)) (Planned, error) {
	place, err := r.Resolve(ctx, a)
	if err != nil {
		return Planned{}, err
	}
	if place.Kind != KindItem && place.Kind != KindObject {
		return Planned{}, &UsageError{Msg: fmt.Sprintf("%s is no file", place.Address)}
	}
	if place, err = r.atVersion(ctx, place, version); err != nil {
		return Planned{}, err
	}
	plan := newFetch(PullRequest{}, place, ".", nil, "-")
	plan.Warning, plan.Source.Path = "", "-"
	if plan.Result == PlanAttention {
		return plan, needsPerson(plan.Reason, "%s", plan.Detail)
	}
	client := r.c
	if place.Kind == KindObject {
		client = r.oss
	}
	d := newDownload(client, plan.Job)
	if err := d.ask(ctx, 0); err != nil {
		return plan, err
	}
	s := &streaming{d: d, w: w, hash: sha1.New(), sent: sent}
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
		if err := again(ctx, err, &tries, func() {}); err != nil {
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
