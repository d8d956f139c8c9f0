package apsclient

import (
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const redacted = "redacted"

// Secret is a text that no log, error, JSON or print shows; Reveal gives it to the one place that
// needs it.
type Secret string

// Reveal returns the text itself.
func (s Secret) Reveal() string { return string(s) }

// String returns "redacted" ("" for an empty secret).
func (s Secret) String() string {
	if s == "" {
		return ""
	}

	return redacted
}

// GoString is String, for %#v.
func (s Secret) GoString() string { return s.String() }

// Format prints "redacted" for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// LogValue prints "redacted".
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText makes JSON, TOML and the like print "redacted".
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON prints "redacted".
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + s.String() + `"`), nil }

// SignedURL is a URL that carries its own permission; it is as secret as a password for as long as
// it lives.
type SignedURL string

// Reveal returns the URL itself.
func (u SignedURL) Reveal() string { return string(u) }

// Host is the host of the URL, the one part that may be shown; "" when it does not parse.
func (u SignedURL) Host() string {
	p, err := url.Parse(string(u))
	if err != nil {
		return ""
	}

	return p.Host
}

// parameter is the first value of a parameter of the URL's query, "" if it has none. It takes nothing
// apart but what was asked for: every small file has a URL.
func (u SignedURL) parameter(name string) string {
	_, query, _ := strings.Cut(string(u), "?")
	query, _, _ = strings.Cut(query, "#")
	for pair := range strings.SplitSeq(query, "&") {
		if k, v, _ := strings.Cut(pair, "="); k == name {
			if v, err := url.QueryUnescape(v); err == nil {
				return v
			}
		}
	}

	return ""
}

// Lifetime is how long the URL can be used after it was signed, as it says itself; 0: it does not
// say.
func (u SignedURL) Lifetime() time.Duration {
	s, err := strconv.Atoi(u.parameter("X-Amz-Expires"))
	if err != nil || s < 0 {
		return 0
	}

	return time.Duration(min(s, 7*24*3600)) * time.Second
}

// String returns "redacted" ("" for an empty URL).
func (u SignedURL) String() string { return Secret(u).String() }

// GoString is String, for %#v.
func (u SignedURL) GoString() string { return u.String() }

// Format prints "redacted" for every verb.
func (u SignedURL) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(u.String())) }

// LogValue prints "redacted".
func (u SignedURL) LogValue() slog.Value { return slog.StringValue(u.String()) }

// MarshalText makes text encodings print "redacted".
func (u SignedURL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// MarshalJSON prints "redacted".
func (u SignedURL) MarshalJSON() ([]byte, error) { return []byte(`"` + u.String() + `"`), nil }
