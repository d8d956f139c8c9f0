package main

import (
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/progress"
	"hoist/cmd/hoist/internal/service"
)

// app is what every command shares: the environment, the streams and the global flags. It is set up
// once by [run].
type app struct {
	environ        []string
	stdin          io.Reader
	input          io.Reader // stdin, for reading: a signal ends a read at once. Set by run
	stdout, stderr io.Writer
	out            *printout // stdout, with what became of it
	flags          globalFlags
	lockWait       time.Duration  // for another process that has the state; set by begin
	shape          shape          // of what --json prints; nil: as it is. Set by begin
	log            *slog.Logger   // nothing without -v or a log file; set by openLog
	logFile        io.WriteCloser // nil: none
	logsToScreen   bool           // also without -v
	sum            summary
	waits          *waits
	handed         bool // to the owner of the home, which records what it does; set by dial
	started        bool // the arguments were understood: an error from now on is not one of usage

	cells int // of the window that the status is made for; 0: it has whole lines

	tell service.Tell // the event log of a service; nil: none. Set by daemon
}

type globalFlags struct {
	home, profile, limits string
	jq, template          string
	lockWait              string
	logFile, logFormat    string
	json, quiet           bool
	verbose               int
}

func newApp(environ []string, stdin io.Reader, stdout, stderr io.Writer) *app {
	a := &app{environ: environ, stdin: stdin, input: stdin, log: slog.New(slog.DiscardHandler)}
	screen := progress.NewScreen(stderr, a.getenv)
	a.out = &printout{to: screen.Beside(stdout)}
	a.stderr, a.stdout, a.waits = screen, a.out, &waits{}
	a.waits.app = a

	return a
}

// begin runs before every command, once the flags are known.
func (a *app) begin() (err error) {
	a.waits.quiet = a.flags.quiet
	if err := a.openLog(); err != nil {
		return err
	}

	if a.shape, err = newShape(a.flags.jq, a.flags.template); a.shape != nil {
		a.flags.json = true
	}

	if err == nil && a.flags.lockWait != "" {
		if a.lockWait, err = config.ParseDuration(a.flags.lockWait); err != nil {
			err = &config.Error{Key: "--wait-for-lock", Msg: err.Error()}
		}
	}

	return err
}

// getenv returns the value of an environment variable, the last one winning as in os/exec; "" when
// it is not set.
func (a *app) getenv(name string) string {
	for _, e := range slices.Backward(a.environ) {
		if k, v, ok := strings.Cut(e, "="); ok && k == name {
			return v
		}
	}

	return ""
}
