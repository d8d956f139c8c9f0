package config

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/pelletier/go-toml/v2"
)

// SetBWLimit gives bwlimit in config.toml another value, or none, and touches nothing else.
func SetBWLimit(h Home, value string) error {
	old, err := readConfig(h)
	if err != nil {
		return err
	}

	before, err := parseFile(h.ConfigFile(), old)
	if err != nil {
		return err
	}

	text, err := setTop(old, "bwlimit", value)
	if err != nil {
		return err
	}

	after, err := parseFile(h.ConfigFile(), text)
	before.BWLimit = value
	wanted, e := toml.Marshal(before)
	got, other := toml.Marshal(after)
	if err != nil || e != nil || other != nil || !bytes.Equal(wanted, got) {
		return &Error{File: h.ConfigFile(), Key: "bwlimit", Msg: errByHand.Error()}
	}

	return WriteFile(h.ConfigFile(), text)
}

// setTop gives a key before the first table another value of one line; "" takes its line away.
func setTop(text []byte, key, value string) ([]byte, error) {
	lines := bytes.SplitAfter(text, []byte("\n"))
	end := len(lines)
	if i := slices.IndexFunc(lines, func(l []byte) bool {
		return anyHeader().Match(bytes.TrimRight(l, "\r\n"))
	}); i >= 0 {
		end = i
	}

	at, next := end, end
	if i := slices.IndexFunc(lines[:end], ofKey(key).Match); i >= 0 {
		at, next = i, i+1
	}

	for at == next && at > 0 && isBlankOrComment(lines[at-1]) { // those belong to what follows
		at, next = at-1, at-1
	}

	var line []byte
	if value != "" {
		var err error
		if line, err = toml.Marshal(map[string]string{key: value}); err != nil {
			return nil, fmt.Errorf("write %s: %w", key, err)
		}
	}

	head := bytes.Join(lines[:at], nil)
	if len(line) > 0 && len(head) > 0 && !bytes.HasSuffix(head, []byte("\n")) {
		head = append(head, '\n')
	}

	return slices.Concat(head, line, bytes.Join(lines[next:], nil)), nil
}
