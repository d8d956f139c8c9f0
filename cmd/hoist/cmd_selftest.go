package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/problem"
	"hoist/cmd/hoist/internal/selftest"
	"hoist/transfer/remote"
)

// longestWait is how long selftest waits at most until an effect shows.
const longestWait = 10 * time.Minute

func newSelftestCmd(a *app) *cobra.Command {
	var o selftestOptions
	cmd := &cobra.Command{
		Use:   "selftest REMOTE",
		Short: "Try on your account what nobody outside of the service has confirmed",
		Long: `selftest tries, one by one, what the documentation leaves open: how upload keys,
empty objects, repeated completions, equal names, ranges and the like are
answered. Run it once for each kind of hub that you use.

It works in a scratch folder that it makes in REMOTE, a folder of a project, and
hides in the end: a folder cannot be deleted. With oss:// the scratch is a bucket,
with oss://BUCKET keys in that bucket; both are deleted. Nothing else is changed.
It makes at most 100 calls, says so and asks before; --yes answers beforehand.

The report holds no names, ids, addresses or secrets, so that you can send it to
whoever maintains hoist. What was found is kept in facts.json of the home.`,
		Example: "  hoist selftest \"aps://My Account/My Project/Project Files\"\n" +
			"  hoist selftest --yes oss://",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.selftest(cmd.Context(), args[0], o)
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	f.DurationVar(&o.wait, "wait", longestWait, "wait so long for an effect to show, 10m at most")
	f.StringVar(&o.report, "report", "", "write the report there (default: a file in the home)")

	return cmd
}

type selftestOptions struct {
	yes    bool
	wait   time.Duration
	report string
}

func (a *app) selftest(ctx context.Context, arg string, o selftestOptions) error {
	if o.wait < 0 || o.wait > longestWait {
		return problem.Usagef("--wait is %s, and can be 0s to %s", o.wait, longestWait)
	}

	if !o.yes && !a.canAsk() {
		return fail(problem.Usage,
			errors.New("selftest asks before it makes anything, and there is no terminal to ask at"),
			"add --yes where that is meant")
	}

	address, err := a.remoteAddress(arg)
	if err != nil {
		return err
	}

	if ctx, err = a.mayChange(ctx, arg); err != nil {
		return err
	}

	s, err := a.setup(config.Settings{})
	if err != nil {
		return err
	}

	env, done, err := a.selftestEnv(s)
	if err != nil {
		return err
	}
	defer done()

	if env.Place, err = remote.NewResolver(env.Client, a.log).Resolve(ctx, address); err != nil {
		return err
	}

	scratch, err := scratchOf(env.Place)
	if err != nil {
		return err
	}

	if !o.yes {
		agreed, err := a.ask(fmt.Sprintf("%s: %s, with at most %d calls?",
			printable(env.Place.Address.String()), scratch, selftest.Calls))
		if err != nil {
			return err
		}

		if !agreed {
			return fail(problem.Usage, errors.New("nothing was tried"), "answer y, or add --yes")
		}
	}

	env.Wait, env.Tell = o.wait, a.printFact
	env.Log = func(text string) {
		if !a.flags.quiet {
			fmt.Fprintln(a.stderr, text)
		}
	}
	report, err := selftest.Run(ctx, env)

	return errors.Join(a.keepReport(s.home, report, o.report), selftestEnd(err))
}

// scratchOf says what is made in a place, and what becomes of it.
func scratchOf(p remote.Place) (string, error) {
	switch {
	case p.Kind == remote.KindBuckets:
		return "make two buckets, try what is open, delete them", nil
	case p.Kind == remote.KindBucket:
		return "store a few objects, try what is open, delete them", nil
	case p.Kind == remote.KindFolder && len(p.Address.Steps) > 2:
		return "make a folder, try what is open, hide it (a folder cannot be deleted)", nil
	}

	return "", problem.Usagef("%s is %s: selftest takes a folder of a project, a bucket, or oss://",
		p.Address, aKind(p.Kind))
}

// selftestEnv makes a client of its own, all of whose requests are counted.
func (a *app) selftestEnv(s *setup) (selftest.Env, func(), error) {
	var env selftest.Env
	acc, err := s.account(s.profile)
	if err != nil {
		return env, nil, err
	}

	conf, err := a.clientConfig(acc)
	if err != nil {
		return env, nil, err
	}

	if conf.Tokens, err = a.tokens(s, acc); err != nil {
		return env, nil, err
	}

	network := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{RootCAs: conf.RootCAs, MinVersion: tls.VersionTLS12}}
	env.Meter = selftest.NewMeter(network)
	conf.Transport, conf.Limits = env.Meter, s.limits
	env.HTTP = &http.Client{Transport: env.Meter, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	env.Region = acc.Region
	env.Client, err = apsclient.New(conf)

	return env, network.CloseIdleConnections, err
}

func (a *app) printFact(r selftest.Result) error {
	if a.flags.json {
		return a.printJSON(r)
	}

	line := fmt.Sprintf("%-18s expected %-9s seen %-21s %s", r.Fact, r.Expected, r.Seen,
		printable(factNote(r)))
	a.printf("%s\n", strings.TrimRight(line, " "))

	return nil
}

func factNote(r selftest.Result) string {
	switch r.Verdict {
	case selftest.Differs:
		return joinNote("DIFFERS", r.Note)
	case selftest.Untried:
		return joinNote("not tried", r.Note)
	case selftest.AsExpected:
	}

	return r.Note
}

func joinNote(word, note string) string {
	if note == "" {
		return word
	}

	return word + ": " + note
}

// keepReport writes the report and what it teaches, and says where.
func (a *app) keepReport(home config.Home, r selftest.Report, path string) error {
	if len(r.Facts) == 0 {
		return nil
	}

	r.Hoist = version()
	if path == "" {
		path = filepath.Join(home.State, "selftest-"+r.Date.Format("20060102T150405Z")+".json")
	}

	if err := home.Ensure(); err != nil {
		return err
	}

	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}

	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}

	if err := config.WriteFile(path, append(raw, '\n')); err != nil {
		return err
	}

	known, err := selftest.LoadFacts(home.FactsFile())
	if err != nil {
		return err
	}

	known.Add(r)

	if raw, err = json.MarshalIndent(known, "", "  "); err != nil {
		return err
	}

	if err := config.WriteFile(home.FactsFile(), append(raw, '\n')); err != nil {
		return err
	}

	differ, untried := r.Count(selftest.Differs), r.Count(selftest.Untried)
	if a.flags.json {
		return a.printJSON(map[string]any{"report": path, "hub": r.Hub, "region": r.Region, "calls": r.Calls,
			"differs": differ, "untried": untried})
	}

	a.printf("%s: %s, %d differ, %d not tried, %s\nreport: %s\n", r.Hub+" "+r.Region,
		count(len(r.Facts), "fact", "facts"), differ, untried, count(r.Calls, "call", "calls"),
		printable(path))

	return nil
}

// selftestEnd is how a run ended: what was found is no failure, what was left is.
func selftestEnd(err error) error {
	if errors.Is(err, selftest.ErrLeft) {
		return fail(problem.Attention, err, "its name begins with hoist-selftest-")
	}

	return err
}
