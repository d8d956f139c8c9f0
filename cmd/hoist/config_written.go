package main

import (
	"context"
	"slices"
	"time"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/config"
	"hoist/watcher"
)

// configWritten is how long a command waits for who writes the configuration, as for a rule file.
const configWritten = 40 * time.Second

// awaitConfiguration waits while somebody has the configuration open for writing: the first half of a
// text leaves out less than the whole.
func (a *app) awaitConfiguration(ctx context.Context) error {
	for end := time.Now().Add(configWritten); time.Now().Before(end); {
		if !slices.ContainsFunc(a.configFiles(), watcher.BeingWritten) {
			return nil
		}

		if err := apsclient.Sleep(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}

	return nil
}

// configFiles are the files that the choice of files comes from, as far as they can be read.
func (a *app) configFiles() []string {
	env := config.ReadEnv(a.getenv)
	home, err := a.findHome(env)
	if err != nil {
		return nil // it is told by who needs it
	}

	file, _ := config.Load(home)
	name := config.ProfileName(home, a.flags.profile, env, file)
	profile, _ := config.LoadProfile(home, name)
	names := []string{home.ConfigFile(), home.ProfileFile(name), file.ExcludeFrom, profile.ExcludeFrom}

	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}
