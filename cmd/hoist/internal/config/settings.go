package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"hoist/watcher"
)

// Settings are the transfer settings as written: flags of the transfer commands, and keys of
// config.toml and of profiles. A zero field is not set.
type Settings struct {
	// Limits chooses the API budgets: "documented" (the default), "server" (obey only 429 and
	// Retry-After), or a file with raised quotas.
	Limits string `toml:"limits,omitempty"`
	// Checksum: whether the MD5 of each part is compared with its ETag: "auto" (the default: when
	// the link is slower than about 100 MiB/s), "always" or "never".
	Checksum string `toml:"checksum,omitempty"`
	// Acceleration: "auto" (the default) asks for accelerated upload addresses, "off" for plain
	// ones.
	Acceleration string `toml:"acceleration,omitempty"`
	// Transfers is the number of files at once, 1 to 256. Default: 8, of which each may be sixteen of
	// at most 1 MiB.
	Transfers *int `toml:"transfers,omitempty"`
	// PartSize is the size of a part of an upload, 5M to 5G. Default: chosen by the size of the
	// file.
	PartSize string `toml:"part-size,omitempty"`
	// Parts is the number of parts in flight over all files, 1 to 256. Default: 8, and 48 of at most
	// 1 MiB beside them, so that a small file waits for no large one.
	Parts *int `toml:"parts,omitempty"`
	// BWLimit limits the bandwidth in rclone's syntax: "10M", "10M:1M" (up and down), "08:00,512k
	// 19:00,off". Default: none.
	BWLimit string `toml:"bwlimit,omitempty"`
	// ReceiptSHA256: whether each receipt holds the SHA-256 of the whole file, which is read once
	// more for it: "always" or "never" (the default).
	ReceiptSHA256 string `toml:"receipt-sha256,omitempty"`
	// Spool is how much of the disk copies of files may take that change faster than they upload,
	// when the file system cannot clone, such as "8G" (the default); "off": no copies.
	Spool string `toml:"spool,omitempty"`
	Selection
	// ExcludeFrom is a file with patterns of Exclude, one a line.
	ExcludeFrom string `toml:"exclude-from,omitempty"`
	// MaxDelete is how many remote files a watch may hide within ten minutes because they were removed
	// here. Default: 10 % of its files, 50 at most.
	MaxDelete *int `toml:"max-delete,omitempty"`
	// MapNames stores names that the service refuses under a similar name instead of parking the
	// file. Default: false.
	MapNames *bool `toml:"map-names,omitempty"`
	// Gate is what a watch does with files whose content is doubtful: "warn" (the default) sends them
	// and says so, "park" does not until somebody decides, "off" does not look.
	Gate string `toml:"gate,omitempty"`
}

// MapsNames is MapNames with its default.
func (s Settings) MapsNames() bool { return s.MapNames != nil && *s.MapNames }

// Over returns s with what it does not set taken from base. Patterns add up, those of s last.
func (s Settings) Over(base Settings) Settings {
	s.Limits = first(s.Limits, base.Limits)
	s.Checksum = first(s.Checksum, base.Checksum)
	s.Acceleration = first(s.Acceleration, base.Acceleration)
	s.Transfers = first(s.Transfers, base.Transfers)
	s.PartSize = first(s.PartSize, base.PartSize)
	s.Parts = first(s.Parts, base.Parts)
	s.BWLimit = first(s.BWLimit, base.BWLimit)
	s.ReceiptSHA256 = first(s.ReceiptSHA256, base.ReceiptSHA256)
	s.Spool = first(s.Spool, base.Spool)
	s.Selection = s.Selection.over(base.Selection)
	s.ExcludeFrom = first(s.ExcludeFrom, base.ExcludeFrom)
	s.MaxDelete = first(s.MaxDelete, base.MaxDelete)
	s.MapNames = first(s.MapNames, base.MapNames)
	s.Gate = first(s.Gate, base.Gate)

	return s
}

func first[T comparable](values ...T) T {
	var zero T
	for _, v := range values {
		if v != zero {
			return v
		}
	}

	return zero
}

// Engine is what of the settings drives the engine, checked. Zero values mean the engine's own
// choice.
type Engine struct {
	Limits       string
	Checksum     string // auto, always or never
	Acceleration bool
	Transfers    int
	Parts        int
	PartSize     int64 // bytes
	Bandwidth    Timetable

	ReceiptSHA256 bool  // each receipt holds the SHA-256 of the whole file
	SpoolMax      int64 // bytes; below 0: no copies
}

// Filter is what of the settings chooses files, checked.
type Filter struct {
	Exclude, Include []string // .gitignore syntax, in order; no Include takes everything
	MinSize, MaxSize int64    // bytes; 0: none
	MinAge           time.Duration

	IfPresent             []string // leave out the folders that hold one of these
	Caches, OneFileSystem bool     // leave out caches, and what is mounted
}

// Limits of S3 for a part, in bytes.
const (
	minPart = 5 << 20
	maxPart = 5 << 30
)

// Engine checks the settings of the engine; all problems are reported together, each an [Error].
func (s Settings) Engine(source string) (Engine, error) {
	e := Engine{Limits: first(s.Limits, "documented"), Checksum: first(s.Checksum, "auto")}
	var all []error
	bad := func(key, msg string) { all = append(all, &Error{File: source, Key: key, Msg: msg}) }
	if !slices.Contains([]string{"auto", "always", "never"}, e.Checksum) {
		bad("checksum", quoted(e.Checksum)+" is not auto, always or never")
	}

	switch first(s.Acceleration, "auto") {
	case "auto":
		e.Acceleration = true
	case "off":
	default:
		bad("acceleration", quoted(s.Acceleration)+" is not auto or off")
	}

	switch first(s.ReceiptSHA256, "never") {
	case "always":
		e.ReceiptSHA256 = true
	case "never":
	default:
		bad("receipt-sha256", quoted(s.ReceiptSHA256)+" is not always or never")
	}

	inFlight := func(key string, given *int) int {
		switch {
		case given == nil:
			return 0
		case *given < 1 || *given > 256:
			bad(key, strconv.Itoa(*given)+" is not between 1 and 256")
		}

		return *given
	}
	e.Transfers, e.Parts = inFlight("transfers", s.Transfers), inFlight("parts", s.Parts)
	if s.MaxDelete != nil && *s.MaxDelete < 0 {
		bad("max-delete", strconv.Itoa(*s.MaxDelete)+" is not 0 or more")
	}

	if err := checkGate(s.Gate); err != nil {
		bad("gate", err.Error())
	}

	if s.PartSize != "" {
		var err error
		if e.PartSize, err = ParseSize(s.PartSize); err != nil {
			bad("part-size", err.Error())
		} else if e.PartSize < minPart || e.PartSize > maxPart {
			bad("part-size", quoted(s.PartSize)+" is not between 5M and 5G")
		}
	}

	switch size, err := ParseSize(s.Spool); {
	case s.Spool == "":
	case s.Spool == "off", err == nil && size == 0:
		e.SpoolMax = -1
	case err != nil:
		bad("spool", quoted(s.Spool)+" is not off or a size such as 512M and 8G")
	default:
		e.SpoolMax = size
	}

	var err error
	if e.Bandwidth, err = ParseTimetable(s.BWLimit); err != nil {
		bad("bwlimit", err.Error())
	}

	return e, errors.Join(all...)
}

// check looks at all that one file says; the file of patterns is read when it is needed.
func (s Settings) check(source string) error {
	_, err := s.Engine(source)
	s.ExcludeFrom = ""
	_, e := s.Filter(source)

	return errors.Join(err, e)
}

// Filter checks the settings that choose files and reads the file of patterns. All problems are
// reported together, each an [Error].
func (s Settings) Filter(source string) (Filter, error) {
	var f Filter
	var all []error
	bad := func(key string, err error) { all = append(all, &Error{File: source, Key: key, Msg: err.Error()}) }
	var err error
	if s.MinSize != "" {
		if f.MinSize, err = ParseSize(s.MinSize); err != nil {
			bad("min-size", err)
		}
	}

	if s.MaxSize != "" {
		if f.MaxSize, err = ParseSize(s.MaxSize); err != nil {
			bad("max-size", err)
		}
	}

	if f.MaxSize > 0 && f.MinSize > f.MaxSize {
		bad("min-size", fmt.Errorf("%q is more than max-size, %q", s.MinSize, s.MaxSize))
	}

	if s.MinAge != "" {
		if f.MinAge, err = ParseDuration(s.MinAge); err != nil {
			bad("min-age", err)
		}
	}

	f.IfPresent = s.ExcludeIfPresent

	f.Caches = s.ExcludeCaches != nil && *s.ExcludeCaches
	f.OneFileSystem = s.OneFileSystem != nil && *s.OneFileSystem
	for _, name := range f.IfPresent {
		if name == "" || strings.ContainsAny(name, `/\`) {
			bad("exclude-if-present", fmt.Errorf("%q is not the name of a file", name))
		}
	}

	if s.ExcludeFrom != "" {
		lines, err := readPatterns(source, s.ExcludeFrom)
		if err != nil {
			bad("exclude-from", err)
		}

		if _, err := watcher.ParseRules(watcher.RuleOptions{Patterns: lines}); err != nil {
			bad("exclude-from", fmt.Errorf("%s: %w", s.ExcludeFrom, err))
		}

		f.Exclude = append(f.Exclude, lines...)
	}

	if _, err := watcher.ParseRules(watcher.RuleOptions{Patterns: s.Exclude}); err != nil {
		bad("exclude", err)
	}

	if _, err := watcher.ParseRules(watcher.RuleOptions{Includes: s.Include}); err != nil {
		bad("include", err)
	}

	f.Exclude = append(f.Exclude, s.Exclude...)
	f.Include = s.Include

	return f, errors.Join(all...)
}

// readPatterns reads a file of patterns that source names; "": a flag, which may name a pipe too.
func readPatterns(source, path string) ([]string, error) {
	read := ReadText
	if source != "" {
		read = readSettings
	}

	data, err := read(path)
	if err != nil {
		return nil, err
	}

	var lines []string
	for line := range strings.Lines(string(data)) {
		lines = append(lines, strings.TrimRight(line, "\r\n"))
	}

	return lines, nil
}

func quoted(s string) string { return "\"" + s + "\"" }
