package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/guide"
	"hoist/cmd/hoist/internal/problem"
	"hoist/cmd/hoist/internal/secrets"
)

type loginOptions struct {
	clientID       string
	secretFile     string
	twoLegged      bool
	user           bool
	serviceAccount string
	scopes         []string
	actions        []string
	region         string
	hub            string
	noBrowser      bool
	redirect       string
}

func newLoginCmd(a *app) *cobra.Command {
	var o loginOptions
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Store the credentials of a profile and show the hubs it can see",
		Long: `login makes or replaces a profile (--profile, default "default"). It asks for
the client id and secret, or reads them from APS_CLIENT_ID, APS_CLIENT_SECRET
and --secret-file; secrets are never arguments. They go to the system's keyring,
else to a private file, and only to the host that they were stored for. What was
there stays as it was unless signing in works.

  --two-legged       the application itself (the default)
  --user             a person, by the browser; a public client has no secret (--secret-file /dev/null)
  --service-account  a secure service account, unattended in the name of a user of its own`,
		Example: "  hoist login --client-id ID\n  hoist login --profile bob --user --client-id ID\n  hoist " +
			"login --actions transfer --secret-file secret.txt",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !o.user && (o.noBrowser || cmd.Flags().Changed("redirect")) {
				return problem.Usagef("--no-browser and --redirect go with --user")
			}

			return a.login(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.clientID, "client-id", "",
		"client id of the application (default: APS_CLIENT_ID, else it is asked for)")
	f.StringVar(&o.secretFile, "secret-file", "", "file with the client secret (-: standard input)")
	f.BoolVar(&o.twoLegged, "two-legged", false, "sign in as the application")
	f.BoolVar(&o.user, "user", false, "sign in as a person, by the browser")
	f.StringVar(&o.serviceAccount, "service-account", "",
		"JSON file with serviceAccountId, kid and privateKey")
	f.StringSliceVar(&o.scopes, "scopes", nil,
		"scopes that may be asked for (default: what each action needs)")
	f.StringSliceVar(&o.actions, "actions", nil,
		"actions or presets (transfer, read-only, admin) that may be called; others are refused here")
	f.StringVar(&o.region, "region", "",
		"region of buckets, webhooks and administration: "+strings.Join(apsclient.Regions(), ", "))
	f.StringVar(&o.hub, "hub", "", "hub that \"hoist ls\" shows without a REMOTE")
	f.BoolVar(&o.noBrowser, "no-browser", false,
		"with --user: print the address instead of opening a browser")
	f.StringVar(&o.redirect, "redirect", guide.CallbackURL,
		"with --user: callback address as registered, on this machine")
	cmd.MarkFlagsMutuallyExclusive("two-legged", "user", "service-account")

	return cmd
}

func (a *app) login(ctx context.Context, o loginOptions) error {
	if err := config.CheckRegion("", o.region); err != nil {
		return err
	}

	home, env, name, err := a.loginProfile()
	if err != nil {
		return err
	}

	p := config.Profile{Flow: config.FlowTwoLegged, BaseURL: env.BaseURL, UserID: env.UserID,
		Region: o.region, Scopes: o.scopes, Actions: o.actions, Hub: o.hub}
	old, _ := config.LoadProfile(home, name) // with a mistake in it, as far as it can be read
	p.AllowRemotes = old.AllowRemotes        // a new secret lifts no bound

	switch {
	case o.user:
		p.Flow = config.FlowUser
	case o.serviceAccount != "":
		p.Flow = config.FlowServiceAccount
	}

	in := bufio.NewReader(a.input)
	if p.ClientID, err = a.loginClientID(o, env, in); err != nil {
		return err
	}

	set := secrets.Set{Host: config.Origin(env.BaseURL)}
	if set.ClientSecret, err = a.loginSecret(ctx, o, env, in, p.Flow); err != nil {
		return err
	}

	acc, err := p.Account(name, config.Env{BaseURL: env.BaseURL, CertFile: env.CertFile})
	if err != nil {
		return err
	}

	conf, err := a.clientConfig(acc)
	if err != nil {
		return err
	}

	switch p.Flow {
	case config.FlowUser:
		err = a.signInUser(ctx, o, p, conf, &set)
		if err == nil {
			conf.Tokens = apsclient.RefreshTokens(p.BaseURL, p.ClientID, apsclient.Secret(set.ClientSecret),
				&inMemory{set: &set})
		}
	case config.FlowServiceAccount:
		conf.Tokens, err = readServiceAccount(o.serviceAccount, &p, &set)
	default:
		conf.Tokens = apsclient.ClientCredentials(p.BaseURL, p.ClientID, apsclient.Secret(set.ClientSecret))
	}

	if err != nil {
		return err
	}

	conf.Allow = nil // signing in looks at the hubs, whatever the list says
	client, err := apsclient.New(conf)
	if err != nil {
		return err
	}
	defer client.Close()
	hubs, warnings, err := a.tryLogin(ctx, client, conf.Tokens, p)
	if err != nil {
		return fmt.Errorf("sign in: %w; nothing was stored", err)
	}

	where, err := a.storeLogin(home, name, p, set)
	if err != nil {
		return err
	}

	if err := renewed(ctx, home, name); err != nil {
		return err
	}

	return a.reportLogin(name, where, hubs, warnings)
}

// tryLogin proves that signing in works: by the hubs, or if the profile may not look at them by
// a token alone.
func (a *app) tryLogin(ctx context.Context, client *apsclient.Client, tokens apsclient.TokenSource,
	p config.Profile) ([]apsclient.Hub, []apsclient.Warning, error) {
	scopes := p.Scopes
	if len(scopes) == 0 && len(p.Actions) > 0 {
		actions, err := guide.Expand(p.Actions)
		if err != nil {
			return nil, nil, err
		}

		scopes = guide.For(actions, nil).Scopes
	}

	if len(scopes) > 0 && !slices.Contains(scopes, "data:read") {
		_, err := tokens.Token(ctx, scopes)
		return nil, nil, err
	}

	hubs, warnings, err := client.Hubs.List(ctx)
	if errors.Is(err, apsclient.ErrForbidden) { // signed in, and sees nothing
		err = nil
	}

	return hubs, warnings, err
}

// loginProfile finds the home and the name without reading a profile that may be damaged or not
// there yet.
func (a *app) loginProfile() (config.Home, config.Env, string, error) {
	env := config.ReadEnv(a.getenv)
	home, err := a.findHome(env)
	if err != nil {
		return home, env, "", err
	}

	file, err := config.Load(home)
	if err != nil {
		return home, env, "", err
	}

	name := config.ProfileName(home, a.flags.profile, env, file)
	if name == "current" || strings.ContainsAny(name, `/\`) || strings.HasPrefix(name, ".") {
		return home, env, "", problem.Usagef("%q is not a name for a profile", name)
	}

	return home, env, name, home.Ensure()
}

func (a *app) loginClientID(o loginOptions, env config.Env, in *bufio.Reader) (string, error) {
	for _, id := range []string{o.clientID, env.ClientID} {
		if id != "" {
			return id, nil
		}
	}

	if !a.canAsk() {
		return "", problem.Usagef("no client id: give --client-id or APS_CLIENT_ID")
	}

	fmt.Fprint(a.stderr, "Client id: ")
	line, err := in.ReadString('\n')
	if id := strings.TrimSpace(line); id != "" {
		return id, nil
	}

	return "", problem.Usagef("no client id (%v)", err)
}

// loginSecret reads the client secret; only a user's sign-in works without one.
func (a *app) loginSecret(ctx context.Context, o loginOptions, env config.Env, in *bufio.Reader,
	flow string) (string, error) {
	var data []byte
	var err error
	switch {
	case o.secretFile == "-":
		if data, err = io.ReadAll(in); err == nil {
			data, err = config.Text(data)
		}
	case o.secretFile != "":
		data, err = config.ReadText(o.secretFile)
	case env.ClientSecret != "":
		return env.ClientSecret.Reveal(), nil
	case a.canAsk():
		fmt.Fprint(a.stderr, "Client secret: ")
		data, err = a.readPassword(ctx)
		fmt.Fprintln(a.stderr)
	case flow == config.FlowUser:
		return "", nil // a public client
	default:
		return "",
			problem.Usagef("no client secret: give --secret-file, standard input (--secret-file -) or " +
				"APS_CLIENT_SECRET")
	}

	if err != nil {
		return "", fmt.Errorf("read the client secret: %w", err)
	}

	secret := strings.TrimSpace(string(data))
	if secret == "" && flow != config.FlowUser {
		return "", problem.Usagef("the client secret is empty")
	}

	return secret, nil
}

// readServiceAccount reads the account's key into the secrets and its names into the profile.
func readServiceAccount(file string, p *config.Profile, set *secrets.Set) (apsclient.TokenSource, error) {
	data, err := config.ReadText(file)
	if err != nil {
		return nil, err
	}

	var key struct {
		ID  string `json:"serviceAccountId"`
		Kid string `json:"kid"`
		PEM string `json:"privateKey"`
	}
	if err := json.Unmarshal(bytes.TrimSpace(data), &key); err != nil || key.ID == "" || key.Kid == "" ||
		key.PEM == "" {
		return nil, fail(problem.Usage, fmt.Errorf("%s: %w", file, errServiceAccount),
			"the service tells these when the account and its key are made")
	}

	p.ServiceAccountID, p.ServiceAccountKey, set.PrivateKey = key.ID, key.Kid, key.PEM

	return apsclient.ServiceAccountTokens(p.BaseURL, p.ClientID, apsclient.Secret(set.ClientSecret),
		apsclient.ServiceAccount{
			ID: key.ID, KeyID: key.Kid, PrivateKey: apsclient.Secret(key.PEM),
		})
}

// storeLogin keeps the secrets before the profile that points to them.
func (a *app) storeLogin(home config.Home, name string, p config.Profile, set secrets.Set) (where string,
	err error) {
	if where, err = a.vault(home).Save(name, set); err != nil {
		return "", fmt.Errorf("keep the secrets: %w", err)
	}

	return where, config.SaveProfile(home, name, p)
}

func (a *app) reportLogin(name, where string, hubs []apsclient.Hub, warnings []apsclient.Warning) error {
	if a.flags.json {
		for _, h := range hubs {
			if err := a.printJSON(map[string]string{"name": h.Name, "type": "hub", "id": string(h.ID),
				"region": h.Region}); err != nil {
				return err
			}
		}

		return nil
	}

	if !a.flags.quiet {
		a.printf("signed in as profile %q; the secrets are in %s\n", name, where)

		for _, h := range hubs {
			a.printf("  %s  %s  %s\n", printable(h.Name), h.ID, h.Region)
		}
	}

	for _, w := range apsclient.Refusals(warnings) {
		fmt.Fprintf(a.stderr, "warning: hubs not shown: %s\n", printable(w))
	}

	if len(hubs) == 0 {
		fmt.Fprintln(a.stderr, "warning: no hub can be seen: an account administrator must add the client "+
			"id under Hub Admin, Custom Integrations (see \"hoist guide transfer\")")
	} else if len(warnings) > 0 {
		fmt.Fprintln(a.stderr, "warning: the application is not added to an account in the regions named "+
			"above; for regions that you do not use that is normal")
	}

	return nil
}

// inMemory is the refresh token during a login: it is stored once the sign-in is known to work.
type inMemory struct{ set *secrets.Set }

func (m *inMemory) Lock(context.Context) (func(), error) { return func() {}, nil }

func (m *inMemory) Load() (apsclient.Secret, error) { return apsclient.Secret(m.set.RefreshToken), nil }

func (m *inMemory) Save(s apsclient.Secret) error {
	m.set.RefreshToken = s.Reveal()
	return nil
}
