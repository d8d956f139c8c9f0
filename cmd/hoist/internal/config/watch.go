package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"

	"hoist/transfer/remote"
)

// Watch is one [[watch]] table of config.toml: a folder that the daemon keeps in sync with a remote
// one.
type Watch struct {
	// ID names the watch; it is made of path, remote and profile, so that a watch that is added
	// again finds its records.
	ID string `toml:"id,omitempty"`
	// Path is the local folder, absolute.
	Path string `toml:"path"`
	// Remote is the folder that the contents of Path are mapped onto.
	Remote string `toml:"remote"`
	// Mode is "push".
	Mode string `toml:"mode,omitempty"`
	// Settle is how long a file must rest before it is sent. Default 10s.
	Settle string `toml:"settle,omitempty"`
	// Scan is the time between two scans of the folder while its notices arrive, such as "15m".
	// Default 1h.
	Scan string `toml:"scan,omitempty"`
	// Profile is the account that is used. Default: the one of the daemon.
	Profile string `toml:"profile,omitempty"`

	// Open is "on-save" (the default: what was saved is sent, also while a program has the file open)
	// or "on-close": a file waits for as long as one has it open, or a lock file lies beside it.
	Open string `toml:"open,omitempty"`

	// Priority is "high", "normal" (the default) or "low": which of the files that wait begin first.
	Priority string `toml:"priority,omitempty"`

	// Gate is what becomes of files whose content is doubtful: "warn", "park" or "off". Default: as
	// the settings of the profile and of config.toml have it, else warn.
	Gate string `toml:"gate,omitempty"`

	// Prefer is what counts of a file that differs at both ends when it is seen for the first time:
	// "local" (the default), "cloud" or "newer".
	Prefer string `toml:"prefer,omitempty"`

	// Delete is what becomes online of a file that is removed here: "keep" (the default) or "hide".
	Delete string `toml:"delete,omitempty"`

	Selection

	// Pattern are settings of some of the files.
	Pattern []Pattern `toml:"pattern,omitempty"`
}

// DefaultSettle is the quiet time of a watch that names none.
const DefaultSettle = 10 * time.Second

// leastSettle is what less than it comes to: a file that cannot be read is looked at again after as
// long.
const leastSettle = 100 * time.Millisecond

// ModePush is the one mode of a watch so far: what changes on disk is sent.
const ModePush = "push"

// What becomes online of a file that is removed from a watched folder.
const (
	DeleteKeep = "keep"
	DeleteHide = "hide"
)

// Hides reports whether what is removed is hidden online.
func (w Watch) Hides() bool { return w.Delete == DeleteHide }

// NewWatchID derives the id of a watch.
func NewWatchID(path, address, profile string) string {
	sum := sha256.Sum256([]byte(path + "\x00" + address + "\x00" + profile))
	return hex.EncodeToString(sum[:6])
}

// SettleTime is Settle as a duration.
func (w Watch) SettleTime() time.Duration {
	if d, err := ParseDuration(w.Settle); err == nil && w.Settle != "" {
		return max(d, leastSettle)
	}

	return DefaultSettle
}

// leastScan is what less than it comes to: a scan reads every folder.
const leastScan = 10 * time.Second

// ScanTime is Scan as a duration; 0: the watcher's own choice.
func (w Watch) ScanTime() time.Duration {
	if d, err := ParseDuration(w.Scan); err == nil && w.Scan != "" {
		return max(d, leastScan)
	}

	return 0
}

// Complete fills in defaults and checks what a user wrote; the error names every mistake.
func (w *Watch) Complete(file string) error {
	var all []error
	bad := func(key, msg string) { all = append(all, &Error{File: file, Key: "watch." + key, Msg: msg}) }
	w.Mode = first(w.Mode, ModePush)
	switch {
	case w.Path == "":
		bad("path", "is missing")
	case !filepath.IsAbs(w.Path):
		bad("path", quoted(w.Path)+" is not absolute")
	case !utf8.ValidString(w.Path):
		bad("path", quoted(w.Path)+" is not valid UTF-8: rename the folder")
	}

	if w.Remote == "" {
		bad("remote", "is missing")
	} else if _, err := remote.ParseAddress(w.Remote); err != nil {
		bad("remote", err.Error())
	}

	if w.Mode != ModePush {
		bad("mode", quoted(w.Mode)+" is not push")
	}

	w.CheckWords(bad)

	for i, p := range w.Pattern {
		p.check(i, bad)
	}

	if w.Path != "" {
		w.Path = filepath.Clean(w.Path)
	}

	if w.ID == "" {
		w.ID = NewWatchID(w.Path, w.Remote, w.Profile)
	}

	_, err := Settings{Selection: w.Selection}.Filter(file)
	for _, e := range flatten(err) {
		e.Key = "watch." + e.Key
		all = append(all, e)
	}

	return errors.Join(all...)
}

// CheckWords calls bad for every mistake in the settings that are one word, with its key.
func (w *Watch) CheckWords(bad func(key, msg string)) {
	for _, value := range []struct {
		key string
		err error
	}{
		{"settle", checkTime(w.Settle)}, {"scan", checkTime(w.Scan)}, {"open", checkOpen(w.Open)},
		{"priority", checkPriority(w.Priority)}, {"gate", checkGate(w.Gate)},
		{"prefer", checkPrefer(w.Prefer)},
	} {
		if value.err != nil {
			bad(value.key, value.err.Error())
		}
	}

	switch w.Delete {
	case "", DeleteKeep:
	case DeleteHide:
		if remote.IsOSS(w.Remote) {
			bad("delete", "a bucket hides nothing: only keep goes with "+quoted(w.Remote))
		}
	default:
		bad("delete", quoted(w.Delete)+" is not keep or hide")
	}
}

// Overlap finds a watch whose folder is path, lies in it, or holds it.
func Overlap(watches []Watch, path string) (Watch, bool) {
	for _, w := range watches {
		if Within(w.Path, path) || Within(path, w.Path) {
			return w, true
		}
	}

	return Watch{}, false
}

// WatchOf finds the watch that a path lies in; nil when there is none.
func WatchOf(watches []Watch, path string) *Watch {
	for i, w := range watches {
		if Within(w.Path, path) {
			return &watches[i]
		}
	}

	return nil
}

// Within reports whether path is dir or lies below it.
func Within(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// AppendWatch adds a table at the end of config.toml and touches nothing else.
func AppendWatch(h Home, w Watch) error {
	if err := w.Complete("watch"); err != nil {
		return err
	}

	old, err := readConfig(h)
	if err != nil {
		return err
	}

	table, err := toml.Marshal(struct {
		Watch []Watch `toml:"watch"`
	}{[]Watch{w}})
	if err != nil {
		return fmt.Errorf("write watch: %w", err)
	}

	text := bytes.Clone(old)
	if len(text) > 0 && !bytes.HasSuffix(text, []byte("\n")) {
		text = append(text, '\n')
	}

	if len(text) > 0 {
		text = append(text, '\n')
	}

	return replaceConfig(h, append(text, table...), func(before []Watch) []Watch {
		return append(before, w)
	}, old)
}

// CutWatch removes the table of a watch and touches nothing else.
func CutWatch(h Home, id string) error {
	old, err := readConfig(h)
	if err != nil {
		return err
	}

	file, err := parseFile(h.ConfigFile(), old)
	if err != nil {
		return err
	}

	n := slices.IndexFunc(file.Watch, func(w Watch) bool { return w.ID == id })
	if n < 0 {
		return &Error{File: h.ConfigFile(), Key: "watch", Msg: quoted(id) + " is not there"}
	}

	text := cutTable(old, n)

	return replaceConfig(h, text, func(before []Watch) []Watch { return slices.Delete(before, n, n+1) }, old)
}

// replaceConfig writes the new text when it reads as intended; when it does not (an unusual way of
// writing tables), the file stays as it is and a user is asked to edit it.
func replaceConfig(h Home, text []byte, change func([]Watch) []Watch, old []byte) error {
	before, err := parseFile(h.ConfigFile(), old)
	if err != nil {
		return err
	}

	after, err := parseFile(h.ConfigFile(), text)
	if err != nil || !sameTables(after.Watch, change(slices.Clone(before.Watch))) {
		return &Error{File: h.ConfigFile(), Key: "watch", Msg: errByHand.Error()}
	}

	return WriteFile(h.ConfigFile(), text)
}

var errByHand = errors.New("its tables are written in a way that this program does not change; " +
	"edit it by hand")

func sameTables(a, b []Watch) bool {
	first, err := toml.Marshal(File{Watch: a})
	second, other := toml.Marshal(File{Watch: b})

	return errors.Join(err, other) == nil && bytes.Equal(first, second)
}

// readConfig is the text of config.toml; a missing file is an empty one.
func readConfig(h Home) ([]byte, error) {
	data, err := readSettings(h.ConfigFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}

	return data, inFile(h.ConfigFile(), err)
}

var (
	patternHeader = lazily(`^\s*\[\[\s*watch\s*\.\s*pattern\s*\]\]\s*(#.*)?$`)
	watchHeader   = lazily(`^\s*\[\[\s*watch\s*\]\]\s*(#.*)?$`)
	anyHeader     = lazily(`^\s*\[\[?\s*[A-Za-z0-9_."'-][^\]]*\]\]?\s*(#.*)?$`)
)
