package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/local"
	"hoist/cmd/hoist/internal/problem"
	"hoist/cmd/hoist/internal/service"
)

// serviceFlags say which service is meant.
type serviceFlags struct {
	system, force, unit bool
	account             string
}

func newServiceCmd(a *app) *cobra.Command {
	var o serviceFlags
	cmd := &cobra.Command{
		Use:   "service",
		Short: "Have the system run the daemon: from logon on, or from the start of the machine",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return problem.Usagef("service needs a subcommand: install, uninstall, start, stop or status")
		},
	}
	cmd.PersistentFlags().BoolVar(&o.system, "system", false,
		"from the start of the machine, whoever is logged on; needs an administrator, and --home")

	sub := func(name, short string, do func(context.Context, serviceFlags) error) *cobra.Command {
		return &cobra.Command{Use: name, Short: short, Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return do(cmd.Context(), o) }}
	}
	install := sub("install", "Install the service and start it", a.serviceInstall)
	install.Long = `Install a service that runs the daemon, and start it: a unit of systemd, a job of
launchd, a task at logon or, with --system, a service of Windows. Before, the
account of the service looks at what it will need: credentials (it has neither
this environment nor a keyring), and both the home and the watched folders. What it
cannot see is told, and nothing is installed; exit code 3.`
	install.Flags().StringVar(&o.account, "account", "", "account of a system service (Linux, macOS)")
	install.Flags().BoolVar(&o.force, "force", false, "install also when something is missing")
	install.Flags().BoolVar(&o.unit, "print", false, "print the unit of systemd and install nothing")
	check := sub("check", "What the account of the service sees", a.serviceCheck)
	check.Hidden = true // what install runs as that account

	cmd.AddCommand(install, check,
		sub("uninstall", "Stop the service and remove it; the home stays", a.serviceUninstall),
		sub("start", "Start the service", a.serviceStart),
		sub("stop", "Stop the service; what is under way goes on at the next start", a.serviceStop),
		sub("status", "Whether the service is installed and the daemon answers", a.serviceStatus))

	return cmd
}

// manager is that of the service which the flags mean.
func (a *app) manager(o serviceFlags) (service.Manager, error) {
	opts, err := a.serviceOptions(o)
	if err != nil {
		return nil, err
	}

	m, err := service.New(opts)
	if err != nil {
		err = serviceFailed(err)
	}

	return m, err
}

func (a *app) serviceOptions(o serviceFlags) (service.Options, error) {
	home := a.flags.home
	if home == "" {
		home = a.getenv("HOIST_HOME")
	}

	switch {
	case o.system && home == "":
		return service.Options{}, problem.Usagef("--system needs --home: a service has no home of its own")
	case o.account != "" && !o.system:
		return service.Options{}, problem.Usagef("--account goes with --system")
	}

	program, err := os.Executable()
	if err != nil {
		return service.Options{}, fmt.Errorf("find this program: %w", err)
	}

	opts := service.Options{System: o.system, User: o.account, Program: program, Args: []string{"daemon"}}
	if o.system {
		opts.Env = []string{"HOIST_NO_KEYRING=1"} // a service has none
	}

	if home != "" {
		if home, err = filepath.Abs(home); err != nil {
			return opts, err
		}

		opts.Args = append(opts.Args, "--home", home)
	}

	if a.flags.profile != "" {
		opts.Args = append(opts.Args, "--profile", a.flags.profile)
	}

	return opts, nil
}

func (a *app) serviceInstall(ctx context.Context, o serviceFlags) error {
	opts, err := a.serviceOptions(o)
	if err != nil {
		return err
	}

	if o.unit {
		a.printf("%s", service.Unit(opts))
		return nil
	}

	if err := a.serviceSees(ctx, opts); err != nil && !o.force {
		return err
	}

	m, err := a.manager(o)
	if err != nil {
		return err
	}

	if err := m.Install(); err != nil {
		if errors.Is(err, service.ErrInstalled) {
			return fail(problem.Usage, err, "\"hoist service uninstall\" removes it, and keeps the home")
		}

		return serviceFailed(err)
	}

	if err := m.Start(); err != nil {
		return serviceFailed(err)
	}

	return a.serviceDone("installed")
}

// serviceSees has the account of a service look at what it needs.
func (a *app) serviceSees(ctx context.Context, opts service.Options) error {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, opts.Program, append([]string{"service", "check"}, opts.Args[1:]...)...)
	if opts.System {
		cmd.Args = append(cmd.Args, "--system")
	}

	cmd.Stdout, cmd.Stderr = &out, &out
	if err := service.As(cmd, opts.User); err != nil {
		return fail(problem.Usage, err, "")
	}

	cmd.Env = append(append(cmd.Env, opts.Env...), service.HandedOver(opts)...)
	err := cmd.Run()
	if err == nil {
		return nil
	}

	fmt.Fprint(a.stderr, printableLines(out.String()))

	return fail(problem.Attention, errors.New("the account of the service does not see what it needs"),
		"put right what is listed; --force installs all the same")
}

// printableLines keeps the line ends of what another process printed.
func printableLines(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "hint: ") {
			b.WriteString(printable(strings.TrimRight(line, "\r\n")) + "\n")
		}
	}

	return b.String()
}

// serviceCheck runs as the account of the service.
func (a *app) serviceCheck(_ context.Context, o serviceFlags) error {
	s, err := a.setup(config.Settings{})
	if err != nil {
		return err
	}

	var missing []string
	if err := s.home.Ensure(); err != nil {
		missing = append(missing, fmt.Sprintf("home: %v", err))
	}

	acc, err := s.account(s.profile)
	if err == nil {
		_, err = a.tokens(s, acc)
	}

	if err != nil {
		missing = append(missing, fmt.Sprintf("credentials: %v; \"hoist login\" stores them for this home, "+
			"with HOIST_NO_KEYRING=1 in a file", err))
	}

	for _, w := range s.file.Watch {
		if unc, mapped := service.OnMappedDrive(w.Path); o.system && mapped {
			missing = append(missing, w.Path+": a mapped drive belongs to the logon of a user: watch "+
				cmp.Or(unc, "its UNC path")+" in its place")
		} else if _, err := local.Names(w.Path); err != nil {
			missing = append(missing, fmt.Sprintf("watched folder: %v", err))
		}
	}

	for _, m := range missing {
		a.printf("missing: %s\n", printable(m))
	}

	if len(missing) > 0 {
		return &problem.Error{Kind: problem.Attention}
	}

	return nil
}

func (a *app) serviceUninstall(_ context.Context, o serviceFlags) error {
	m, err := a.manager(o)
	if err != nil {
		return err
	}

	state, err := m.State()
	if err == nil && state == service.NotInstalled {
		return a.serviceDone(service.NotInstalled)
	}

	if state == service.Running {
		if err := m.Stop(); err != nil {
			return serviceFailed(err)
		}
	}

	if err := m.Uninstall(); err != nil {
		return serviceFailed(err)
	}

	return a.serviceDone("uninstalled")
}

func (a *app) serviceStart(_ context.Context, o serviceFlags) error {
	return a.steer(o, "started", service.Manager.Start)
}

func (a *app) serviceStop(_ context.Context, o serviceFlags) error {
	return a.steer(o, "stopped", service.Manager.Stop)
}

// steer does something to a service that is installed.
func (a *app) steer(o serviceFlags, did string, do func(service.Manager) error) error {
	m, err := a.manager(o)
	if err != nil {
		return err
	}

	if state, err := m.State(); err == nil && state == service.NotInstalled {
		return fail(problem.NotFound, errors.New("the service is not installed"), "\"hoist service install\"")
	}

	if err := do(m); err != nil {
		return serviceFailed(err)
	}

	return a.serviceDone(did)
}

func serviceFailed(err error) error {
	return fail(problem.Failure, fmt.Errorf("the manager of services: %w", err),
		"a service of the system needs an administrator; without --system the service is that of your logon")
}

func (a *app) serviceDone(result string) error {
	if a.flags.json {
		return a.printJSON(struct {
			Result string `json:"result"`
		}{result})
	}

	if !a.flags.quiet {
		a.printf("%s\n", result)
	}

	return nil
}

// serviceStatus tells what the manager knows and whether a daemon answers; exit 6 when none does.
func (a *app) serviceStatus(ctx context.Context, o serviceFlags) error {
	var out struct {
		Service string         `json:"service,omitempty"` // absent when no manager tells
		Owner   *control.Owner `json:"owner,omitempty"`
	}
	if m, err := a.manager(o); err == nil {
		if state, err := m.State(); err == nil {
			out.Service = state
		}
	} else if kindOf(err) == problem.Usage {
		return err
	}

	s, err := a.setup(config.Settings{})
	if err != nil {
		return err
	}

	c, daemon := a.daemonOnly(ctx, s, "service status")
	if daemon == nil {
		defer c.Close()

		st, err := c.Status(ctx)
		if err != nil {
			return err
		}

		out.Owner = st.Owner
	} else if kindOf(daemon) != problem.NoDaemon {
		return daemon
	}

	switch {
	case a.flags.json:
		if err := a.printJSON(out); err != nil {
			return err
		}
	case out.Owner != nil:
		a.printf("service: %s; the daemon answers (process %d, since %s)\n", cmp.Or(out.Service, "unknown"),
			out.Owner.PID, localTime(out.Owner.Since))
	default:
		a.printf("service: %s; no daemon answers\n", cmp.Or(out.Service, "unknown"))
	}

	return daemon
}
