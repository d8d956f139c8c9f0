package transfer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"

	"hoist/state"
)

// receiptSHA256 is the SHA-256, hex, of the content that a job published, for its receipt. It is ""
// when receipts hold none, and where the file is no longer that content: what was published stays
// as it is, only the sum cannot be told.
func (e *Engine) receiptSHA256(ctx context.Context, r *run, job state.Job) string {
	if !e.cfg.ReceiptSHA256 {
		return ""
	}

	sum, err := func() (string, error) {
		src, err := r.source(ctx, e, job)
		if err != nil {
			return "", err
		}

		h := sha256.New()
		if err := copyContext(ctx, h, io.NewSectionReader(src, 0, job.Snapshot.Size),
			job.Snapshot.Size); err != nil {
			return "", err
		}

		return hex.EncodeToString(h.Sum(nil)), src.check()
	}()
	if err != nil {
		e.log.Warn("the receipt holds no SHA-256", "path", job.Path, "error", err)
		return ""
	}

	return sum
}
