package transfer

import (
	"fmt"

	"hoist/state"
)

// excludedError says that the rules leave a file out by now.
type excludedError struct{ Path, Rule string }

func (e *excludedError) Error() string {
	return fmt.Sprintf("%q is left out by the rule %s", e.Path, e.Rule)
}

// mayBeSent asks the rules once more before a step after which more of the file is at the service
// than before, or is visible there. What was created already stays.
func (e *Engine) mayBeSent(job state.Job) error {
	created := job.Intent != nil || job.Phase == state.PhasePublished ||
		job.Target.OSS() && job.Phase == state.PhaseCompleted
	if e.cfg.Rules == nil || created {
		return nil
	}

	rule, wait, err := e.cfg.Rules(job)
	switch {
	case err != nil && wait > 0:
		return &waitError{Code: ReasonRules, After: wait, Exact: true, Err: err}
	case err != nil:
		return needsPerson(ReasonRules, "%w", err)
	case rule != "":
		return &excludedError{Path: job.Path, Rule: rule}
	}

	return nil
}
