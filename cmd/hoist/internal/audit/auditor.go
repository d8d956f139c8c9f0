package audit

import (
	"cmp"
	"log/slog"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/local"
	"hoist/state"
	"hoist/transfer/remote"
	"hoist/watcher"
)

// Auditor knows the three places that tell of a file: the disk, the home with its receipts, and the
// cloud. All fields are set; its methods are safe for concurrent use.
type Auditor struct {
	Home     config.Home
	Store    *state.Store
	Resolver func(profile string) (*remote.Resolver, error)
	Client   func(profile string) (*apsclient.Client, error)
	Rules    func(config.Watch) (*watcher.Book, error)
	// what a push of its folder makes of a path in no watch, by which rules
	Outside func(path string) (local.Finding, *watcher.Rules, error)
	// the book of a folder that is pushed, with the rules that the push was given
	Pushed  func(folder string, rules *watcher.Rules) (*watcher.Book, error)
	Profile string // used when a watch or a job names none
	Log     *slog.Logger
}

func (a *Auditor) profile(name string) string { return cmp.Or(name, a.Profile) }
