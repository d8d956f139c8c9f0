package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

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
	}

	if w.Remote == "" {
		bad("remote", "is missing")
	} else if _, err := remote.ParseAddress(w.Remote); err != nil {
		bad("remote", err.Error())
	}

	if w.Mode != ModePush {
		bad("mode", quoted(w.Mode)+" is not push")
	}

	for _, d := range []struct{ key, text string }{{"settle", w.Settle}, {"scan", w.Scan}} {
		if _, err := ParseDuration(d.text); err != nil && d.text != "" {
			bad(d.key, err.Error())
		}
	}

	if err := checkGate(w.Gate); err != nil {
		bad("gate", err.Error())
	}

	if err := checkPrefer(w.Prefer); err != nil {
		bad("prefer", err.Error())
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

// replaceConfig writes the new text when it reads as intended; where it does not (an unusual way of
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

var errByHand = errors.New("its tables are written in a way that this program does not change; edit it by hand")

func sameTables(a, b []Watch) bool {
	first, err := toml.Marshal(File{Watch: a})
	second, other := toml.Marshal(File{Watch: b})

	return errors.Join(err, other) == nil && bytes.Equal(first, second)
}

// readConfig is the text of config.toml; a missing file is an empty one.
func readConfig(h Home) ([]byte, error) {
	data, err := ReadText(h.ConfigFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}

	return data, inFile(h.ConfigFile(), err)
}

var (
	patternHeader = regexp.MustCompile(`^\s*\[\[\s*watch\s*\.\s*pattern\s*\]\]\s*(#.*)?$`)
	watchHeader   = regexp.MustCompile(`^\s*\[\[\s*watch\s*\]\]\s*(#.*)?$`)
	anyHeader     = regexp.MustCompile(`^\s*\[\[?\s*[A-Za-z0-9_."'-][^\]]*\]\]?\s*(#.*)?$`)
)

// cutTable removes the n-th [[watch]] table.
func cutTable(text []byte, n int) []byte {
	lines, start, end := findTable(text, n)
	if start < 0 {
		return text
	}

	end = endOfPatterns(lines, end)

	return slices.Concat(bytes.Join(lines[:start], nil), bytes.Join(lines[end:], nil))
}

// endOfPatterns is where the tables of a watch's patterns end, which go with it.
func endOfPatterns(lines [][]byte, end int) int {
	trimmed := func(i int) []byte { return bytes.TrimRight(lines[i], "\r\n") }
	for {
		next := end
		for next < len(lines) && isBlankOrComment(lines[next]) {
			next++
		}

		if next == len(lines) || !patternHeader.Match(trimmed(next)) {
			return end
		}

		end = next + 1
		for end < len(lines) && !anyHeader.Match(trimmed(end)) {
			end++
		}

		for end > next+1 && end < len(lines) && isBlankOrComment(lines[end-1]) {
			end--
		}
	}
}

// findTable finds the lines of the n-th [[watch]] table, from its header to the next header; comments and
// blank lines right before that belong to the next table. A start of -1: it is not there.
func findTable(text []byte, n int) (lines [][]byte, start, end int) {
	lines = bytes.SplitAfter(text, []byte("\n"))
	start, end = -1, len(lines)
	for i, line := range lines {
		line = bytes.TrimRight(line, "\r\n")
		switch {
		case start < 0 && watchHeader.Match(line):
			if n == 0 {
				start = i
			}

			n--
		case start >= 0 && anyHeader.Match(line):
			end = i
		}

		if start >= 0 && end < len(lines) {
			break
		}
	}

	for start >= 0 && end < len(lines) && end > start+1 && isBlankOrComment(lines[end-1]) {
		end--
	}

	return lines, start, end
}

func isBlankOrComment(line []byte) bool {
	line = bytes.TrimSpace(line)
	return len(line) == 0 || line[0] == '#'
}
