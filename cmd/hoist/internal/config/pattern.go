package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"hoist/watcher"
)

// Pattern is one [[watch.pattern]] table: settings of the files of a watch that match. Of several
// that match, the first that has a setting counts.
type Pattern struct {
	// Match is a pattern as in .gitignore, without "!".
	Match string `toml:"match"`
	// The others are those of the watch.
	Settle   string `toml:"settle,omitempty"`
	Open     string `toml:"open,omitempty"`
	Priority string `toml:"priority,omitempty"`
	Gate     string `toml:"gate,omitempty"`
	Prefer   string `toml:"prefer,omitempty"`
}

// When a file may be sent that a program has open.
const (
	OpenOnSave  = "on-save"
	OpenOnClose = "on-close"
)

// Which files of those that wait begin first.
const (
	PriorityHigh   = "high"
	PriorityNormal = "normal"
	PriorityLow    = "low"
)

func checkOpen(text string) error {
	if text != "" && !slices.Contains([]string{OpenOnSave, OpenOnClose}, text) {
		return errors.New(quoted(text) + " is not on-save or on-close")
	}

	return nil
}

func checkPriority(text string) error {
	if text != "" && !slices.Contains([]string{PriorityHigh, PriorityNormal, PriorityLow}, text) {
		return errors.New(quoted(text) + " is not high, normal or low")
	}

	return nil
}

func checkTime(text string) error {
	if text == "" {
		return nil
	}

	_, err := ParseDuration(text)

	return err
}

// check names every mistake; bad takes one of a key.
func (p Pattern) check(n int, bad func(key, msg string)) {
	in := func(key string, err error) {
		if err != nil {
			bad(fmt.Sprintf("pattern[%d].%s", n, key), err.Error())
		}
	}
	if p.Match == "" {
		in("match", errors.New("is missing"))
	} else {
		_, err := matcher(p.Match)
		in("match", err)
	}

	in("settle", checkTime(p.Settle))
	in("open", checkOpen(p.Open))
	in("priority", checkPriority(p.Priority))
	in("gate", checkGate(p.Gate))
	in("prefer", checkPrefer(p.Prefer))
}

var matchers sync.Map // pattern -> *watcher.Rules

// matcher is what ignores exactly the files that a pattern matches.
func matcher(pattern string) (*watcher.Rules, error) {
	if m, ok := matchers.Load(pattern); ok {
		return m.(*watcher.Rules), nil
	}

	m, err := watcher.ParseRules(watcher.RuleOptions{Patterns: []string{pattern}, NoLitter: true})
	if err == nil {
		matchers.Store(pattern, m)
	}

	return m, err
}

// of is a setting of the first pattern that matches a slash path and has one; "": none does.
func (w Watch) of(rel string, setting func(Pattern) string) string {
	for _, p := range w.Pattern {
		if setting(p) == "" {
			continue
		}

		if m, err := matcher(p.Match); err == nil {
			if matches, _ := m.Match(rel, false); matches {
				return setting(p)
			}
		}
	}

	return ""
}

// GateOf is the gate for a file of a watch, by slash path below it.
func (w Watch) GateOf(rel string, s Settings) string {
	return cmp.Or(w.of(rel, func(p Pattern) string { return p.Gate }), w.Gate, s.Gate, GateWarn)
}

// PreferOf is what counts of a file that differs at both ends.
func (w Watch) PreferOf(rel string) string {
	return cmp.Or(w.of(rel, func(p Pattern) string { return p.Prefer }), w.Prefer, "local")
}

// OnClose reports whether a file waits until no program has it open.
func (w Watch) OnClose(rel string) bool {
	return cmp.Or(w.of(rel, func(p Pattern) string { return p.Open }), w.Open) == OpenOnClose
}

// SettleOf is how long a file must rest before it is sent.
func (w Watch) SettleOf(rel string) time.Duration {
	if own := w.of(rel, func(p Pattern) string { return p.Settle }); own != "" {
		w.Settle = own
	}

	return w.SettleTime()
}

// PriorityOf is above zero for a file that begins before others, and below for one that begins after
// them.
func (w Watch) PriorityOf(rel string) int {
	switch cmp.Or(w.of(rel, func(p Pattern) string { return p.Priority }), w.Priority) {
	case PriorityHigh:
		return 1
	case PriorityLow:
		return -1
	}

	return 0
}

// Prioritizes reports whether some files of the watch begin before or after others.
func (w Watch) Prioritizes() bool {
	return w.Priority != "" ||
		slices.ContainsFunc(w.Pattern, func(p Pattern) bool { return p.Priority != "" })
}
