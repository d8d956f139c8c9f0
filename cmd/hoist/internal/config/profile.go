package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"

	"hoist/apsclient"
)

// DefaultProfile is used where none is named; it need not exist.
const DefaultProfile = "default"

// Profile is profiles/NAME.toml: one account and settings for it.
type Profile struct {
	// ClientID of the application.
	ClientID string `toml:"client-id,omitempty"`
	// ClientSecret of the application; only in a file that nobody else can read.
	ClientSecret string `toml:"client-secret,omitempty"`
	// BaseURL is the origin that the secret was stored for. Default: https://developer.api.autodesk.com.
	BaseURL string `toml:"base-url,omitempty"`
	// UserID of the user on whose behalf two-legged calls are made.
	UserID string `toml:"user-id,omitempty"`
	// Region of the hubs and buckets, such as "EMEA". Default: the service's.
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
}

// NoCredentialsError says that neither the environment nor the profile has credentials.
type NoCredentialsError struct{ Profile string }

func (e *NoCredentialsError) Error() string {
	return fmt.Sprintf("no credentials: APS_CLIENT_ID and APS_CLIENT_SECRET are not set, and profile %q has none", e.Profile)
}

// ProfileName decides which profile is used.
func ProfileName(flag string, env Env, file File) string {
	return first(flag, env.Profile, file.Profile, DefaultProfile)
}

// LoadProfile reads a profile. The default one may be missing; another unknown name is an [Error].
func LoadProfile(h Home, name string) (Profile, error) {
	var p Profile
	if name == "" || strings.ContainsAny(name, `/\`) || strings.HasPrefix(name, ".") {
		return p, &Error{Key: "profile", Msg: quoted(name) + " is not a name of a profile"}
	}
	path := h.ProfileFile(name)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if name == DefaultProfile {
			return p, nil
		}
		return p, &Error{Key: "profile", Msg: fmt.Sprintf("%q is unknown: there is no %s", name, path)}
	}
	if err != nil {
		return p, &Error{File: path, Msg: err.Error()}
	}
	if err := decodeStrict(path, data, &p); err != nil {
		return p, err
	}
	if p.ClientSecret != "" && readableByOthers(path) {
		return p, &Error{File: path, Key: "client-secret", Msg: "others may read this file; make it private (chmod 600)"}
	}
	_, err = p.Settings.Engine(path)
	return p, err
}

// Account joins the environment and a profile: the environment wins, value by value, except that a stored secret goes
// only to the host that it was stored for.
func (p Profile) Account(name string, env Env) (Account, error) {
	a := Account{
		Profile: name, ClientID: first(env.ClientID, p.ClientID), ClientSecret: env.ClientSecret,
		BaseURL: first(env.BaseURL, p.BaseURL), UserID: first(env.UserID, p.UserID), Region: p.Region, CertFile: env.CertFile,
	}
	if a.ClientSecret == "" && p.ClientSecret != "" {
		if a.ClientID != p.ClientID {
			return a, &Error{Key: "APS_CLIENT_ID", Msg: fmt.Sprintf("is not the client of profile %q, whose secret would be used; set APS_CLIENT_SECRET too", name)}
		}
		if host(a.BaseURL) != host(p.BaseURL) {
			return a, &Error{Key: "APS_BASE_URL", Msg: fmt.Sprintf("names another host than profile %q, whose secret would be sent there; set APS_CLIENT_SECRET too", name)}
		}
		a.ClientSecret = apsclient.Secret(p.ClientSecret)
	}
	if a.ClientID == "" || a.ClientSecret == "" {
		return a, &NoCredentialsError{Profile: name}
	}
	return a, nil
}

func host(base string) string {
	if base == "" {
		base = apsclient.DefaultBaseURL
	}
	u, err := url.Parse(base)
	if err != nil {
		return base
	}
	return u.Scheme + "://" + strings.ToLower(u.Host)
}
