package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"hoist/apsclient"
	"hoist/transfer/remote"
)

// DefaultProfile is used when none is named; it need not exist.
const DefaultProfile = "default"

// Profile is profiles/NAME.toml: one account and settings for it.
type Profile struct {
	// ClientID of the application.
	ClientID string `toml:"client-id,omitempty"`
	// ClientSecret of the application; only in a file that nobody else can read.
	ClientSecret string `toml:"client-secret,omitempty"`
	// Flow is how it signs in: "two-legged" (the default: the application itself), "user" (a
	// person, by the browser) or "service-account". Its secrets are in the keyring or in
	// NAME.secrets, see package secrets.
	Flow string `toml:"flow,omitempty"`
	// ServiceAccountID and ServiceAccountKey name the service account and its key.
	ServiceAccountID  string `toml:"service-account-id,omitempty"`
	ServiceAccountKey string `toml:"service-account-key,omitempty"`
	// Scopes that were granted; calls that need others are refused before they are sent. Default:
	// no bound.
	Scopes []string `toml:"scopes,omitempty"`
	// Actions that may be called, by name or preset (transfer, read-only, admin). Default: all.
	Actions []string `toml:"actions,omitempty"`
	// AllowRemotes are the places below which remotes may be changed, such as
	// "aps://Acme/Tower/Project Files/*"; * stands for any characters of one step. Default: all.
	AllowRemotes []string `toml:"allow-remotes,omitempty"`
	// Hub is what "hoist ls" shows without a REMOTE, a name or an id. Default: all hubs.
	Hub string `toml:"hub,omitempty"`
	// BaseURL is the origin that the secret was stored for. Default:
	// https://developer.api.autodesk.com.
	BaseURL string `toml:"base-url,omitempty"`
	// UserID of the user on whose behalf two-legged calls are made.
	UserID string `toml:"user-id,omitempty"`
	// Region of buckets, webhooks and administration: US, EMEA, AUS, CAN, DEU, IND, JPN or GBR.
	// Default: the service's.
	Region string `toml:"region,omitempty"`
	Settings
}

// Account is who calls the service, with where each value came from decided.
type Account struct {
	Profile      string
	ClientID     string
	ClientSecret apsclient.Secret
	BaseURL      string // "" the real service
	UserID       string
	Region       string
	CertFile     string
	Flow         string // see the Flow constants
	Stored       bool   // the secrets are those of the vault
	KeyID        string // of the service account's key
	AccountID    string // of the service account
	Scopes       []string
	Actions      []string
}

// The ways to sign in.
const (
	FlowTwoLegged      = "two-legged"
	FlowUser           = "user"
	FlowServiceAccount = "service-account"
)

// NoCredentialsError says that neither the environment nor the profile has credentials.
type NoCredentialsError struct{ Profile string }

func (e *NoCredentialsError) Error() string {
	return fmt.Sprintf("no credentials: APS_CLIENT_ID and APS_CLIENT_SECRET are not set, and profile %q "+
		"has none", e.Profile)
}

// ProfileName decides which profile is used.
func ProfileName(h Home, flag string, env Env, file File) string {
	return first(flag, env.Profile, file.Profile, CurrentProfile(h), DefaultProfile)
}

// LoadProfile reads a profile. The default one may be missing; another unknown name is an [Error].
func LoadProfile(h Home, name string) (Profile, error) {
	var p Profile
	if name == "" || strings.ContainsAny(name, `/\`) || strings.HasPrefix(name, ".") {
		return p, &Error{Key: "profile", Msg: quoted(name) + " is not a name of a profile"}
	}

	path := h.ProfileFile(name)
	data, err := readSettings(path)
	if errors.Is(err, fs.ErrNotExist) {
		if name == DefaultProfile {
			return p, nil
		}

		return p, &Error{Key: "profile", Msg: fmt.Sprintf("%q is unknown: there is no %s", name, path)}
	}

	if err != nil {
		return p, inFile(path, err)
	}

	if err := decodeStrict(path, data, &p); err != nil {
		return p, err
	}

	if p.ClientSecret != "" && readableByOthers(path) {
		return p, &Error{File: path, Key: "client-secret",
			Msg: "others may read this file; make it private (chmod 600)"}
	}

	switch p.Flow {
	case "", FlowTwoLegged, FlowUser, FlowServiceAccount:
	default:
		return p, &Error{File: path, Key: "flow",
			Msg: quoted(p.Flow) + " is not two-legged, user or service-account"}
	}

	_, err = remote.ParseAllowed(p.AllowRemotes)
	if err != nil {
		err = &Error{File: path, Key: "allow-remotes", Msg: err.Error()}
	}

	return p, errors.Join(p.check(path), CheckRegion(path, p.Region), err)
}

// MayChange is an error when the profile does not allow a remote to be changed, a
// [*remote.OutsideError]; the zero address is one that is not known.
func MayChange(h Home, profile string, a remote.Address) error {
	p, err := LoadProfile(h, profile)
	if err != nil {
		return err
	}

	allowed, err := remote.ParseAllowed(p.AllowRemotes)
	if err != nil {
		return err
	}

	return allowed.Check(a)
}

// CheckRegion is an [Error] for a region that the service does not have; "" is its default.
func CheckRegion(file, region string) error {
	if known := apsclient.Regions(); region != "" && !slices.Contains(known, region) {
		return &Error{File: file, Key: "region",
			Msg: quoted(region) + " is not one of " + strings.Join(known, ", ")}
	}

	return nil
}

// SaveProfile writes a profile that a login made.
func SaveProfile(h Home, name string, p Profile) error {
	data, err := toml.Marshal(p)
	if err != nil {
		return err
	}

	return WriteFile(h.ProfileFile(name), data)
}

// Profiles lists the names of the profiles there are, sorted.
func Profiles(h Home) ([]string, error) {
	files, err := filepath.Glob(h.ProfileFile("*"))
	if err != nil {
		return nil, err
	}

	names := make([]string, 0, len(files))
	for _, f := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(f), ".toml"))
	}

	slices.Sort(names)

	return names, nil
}

// currentFile holds the name that "profile use" chose; config.toml is a user's and is not
// rewritten.
func currentFile(h Home) string { return filepath.Join(h.Config, "profiles", "current") }

// UseProfile makes a profile the one that is used when nothing else says.
func UseProfile(h Home, name string) error { return WriteFile(currentFile(h), []byte(name+"\n")) }

// CurrentProfile is what UseProfile chose, "" nothing.
func CurrentProfile(h Home) string {
	data, err := os.ReadFile(currentFile(h))
	if err != nil {
		return ""
	}

	return strings.TrimSpace(string(data))
}

// Account joins the environment and a profile: the environment wins, value by value, except that a
// stored secret goes only to the host that it was stored for.
func (p Profile) Account(name string, env Env) (Account, error) {
	a := Account{
		Profile: name, ClientID: first(env.ClientID, p.ClientID), ClientSecret: env.ClientSecret,
		BaseURL: first(env.BaseURL, p.BaseURL), UserID: first(env.UserID, p.UserID), Region: p.Region,
		CertFile: env.CertFile,
		Scopes:   p.Scopes, Actions: p.Actions, Flow: FlowTwoLegged,
	}
	if stored := p.Flow != "" && p.ClientSecret == ""; a.ClientSecret == "" &&
		(stored || p.ClientSecret != "") {
		what := "secret"
		if stored {
			what = "sign-in"
		}

		if a.ClientID != p.ClientID {
			return a, &Error{Key: "APS_CLIENT_ID",
				Msg: fmt.Sprintf("is not the client of profile %q, whose %s would be used; set "+
					"APS_CLIENT_SECRET too", name, what)}
		}

		if Origin(a.BaseURL) != Origin(p.BaseURL) {
			return a, &Error{Key: "APS_BASE_URL", Msg: fmt.Sprintf("names another host than profile %q, "+
				"whose %s would be sent there; set APS_CLIENT_SECRET too", name, what)}
		}

		if stored {
			a.Stored, a.Flow, a.AccountID, a.KeyID = true, p.Flow, p.ServiceAccountID, p.ServiceAccountKey
			if a.Flow != FlowTwoLegged { // the token says who calls, and may be another than APS_USER_ID
				a.UserID = ""
			}

			return a, nil
		}

		a.ClientSecret = apsclient.Secret(p.ClientSecret)
	}

	if a.ClientID == "" || a.ClientSecret == "" {
		return a, &NoCredentialsError{Profile: name}
	}

	return a, nil
}

// Origin is a base address as secrets are bound to it: scheme and host in lower case.
func Origin(base string) string {
	if base == "" {
		base = apsclient.DefaultBaseURL
	}

	u, err := url.Parse(base)
	if err != nil {
		return base
	}

	return u.Scheme + "://" + strings.ToLower(u.Host)
}
