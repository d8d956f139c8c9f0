package owner

import (
	"context"
	"errors"
	"time"

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
