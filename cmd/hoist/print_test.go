package main

import (
	"bytes"
	"strings"
	"testing"
	"unicode"

	"hoist/cmd/hoist/internal/control"
)

// TestNothingPaintsATerminal: names reach people in detail, fix and rule alike.
func TestNothingPaintsATerminal(t *testing.T) {
	const name = "a\x1b[2J\u202eb"
	var out bytes.Buffer
	a := newApp(nil, nil, &out, &out)
	a.printExplanation(control.Explanation{Path: name, Remote: name, State: "x", Detail: name, Reason: "x",
		Fix: name, Rule: name, Watch: &control.Watch{ID: "w", Path: name, Remote: name, Detail: name}})
	a.printWaiting("waiting", control.Waiting{Reason: "x", Detail: name, Fix: name, Paths: []string{name}})
	a.printTrouble(control.Trouble{Reason: "x", Detail: name, Fix: name})
	if err := a.printStatus(control.Status{
		Watches:   []control.Watch{{ID: "w", Path: name, Remote: name, Detail: name}},
		Active:    []control.Active{{Path: name}},
		Attention: []control.Attention{{Path: name, Detail: name, Fix: name}},
	}); err != nil {
		t.Fatal(err)
	}

	i := strings.IndexFunc(out.String(), func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) })
	if i >= 0 {
		t.Errorf("%q", out.String())
	}
}
