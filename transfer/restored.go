package transfer

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"hoist/apsclient"
	"hoist/state"
)

// A job in doubt comes from an older copy of the state: what it did since then at the service is
// not known, so its content may be there already. Lost replies are [apsclient.Doubt]'s.

// waitForDoubted gives what a job in doubt may have made the time to show, before the first look.
func (r *run) waitForDoubted(ctx context.Context, job state.Job) error {
	if !job.Doubt || r.looked {
		return nil
	}

	return apsclient.Sleep(ctx, apsclient.Patience)
}

// sameBytes compares an object of the size of a job's file with the file byte by byte: dear, and
// the only proof at a service that tells no SHA-1. It returns the SHA-1 of what both have, "" if
// they differ, which is seen twice: nothing else tells when bytes were damaged on the way.
func sameBytes(ctx context.Context, c *apsclient.Client, id apsclient.ObjectID, src *source,
	job state.Job) (sum string, err error) {
	for looks := 0; looks < 2 && sum == "" && err == nil; looks++ {
		sum, err = compareOnce(ctx, c, id, src, job)
	}

	return sum, err
}

func compareOnce(ctx context.Context, c *apsclient.Client, id apsclient.ObjectID, src *source,
	job state.Job) (string, error) {
	d := &download{client: c, object: id, name: job.Target.Address, size: job.Snapshot.Size}
	if err := d.ask(ctx, 0); err != nil {
		return "", err
	}

	h := sha1.New()
	for at := int64(0); at < job.Snapshot.Size; {
		body, _, err := d.open(ctx, at, job.Snapshot.Size-1)
		if err != nil {
			return "", err
		}

		n, same, err := compareBytes(ctx, io.TeeReader(body, h), src, at)
		body.Close()
		if err != nil || !same {
			return "", err
		}

		at += n
	}

	if err := src.check(); err != nil {
		return "", err
	}

	return hex.EncodeToString(h.Sum(nil)), nil
}

// compareBytes reads body to its end, or to the first byte that differs from the file's from at on.
func compareBytes(ctx context.Context, body io.Reader, src *source, at int64) (n int64, same bool,
	err error) {
	theirs := copyBuffers.Get().(*[]byte)
	ours := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(theirs)
	defer copyBuffers.Put(ours)

	for ctx.Err() == nil {
		got, err := body.Read(*theirs)
		mine, readErr := src.ReadAt((*ours)[:got], at+n)
		if readErr != nil && !errors.Is(readErr, io.EOF) {
			return n, false, fmt.Errorf("read %s: %w", src.job.Path, readErr)
		}

		if !bytes.Equal((*theirs)[:got], (*ours)[:mine]) {
			return n, false, nil
		}

		n += int64(got)
		switch {
		case err == io.EOF && n == 0:
			return 0, false, &apsclient.NetError{Op: "get range", Err: io.ErrUnexpectedEOF}
		case err == io.EOF:
			return n, true, nil
		case err != nil:
			return n, false, err
		}
	}

	return n, false, context.Cause(ctx)
}
