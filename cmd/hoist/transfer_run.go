package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	"github.com/dustin/go-humanize"

	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/local"
	"hoist/cmd/hoist/internal/owner"
	"hoist/cmd/hoist/internal/problem"
	"hoist/cmd/hoist/internal/progress"
	"hoist/state"
	"hoist/transfer"
	"hoist/transfer/remote"
)

// transferRun is one push or pull, over as many owners as it takes.
type transferRun struct {
	a       *app
	s       *setup
	command string
	remote  remote.Address
	filter  control.Filter
	batch   string
	plan    func(ctx context.Context, api control.API) (control.Plan, error)
	// queues what plan asks for while others of it are sent or fetched; nil: plan alone does
	send func(context.Context, *owner.Owner, owner.Sending) error
	dry  bool
	// what a push that is only looked at would take; nil: not asked
	forecast func(ctx context.Context, api control.API) (control.PreflightReport, error)
	by       time.Time            // when all should be done; zero: nobody asked
	when     map[string]time.Time // by remote, when files will be done; zero: unknown
	detach   bool
	silent   bool                             // no results on standard output: it carries the content
	done     func(r control.FileResult) error // called for each file with a result; nil: nothing

	every   time.Duration // between lines of progress, see [progress.New]
	show    *progress.Reporter
	lines   *progressLines
	planned bool
	waiting map[string]string // job -> what its plan warned of
	order   []string          // jobs in the order of the plan
	queued  int               // handed over and not waited for
	held    int               // queued and paused: beyond --max-transfer
	ahead   int               // found, and not told yet
	cause   string            // what helps against the first refusal whose cause is known
}

// newTransfer reads what push and pull have in common: the remote, the settings, the choice of
// files.
func (a *app) newTransfer(command string, o transferFlags, to string) (*transferRun, error) {
	t := &transferRun{a: a, command: command, dry: o.dryRun, detach: o.detach,
		batch: string(state.NewJobID())}
	var err error
	if t.every, err = o.statsEvery(); err != nil {
		return nil, err
	}

	if t.remote, err = a.remoteAddress(to); err != nil {
		return nil, err
	}

	if t.s, err = a.setup(o.settings); err != nil {
		return nil, err
	}

	filter, err := t.s.filter()
	t.filter = local.FilterOf(filter)

	return t, err
}

// run plans, follows and sums up.
func (t *transferRun) run(ctx context.Context) error {
	t.show = t.a.reporter(t.every)
	t.waiting, t.lines = map[string]string{}, t.a.progressLines(t.every)
	t.a.sum.muted = t.silent
	err := t.follow(ctx)
	t.show.Close()

	return t.sumUp(atEnd(ctx, err))
}

// follow hands the work to the owner, or does it as the owner, and takes over when the owner ends
// first.
func (t *transferRun) follow(ctx context.Context) error {
	if t.detach {
		return t.handOver(ctx)
	}

	return t.a.over(ctx, t.s, owner.Working, t.command, func(at *attached) error { return t.work(ctx, at) })
}

// handOver gives the work to a daemon and does not wait.
func (t *transferRun) handOver(ctx context.Context) error {
	c, err := t.a.daemonOnly(ctx, t.s, "--detach")
	if err != nil {
		return err
	}
	defer c.Close()
	plan, err := t.plan(ctx, c)
	if err != nil {
		return err
	}

	for _, f := range plan.Files {
		if f.Held && f.Result == "" {
			t.held++
			continue
		}

		if err := t.report(f.FileResult); err != nil {
			return err
		}
	}

	return nil
}

// With manyFiles on their way memory is collected when it grew by manySpare bytes more than else: what
// is alive is little, and each small file leaves much behind. The spare itself is never written, and so
// takes no memory.
const (
	manyFiles = 1000
	manySpare = 6 << 20
)

// work plans if that has not been done, and follows what is left of the plan.
func (t *transferRun) work(ctx context.Context, at *attached) error {
	if !t.planned && at.own != nil && t.send != nil && !t.dry {
		return t.planAlong(ctx, at)
	}

	if !t.planned {
		look := t.a.looking(ctx, at, t.show)
		plan, err := t.plan(ctx, at)
		look()

		if err != nil {
			return err
		}

		t.planned = true
		if err := t.look(ctx, at, plan.Files); err != nil {
			return err
		}

		t.leftOut(plan.LeftOut)

		for _, f := range plan.Files {
			if _, twice := t.waiting[f.Job]; f.Job != "" && !twice {
				t.order = append(t.order, f.Job)
			}

			if err := t.file(f); err != nil {
				return err
			}
		}
	}

	left := make([]string, 0, len(t.waiting))
	for _, id := range t.order {
		if _, ok := t.waiting[id]; ok {
			left = append(left, id)
		}
	}

	if len(left) == 0 {
		return nil
	}

	defer t.show.Hide()

	if len(left) >= manyFiles {
		defer runtime.KeepAlive(make([]byte, manySpare))
	}

	return at.Follow(ctx, left, t.told)
}

// planAlong plans and follows at once, as the owner of the home.
func (t *transferRun) planAlong(ctx context.Context, at *attached) error {
	looked := sync.OnceFunc(t.a.looking(ctx, at, t.show))
	defer looked()
	defer t.show.Hide()

	var spare []byte
	found := 0
	err := t.send(ctx, at.own, owner.Sending{
		Begin: func(files int, leftOut []control.RuleCount) {
			if found = files; files >= manyFiles {
				spare = make([]byte, manySpare)
			}

			t.leftOut(leftOut)
		},
		File: func(f control.PlanFile) error {
			if looked(); !t.planned {
				t.planned, t.ahead = true, found
			}

			t.ahead--

			return t.file(f)
		},
		Update: t.told,
	})
	runtime.KeepAlive(spare)

	if err == nil {
		t.ahead = 0 // files that were named twice are told once
	}

	return err
}

// file reports a planned file, or notes the job that will bring it.
func (t *transferRun) file(f control.PlanFile) error {
	t.warn(f.Path, f.Warning)

	switch {
	case f.Result == "" && f.Held:
		t.held++
		return nil
	case f.Result == "" && f.Job != "":
		t.waiting[f.Job] = f.Warning
		return nil
	}

	return t.report(f.FileResult)
}

// told shows what a follower was told.
func (t *transferRun) told(u control.Update) error {
	if u.Job != nil {
		return t.ended(u)
	}

	t.show.Show(stateOf(*u.Progress))

	return t.lines.show(*u.Progress)
}

func (t *transferRun) leftOut(rules []control.RuleCount) {
	if len(rules) > 0 && !t.silent {
		t.show.Say(printable(leftOutText(rules)))
	}
}

// look finds out what a push that is only looked at would take.
func (t *transferRun) look(ctx context.Context, at *attached, files []control.PlanFile) error {
	if !t.dry || t.forecast == nil {
		return nil
	}

	r, err := t.forecast(ctx, at)
	if err != nil {
		return err
	}

	t.when = make(map[string]time.Time, len(r.When))
	for _, f := range r.When {
		t.when[f.Remote] = f.At
	}

	t.a.sum.Forecast = &r.Forecast
	if t.by.IsZero() || r.Forecast.Files > 0 && r.Forecast.Seconds == 0 {
		return nil
	}

	r.Forecast.InTime, r.Forecast.Late = &control.ForecastPart{}, &control.ForecastPart{}
	for i := range files {
		f := &files[i].FileResult
		if _, sent := t.when[f.Remote]; !sent {
			continue
		}

		part := r.Forecast.InTime
		if t.late(f.Remote) {
			part = r.Forecast.Late
		}

		part.Files++
		if f.Bytes != nil {
			part.Bytes += *f.Bytes
		}
	}

	return nil
}

// late reports whether a file will not be done in time.
func (t *transferRun) late(remote string) bool {
	return !t.by.IsZero() && t.when[remote].After(t.by)
}

// fileRow is what is printed of a file; of a forecast with when it will be done.
type fileRow struct {
	control.FileResult
	Expected time.Time `json:"expected,omitzero"`
	Late     bool      `json:"late,omitempty"`
}

// ended reports the file of a job that is done or needs a user.
func (t *transferRun) ended(u control.Update) error {
	warning, ok := t.waiting[u.For]
	if !ok {
		return nil
	}

	delete(t.waiting, u.For)
	t.warn(u.Job.Path, u.Job.Warning)

	r := control.FileResult{Path: u.Job.Path, Remote: u.Job.Remote, Warning: warning}

	return t.report(control.ResultOf(r, *u.Job))
}

// warn tells people what they should know of a file; the row has it too.
func (t *transferRun) warn(path, text string) {
	if text != "" && !t.silent {
		t.show.Say("warning: " + printable(path+": "+text))
	}
}

// report prints the result of one file.
func (t *transferRun) report(r control.FileResult) error {
	if r.Result == "" {
		r.Result = resultQueued
		t.queued++
	}

	t.a.sum.result(r.Result, r.Bytes)
	t.cause = cmp.Or(t.cause, causeHint(r.Reason, r.Detail))

	if t.done != nil {
		if err := t.done(r); err != nil {
			return err
		}
	}

	if t.a.flags.json && !t.silent {
		return t.a.printJSON(fileRow{r, t.when[r.Remote], t.late(r.Remote)})
	}

	switch {
	case r.Result == control.ResultAttention:
		fmt.Fprintf(t.a.stderr, "attention: %s: %s\n", printable(r.Path), attentionText(r))
	case t.dry && !t.silent:
		t.a.printf("%s: %s -> %s%s\n", r.Result, printable(r.Path), printable(r.Remote), t.expected(r.Remote))
	}

	return nil
}

// expected is when a file will be done, for people; "" unknown.
func (t *transferRun) expected(remote string) string {
	at := t.when[remote]
	if at.IsZero() {
		return ""
	}

	form := time.TimeOnly
	if time.Until(at) > 12*time.Hour {
		form = time.DateTime
	}

	text := " (done at " + at.Local().Format(form)
	if t.late(remote) {
		text += ", too late"
	}

	return text + ")"
}

func attentionText(r control.FileResult) string {
	text := r.Reason
	if r.Detail != "" {
		text += ": " + oneLine(r.Detail)
	}

	if r.Fix != "" {
		text += " (fix: " + r.Fix + ")"
	}

	return printable(text)
}

// sumUp prints the summary for people, and decides how a run ends that found no end before.
func (t *transferRun) sumUp(err error) error {
	s := &t.a.sum
	left := len(t.waiting) + t.held + t.ahead
	s.Files = s.Created + s.Versioned + s.Unchanged + s.Downloaded + s.Attention + t.queued + left
	if !t.a.flags.json && !t.a.flags.quiet && (err == nil || s.Files > 0) {
		var out io.Writer = t.a.stdout
		if t.silent {
			out = t.a.stderr
		}

		fmt.Fprintln(out, t.summary(left))
	}

	if err == nil && t.held > 0 && !t.dry {
		return fail(problem.TimeUp, fmt.Errorf("--max-transfer is reached, and %s left",
			count(t.held, "file is", "files are")),
			`"hoist resume" goes on with them, and so does the same command again`)
	}

	if err == nil && !t.by.IsZero() {
		err = t.inTime(s.Forecast)
	}

	if err == nil && s.Attention > 0 {
		return needAttention(s.Attention, s.Files, t.cause)
	}

	return err
}

// inTime is how a forecast ends that was asked for what is done by a time.
func (t *transferRun) inTime(f *control.Forecast) error {
	by := t.by.Local().Format("15:04")
	switch {
	case f == nil:
		return nil
	case f.Late == nil:
		return fail(problem.Failure,
			fmt.Errorf("what will be done by %s cannot be told: nothing was sent from here "+
				"yet that tells how fast the line is", by),
			"say how fast it is, such as --bwlimit 4M, or push one large file first")
	case f.Late.Files == 0:
		return nil
	}

	return fail(problem.TimeUp, fmt.Errorf("%s of %d (%s) will not be done by %s",
		count(f.Late.Files, "file", "files"), f.Files, humanize.IBytes(uint64(f.Late.Bytes)), by),
		"begin earlier, or with what counts most (--order-by); what is not done by then is kept, "+
			"and goes on with \"hoist resume\"")
}

// resultQueued is what is said of a file that was handed over and is not waited for.
const resultQueued = "queued"

// causeHint says what helps against a refusal whose cause the service named, "" when it did not.
func causeHint(reason, detail string) string {
	switch reason {
	case transfer.ReasonForbidden, transfer.ReasonUnauthorised, transfer.ReasonRefused,
		transfer.ReasonNotFound:
		return problem.Hint(detail)
	}

	return ""
}

// needAttention is the end of a command some of whose files are not in sync; cause is what helps, ""
// unknown.
func needAttention(n, total int, cause string) error {
	hint := "run \"hoist status\", or \"hoist jobs --state attention,failed\", to see why and " +
		"what fixes it; what is done is done"
	if cause != "" {
		hint = cause + "; \"hoist status\" shows all that wait for it"
	}

	return fail(problem.Attention,
		fmt.Errorf("%d of %s %s attention", n, count(total, "file", "files"), needs(n)), hint)
}

// needs is the verb for so many files.
func needs(n int) string {
	if n == 1 {
		return "needs"
	}

	return "need"
}

func (t *transferRun) summary(left int) string {
	s := t.a.sum
	if t.dry {
		text := "would do: " + s.results(t.queued, left)
		if f := s.Forecast; f != nil {
			text += "; " + forecastText(*f)
		}

		return text
	}

	if t.detach {
		s.Bytes = 0 // none has moved yet
	}

	return s.text(t.queued, left)
}
