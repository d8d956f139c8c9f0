package main

import (
	"cmp"
	"context"
	"sync"
	"time"

	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/progress"
)

const (
	showAfter = time.Second     // what is done by then needs no display
	lookEvery = 2 * time.Second // between two questions of what keeps a plan from being made
)

// looking shows that what is there is looked at, and what keeps that up, until the function that it
// returns is called.
func (a *app) looking(ctx context.Context, api control.API, show *progress.Reporter) (done func()) {
	ctx, stop := context.WithCancel(ctx)
	var asked sync.WaitGroup
	asked.Go(func() {
		for pause := showAfter; ; {
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}

			began := time.Now()
			s, _ := api.Status(ctx)                     // whoever makes the plan is told of an error
			pause = max(lookEvery, 5*time.Since(began)) // a home with many jobs takes its time
			show.Show(progress.State{Looking: true, Wait: troubleOf(s.Trouble)})
		}
	})

	return func() {
		stop()
		asked.Wait()
	}
}

// lookingOn shows the same for a command that has nothing else to show.
func (a *app) lookingOn(ctx context.Context, api control.API) (done func()) {
	show := a.reporter(0)
	stop := a.looking(ctx, api, show)

	return func() {
		stop()
		show.Close()
	}
}

// troubleOf is the first of what ails the home, as what is waited for.
func troubleOf(list []control.Trouble) progress.Wait {
	if len(list) == 0 {
		return progress.Wait{}
	}

	t := list[0]

	return progress.Wait{Why: printable(oneLine(cmp.Or(t.Detail, t.Reason))), Since: clock(t.Since),
		Next: clock(t.NextAttempt)}
}

// progressLines prints how far a command is between its results, with --json and as often as
// --stats asks for.
type progressLines struct {
	a     *app
	every time.Duration // not above zero: never
	next  time.Time
}

func (a *app) progressLines(every time.Duration) *progressLines {
	if !a.flags.json {
		every = 0
	}

	return &progressLines{a: a, every: every, next: time.Now().Add(every)}
}

func (l *progressLines) show(p control.Progress) error {
	now := time.Now()
	if l.every <= 0 || l.a.sum.muted || now.Before(l.next) {
		return nil
	}

	for !l.next.After(now) { // a line that came late delays no other
		l.next = l.next.Add(l.every)
	}

	return l.a.printJSON(map[string]control.Progress{"progress": p})
}

func stateOf(p control.Progress) progress.State {
	s := progress.State{
		Files: p.Files, FilesDone: p.FilesDone, Attention: p.Attention, Bytes: p.Bytes,
		BytesDone: p.BytesDone, Rate: p.Rate, Calls: p.Calls,
		ETA: time.Duration(p.ETASeconds) * time.Second, DecidedBy: p.DecidedBy, PerMinute: p.PerMinute,
		Next: clock(p.NextCall),
	}
	if w := p.Wait; w != nil {
		s.Wait = progress.Wait{Why: printable(oneLine(cmp.Or(w.Detail, w.Reason))), Files: w.Count,
			Since: clock(w.Since), Next: clock(w.NextAttempt)}
	}

	for _, f := range p.Slowest {
		file := progress.File{Path: printable(f.Path), Phase: f.Phase, BytesDone: f.BytesDone, Rate: f.Rate,
			ETA: time.Duration(f.ETASeconds) * time.Second, Tries: f.Tries, Why: f.Reason,
			Next: clock(f.NextAttempt)}
		if f.BytesTotal != nil {
			file.Bytes = *f.BytesTotal
		}

		s.Slowest = append(s.Slowest, file)
	}

	return s
}

// clock is a time in the zone of who looks on; zero when it is not known.
func clock(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}

	return t.Local()
}
