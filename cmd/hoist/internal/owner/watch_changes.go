package owner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/local"
	"hoist/cmd/hoist/internal/patience"
	"hoist/cmd/hoist/internal/problem"
	"hoist/cmd/hoist/internal/statusfile"
	"hoist/state"
	"hoist/transfer/remote"
	"hoist/watcher"
)

// AddWatch implements [control.API].
func (o *Owner) AddWatch(ctx context.Context, r control.WatchRequest) (control.WatchAdded, error) {
	c := config.Watch{
		Mode: r.Mode, Settle: r.Settle, Scan: r.Scan, Profile: r.Profile, Delete: r.Delete,
		Open: r.Open, Priority: r.Priority, Gate: r.Gate, Prefer: r.Prefer, Selection: r.Selection,
	}
	var err error
	if c.Path, err = watchedFolder(r.Path); err != nil {
		return control.WatchAdded{}, err
	}

	if err := kept(c.Path); err != nil {
		return control.WatchAdded{}, problem.With(problem.Usage, err, problem.Fix{})
	}

	o.watches.changes.Lock()
	defer o.watches.changes.Unlock()
	file, err := config.Load(o.options.Home)
	if err != nil {
		return control.WatchAdded{}, err
	}

	if other, ok := config.Overlap(file.Watch, c.Path); ok {
		return o.addAgain(other, c.Path, r)
	}

	if file.StatusFile != "" {
		if err := statusfile.Outside(file.StatusFile, []string{c.Path}); err != nil {
			return control.WatchAdded{}, problem.With(problem.Usage, fmt.Errorf("watch %s: %w", c.Path, err),
				problem.Fix{Step: problem.Configuration})
		}
	}

	address, err := o.landing(ctx, o.profile(r.Profile), r.Remote)
	if err != nil {
		return control.WatchAdded{}, err
	}

	to, err := remote.ParseAddress(address)
	if err == nil {
		err = o.mayChange(r.Profile, to)
	}

	if err != nil {
		return control.WatchAdded{}, err
	}

	c.Remote = address
	c.ID = config.NewWatchID(c.Path, c.Remote, o.profile(r.Profile))
	if err := o.mayWatch(ctx, &c, r.TakeOver); err != nil {
		return control.WatchAdded{}, err
	}

	if err := o.claim(c, r.TakeOver); err != nil {
		return control.WatchAdded{}, foreignUsage(err)
	}

	if err := config.AppendWatch(o.options.Home, c); err != nil {
		return control.WatchAdded{}, errors.Join(err, o.unclaim(c.Path))
	}

	o.rules.accept()

	added := control.WatchAdded{ID: c.ID, Path: c.Path, Remote: c.Remote}
	if err := o.watches.setPaused(c.ID, false); err != nil {
		return added, err
	}

	return added, o.watches.run(c)
}

// addAgain answers that a folder is watched already; a watch of the same two ends is taken over when
// that is asked for.
func (o *Owner) addAgain(other config.Watch, path string,
	r control.WatchRequest) (control.WatchAdded, error) {
	if r.TakeOver && other.Path == path && other.Remote == r.Remote {
		return control.WatchAdded{ID: other.ID, Path: other.Path, Remote: other.Remote}, o.claim(other, true)
	}

	return control.WatchAdded{}, problem.With(problem.Usage,
		fmt.Errorf("watch %s: %s is watched already (%s)", path, other.Path, other.ID),
		problem.Fix{Step: problem.UnwatchOther, On: other.ID})
}

// mayWatch completes a watch and looks whether it can be as it is asked for.
func (o *Owner) mayWatch(ctx context.Context, c *config.Watch, takeOver bool) error {
	if err := c.Complete(""); err != nil {
		return err
	}

	if err := o.hidesThere(ctx, *c); err != nil {
		return err
	}

	settings, _, _ := o.rules.now()
	if _, err := local.WatchRules(c.Selection, settings); err != nil {
		return err
	}

	if takeOver {
		return nil
	}

	if err := o.foreignBelow(ctx, c.Path); err != nil {
		return foreignUsage(err)
	}

	return nil
}

// watchedFolder checks the folder of a new watch and returns its real path.
func watchedFolder(p string) (string, error) {
	if err := local.MustBeAbsolute(p); err != nil {
		return "", err
	}

	info, err := local.Stat(p)
	if err != nil {
		return "", err
	}

	if !info.IsDir() {
		return "", problem.Usagef("watch %s: it is not a folder", p)
	}

	resolved, err := local.Resolve(p)
	if err != nil {
		return "", fmt.Errorf("watch %s: %w", p, err)
	}

	return resolved, nil
}

// landing resolves a remote that is to hold files and returns its address in names.
func (o *Owner) landing(ctx context.Context, profile, to string) (string, error) {
	address, err := remote.ParseAddress(to)
	if err != nil {
		return "", err
	}

	resolver, err := o.engine.Resolver(profile)
	if err != nil {
		return "", err
	}

	place, err := patience.Retry(ctx, o.troubles.unreachable, func() (remote.Place, error) {
		return resolver.ResolveFolder(ctx, address)
	})
	if err != nil {
		return "", err
	}

	switch place.Kind {
	case remote.KindFolder, remote.KindBucket, remote.KindPrefix:
		return place.Address.Join(place.Missing...).String(), nil
	}

	return "", problem.Usagef("%s cannot hold files: name a folder below a project's top folder, or a bucket",
		to)
}

// ChangeWatch implements [control.API].
func (o *Owner) ChangeWatch(_ context.Context, which string, verb control.Verb) (control.WatchAdded, error) {
	m := o.watches
	m.changes.Lock()
	defer m.changes.Unlock()
	file, err := config.Load(o.options.Home)
	if err != nil {
		return control.WatchAdded{}, err
	}

	c, err := watchNamed(file.Watch, which, verb == control.Scan)
	if err != nil {
		return control.WatchAdded{}, err
	}

	out := control.WatchAdded{ID: c.ID, Path: c.Path, Remote: c.Remote}
	switch verb {
	case control.Remove:
		out.State = "removed"
		m.end(c.ID)
		if err := config.CutWatch(o.options.Home, c.ID); err != nil {
			return out, err
		}

		o.rules.accept()

		if err := o.unclaim(c.Path); err != nil {
			o.log.Warn("the folder keeps its marker", "path", c.Path, "error", err)
		}

		return out, errors.Join(m.pass(c.ID), m.setPaused(c.ID, false), o.store.SetMeta(metaSeen+c.ID, ""),
			o.store.SetMeta(metaDelete+c.ID, ""), o.store.SetMeta(metaMounts+c.ID, ""),
			m.tellJobs(c.ID, state.Cancel{}), o.store.DropRoot(c.ID))
	case control.Pause:
		out.State = control.WatchPaused
		if err := m.setPaused(c.ID, true); err != nil {
			return out, err
		}

		m.end(c.ID)

		return out, m.tellJobs(c.ID, state.Pause{})
	case control.Resume:
		if err := errors.Join(m.pass(c.ID), m.passGone(c.ID), m.setPaused(c.ID, false)); err != nil {
			return out, err
		}

		if err := m.tellJobs(c.ID, state.Resume{}); err != nil {
			return out, err
		}

		m.mu.Lock()
		running := m.running[c.ID] != nil
		m.mu.Unlock()
		if !running {
			err = m.run(c)
		}

		if one, e := m.describe(c); e == nil {
			out.State = one.State
		}

		return out, err
	case control.Scan:
		m.mu.Lock()
		r := m.running[c.ID]
		m.mu.Unlock()
		if r == nil {
			return out, problem.With(problem.NoDaemon,
				fmt.Errorf("watch %s is not running: nothing looks at its folder", c.ID), problem.Fix{})
		}

		r.watcher.Scan(scanned(c, which))
		out.State = watcher.StateScanning

		return out, nil
	default:
	}

	return out, problem.Usagef("%q is not remove, pause, resume or scan", verb)
}

// watchNamed finds a watch by its id, path or remote, or by a path inside of it.
func watchNamed(list []config.Watch, which string, inside bool) (config.Watch, error) {
	for _, c := range list {
		if c.ID == which || c.Path == filepath.Clean(which) || c.Remote == which ||
			inside && filepath.IsAbs(which) && config.Within(c.Path, which) {
			return c, nil
		}
	}

	return config.Watch{}, problem.With(problem.NotFound, fmt.Errorf("no watch %q", which),
		problem.Fix{Step: problem.WatchList})
}

// SetWatch implements [control.API].
func (o *Owner) SetWatch(ctx context.Context, which string, r control.WatchSettings) (control.WatchAdded,
	error) {
	m := o.watches
	m.changes.Lock()
	defer m.changes.Unlock()
	file, err := config.Load(o.options.Home)
	if err != nil {
		return control.WatchAdded{}, err
	}

	c, err := watchNamed(file.Watch, which, false)
	if err != nil {
		return control.WatchAdded{}, err
	}

	out := control.WatchAdded{ID: c.ID, Path: c.Path, Remote: c.Remote}
	settings, _, _ := o.rules.now()
	if r.Pattern == "" {
		c, err = c.With(r.Set)
	} else {
		c, err = c.WithPattern(r.Pattern, r.Set)
	}

	if err == nil {
		_, err = local.WatchRules(c.Selection, settings)
	}

	if _, ok := r.Set["delete"]; ok && err == nil {
		err = o.hidesThere(ctx, c)
	}

	switch keys := slices.Collect(maps.Keys(r.Set)); {
	case err != nil:
	case r.Pattern == "":
		err = config.SetWatch(o.options.Home, c, keys)
	default:
		err = config.SetPattern(o.options.Home, c, r.Pattern, keys)
	}

	if err != nil {
		return out, err
	}

	o.rules.accept()
	m.reconcile()

	one, err := m.describe(c)
	out.State = one.State

	return out, err
}

// scanned is the folder of a watch that a look at a path has to begin with.
func scanned(c config.Watch, which string) string {
	rel, err := filepath.Rel(c.Path, which)
	if !filepath.IsAbs(which) || err != nil || rel == "." {
		return ""
	}

	if info, err := local.Look(which); err != nil || !info.IsDir() {
		rel = filepath.Dir(rel)
	}

	return strings.TrimPrefix(filepath.ToSlash(rel), ".")
}
