package config

import (
	"cmp"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"hoist/apsclient"
)

// The events that people can be told.
const (
	NotifyNeedsYou  = "needs-you"
	NotifyAllSynced = "all-synced"
	NotifyStuck     = "stuck"
	NotifySummary   = "summary"
)

// NotifyEvents are all of them.
var NotifyEvents = []string{NotifyNeedsYou, NotifyAllSynced, NotifyStuck, NotifySummary}

// Notify is the table [notify] of config.toml: who is told what a daemon meets. Nil and the zero
// value tell nobody.
type Notify struct {
	// URL is the webhook that gets a POST of JSON; https, or http to this machine. It may hold a
	// secret, and is shown by its host alone.
	URL string `toml:"url"`
	// SecretFile holds the key that signs each message; only its owner may read it. Default: not
	// signed.
	SecretFile string `toml:"secret-file,omitempty"`
	// Events are the ones to tell: needs-you, all-synced, stuck, summary. Default: all; summary
	// when summary-at is set.
	Events []string `toml:"events,omitempty"`
	// StuckAfter is how long nothing may move though it should, such as "2h" (the default).
	StuckAfter string `toml:"stuck-after,omitempty"`
	// SummaryAt is the time of day of the daily summary, such as "20:00". Default: none.
	SummaryAt string `toml:"summary-at,omitempty"`
}

// defaultStuck is StuckAfter when it is not set.
const defaultStuck = 2 * time.Hour

// Wants reports whether an event is to be told.
func (n *Notify) Wants(event string) bool {
	return n != nil && (len(n.Events) == 0 || slices.Contains(n.Events, event))
}

// Stuck is StuckAfter with its default.
func (n *Notify) Stuck() time.Duration {
	d, err := ParseDuration(n.StuckAfter)
	if err != nil || n.StuckAfter == "" { // said by check
		return defaultStuck
	}

	return d
}

// Secret is the key that signs; "" when there is none.
func (n *Notify) Secret() string {
	if n == nil || n.SecretFile == "" {
		return ""
	}

	data, err := os.ReadFile(n.SecretFile)
	if err != nil {
		return "" // said by check
	}

	return strings.TrimSpace(string(data))
}

// Host is the webhook without what may be secret in it.
func (n *Notify) Host() string {
	u, err := url.Parse(n.URL)
	if err != nil {
		return ""
	}

	return u.Scheme + "://" + u.Host
}

// check returns all that is wrong, each an [Error].
func (n *Notify) check(source string) (out []error) {
	bad := func(key, msg string) { out = append(out, &Error{File: source, Key: "notify." + key, Msg: msg}) }
	if n.URL == "" {
		bad("url", "is missing: the webhook that is told")
	} else if _, err := apsclient.ParseBaseURL(cmp.Or(n.Host(), "none")); err != nil {
		bad("url", "is not https, nor http to this machine")
	}

	for _, e := range n.Events {
		if !slices.Contains(NotifyEvents, e) {
			bad("events", quoted(e)+" is not one of "+strings.Join(NotifyEvents, ", "))
		}
	}

	if n.StuckAfter != "" {
		if d, err := ParseDuration(n.StuckAfter); err != nil || d <= 0 {
			bad("stuck-after", quoted(n.StuckAfter)+" is not a duration such as 2h")
		}
	}

	if n.SummaryAt != "" {
		if _, err := NextClock(n.SummaryAt, time.Now()); err != nil {
			bad("summary-at", err.Error())
		}
	}

	switch {
	case n.SecretFile == "":
	case n.Secret() == "":
		bad("secret-file", quoted(n.SecretFile)+" cannot be read, or holds nothing")
	case readableByOthers(n.SecretFile):
		bad("secret-file", quoted(n.SecretFile)+" can be read by others: chmod 600")
	}

	return out
}
