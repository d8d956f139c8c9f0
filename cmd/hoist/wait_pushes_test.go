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

		if want := []string{"d", "c", "b", "a"}; !slices.Equal(o.followed, want) || w.total != 4 || w.attention != 1 {
			t.Errorf("followed %v, %d in all, %d need attention", o.followed, w.total, w.attention)
		}
	})
}
