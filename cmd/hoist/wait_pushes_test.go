package main

import (
	"context"
	"io"
	"slices"
	"testing"
	"testing/synctest"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/state"
)

// queueingOwner is another process that queues one more job of a push as often as it is asked what it has.
type queueingOwner struct {
	control.API
	left     int
	jobs     []control.Job // open
	followed []string
}

func (o *queueingOwner) Status(context.Context) (control.Status, error) {
	if o.left == 0 {
		return control.Status{}, nil
	}

	st := control.Status{Pushes: []control.PendingPush{{Left: new(o.left)}}}
	o.left--
	o.jobs = append(o.jobs, control.Job{ID: string(rune('a' + o.left)), State: state.StatusQueued})

	return st, nil
}

func (o *queueingOwner) Jobs(context.Context, control.JobQuery) ([]control.Job, error) {
	return slices.Clone(o.jobs), nil
}

func (o *queueingOwner) Follow(_ context.Context, ids []string, each func(control.Update) error) error {
	o.followed = append(o.followed, ids...)
	for _, id := range ids {
		i := slices.IndexFunc(o.jobs, func(j control.Job) bool { return j.ID == id })
		j := o.jobs[i]
		if j.State = state.StatusDone; id == "b" {
			j.State, o.jobs[i].State = state.StatusAttention, state.StatusAttention
		} else {
			o.jobs = slices.Delete(o.jobs, i, i+1)
		}

		if err := each(control.Update{For: id, Job: &j}); err != nil {
			return err
		}
	}

	return nil
}

// TestWaitForPushes: who waits for all that another process does waits for what it has not queued yet too,
// and is told of each file once.
func TestWaitForPushes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &app{stdout: io.Discard, stderr: io.Discard, waits: new(waits)}
		a.flags.quiet = true
		s := &setup{file: config.File{}}
		o := &queueingOwner{left: 4}
		w := waiter{a: a, s: s, command: "wait", all: true, beside: true, show: a.reporter(0),
			lines: a.progressLines(0)}
		defer w.show.Close()

		if err := w.follow(t.Context(), &attached{API: o}); err != nil {
			t.Fatal(err)
		}

		if want := []string{"d", "c", "b", "a"}; !slices.Equal(o.followed, want) || w.total != 4 ||
			w.attention != 1 {
			t.Errorf("followed %v, %d in all, %d need attention", o.followed, w.total, w.attention)
		}
	})
}

// runningPush is another process that works at the oldest job that is open each time one is acted on, and
// then queues another, as long as there are more.
type runningPush struct {
	control.API
	open, more []string
	paused     []string
}

func (p *runningPush) Jobs(context.Context, control.JobQuery) ([]control.Job, error) {
	var jobs []control.Job
	for _, id := range slices.Concat(p.paused, p.open) {
		jobs = append(jobs, control.Job{ID: id})
	}

	return jobs, nil
}

func (p *runningPush) Act(_ context.Context, id string, _ control.Verb) (control.ActResult, error) {
	i := slices.Index(p.open, id)
	if i < 0 {
		return control.ActResult{ID: id, State: state.StatusDone}, nil
	}

	p.open, p.paused = slices.Delete(p.open, i, i+1), append(p.paused, id)
	if len(p.open) > 0 {
		p.open = p.open[1:]
	}

	if len(p.more) > 0 {
		p.open, p.more = append(p.open, p.more[0]), p.more[1:]
	}

	return control.ActResult{ID: id, State: state.StatusPaused}, nil
}

// TestPauseAllOfRunning: who pauses all gets ahead of the process that does the jobs, and of what it queues
// meanwhile.
func TestPauseAllOfRunning(t *testing.T) {
	a := &app{stdout: io.Discard, stderr: io.Discard}
	a.flags.quiet = true
	p := &runningPush{open: []string{"1", "2", "3", "4", "5", "6"}, more: []string{"7", "8"}}
	if err := a.act(t.Context(), p, &acts{verb: control.Pause}); err != nil {
		t.Fatal(err)
	}

	if want := []string{"6", "5", "4", "8"}; !slices.Equal(p.paused, want) || len(p.open) > 0 {
		t.Errorf("paused %v, and %v go on", p.paused, p.open)
	}
}

// TestIdleText: a push that is not queued whole is left, also when no job is.
func TestIdleText(t *testing.T) {
	one := control.Status{Pushes: []control.PendingPush{{}}}
	if none := (control.Status{}); idleText(one) == idleText(none) {
		t.Error(idleText(one))
	}
}
