package watcher

import (
	"bytes"
	"testing"
	"unicode/utf8"
)

// FuzzRuleText: the bytes of a rule file are text in UTF-8, or refused; rules of it can be asked.
func FuzzRuleText(f *testing.F) {
	f.Add([]byte("*.log\n!a.log\n/b/**/c\n"), "b/x/c")
	f.Add([]byte("\xff\xfe*\x00.\x00a\x00\n\x00"), "x.a")
	f.Add([]byte("\xfe\xff\x00a\xd8"), "a")
	f.Add([]byte("[a-\\]"), "a")
	f.Fuzz(func(t *testing.T, data []byte, rel string) {
		text, err := ruleText8(data)
		if err != nil {
			return
		}

		if !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 {
			t.Fatalf("%q became %q", data, text)
		}

		rules, err := ParseRules(RuleOptions{Patterns: []string{string(text)}})
		if err == nil && rel != "" {
			rules.Match(rel, false)
		}
	})
}
