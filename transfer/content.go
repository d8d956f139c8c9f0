package transfer

import (
	"fmt"
	"io"

	"hoist/state"
)

// Inspection is what the bytes of a file tell before it is sent.
type Inspection struct {
	Content string // kind and release, for the record
	Sign    string // why it is doubtful, "" it is not
	Why     string // the same for people
	Park    bool   // a doubtful one is not sent until somebody decides
}

// inspect judges the content that a job sends, once. before is what was last published of the file.
func (e *Engine) inspect(job *state.Job, before state.PublishedRecord, src io.ReaderAt) (why string,
	err error) {
	if e.cfg.Inspect == nil || job.Content != "" {
		return "", nil
	}

	found, err := e.cfg.Inspect(*job, before.Content, src)
	if err != nil {
		return "", fmt.Errorf("look at the content of %q: %w", job.Path, err)
	}

	job.Content, job.Sign = found.Content, found.Sign
	switch {
	case found.Sign == "":
		return "", nil
	case found.Park && !job.Force:
		return "", needsPerson(ReasonDoubtful, "%q: %s", job.Path, found.Why)
	}

	return found.Why, nil
}

// tellDoubtful logs what a job sends for all that, once: when its storage is reserved.
func (e *Engine) tellDoubtful(job state.Job, events []state.Event) {
	for _, ev := range events {
		if r, ok := ev.(state.Reserved); ok && r.Why != "" {
			e.log.Warn("the content is doubtful, and is sent", "job", string(job.ID), "path", job.Path,
				"sign", r.Sign, "why", r.Why)
		}
	}
}
