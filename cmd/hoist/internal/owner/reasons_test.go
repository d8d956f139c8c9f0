package owner

import (
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient/emulator"
	"hoist/cmd/hoist/internal/control"
	"hoist/state"
	"hoist/transfer"
)

// reasonRow is a file whose job has come to wait for a reason, or ended with it.
type reasonRow struct {
	transfer.Reason
	name string
	id   state.JobID
	end  bool // nothing waits: the job has ended
}

// becomes is how a job comes to its reason.
func (r reasonRow) becomes(now time.Time) state.Event {
	const why = "what came back"
	switch {
	case r.Code == transfer.ReasonCancelled:
		return state.Cancel{}
	case r.end:
		return state.Failed{Reason: r.Code, Error: why}
	case r.Cure == transfer.CureWait:
		return state.Retry{Reason: r.Code, Error: why, At: now.Add(time.Minute)}
	}

	return state.Parked{Reason: r.Code, Error: why}
}

// TestEveryReasonIsSeenAlike: whatever the cause was, status, jobs, explain and the log tell the same
// of a file that has a reason. The causes are made elsewhere, see cureRows.
func TestEveryReasonIsSeenAlike(t *testing.T) {
	where := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := newLife(t, where, 1)
		l.cloud.SetKnobs(func(k *emulator.Knobs) { *k = emulator.Knobs{} })
		l.cloud.SetFault(func(r emulator.Request) (f emulator.Fault) {
			if r.Op == "create-storage" {
				f = emulator.Fault{Kind: emulator.FailBefore, Status: 423}
			}

			return f
		})
		log := &record{}
		l.options.Logger = slog.New(slog.NewJSONHandler(log, nil))

		var rows []*reasonRow
		for _, r := range transfer.Reasons() {
			if r.Code == transfer.ReasonMassChange || r.Code == transfer.ReasonMassDelete {
				continue // of watches, not of files
			}

			row := &reasonRow{Reason: r, name: fmt.Sprintf("%02d.dgn", len(rows))}
			row.end = slices.Contains([]string{transfer.ReasonCancelled, transfer.ReasonExcluded,
				transfer.ReasonSourceChanged, transfer.ReasonNotCarried}, r.Code)
			rows = append(rows, row)
			if err := os.WriteFile(l.path(row.name), []byte(r.Code), 0o600); err != nil {
				t.Fatal(err)
			}
		}

		l.open()
		time.Sleep(20 * time.Second)
		for len(l.status().Active) > 0 { // until all wait for the service, and nothing runs
			time.Sleep(time.Second / 10)
		}

		for _, row := range rows {
			j, found, err := l.owner.store.LastJob(l.path(row.name))
			if err != nil || !found || j.Reason != transfer.ReasonLocked {
				t.Fatalf("%s: %+v, %v", row.name, j, err)
			}

			row.id = j.ID
			if _, err := l.owner.store.Commit(j.ID, row.becomes(time.Now())); err != nil {
				t.Fatalf("%s: %v", row.Code, err)
			}
		}

		synctest.Wait()
		l.seenAlike(rows, log.lines(t))
		l.cloud.SetFault(nil)
		l.close()
		if err := l.cloud.Close(); err != nil {
			t.Error(err)
		}
	})
}

// seenAlike compares what is told of each row.
func (l *life) seenAlike(rows []*reasonRow, log []logLine) {
	l.t.Helper()
	s := l.status()
	jobs, err := l.owner.Jobs(l.t.Context(), control.JobQuery{})
	if err != nil {
		l.t.Fatal(err)
	}

	for _, row := range rows {
		path := l.path(row.name)
		e, err := l.owner.Explain(l.t.Context(), path)
		if err != nil {
			l.t.Fatal(err)
		}

		at := slices.IndexFunc(jobs, func(j control.Job) bool { return j.ID == string(row.id) })
		if at < 0 || jobs[at].Reason != row.Code {
			l.t.Errorf("%s: jobs: %+v", row.Code, jobs[max(at, 0)])
			continue
		}

		j := jobs[at]
		if !slices.ContainsFunc(log, func(line logLine) bool {
			return line.Path == path && line.Reason == row.Code && (row.end || line.Fix == j.Fix)
		}) {
			l.t.Errorf("%s: the log does not tell of it", row.Code)
		}

		if row.end {
			continue
		}

		if e.Reason != row.Code || e.Sentence != row.Sentence || e.Fix != j.Fix ||
			(e.Fix == "") != (row.Fix == "") {
			l.t.Errorf("%s: explain: %+v, jobs: %+v", row.Code, e, j)
		}

		if row.Cure != transfer.CureWait {
			a := slices.IndexFunc(s.Attention, func(a control.Attention) bool { return a.Path == path })
			if a < 0 || s.Attention[a].Reason != row.Code || s.Attention[a].Fix != j.Fix ||
				j.State != state.StatusAttention {
				l.t.Errorf("%s: not in attention, or another: %+v", row.Code, j)
			}
		} else if !slices.ContainsFunc(s.Waiting, func(w control.Waiting) bool {
			return w.Reason == row.Code && w.Detail == row.Sentence && slices.Contains(w.Paths, path) &&
				w.NextAttempt != nil && w.NextAttempt.After(time.Now())
		}) {
			l.t.Errorf("%s: not in waiting: %+v", row.Code, s.Waiting)
		}

		if strings.ContainsAny(e.Fix, "{}") {
			l.t.Errorf("%s: a fix with holes: %s", row.Code, e.Fix)
		}
	}
}
