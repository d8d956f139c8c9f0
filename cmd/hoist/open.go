package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/problem"
	"hoist/transfer/remote"
)

// setup is what the configuration says, read once for a command.
type setup struct {
	home     config.Home
	env      config.Env
	file     config.File
	profile  string
	flags    config.Settings // of a transfer command
	settings config.Settings // flags over environment over profile over file
	// those of the profile alone
	profileSettings config.Settings
	engine          config.Engine // checked
	limits          apsclient.Limits
	patterns        string // the file that names the file of patterns, "" when a flag does
}

// setup finds the home and reads its configuration; flags are those of the transfer commands.
func (a *app) setup(flags config.Settings) (*setup, error) {
	s := &setup{env: config.ReadEnv(a.getenv), flags: flags}
	var err error
	if s.home, err = a.findHome(s.env); err != nil {
		return nil, err
	}

	if s.file, err = config.Load(s.home); err != nil {
		return nil, err
	}

	s.profile = config.ProfileName(s.home, a.flags.profile, s.env, s.file)
	profile, err := config.LoadProfile(s.home, s.profile)
	if unknown, ok := errors.AsType[*config.Error](err); ok && unknown.File == "" && a.flags.profile == "" &&
		s.env.Profile == "" && s.file.Profile != "" {
		unknown.File = s.home.ConfigFile()
	}

	if err != nil {
		return nil, err
	}

	s.profileSettings = profile.Settings
	flags.Limits = a.flags.limits
	s.settings = flags.Over(config.Settings{Limits: s.env.Limits}).Over(profile.Settings).Over(
		s.file.Settings)
	if s.engine, err = s.settings.Engine(""); err != nil {
		return nil, err
	}

	s.limits, err = parseLimits(s.origin(s.engine.Limits, a.flags.limits, s.env.Limits, profile.Limits),
		s.engine.Limits)
	s.patterns = s.origin(s.settings.ExcludeFrom, flags.ExcludeFrom, "", profile.ExcludeFrom)

	return s, err
}

// origin is the file that a setting comes from, "" when a flag or the environment says it.
func (s *setup) origin(value, flag, env, profile string) string {
	switch value {
	case flag, env:
		return ""
	case profile:
		return s.home.ProfileFile(s.profile)
	}

	return s.home.ConfigFile()
}

// filter is what the settings say about the choice of files; an error names the file of the
// mistake.
func (s *setup) filter() (config.Filter, error) {
	flags := s.flags
	flags.ExcludeFrom = ""
	if _, err := flags.Filter(""); err != nil {
		return config.Filter{}, err
	}

	return s.settings.Filter(s.patterns)
}

// findHome is the home that flags and environment name.
func (a *app) findHome(env config.Env) (config.Home, error) {
	dir := a.flags.home
	if dir == "" {
		dir = env.Home
	}

	return config.FindHome(dir, a.getenv)
}

// parseLimits reads what --limits, HOIST_LIMITS or a file of settings, the source, names.
func parseLimits(source, name string) (apsclient.Limits, error) {
	switch name {
	case "documented":
		return apsclient.DocumentedLimits(), nil
	case "server":
		return apsclient.ServerLimits(), nil
	}

	data, err := config.ReadText(name)
	if _, ok := errors.AsType[*config.Error](err); ok {
		return nil, err
	}

	if err != nil {
		return nil, &config.Error{File: source, Key: "limits",
			Msg: strconv.Quote(name) + " is neither documented nor server nor a file that can be read: " +
				err.Error()}
	}

	limits, err := apsclient.ParseLimits(data)
	if err != nil {
		return nil, &config.Error{File: name, Msg: err.Error()}
	}

	return limits, nil
}

// account returns who calls the service under a profile.
func (s *setup) account(profile string) (config.Account, error) {
	if profile == "" {
		profile = s.profile
	}

	p, err := config.LoadProfile(s.home, profile)
	if err != nil {
		return config.Account{}, err
	}

	return p.Account(profile, s.env)
}

// fingerprint names an account without giving it away, so that a command can tell that the owner of
// its home uses another one. It is empty when a command has no credentials of its own; then the
// owner's are used.
func (s *setup) fingerprint(profile string) (string, error) {
	acc, err := s.account(profile)
	if _, ok := errors.AsType[*config.NoCredentialsError](err); ok {
		return "", nil
	}

	if err != nil {
		return "", err
	}

	base := acc.BaseURL
	if base == "" {
		base = apsclient.DefaultBaseURL
	}

	sum := sha256.Sum256([]byte(base + "\x00" + acc.ClientID + "\x00" + acc.ClientSecret.Reveal() + "\x00" +
		acc.UserID + "\x00" + acc.Flow + "\x00" + acc.AccountID))

	return hex.EncodeToString(sum[:8]), nil
}

// newClient makes the client of a profile that talks to the service itself; the zero bandwidth is
// no limit. calls is told of each call; nil: nobody is.
func (a *app) newClient(s *setup, profile string, bandwidth apsclient.Bandwidth, calls apsclient.Calls) (
	*apsclient.Client, error) {
	acc, err := s.account(profile)
	if err != nil {
		return nil, err
	}

	c, err := a.clientConfig(acc)
	if err != nil {
		return nil, err
	}

	c.Limits, c.Memory, c.Calls = s.limits, config.NewAccounts(s.home), calls
	if c.Tokens, err = a.tokens(s, acc); err != nil {
		return nil, err
	}

	c.Bandwidth = bandwidth

	return apsclient.New(c)
}

func (a *app) clientConfig(acc config.Account) (apsclient.Config, error) {
	c := apsclient.Config{BaseURL: acc.BaseURL, UserID: acc.UserID, Region: acc.Region, Logger: a.log,
		UserAgent: "hoist/" + version(), Calls: a.waits.call}
	if acc.CertFile != "" {
		roots, err := apsclient.LoadRoots(acc.CertFile)
		if err != nil {
			return c, err
		}

		c.RootCAs = roots
	}

	if len(acc.Scopes) > 0 {
		c.Grant = acc.Scopes
	}

	allow, err := allowed(acc)
	c.Allow = allow

	return c, err
}

// client returns a client for the profile in use: its calls go through the owner of the home when
// one runs, else straight to the service. The second value releases it.
func (a *app) client(ctx context.Context) (*apsclient.Client, func(), error) {
	s, err := a.setup(config.Settings{})
	if err != nil {
		return nil, nil, err
	}

	return a.clientOf(ctx, s, apsclient.Bandwidth{})
}

// clientOf is client with limits of bandwidth.
func (a *app) clientOf(ctx context.Context, s *setup, band apsclient.Bandwidth) (*apsclient.Client, func(),
	error) {
	other, err := a.dial(ctx, s)
	if errors.Is(err, control.ErrNoOwner) {
		c, err := a.newClient(s, s.profile, band, a.waits.call)
		if err != nil {
			return nil, nil, err
		}

		return c, c.Close, nil
	}

	if err != nil {
		return nil, nil, err
	}

	acc, err := s.account(s.profile)
	if _, none := errors.AsType[*config.NoCredentialsError](err); err != nil && !none {
		other.Close()
		return nil, nil, err
	}

	conf, err := a.clientConfig(acc)
	if err != nil {
		other.Close()
		return nil, nil, err
	}

	conf.Bandwidth, conf.Memory = band, config.NewAccounts(s.home)
	conf.Chain = control.Forwarder{API: other, Profile: s.profile}
	c, err := apsclient.New(conf)
	if err != nil {
		other.Close()
		return nil, nil, err
	}

	return c, func() { c.Close(); other.Close() }, nil
}

// resolver returns a resolver over [app.client].
func (a *app) resolver(ctx context.Context) (*remote.Resolver, func(), error) {
	c, done, err := a.client(ctx)
	if err != nil {
		return nil, nil, err
	}

	return remote.NewResolver(c, a.log), done, nil
}

// dial connects to the owner of the home; [control.ErrNoOwner] when none runs.
func (a *app) dial(ctx context.Context, s *setup) (*control.Client, error) {
	c, err := control.Dial(ctx, s.home.Socket(), s.home.AddrFile())
	if err != nil {
		return nil, err
	}

	fingerprint, err := s.fingerprint(s.profile)
	if err != nil {
		c.Close()
		return nil, err
	}

	a.handed = true
	a.sum.others = append(a.sum.others, c)
	if fingerprint != "" {
		c.Account = s.profile + " " + fingerprint
	}

	return c, nil
}

// checkAccount is the owner's side of the fingerprint.
func (s *setup) checkAccount(profile, given string) error {
	own, err := s.fingerprint(profile)
	if err != nil {
		return err
	}

	if own != given {
		return fail(problem.Usage,
			errors.New("the process that has this home open uses other credentials than this command"),
			"use the same APS_* variables and profile, end that process, or use another home (--home)")
	}

	return nil
}
