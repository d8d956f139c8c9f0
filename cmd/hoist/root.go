package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"hoist/cmd/hoist/internal/problem"
)

// commands lists every command of hoist; each lives in its cmd_NAME.go. Those of the 51 actions are
// there when they are asked for.
func (a *app) commands(actions bool) []*cobra.Command {
	return []*cobra.Command{
		newAPICmd(a, actions),
		newCancelCmd(a),
		newCatCmd(a),
		newCompletionCmd(a),
		newCopytoCmd(a),
		newConfigCmd(a),
		newConflictsCmd(a),
		newDaemonCmd(a),
		newDemoCmd(a),
		newDiagnoseCmd(a),
		newDoctorCmd(a),
		newEmulatorCmd(a),
		newEventsCmd(a),
		newExplainCmd(a),
		newFilterCmd(a),
		newForgetCmd(a),
		newGuideCmd(a),
		newJobCmd(a),
		newJobsCmd(a),
		newLoginCmd(a),
		newLogoutCmd(a),
		newLsCmd(a),
		newMvCmd(a),
		newOpenCmd(a),
		newResolveCmd(a),
		newRestoreCmd(a),
		newRmCmd(a),
		newSchemaCmd(a),
		newURLCmd(a),
		newVersionsCmd(a),
		newManCmd(a),
		newMkdirCmd(a),
		newPauseCmd(a),
		newPreflightCmd(a),
		newProfileCmd(a),
		newPullCmd(a),
		newPushCmd(a),
		newResumeCmd(a),
		newRetryCmd(a),
		newSelftestCmd(a),
		newServiceCmd(a),
		newSizeCmd(a),
		newStatCmd(a),
		newStateCmd(a),
		newStatusCmd(a),
		newTreeCmd(a),
		newVerifyCmd(a),
		newVersionCmd(a),
		newWaitCmd(a),
		newWatchCmd(a),
	}
}

// run is hoist without the process around it: it returns the exit code.
func run(ctx context.Context, args, environ []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := withSignals(ctx, stderr)
	defer stop()
	a := newApp(environ, stdin, stdout, stderr)
	a.input = interruptible(ctx, stdin)
	root := a.rootCommand(args...)
	root.SetArgs(args)
	a.sum.began = time.Now()
	cmd, err := root.ExecuteContextC(ctx)
	a.waits.close()
	err = errors.Join(err, a.printSummary(cmd, args))
	a.noteChange(cmd, err)
	if e, ok := errors.AsType[*problem.Error](err); err != nil && !a.started && !(ok && e.Fix.Words != "") {
		err = fail(problem.Usage, err, "see \""+cmd.CommandPath()+" --help\"")
	}

	if err == nil {
		err = a.out.lost()
	}

	if errors.Is(context.Cause(ctx), problem.ErrInterrupted) && errors.Is(err, context.Canceled) {
		err = problem.ErrInterrupted
	}

	if _, fix := problem.Of(err); kindOf(err) == problem.Interrupted && fix.Step == problem.GoOn {
		err = fail(problem.Interrupted, err, a.afterInterruption(cmd, args))
	}

	err = errors.Join(err, a.closeLog())

	return report(stderr, err)
}

// rootCommand makes the commands. Given the words of a command line, it leaves out what those cannot
// ask for: the 51 actions and what completes are most of a start.
func (a *app) rootCommand(words ...string) *cobra.Command {
	var versionAsked bool
	root := &cobra.Command{
		Use:   "hoist",
		Short: "Move drawings and models between folders and Autodesk Platform Services",
		Long: `hoist uploads and downloads drawings and models, by hand or from watched
folders. Kill it, unplug it, save over it: every drawing ends as exactly one
whole version.`,
		SilenceErrors: true,
		// of letters, for what else a command may be meant to be
		SuggestionsMinimumDistance: 2,
		SilenceUsage:               true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := cmd.ValidateFlagGroups(); err != nil { // cobra would look only after this
				return err
			}

			if err := noEmpty(cmd.Flags()); err != nil {
				return err
			}

			a.started = true

			return a.begin()
		},
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}

			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if versionAsked {
				return a.printVersion()
			}

			return cmd.Help()
		},
	}
	root.Flags().BoolVar(&versionAsked, "version", false, "print the version of this program")
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	f := root.PersistentFlags()
	f.StringVar(&a.flags.home, "home", "", "folder of configuration, state and socket (HOIST_HOME)")
	f.StringVar(&a.flags.profile, "profile", "", "profile to use (HOIST_PROFILE)")
	f.BoolVar(&a.flags.json, "json", false, "print data as JSON, one object a line")
	f.StringVar(&a.flags.jq, "jq", "", "print what this jq expression makes of each JSON object")
	f.StringVar(&a.flags.template, "template", "", "print each JSON object by this Go template")
	f.BoolVarP(&a.flags.quiet, "quiet", "q", false, "no progress, no summary")
	f.CountVarP(&a.flags.verbose, "verbose", "v", "log what happens to standard error (-vv: every request)")
	f.StringVar(&a.flags.logFile, "log-file", "",
		"log what happens to this file, which is cut by size and age")
	f.StringVar(&a.flags.logFormat, "log-format", "", "lines of the log: text or json (default text)")
	f.StringVar(&a.flags.limits, "limits", "",
		"API budgets: documented, server, or a file with raised quotas (HOIST_LIMITS)")
	f.StringVar(&a.flags.lockWait, "wait-for-lock", "",
		"wait this long for another process that has the state open, such as 10m")
	root.AddCommand(a.commands(len(words) == 0 || slices.Contains(words, "api"))...)
	root.SetHelpCommand(newHelpCmd(a))
	group(root)
	if len(words) == 0 || strings.HasPrefix(words[0], cobra.ShellCompRequestCmd) {
		a.completeArgs(root)
	}

	explainArgs(root)
	addExamples(root)

	return root
}

// explainArgs makes wrong arguments of every command without commands of its own an error that
// shows how it is used.
func explainArgs(c *cobra.Command) {
	for _, sub := range c.Commands() {
		explainArgs(sub)
	}

	check := c.Args
	if check == nil || c.HasSubCommands() {
		return
	}

	c.Args = func(cmd *cobra.Command, args []string) error {
		if check(cmd, args) == nil {
			return nil
		}

		usage := strings.TrimSuffix(cmd.UseLine(), " [flags]")

		return fmt.Errorf("got %s; usage: %s", count(len(args), "argument", "arguments"), usage)
	}
}

// noEmpty rejects --flag="", which is what an unset shell variable expands to: the default instead,
// such as another home or another name, is not what was meant.
func noEmpty(f *pflag.FlagSet) (err error) {
	f.Visit(func(x *pflag.Flag) {
		empty := map[string]string{"string": "", "stringSlice": "[]"}
		if none, ok := empty[x.Value.Type()]; ok && x.Value.String() == none && x.Name != "separator" {
			err = fmt.Errorf("--%s is given and empty", x.Name)
		}
	})

	return err
}

// endWithin is how long after a signal the process ends at the latest, whatever it waits for.
const endWithin = 4800 * time.Millisecond

// sameSignal is how soon after a signal another one is the same: timeout(1) sends each to the process and
// then to its group, and a service manager may send SIGHUP right after SIGTERM.
const sameSignal = 500 * time.Millisecond

// afterInterruption is the advice after a command that a signal ended; "" that resume goes on with it.
func (a *app) afterInterruption(cmd *cobra.Command, args []string) string {
	queues := cmd.Annotations["ends-with"] != "" || cmd.Name() == "retry" ||
		slices.Contains(args, uploadAction)
	switch {
	case !queues:
		return "run it again when it is wanted"
	case a.sum.Files == 0 && cmd.Annotations["ends-with"] != "":
		return "run it again; what was queued already is kept"
	}

	return ""
}

// withSignals ends the context at the first SIGINT or SIGTERM, or when the terminal goes; one more, of
// somebody who does not want to wait, ends the process at once, and so does endWithin.
func withSignals(parent context.Context, stderr io.Writer) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)

	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as under nohup
		signal.Notify(signals, syscall.SIGHUP)
	}

	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)

		select {
		case <-signals:
			cancel(problem.ErrInterrupted)
		case <-ctx.Done():
			return
		}

		if overdue(signals, ended) {
			endNow(stderr)
		}
	}()

	return ctx, func() {
		signal.Stop(signals)
		close(ended)
		cancel(context.Canceled)
		<-done
	}
}

// overdue waits, after a signal, for the end of the command and reports whether it is not to be waited for
// any longer.
func overdue(signals <-chan os.Signal, ended <-chan struct{}) bool {
	first, late := time.Now(), time.After(endWithin)
	for {
		select {
		case <-ended:
			return false
		case <-late:
			return true
		case <-signals:
			if time.Since(first) > sameSignal {
				return true
			}
		}
	}
}

// endNow ends the process in the middle of what it does. Nobody may read what is said of that.
func endNow(stderr io.Writer) {
	code, told := exitCodes[problem.Interrupted], make(chan struct{})
	go func() {
		defer close(told)

		report(stderr, problem.ErrInterrupted)
	}()

	select {
	case <-told:
	case <-time.After(100 * time.Millisecond):
	}

	os.Exit(code)
}
