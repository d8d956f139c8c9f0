package owner

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/problem"
	"hoist/state"
	"hoist/transfer"
)

// unknownJob gives an error that says which job was not found its code and hint.
func unknownJob(err error) error {
	if errors.Is(err, state.ErrNotFound) {
		return problem.With(problem.NotFound, err, problem.Fix{Step: problem.JobList})
	}

	return err
}

// Act implements [control.API].
func (o *Owner) Act(_ context.Context, id string, verb control.Verb) (control.ActResult, error) {
	j, err := o.store.FindJob(id)
	if err != nil {
		return control.ActResult{}, unknownJob(err)
	}

	did, err := o.act(&j, verb)
	if _, ok := errors.AsType[*state.TransitionError](err); ok {
		did, err = "unchanged", nil // it ended in between
	}

	if err != nil {
		return control.ActResult{}, err
	}

	o.engine.Kick()

	return control.ActResult{ID: string(j.ID), State: j.Status(o.isActive(j.ID), time.Now()),
		Result: did}, nil
}

// atOnce is how many jobs are changed together: their commits share one write of the disk.
const atOnce = 64

// ActAll implements [control.API].
func (o *Owner) ActAll(ctx context.Context, verb control.Verb, r control.ActAllRequest) (control.ActedOn,
	error) {
	f := state.Filter{Active: isActive(o.engine.Active())}
	switch verb {
	case control.Pause:
		f.Open = true
	case control.Resume:
		f.Status = []state.Status{state.StatusPaused}
	case control.Retry:
		f.Status = []state.Status{state.StatusWaiting, state.StatusAttention, state.StatusFailed}
	default:
		return control.ActedOn{}, problem.Usagef("%q is not pause, resume or retry", verb)
	}

	jobs, err := o.store.Jobs(f)
	if err != nil {
		return control.ActedOn{}, err
	}

	var changed atomic.Int64
	var group errgroup.Group
	group.SetLimit(atOnce)
	for _, j := range jobs {
		if ctx.Err() != nil {
			break
		}

		if r.Reason != "" && j.Reason != r.Reason {
			continue
		}

		group.Go(func() error {
			did, err := o.act(&j, verb)
			if _, ended := errors.AsType[*state.TransitionError](err); ended ||
				err == nil && did == "unchanged" {
				return nil
			}

			if err == nil {
				changed.Add(1)
			}

			return err
		})
	}

	err = errors.Join(group.Wait(), context.Cause(ctx))
	o.engine.Kick()

	return control.ActedOn{Jobs: int(changed.Load())}, err
}

// act does the verb to a job and says what came of it; j becomes the job afterwards.
func (o *Owner) act(j *state.Job, verb control.Verb) (did string, err error) {
	var event state.Event
	switch verb {
	case control.Pause:
		event, did = state.Pause{}, "paused"
		if j.Paused {
			did = "unchanged"
		}
	case control.Resume:
		event, did = state.Resume{}, "resumed"
		if !j.Paused {
			did = "unchanged"
		}
	case control.Retry:
		event, did = state.RetryNow{}, "retried"
		if j.Reason == transfer.ReasonUnauthorised {
			o.renew(j.Profile, j.Updated)
		}

		if j.End == state.EndFailed || j.End == state.EndCancelled {
			next, verdict, err := o.store.Requeue(j.ID)
			if err != nil {
				return "", err
			}

			switch *j = next; verdict {
			case state.Queued:
				return did, nil
			case state.Busy: // another file goes there now
				return "unchanged", nil
			default:
			}
		}
	case control.Cancel:
		event, did = state.Cancel{}, "cancelled"
	default:
		return "", problem.Usagef("%q is not pause, resume, retry or cancel", verb)
	}

	if !j.Open() {
		return "unchanged", nil
	}

	next, err := o.store.Commit(j.ID, event)
	if err != nil {
		return "", err
	}

	*j = next
	if verb == control.Cancel {
		if err := o.engine.Discard(next); err != nil {
			o.log.Warn("what a cancelled download left is still there", "job", string(next.ID), "path",
				next.Path, "error", err)
		}
	}

	return did, nil
}

func (o *Owner) isActive(id state.JobID) bool { return o.engine.Runs(id) }
