package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/pelletier/go-toml/v2"
)

// File is config.toml.
type File struct {
	// Profile is the profile to use when neither --profile nor HOIST_PROFILE says. Default:
	// "default".
	Profile string `toml:"profile,omitempty"`
	Settings
	History
	// StatusFile is a page for colleagues that the daemon keeps up to date, outside of every watched folder,
	// such as "/srv/www/hoist-status.html". Default: none.
	StatusFile string  `toml:"status_file,omitempty"`
	Notify     *Notify `toml:"notify,omitempty"`
	Watch      []Watch `toml:"watch,omitempty"`
}

// History bounds the jobs that are done, and those that failed or were cancelled; nil: the default.
// What ended within the last hour is kept in any case.
type History struct {
	// Days is how long they are kept, 1 to 36500. Default: 30.
	Days *int `toml:"history_days,omitempty"`
	// Jobs is how many are kept at most, 1 to 10 million. Default: 100000.
	Jobs *int `toml:"history_jobs,omitempty"`
}

// Age is Days as a time; 0: the default.
func (h History) Age() time.Duration {
	if h.Days == nil {
		return 0
	}

	return time.Duration(*h.Days) * 24 * time.Hour
}

// Count is Jobs; 0: the default.
func (h History) Count() int {
	if h.Jobs == nil {
		return 0
	}

	return *h.Jobs
}

func (h History) check(source string) (all []error) {
	within := func(key string, given *int, most int) {
		if given != nil && (*given < 1 || *given > most) {
			all = append(all, &Error{File: source, Key: key,
				Msg: fmt.Sprintf("%d is not between 1 and %d", *given, most)})
		}
	}
	within("history_days", h.Days, 36_500)
	within("history_jobs", h.Jobs, 10_000_000)

	return all
}

// Load reads the configuration of a home; a missing file is an empty one.
func Load(h Home) (File, error) {
	data, err := readConfig(h)
	if err != nil {
		return File{}, err
	}

	return parseFile(h.ConfigFile(), data)
}

func parseFile(name string, data []byte) (File, error) {
	var f File
	if err := decodeStrict(name, data, &f); err != nil {
		return f, err
	}

	var all []error
	if err := f.Settings.check(name); err != nil {
		all = append(all, err)
	}

	all = append(all, f.History.check(name)...)

	if f.Notify != nil {
		all = append(all, f.Notify.check(name)...)
	}

	all = append(all, f.checkStatusFile(name)...)

	for i := range f.Watch {
		if err := f.Watch[i].Complete(name); err != nil {
			all = append(all, err)
		}
	}

	return f, errors.Join(all...)
}

// checkStatusFile refuses a page whose changes would be sent.
func (f File) checkStatusFile(source string) (all []error) {
	bad := func(msg string) {
		all = append(all, &Error{File: source, Key: "status_file", Msg: quoted(f.StatusFile) + " " + msg})
	}
	if f.StatusFile == "" {
		return nil
	}

	if !filepath.IsAbs(f.StatusFile) {
		bad("is not absolute")
	}

	if w := WatchOf(f.Watch, f.StatusFile); w != nil {
		bad("lies in the watched folder " + w.Path + ": each status would be sent; give it a place outside")
	}

	return all
}

func decodeStrict(name string, data []byte, v any) error {
	d := toml.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return tomlErrors(name, err)
	}

	return nil
}

// readableByOthers reports whether somebody else may read a file; on Windows the access list of the
// folder decides.
func readableByOthers(path string) bool {
	info, err := os.Stat(path)
	return err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0
}
