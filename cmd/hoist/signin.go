package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/oauth2"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/guide"
	"hoist/cmd/hoist/internal/problem"
	"hoist/cmd/hoist/internal/secrets"
	"hoist/transfer"
)

// vault is where the secrets of a home are.
func (a *app) vault(home config.Home) *secrets.Vault {
	return secrets.Open(home, a.getenv("HOIST_NO_KEYRING") != "")
}

// tokens makes the token source of an account by its way to sign in.
func (a *app) tokens(s *setup, acc config.Account) (apsclient.TokenSource, error) {
	if !acc.Stored {
		return apsclient.ClientCredentials(acc.BaseURL, acc.ClientID, acc.ClientSecret), nil
	}

	vault, origin := a.vault(s.home), config.Origin(acc.BaseURL)
	set, err := vault.Load(acc.Profile, origin)
	if err != nil {
		return nil, needsLogin(acc, err)
	}

	secret := apsclient.Secret(set.ClientSecret)
	switch {
	case acc.Flow == config.FlowUser && set.RefreshToken != "":
		store := secrets.Refresh{Vault: vault, Profile: acc.Profile, Host: origin}
		return signIn{apsclient.RefreshTokens(acc.BaseURL, acc.ClientID, secret, store), loginCommand(acc)},
			nil
	case acc.Flow == config.FlowServiceAccount && set.PrivateKey != "":
		return apsclient.ServiceAccountTokens(acc.BaseURL, acc.ClientID, secret, apsclient.ServiceAccount{
			ID: acc.AccountID, KeyID: acc.KeyID, PrivateKey: apsclient.Secret(set.PrivateKey),
		})
	case acc.Flow == config.FlowTwoLegged && secret != "":
		return apsclient.ClientCredentials(acc.BaseURL, acc.ClientID, secret), nil
	}

	return nil, needsLogin(acc, fmt.Errorf("profile %q has no secrets here", acc.Profile))
}

// needsLogin is exit 4 with the command that signs in again.
func needsLogin(acc config.Account, err error) error {
	return fail(problem.Unauthorized, err, "sign in with \""+loginCommand(acc)+"\"")
}

// loginCommand makes a profile again as it is.
func loginCommand(acc config.Account) string {
	words := []string{"hoist login --client-id", transfer.Quote(acc.ClientID)}
	switch acc.Flow {
	case config.FlowUser:
		words = append(words, "--user")
	case config.FlowServiceAccount:
		words = append(words, "--service-account FILE")
	}

	for _, o := range []struct{ flag, value string }{
		{"profile", acc.Profile}, {"scopes", strings.Join(acc.Scopes, ",")},
		{"actions", strings.Join(acc.Actions, ",")}, {"region", acc.Region},
	} {
		if o.value != "" && o.value != config.DefaultProfile {
			words = append(words, "--"+o.flag, transfer.Quote(o.value))
		}
	}

	return strings.Join(words, " ")
}

// signIn is a token source whose errors say how to sign in again.
type signIn struct {
	apsclient.TokenSource
	command string
}

func (s signIn) Token(ctx context.Context, scopes []string) (*oauth2.Token, error) {
	t, err := s.TokenSource.Token(ctx, scopes)
	if a, ok := errors.AsType[*apsclient.AuthError](err); ok && a.Login {
		ended := *a
		ended.Command = s.command
		return nil, &ended
	}

	return t, err
}

// allowed refuses what is not on the list of actions or needs a scope that was not granted, before
// it is sent.
func allowed(acc config.Account) (func(apsclient.Action) error, error) {
	if len(acc.Actions) == 0 && len(acc.Scopes) == 0 {
		return nil, nil
	}

	listed := map[string]bool{}
	var scopes []string // what calls beyond the 51 may use: those of the listed ones
	if len(acc.Actions) > 0 {
		actions, err := guide.Expand(acc.Actions)
		if err != nil {
			return nil, &config.Error{File: "profile " + acc.Profile, Key: "actions", Msg: err.Error()}
		}

		for _, x := range actions {
			listed[x.Name] = true
			scopes = append(scopes, x.Scopes...)
		}

		if listed[uploadAction] { // and with it the calls that it consists of
			parts, err := guide.Expand(guide.CompositeParts)
			if err != nil {
				return nil, err
			}

			for _, x := range parts {
				listed[x.Name] = true
			}
		}
	}

	return func(x apsclient.Action) error {
		refused := ""
		switch {
		case len(listed) > 0 && !x.Extra && !listed[x.Name]:
			refused = "is not on its list of actions"
		case len(listed) > 0 && x.Extra && !subset(x.Scopes, scopes):
			refused = "needs " + strings.Join(x.Scopes, " ") + ", which its list of actions does not"
		case len(acc.Scopes) > 0 && !subset(x.Scopes, acc.Scopes):
			refused = "needs the scopes " + strings.Join(x.Scopes, " ")
		default:
			return nil
		}

		return fail(problem.Unauthorized,
			fmt.Errorf("%s: refused by profile %q: it %s; nothing was sent", x.Name, acc.Profile, refused),
			"sign in with \"hoist login\" for more, or use another profile (--profile)")
	}, nil
}

func subset(some, all []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}

// errServiceAccount says what --service-account reads: what the service answered when the account
// and its key were made, joined.
var errServiceAccount = errors.New(
	`takes a JSON file {"serviceAccountId":"…","kid":"…","privateKey":"-----BEGIN …"}`)
