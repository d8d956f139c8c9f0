package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Home is where one instance of hoist keeps its configuration and its state. Paths are absolute.
type Home struct {
	Config string // folder of config.toml and profiles/
	State  string // folder of everything else
}

// FindHome returns the home: dir when it is not empty (from --home or HOIST_HOME), else the
// system's folders for configuration and state. It creates nothing.
func FindHome(dir string, getenv func(string) string) (Home, error) {
	if dir != "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return Home{}, &Error{Key: "home", Msg: err.Error()}
		}

		return Home{Config: abs, State: abs}, nil
	}

	return systemHome(runtime.GOOS, getenv)
}

// systemHome follows the conventions of the systems: XDG on Linux and the BSDs, AppData on Windows,
// Library on macOS.
func systemHome(goos string, getenv func(string) string) (Home, error) {
	user := getenv("HOME")
	if goos == "windows" {
		roaming, local := getenv("APPDATA"), getenv("LOCALAPPDATA")
		if local == "" {
			local = roaming
		}

		if roaming == "" {
			return Home{}, &Error{Key: "APPDATA", Msg: "is not set; give the home with HOIST_HOME or --home"}
		}

		return Home{Config: filepath.Join(roaming, "hoist"), State: filepath.Join(local, "hoist")}, nil
	}

	configDir, stateDir := getenv("XDG_CONFIG_HOME"), getenv("XDG_STATE_HOME")
	if goos == "darwin" || configDir == "" || stateDir == "" {
		if user == "" {
			return Home{}, &Error{Key: "HOME", Msg: "is not set; give the home with HOIST_HOME or --home"}
		}
	}

	if goos == "darwin" {
		dir := filepath.Join(user, "Library", "Application Support", "hoist")
		return Home{Config: dir, State: dir}, nil
	}

	if configDir == "" {
		configDir = filepath.Join(user, ".config")
	}

	if stateDir == "" {
		stateDir = filepath.Join(user, ".local", "state")
	}

	return Home{Config: filepath.Join(configDir, "hoist"), State: filepath.Join(stateDir, "hoist")}, nil
}

func (h Home) ConfigFile() string          { return filepath.Join(h.Config, "config.toml") }
func (h Home) ProfileFile(n string) string { return filepath.Join(h.Config, "profiles", n+".toml") }
func (h Home) StateFile() string           { return filepath.Join(h.State, "state.db") }
func (h Home) Socket() string              { return filepath.Join(h.State, "control.sock") }
func (h Home) AddrFile() string            { return filepath.Join(h.State, "control.addr") }
func (h Home) OwnerFile() string           { return filepath.Join(h.State, "owner.json") }

// AuditFile lists the commands that changed something.
func (h Home) AuditFile() string { return filepath.Join(h.State, "audit.jsonl") }

// FactsFile is what selftest found.
func (h Home) FactsFile() string { return filepath.Join(h.State, "facts.json") }

// AccountsFile is what was looked up of accounts.
func (h Home) AccountsFile() string { return filepath.Join(h.State, "accounts.json") }
func (h Home) Receipts() string     { return filepath.Join(h.State, "receipts") }
func (h Home) Logs() string         { return filepath.Join(h.State, "logs") }

// PlotsFile is what was done in each minute of the last week.
func (h Home) PlotsFile() string { return filepath.Join(h.State, "plots.ring") }

// HiddenFile lists the folders that rm hid, with their names.
func (h Home) HiddenFile() string { return filepath.Join(h.State, "hidden.jsonl") }

// Spool holds copies that uploads are read from while their sources change.
func (h Home) Spool() string { return filepath.Join(h.State, "spool") }

// Listings holds the names that completion listed a moment ago; all of it may go.
func (h Home) Listings() string { return filepath.Join(h.State, "listings") }

// Streams holds what comes from standard input until it is stored, and what goes to standard output
// until it is whole.
func (h Home) Streams() string { return filepath.Join(h.State, "streams") }

// HasState reports whether anything was ever recorded here.
func (h Home) HasState() bool {
	_, err := os.Stat(h.StateFile())
	return err == nil
}

// Ensure makes the home and the folders in it, readable by their owner only. A folder that is there
// already is used when it is empty or a home, and keeps its mode; one that others can write to, or
// that holds somebody's files, is an [Error].
func (h Home) Ensure() error {
	for _, dir := range []string{h.Config, h.State} {
		if err := adopt(dir); err != nil {
			return err
		}
	}

	for _, dir := range []string{h.Receipts(), h.Logs(), h.Spool(), h.Streams()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("make folder of the home: %w", err)
		}

		if err := private(dir); err != nil {
			return fmt.Errorf("make %s private: %w", dir, err)
		}
	}

	return nil
}

// adopt makes a folder of a home, or takes one that is there.
func adopt(dir string) error {
	refuse := func(why string) error { return &Error{Key: "home", Msg: dir + ": " + why} }

	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("make folder of the home: %w", err)
		}

		if err := private(dir); err != nil {
			return fmt.Errorf("make %s private: %w", dir, err)
		}
	case err != nil:
		return fmt.Errorf("look into the home: %w", err)
	}

	others, err := writableByOthers(dir)
	if err != nil {
		return fmt.Errorf("look at the home: %w", err)
	}

	if others {
		return refuse("others can write to it: use a folder that is yours alone")
	}

	for _, e := range entries {
		if e.Name() == keptOut { // we were here before
			return nil
		}
	}

	for _, e := range entries {
		if !ours(e.Name()) {
			return refuse(fmt.Sprintf("it holds %q, which is not of hoist: use an empty folder", e.Name()))
		}
	}

	if err := keepOut(dir); err != nil {
		return fmt.Errorf("keep %s out of what is sent: %w", dir, err)
	}

	return nil
}

// ours reports whether a name in a home is one that hoist makes or reads there, or that systems
// leave in any folder.
func ours(name string) bool {
	for _, prefix := range []string{"state.db", "control.", "rebuild-", "audit.", ".hoist"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}

	return slices.Contains([]string{"config.toml", "profiles", "owner.json", "receipts", "logs", "spool",
		"streams", "listings", "hidden.jsonl", "facts.json", "accounts.json", "open.html", "plots.ring",
		".DS_Store", "Thumbs.db", "desktop.ini", "lost+found"}, name)
}

// keptOut is the file that keeps the home out of what is sent; its presence says that a folder is
// one.
const keptOut = ".hoistignore"

// keepOut makes a folder one that is left out of every watch and push it lies in: it holds secrets,
// and changes with whatever is sent.
func keepOut(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, keptOut), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}

	if err != nil {
		return err
	}

	_, err = f.WriteString("# Of hoist itself: nothing of this folder is sent.\n*\n")

	return errors.Join(err, f.Close())
}

// WriteFile replaces a file of the home whole, readable by its owner only.
func WriteFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}

	f, err := os.CreateTemp(filepath.Dir(path), ".hoist-*") // created 0600
	if err != nil {
		return err
	}

	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}

	if e := f.Close(); err == nil {
		err = e
	}

	if err == nil {
		err = replace(f.Name(), path)
	}

	if err != nil {
		return fmt.Errorf("write %s: %w", path, errNotLeft(err, os.Remove(f.Name())))
	}

	return nil
}

// replace renames a file over another, which on Windows must wait while somebody reads that one.
func replace(from, to string) error {
	const tries, pause = 20, 50 * time.Millisecond

	for try := 1; ; try++ {
		err := os.Rename(from, to)
		if runtime.GOOS != "windows" || !errors.Is(err, fs.ErrPermission) || try == tries {
			return err
		}

		time.Sleep(pause)
	}
}

// RemoveLeftovers removes what a WriteFile that was killed left in a folder; a young one may still
// be written.
func RemoveLeftovers(dir string) {
	names, _ := filepath.Glob(filepath.Join(dir, ".hoist-*"))
	for _, name := range names {
		if info, err := os.Lstat(name); err == nil && info.Mode().IsRegular() &&
			time.Since(info.ModTime()) > time.Minute {
			os.Remove(name)
		}
	}
}

// errNotLeft adds to err that the temporary file could not be removed either.
func errNotLeft(err, remove error) error {
	if remove != nil && !os.IsNotExist(remove) {
		return fmt.Errorf("%w (and %v)", err, remove)
	}

	return err
}
