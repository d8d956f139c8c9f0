package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/local"
	"hoist/cmd/hoist/internal/problem"
	"hoist/cmd/hoist/internal/progress"
	"hoist/transfer"
)

func newStatusCmd(a *app) *cobra.Command {
	var follow bool
	cmd := &cobra.Command{
		Use:   "status [PATH]",
		Short: "What moves, what waits for what, and what needs a person",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := ""
			if len(args) > 0 {
				var err error
				if path, err = absPath(args[0]); err != nil {
					return err
				}
			}

			if follow {
				return a.followStatus(cmd.Context(), path)
			}

			return a.status(cmd.Context(), path)
		},
	}
	cmd.Flags().BoolVar(&follow, "follow", false,
		"print it again whenever it changes, until interrupted; needs a daemon")

	return cmd
}

func (a *app) status(ctx context.Context, path string) error {
	return a.with(ctx, "status", func(api control.API) error {
		st, err := api.Status(ctx)
		if err != nil {
			return err
		}

		if path != "" {
			if st = below(st, path); nothingAt(st, path) {
				return fail(problem.NotFound,
					fmt.Errorf("%s: there is no such file or folder, and nothing is known of it", path),
					"check the path")
			}
		}

		narrow := *a
		narrow.cells = a.statusShower().Width()

		return narrow.printStatus(st)
	})
}

// below keeps what concerns a path: the watch it lies in, and the files that are it or lie below
// it.
func below(s control.Status, path string) control.Status {
	if path == "" {
		return s
	}

	out := s

	out.Watches, out.Active, out.Attention = []control.Watch{}, []control.Active{}, []control.Attention{}
	out.Waiting = []control.Waiting{}
	for _, w := range s.Watches {
		if config.Within(w.Path, path) || config.Within(path, w.Path) {
			out.Watches = append(out.Watches, w)
		}
	}

	for _, j := range s.Active {
		if config.Within(path, j.Path) {
			out.Active = append(out.Active, j)
		}
	}

	for _, j := range s.Attention {
		if config.Within(path, j.Path) {
			out.Attention = append(out.Attention, j)
		}
	}

	for _, w := range s.Waiting {
		named := len(w.Paths)
		w.Paths = slices.DeleteFunc(slices.Clone(w.Paths),
			func(p string) bool { return !config.Within(path, p) })
		if w.Count == named {
			w.Count = len(w.Paths)
		}

		if len(w.Paths) > 0 {
			out.Waiting = append(out.Waiting, w)
		}
	}

	return out
}

func nothingAt(s control.Status, path string) bool {
	_, err := local.Look(path)
	return errors.Is(err, fs.ErrNotExist) && len(s.Watches)+len(s.Active)+len(s.Attention) == 0
}

// mostActive is how many active jobs are shown to people at once.
const mostActive = 12

func (a *app) printStatus(s control.Status) error {
	if a.flags.json {
		return a.printJSON(s)
	}

	if s.Owner == nil {
		a.line(idleText(s))
		noAttempts(&s)
	} else {
		a.line(fmt.Sprintf("%s runs (process %d, since %s)", s.Owner.Command, s.Owner.PID,
			s.Owner.Since.Local().Format("2006-01-02 15:04:05")))
	}

	for _, t := range s.Trouble {
		a.printTrouble(t)
	}

	for _, w := range s.Watches {
		a.printWatch(w)
	}

	a.line("jobs: " + countsText(s.Jobs))
	for _, p := range s.Pushes {
		a.line(pushText(p))
	}

	if s.ETA != nil {
		a.line(progress.Remaining(time.Duration(s.ETA.Seconds)*time.Second, s.ETA.DecidedBy))
	}

	if b := s.Bandwidth; b != nil {
		a.line("bandwidth: " + bandwidthText(*b))
	}

	if err := a.printActive(s.Active, mostActive); err != nil {
		return err
	}

	for _, b := range s.Budgets {
		if text := closedText(b); text != "" {
			a.line(text)
		}
	}

	for _, w := range s.Waiting {
		a.printWaiting("waiting", w)
	}

	a.printAttention(s)

	return nil
}

// pushText tells of a push or pull whose files are not all queued.
func pushText(p control.PendingPush) string {
	what, from, to := "push", strings.Join(p.Paths, " "), p.Remote
	if p.Pull {
		what, from, to = "pull", to, from
	}

	text := what + " of " + printable(from) + " -> " + printable(to) + ": "
	if p.Left == nil {
		return text + `not all of its files are queued; "hoist resume" goes on`
	}

	return text + count(*p.Left, "file is", "files are") + " queued as others are done"
}

// idleText is the first line of a status while nothing runs.
func idleText(s control.Status) string {
	if s.Jobs.Queued+s.Jobs.Active+s.Jobs.Waiting+len(s.Pushes) > 0 {
		return `nothing runs: "hoist resume" goes on with what is left`
	}

	return "nothing runs"
}

// noAttempts takes the next attempts out of a status: when nothing runs none comes by itself.
func noAttempts(s *control.Status) {
	for i := range s.Trouble {
		s.Trouble[i].NextAttempt = nil
	}

	for i := range s.Waiting {
		s.Waiting[i].NextAttempt = nil
	}

	for i := range s.Attention {
		s.Attention[i].NextAttempt = nil
	}
}

// closedText says of a limit of the service that it lets no call through; "" when it does.
func closedText(b control.Budget) string {
	switch {
	case b.ClosedUntil != nil:
		return "limit " + b.Class + ": closed by the service until " + clockText(b.ClosedUntil)
	case b.Available > 0:
		return ""
	}

	text := fmt.Sprintf("limit %s: 0 of %d calls a minute free", b.Class, b.LimitPerMinute)
	if b.NextCall != nil {
		text += ", the next at " + clockText(b.NextCall)
	}

	return text
}

// bandwidthText is the limit that holds at this hour, and where it comes from when that changes.
func bandwidthText(b control.Bandwidth) string {
	each := func(n int64) string {
		if n == 0 {
			return "no limit"
		}

		return "at most " + humanize.IBytes(uint64(n)) + "/s"
	}

	text := each(b.Up)
	if b.Up != b.Down {
		text = "up " + each(b.Up) + ", down " + each(b.Down)
	}

	if strings.Contains(b.Setting, ",") {
		text += " now (" + printable(b.Setting) + ")"
	}

	return text
}

func clockText(t *time.Time) string { return t.Local().Format(time.TimeOnly) }

// printTrouble shows in one line what keeps many files from their work.
func (a *app) printTrouble(t control.Trouble) {
	text := t.Reason + ": " + oneLine(t.Detail)
	if t.Count > 0 {
		text += " (" + count(t.Count, "file", "files") + ")"
	}

	if t.Since != nil {
		text += ", since " + clockText(t.Since)
	}

	if t.NextAttempt != nil {
		text += ", next attempt at " + clockText(t.NextAttempt)
	}

	whole := printable(text)
	if t.Fix != "" {
		whole += "; fix: " + printable(t.Fix)
	}

	if t.Fix == "" || a.fits(whole) {
		a.line(whole)
		return
	}

	a.line(printable(text))
	a.fix(t.Fix, "", t.Reason)
}

// oneByOne is how many files with one reason are shown each with its own lines.
const oneByOne = 3

// printAttention shows the files that need a user: a few of a reason one by one, many of one in a
// group.
func (a *app) printAttention(s control.Status) {
	reasons, by := byReason(s.Attention)
	for _, reason := range reasons {
		if list := by[reason]; len(list) > oneByOne {
			a.printWaiting("needs you", attentionGroup(reason, list))
			a.printHint(list[0])
			continue
		}

		for _, j := range by[reason] {
			a.line("needs you: ", printable(j.Path))
			a.line("  " + j.Reason + ": " + printable(oneLine(j.Detail)))
			if j.NextAttempt != nil {
				a.line("  next attempt at " + clockText(j.NextAttempt))
			}

			if j.Fix != "" {
				a.fix(j.Fix, j.ID, j.Reason)
			}

			a.printHint(j)
		}
	}
}

// byReason sorts files by why they need a user, in the order in which the reasons come.
func byReason(list []control.Attention) (reasons []string, by map[string][]control.Attention) {
	by = map[string][]control.Attention{}
	for _, j := range list {
		if by[j.Reason] == nil {
			reasons = append(reasons, j.Reason)
		}

		by[j.Reason] = append(by[j.Reason], j)
	}

	return reasons, by
}

// printHint says what helps against a refusal whose cause the service named.
func (a *app) printHint(j control.Attention) {
	if hint := causeHint(j.Reason, j.Detail); hint != "" {
		a.line("  hint: " + hint)
	}
}

// attentionGroup is what many files have in common that need a user for one reason.
func attentionGroup(reason string, list []control.Attention) control.Waiting {
	r, _ := transfer.ReasonByCode(reason)
	w := control.Waiting{Reason: reason, Detail: r.Sentence, Count: len(list), Fix: r.FixAll()}
	for i, j := range list {
		if i < 5 {
			w.Paths = append(w.Paths, j.Path)
		}

		if j.Since != nil && (w.Since == nil || j.Since.Before(*w.Since)) {
			w.Since = j.Since
		}

		if j.NextAttempt != nil && (w.NextAttempt == nil || j.NextAttempt.Before(*w.NextAttempt)) {
			w.NextAttempt = j.NextAttempt
		}
	}

	if w.Fix == "" && r.Fix != "" { // each has its own
		w.Detail += "; \"hoist job\" tells the fix of each"
	}

	return w
}

// printWaiting shows one cause and what waits for it.
func (a *app) printWaiting(what string, w control.Waiting) {
	a.line(fmt.Sprintf("%s: %s: %s: %s", what, count(w.Count, "file", "files"), w.Reason,
		printable(oneLine(w.Detail))))
	var times []string
	if w.Since != nil {
		times = append(times, "since "+w.Since.Local().Format(time.TimeOnly))
	}

	if w.NextAttempt != nil {
		times = append(times, "next attempt at "+w.NextAttempt.Local().Format(time.TimeOnly))
	}

	if len(times) > 0 {
		a.line("  " + strings.Join(times, ", "))
	}

	for _, p := range w.Paths {
		a.line("  ", printable(p))
	}

	if more := w.Count - len(w.Paths); more > 0 {
		a.printf("  and %d more\n", more)
	}

	if w.Fix != "" {
		a.fix(w.Fix, "", w.Reason)
	}
}

func watchText(w control.Watch) string {
	text := w.State
	if w.Files != nil {
		text += fmt.Sprintf(", %s: %d synced, %d pending, %d %s attention",
			count(*w.Files, "file", "files"), *w.Synced, *w.Pending, *w.Attention, needs(*w.Attention))
	}

	if w.Delete == config.DeleteHide {
		text += "; hides what is removed"
	}

	if len(w.LeftOut) > 0 {
		text += "; " + leftOutText(w.LeftOut)
	}

	if e := w.Excluded; e != nil {
		text += fmt.Sprintf("; %s published before and excluded now, still in the cloud (%s)",
			count(e.Count, "file", "files"), strings.Join(e.Paths, ", "))
	}

	if e := w.Doubtful; e != nil {
		text += fmt.Sprintf("; %s sent though doubtful (%s)", count(e.Count, "file", "files"),
			strings.Join(e.Paths, ", "))
	}

	if w.Detail != "" {
		if text != "" {
			text += "; "
		}

		text += w.Detail
	}

	return printable(text)
}

// leftOutText tells what is left out though nobody asked for it.
func leftOutText(by []control.RuleCount) string {
	const named = 3

	all, rules := 0, make([]string, 0, named)
	for i, r := range by {
		all += r.Count
		if i < named {
			rules = append(rules, fmt.Sprintf("%s: %d", r.Rule, r.Count))
		}
	}

	if len(by) > named {
		rules = append(rules, "others")
	}

	return fmt.Sprintf("left out by built-in rules: %d (%s)", all, strings.Join(rules, ", "))
}

func countsText(c control.Counts) string {
	text := ""
	for _, n := range []struct {
		n    int
		name string
	}{
		{c.Active, "active"}, {c.Queued, "queued"}, {c.Waiting, "waiting"}, {c.Paused, "paused"},
		{c.Attention, needs(c.Attention) + " attention"},
		{c.Done, "done"}, {c.Failed, "failed"}, {c.Cancelled, "cancelled"},
	} {
		if n.n == 0 {
			continue
		}

		if text != "" {
			text += ", "
		}

		text += fmt.Sprintf("%d %s", n.n, n.name)
	}

	if text == "" {
		return "none"
	}

	return text
}

func amount(j control.Active) string {
	if j.BytesTotal == nil {
		return humanize.IBytes(uint64(j.BytesDone))
	}

	return humanize.IBytes(uint64(j.BytesDone)) + " of " + humanize.IBytes(uint64(*j.BytesTotal))
}

func speed(j control.Active) string {
	if j.Rate <= 0 {
		return ""
	}

	text := humanize.IBytes(uint64(j.Rate)) + "/s"
	if j.ETASeconds > 0 {
		text += ", " + progress.Remaining(time.Duration(j.ETASeconds)*time.Second, "")
	}

	return text
}
