package owner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/local"
	"hoist/cmd/hoist/internal/problem"
	"hoist/watcher/disk"
)

// markerName is the file in a watched folder that says which home sends it. The watcher never takes
// names that begin with .hoist.
const markerName = ".hoist-root"

// marker is its content.
type marker struct {
	Instance string    `json:"instance"` // of the state
	Home     string    `json:"home"`     // absolute path of the state's folder
	Host     string    `json:"host"`
	Since    time.Time `json:"since"`
	Watch    string    `json:"watch,omitempty"` // whose folder it is
}

// ForeignRootError says that another home sends a folder, or another watch of this one.
type ForeignRootError struct {
	Watch *config.Watch // of this home; nil: it is another home
	Root  string        // folder of the marker: the watched one or one above it
	Home  string
	Host  string
	Since time.Time
}

func (e *ForeignRootError) Error() string {
	if w := e.Watch; w != nil {
		return fmt.Sprintf("%s is the folder of watch %s, whose place is %s: move it back, or mount each disk "+
			"in its place; if it is to be sent from here, remove %s in it", e.Root, w.ID, w.Path, markerName)
	}

	return fmt.Sprintf("%s is sent by another home, %s on %s (since %s)", e.Root, e.Home, e.Host,
		e.Since.Local().Format(time.DateTime))
}

// foreignUsage is the error of a command that would make a second writer.
func foreignUsage(err error) error {
	if _, ok := errors.AsType[*ForeignRootError](err); ok {
		return problem.With(problem.Usage, err, problem.Fix{Step: problem.TakeOver})
	}

	return err
}

// me is the marker that this home leaves.
func (o *Owner) me() marker {
	host, err := os.Hostname()
	if err != nil {
		host = "an unknown host"
	}

	return marker{Instance: o.store.Instance(), Home: o.options.Home.State, Host: host,
		Since: time.Now().UTC()}
}

// left reports whether this home left a marker: by its place, or by the instance when it was moved. Of a home
// that was copied, and whose original is in use, it is another's.
func (o *Owner) left(m *marker) bool {
	mine := o.me()
	if m.Home == mine.Home && m.Host == mine.Host {
		return true
	}

	return m.Instance == mine.Instance && !(m.Host == mine.Host && inUseBeside(m.Home, mine.Home))
}

// inUseBeside reports whether a home that is not mine by another name has an owner now.
func inUseBeside(home, mine string) bool {
	one, err := os.Stat(home)
	if err != nil {
		return false
	}

	if two, err := os.Stat(mine); err == nil && os.SameFile(one, two) {
		return false
	}

	at := config.Home{State: home}
	c, err := control.Dial(context.Background(), at.Socket(), at.AddrFile())
	if err != nil {
		return false
	}

	c.Close()

	return true
}

// readMarker reads the marker of a folder; nil when there is none. What is no marker is as none: a
// write that a crash tore.
func readMarker(root string) (*marker, error) {
	data, err := local.ReadSmall(filepath.Join(root, markerName), 64<<10)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}

	if err != nil {
		return nil, fmt.Errorf("read the marker of %s: %w", root, err)
	}

	var m marker
	if json.Unmarshal(data, &m) != nil || m.Instance == "" {
		return nil, nil //nolint:nilerr // a marker that says nothing is none
	}

	return &m, nil
}

// foreign returns a [*ForeignRootError] when another home sends a folder, or one above it. It only
// looks.
func (o *Owner) foreign(root string) error {
	for dir := root; ; dir = filepath.Dir(dir) {
		m, err := readMarker(dir)
		if err != nil && dir == root {
			return err
		}

		if err == nil && m != nil && !o.left(m) {
			return foreignRoot(dir, m)
		}

		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

// foreignTo is foreign, and a [*ForeignRootError] too when the folder in the place of a watch is the one of
// another watch, whose own place is without it: two folders, or two disks, have changed places. A copy of a
// watched folder is nobody else's.
func (o *Owner) foreignTo(c config.Watch) error {
	if err := o.foreign(c.Path); err != nil {
		return err
	}

	m, err := readMarker(c.Path)
	if err != nil || m == nil || m.Watch == c.ID {
		return err
	}

	other, _, there := o.rules.watch(m.Watch)
	if !there || other.Path == c.Path {
		return nil
	}

	if at, err := readMarker(other.Path); err == nil && at != nil && at.Watch == m.Watch {
		return nil
	}

	return &ForeignRootError{Watch: &other, Root: c.Path}
}

func foreignRoot(dir string, m *marker) error {
	return &ForeignRootError{Root: dir, Home: m.Home, Host: m.Host, Since: m.Since}
}

// claim leaves this home's marker in a folder that is to be watched, or finds it there. With
// takeOver it replaces another home's. When the folder cannot be written to there is no marker:
// then the look at the newest version right before each create is what keeps two homes apart. A
// [*ForeignRootError] names the home that sends the folder, or one above it.
func (o *Owner) claim(c config.Watch, takeOver bool) error {
	return disk.Do(c.Path, disk.Patience, func() error { return o.claimNow(c, takeOver, true) })
}

// claimAgain is claim of a watch that was there before: nobody asked for what lies in its place now. When it
// may not be bare, an empty folder gets no marker: its disk was unmounted a moment ago.
func (o *Owner) claimAgain(c config.Watch, bare bool) error {
	return disk.Do(c.Path, disk.Patience, func() error {
		if err := o.foreignTo(c); err != nil {
			return err
		}

		return o.claimNow(c, false, bare)
	})
}

func (o *Owner) claimNow(c config.Watch, takeOver, bare bool) error {
	root := c.Path
	if !takeOver {
		if err := o.foreign(root); err != nil {
			return err
		}
	}

	mine := o.me()
	mine.Watch = c.ID
	found, err := readMarker(root)
	if err != nil || found != nil && found.Instance == mine.Instance && found.Home == mine.Home &&
		found.Watch == mine.Watch {
		return err
	}

	if err := writeMarker(root, mine, bare); err != nil {
		if readOnly(err) {
			o.log.Info("the watched folder cannot be written to: no marker keeps other homes away", "path",
				root, "error", err)
			return nil
		}

		return fmt.Errorf("leave a marker in %s: %w", root, err)
	}

	// Of two homes that write at once the last one stays: look who it is.
	if found, err = readMarker(root); err == nil && found != nil && !o.left(found) {
		return foreignRoot(root, found)
	}

	return err
}

// foreignBelow returns a [*ForeignRootError] when another home sends a folder below root: a claim
// of root would end that unseen.
func (o *Owner) foreignBelow(ctx context.Context, root string) error {
	_, err := disk.AskOn(root, disk.Patience, func(beat func()) (struct{}, error) {
		return struct{}{}, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			beat()
			if err != nil || ctx.Err() != nil || d.Name() != markerName {
				return context.Cause(ctx) // what cannot be read is for the scan to tell
			}

			dir := filepath.Dir(path)
			if m, err := readMarker(dir); err == nil && m != nil && !o.left(m) {
				return foreignRoot(dir, m)
			}

			return nil
		})
	})

	return err
}

// writeMarker leaves a marker. What is mounted between its steps does not matter: each finds what the one
// before made, or fails.
func writeMarker(root string, m marker, bare bool) error {
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}

	f, err := os.CreateTemp(root, markerName+"-*") // begins with .hoist: the watcher passes it over
	if err != nil {
		return err
	}

	_, err = f.Write(append(data, '\n'))
	_ = f.Chmod(0o644) // for other users; a file system without permissions may refuse it
	err = errors.Join(err, f.Close())
	if err == nil && !bare && isBare(root, filepath.Base(f.Name())) {
		err = errBare
	}

	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(root, markerName))
	}

	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}

	return hide(filepath.Join(root, markerName))
}

// unclaim removes the marker of a folder if it is ours.
func (o *Owner) unclaim(root string) error {
	return disk.Do(root, disk.Patience, func() error { return o.unclaimNow(root) })
}

func (o *Owner) unclaimNow(root string) error {
	m, err := readMarker(root)
	if err != nil || m == nil || !o.left(m) {
		return err
	}

	if err := os.Remove(filepath.Join(root, markerName)); err != nil && !errors.Is(err, fs.ErrNotExist) &&
		!readOnly(err) {
		return fmt.Errorf("remove the marker of %s: %w", root, err)
	}

	return nil
}
