package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/problem"
	"hoist/cmd/hoist/internal/progress"
)

// followStatus prints the status at every change, at most twice a second.
func (a *app) followStatus(ctx context.Context, path string) error {
	s, err := a.setup(config.Settings{})
	if err != nil {
		return err
	}

	gone := fail(problem.NoDaemon, errors.New("status --follow needs a daemon, and none runs"),
		"start one with \"hoist daemon\"")

	c, err := a.dial(ctx, s)
	if errors.Is(err, control.ErrNoOwner) {
		return gone
	}

	if err != nil {
		return err
	}

	defer c.Close()

	show := a.statusShower()
	defer show.Keep()

	var index uint64 = control.FromNow
	for {
		st, err := c.Status(ctx)
		if err == nil {
			err = a.showStatus(show, below(st, path))
		}

		if err == nil {
			var e control.Event
			// bytes move without a change in the state
			wait, cancel := context.WithTimeout(ctx, 2*time.Second)
			e, err = c.Changes(wait, index)
			cancel()
			if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
				err = nil
			} else {
				index = e.Index
			}
		}

		switch {
		case errors.Is(err, control.ErrNoOwner):
			return gone
		case err != nil:
			return err
		}

		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// statusShower is the terminal that a status is drawn on again and again.
func (a *app) statusShower() *progress.Screen {
	out := a.stdout
	if w, ok := out.(interface{ Unwrap() any }); ok {
		out, _ = w.Unwrap().(io.Writer)
	}

	return progress.NewScreen(out, a.getenv)
}

// showStatus prints a status with the time: in place of the one before on a terminal, else below it.
func (a *app) showStatus(show *progress.Screen, s control.Status) error {
	if a.flags.json {
		return a.printJSON(s)
	}

	if !show.Terminal() {
		_, err := io.WriteString(a.stdout, a.followedText(s, 0))
		return err
	}

	show.Draw(func(width, height int) []string {
		text := strings.TrimSuffix(a.followedText(s, max(width-1, 1)), "\n")
		return progress.Fit(strings.Split(text, "\n"), width, height)
	})

	return nil
}

// How many of each are shown in a window that is drawn again and again, so that all have room.
const (
	mostMoving  = 4
	mostCauses  = 3
	mostNeeding = 3
)

// followedText is what the page of the home shows, in the same order and words: first what needs a
// person, which a small window must not cut.
func (a *app) followedText(s control.Status, cells int) string {
	var text bytes.Buffer
	b := *a
	b.stdout, b.cells = &text, cells
	b.line(time.Now().Format(time.DateTime) + "  " + headline(s))
	b.line(leadText(s))
	for _, t := range s.Trouble {
		b.printTrouble(t)
	}

	b.followAttention(s)
	b.followMoving(s)
	for _, w := range s.Waiting[:min(len(s.Waiting), mostCauses)] {
		b.followGroup("waiting", w)
	}

	if more := len(s.Waiting) - mostCauses; more > 0 {
		b.line("waiting: for " + count(more, "more cause", "more causes"))
	}

	b.line("jobs: " + countsText(s.Jobs))
	b.line("bandwidth: " + bandwidthOf(s.Bandwidth))
	b.followBudgets(s.Budgets)
	for _, w := range s.Watches {
		b.printWatch(w)
	}

	if len(s.Watches) == 0 {
		b.line("no folder is watched: hoist watch add PATH REMOTE")
	}

	return text.String()
}

// headline is what matters most, as the page has it.
func headline(s control.Status) string {
	needing := max(len(s.Attention), s.Jobs.Attention)
	moving := s.Jobs.Queued + s.Jobs.Active + s.Jobs.Waiting
	switch {
	case needing > 0:
		return count(needing, "file needs you", "files need you")
	case moving > 0:
		return count(moving, "file is on its way", "files are on their way")
	case s.Jobs.Paused > 0:
		return count(s.Jobs.Paused, "file is paused", "files are paused")
	case len(s.Watches) == 0 && s.Jobs.Done == 0:
		return "nothing is watched yet"
	}

	return "everything is up"
}

// leadText says how long all takes and what decides it, or what is looked at.
func leadText(s control.Status) string {
	paused := 0
	for _, w := range s.Watches {
		if w.State == control.WatchPaused {
			paused++
		}
	}

	text := "watching " + count(len(s.Watches), "folder", "folders")
	if paused > 0 {
		text += fmt.Sprintf(", %d paused", paused)
	}

	if s.Owner != nil {
		text += fmt.Sprintf(" (%s, process %d)", s.Owner.Command, s.Owner.PID)
	}

	if s.ETA != nil {
		text = progress.Remaining(time.Duration(s.ETA.Seconds)*time.Second, s.ETA.DecidedBy) + "; " + text
	}

	return text
}

func bandwidthOf(b *control.Bandwidth) string {
	if b == nil {
		return "no limit"
	}

	return bandwidthText(*b)
}

// followAttention shows the few files that need a person, or how many do for each reason, and what helps.
func (a *app) followAttention(s control.Status) {
	if len(s.Attention) <= mostNeeding {
		a.printAttention(s)
		return
	}

	reasons, by := byReason(s.Attention)
	for _, reason := range reasons[:min(len(reasons), mostNeeding)] {
		if list := by[reason]; len(list) == 1 {
			a.printAttention(control.Status{Attention: list})
		} else {
			a.followGroup("needs you", attentionGroup(reason, list))
		}
	}

	if more := len(reasons) - mostNeeding; more > 0 {
		a.line("needs you: for " + count(more, "more reason", "more reasons"))
	}
}

// followGroup shows one cause, the names of the first files that it keeps, and what helps.
func (a *app) followGroup(what string, w control.Waiting) {
	a.line(fmt.Sprintf("%s: %s: %s: %s", what, count(w.Count, "file", "files"), w.Reason,
		printable(oneLine(w.Detail))))
	names := make([]string, len(w.Paths))
	for i, p := range w.Paths {
		names[i] = filepath.Base(p)
	}

	end := ""
	if w.Count > len(names) {
		end = ", …"
	}

	if w.NextAttempt != nil {
		end += "; next attempt at " + clockText(w.NextAttempt)
	}

	a.line("  ", printable(strings.Join(names, ", ")), end)
	if w.Fix != "" {
		a.fix(w.Fix, "", w.Reason)
	}
}

// followMoving shows what moves in columns that keep their places.
func (a *app) followMoving(s control.Status) {
	for _, j := range s.Active[:min(len(s.Active), mostMoving)] {
		name := j.Path
		if a.cells > 0 && a.cells < 100 {
			name = filepath.Base(name)
		}

		a.line(a.movingText(j), printable(name))
	}

	if more := len(s.Active) - mostMoving; more > 0 {
		a.printf("  and %d more on their way\n", more)
	}
}

// movingText is how far a job is; in a narrow window without its bar, and then without its speed.
func (a *app) movingText(j control.Active) string {
	done, total := humanize.IBytes(uint64(max(j.BytesDone, 0))), "?"
	percent := 0
	if j.BytesTotal != nil {
		total = humanize.IBytes(uint64(*j.BytesTotal))
		percent = int(100 * j.BytesDone / max(*j.BytesTotal, 1))
	}

	text := fmt.Sprintf("  %-10s %8s of %8s  ", j.Phase, done, total)
	if a.cells == 0 || a.cells >= 79 {
		speed, left := "", ""
		if j.Rate > 0 {
			speed = humanize.IBytes(uint64(j.Rate)) + "/s"
		}

		if j.ETASeconds > 0 {
			left = progress.Remaining(time.Duration(j.ETASeconds)*time.Second, "")
		}

		text += fmt.Sprintf("%10s %11s  ", speed, left)
	}

	if a.cells >= 100 {
		text += fmt.Sprintf("%s%3d%%  ", progress.Bar(percent, 14), percent)
	}

	return text
}

// followBudgets says in one line how many calls the limits let through now, of those that are in use.
func (a *app) followBudgets(budgets []control.Budget) {
	var used []string
	for _, b := range budgets {
		if text := closedText(b); text != "" {
			a.line(text)
		} else if b.Available < b.LimitPerMinute {
			used = append(used, fmt.Sprintf("%s %d of %d", b.Class, b.Available, b.LimitPerMinute))
		}
	}

	if len(used) > 0 {
		a.line("calls left this minute: " + strings.Join(used, ", "))
	}
}
