package config

import (
	"bytes"
	"errors"
	"os"
	"runtime"

	"github.com/pelletier/go-toml/v2"
)

// File is config.toml.
type File struct {
	// Profile is the profile to use where neither --profile nor HOIST_PROFILE says. Default:
	// "default".
	Profile string `toml:"profile,omitempty"`
	Settings
	Notify *Notify `toml:"notify,omitempty"`
	Watch  []Watch `toml:"watch,omitempty"`
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
	if err := f.check(name); err != nil {
		all = append(all, err)
	}

	if f.Notify != nil {
		all = append(all, f.Notify.check(name)...)
	}

	for i := range f.Watch {
		if err := f.Watch[i].Complete(name); err != nil {
			all = append(all, err)
		}
	}

	return f, errors.Join(all...)
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
