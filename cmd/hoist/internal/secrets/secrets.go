package secrets

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/zalando/go-keyring"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/config"
)

// service is the name under which the keyring shows hoist's entries.
const service = "hoist"

// Set is what a profile keeps secret.
type Set struct {
	Host         string `json:"host"` // origin that the secrets are for
	ClientSecret string `json:"client_secret,omitempty"`
	RefreshToken string `json:"refresh_token,omitempty"`
	PrivateKey   string `json:"private_key,omitempty"` // PEM
}

// HostError says that the secrets of a profile are for another host.
type HostError struct{ Profile, Stored, Wanted string }

func (e *HostError) Error() string {
	return fmt.Sprintf("the secrets of profile %q were stored for %s, not for %s", e.Profile, e.Stored,
		e.Wanted)
}

// Vault keeps the secrets of the profiles of one home.
type Vault struct {
	home config.Home
	// noKeyring keeps everything in files: for tests, and when HOIST_NO_KEYRING is set.
	noKeyring bool
}

// Open returns the vault of a home; nothing is read yet.
func Open(home config.Home, noKeyring bool) *Vault { return &Vault{home: home, noKeyring: noKeyring} }

func (v *Vault) file(profile string) string {
	return filepath.Join(v.home.Config, "profiles", profile+".secrets")
}

// account names the entry of a profile in the keyring; homes do not share entries.
func (v *Vault) account(profile string) string { return profile + " in " + v.home.Config }

// Load returns the secrets of a profile for a host; a profile without any has an empty set. For
// another host than they were stored for the error is a *HostError.
func (v *Vault) Load(profile, host string) (Set, error) {
	data, err := v.read(profile)
	if err != nil || data == nil {
		return Set{Host: host}, err
	}

	var s Set
	if err := json.Unmarshal(data, &s); err != nil {
		return Set{}, fmt.Errorf("the secrets of profile %q cannot be read: sign in again", profile)
	}

	if s.Host != host {
		return Set{}, &HostError{Profile: profile, Stored: s.Host, Wanted: host}
	}

	return s, nil
}

// read returns nil when nothing is stored. The file goes first: it is there only when the keyring
// was not.
func (v *Vault) read(profile string) ([]byte, error) {
	path := v.file(profile)
	data, err := os.ReadFile(path)
	if err == nil {
		if info, err := os.Stat(path); err == nil && runtime.GOOS != "windows" &&
			info.Mode().Perm()&0o077 != 0 {
			return nil, &config.Error{File: path,
				Msg: "others may read this file; make it private (chmod 600)"}
		}

		return unseal(data)
	}

	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the secrets of profile %q: %w", profile, err)
	}

	if v.noKeyring {
		return nil, nil
	}

	text, err := keyring.Get(service, v.account(profile))
	if err != nil {
		return nil, nil //nolint:nilerr // no entry, or no keyring at all: nothing is stored
	}

	return []byte(text), nil
}

// Save replaces the secrets of a profile, durable on return, and says where they are for a user
// to read.
func (v *Vault) Save(profile string, s Set) (where string, err error) {
	data, err := json.Marshal(s)
	if err != nil {
		return "", err
	}

	path := v.file(profile)
	_, statErr := os.Stat(path)
	if !v.noKeyring && errors.Is(statErr, fs.ErrNotExist) &&
		keyring.Set(service, v.account(profile), string(data)) == nil {
		return "the system's keyring", nil
	}

	if data, err = seal(data); err != nil {
		return "", err
	}

	if err := config.WriteFile(path, data); err != nil {
		return "", err
	}

	return path, nil
}

// Delete removes the secrets of a profile, also what a killed process left half saved; none is no
// error.
func (v *Vault) Delete(profile string) error {
	config.RemoveLeftovers(filepath.Dir(v.file(profile)))
	err := os.Remove(v.file(profile))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}

	if !v.noKeyring {
		if _, e := keyring.Get(service, v.account(profile)); e == nil {
			err = errors.Join(err, keyring.Delete(service, v.account(profile)))
		}
	}

	return err
}

// Refresh is the [apsclient.TokenStore] of a profile's sign-in: one process refreshes at a time.
type Refresh struct {
	Vault   *Vault
	Profile string
	Host    string
}

var _ apsclient.TokenStore = Refresh{}

// Load implements [apsclient.TokenStore].
func (r Refresh) Load() (apsclient.Secret, error) {
	s, err := r.Vault.Load(r.Profile, r.Host)
	return apsclient.Secret(s.RefreshToken), err
}

// Save implements [apsclient.TokenStore].
func (r Refresh) Save(token apsclient.Secret) error {
	s, err := r.Vault.Load(r.Profile, r.Host)
	if err != nil {
		return err
	}

	if s.RefreshToken == "" { // it was there a moment ago
		return fmt.Errorf("the sign-in of profile %q is gone, or the keyring does not answer: nothing is "+
			"stored over it", r.Profile)
	}

	s.RefreshToken = token.Reveal()
	_, err = r.Vault.Save(r.Profile, s)

	return err
}
