package transfer

import (
	"context"
	"time"

	"hoist/state"
)

// Foresee says what the local file makes of a job that is only looked at: unchanged, or the *[ReasonError]
// that it would be parked with; neither when its content would move. Where the size of what would be
// fetched does not tell, the service is asked for the digest, which is a call.
func (e *Engine) Foresee(ctx context.Context, job state.Job) (unchanged bool, err error) {
	if job.Kind == state.Upload {
		f, err := openFor(job, false)
		if err != nil {
			return false, err
		}

		return false, f.Close()
	}

	verdict, _, err := e.judgeLocal(ctx, job, false)
	if err == nil && verdict == localUnknown {
		verdict, err = e.judgeAsked(ctx, job)
	}

	switch {
	case err != nil:
		return false, err
	case verdict == localDiffers && !job.Overwrite:
		return false, localDiffersError(job)
	}

	return verdict == localSame && !job.Force, nil
}

// judgeAsked judges with what the service says of the content.
func (e *Engine) judgeAsked(ctx context.Context, job state.Job) (localVerdict, error) {
	c, err := e.clientFor(job)
	if err != nil {
		return localUnknown, err
	}

	d := e.newDownload(c, job)
	if err := d.ask(ctx, e.meter.rate(time.Now())); err != nil {
		return localUnknown, err
	}

	job.Size, job.SHA1 = d.size, d.sha1
	verdict, _, err := e.judgeLocal(ctx, job, true)

	return verdict, err
}
