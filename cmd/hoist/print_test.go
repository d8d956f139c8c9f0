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
	a.printExplanation(nil,
		control.Explanation{Path: name, Remote: name, State: "x", Detail: name, Reason: "x",
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

// TestOneIsSingular: what is counted reads right, of one and of two.
func TestOneIsSingular(t *testing.T) {
	for n, want := range map[int]struct{ counts, watch, summary string }{
		1: {"1 needs attention", ", 1 file: 0 synced, 0 pending, 1 needs attention",
			"1 file: 1 needs attention"},
		2: {"2 need attention", ", 2 files: 0 synced, 0 pending, 2 need attention",
			"2 files: 2 need attention"},
	} {
		if got := countsText(control.Counts{Attention: n}); got != want.counts {
			t.Errorf("counts: %q, want %q", got, want.counts)
		}

		none := 0
		if got := watchText(control.Watch{Files: &n, Attention: &n, Synced: &none,
			Pending: &none}); got != want.watch {
			t.Errorf("watch: %q, want %q", got, want.watch)
		}

		r := transferRun{a: newApp(nil, nil, nil, nil)}
		r.a.sum.Files, r.a.sum.Attention = n, n
		if got := r.summary(0); got != want.summary {
			t.Errorf("summary: %q, want %q", got, want.summary)
		}

		if err := needAttention(n, 3, ""); !strings.Contains(err.Error(), needs(n)+" attention") {
			t.Error(err)
		}
	}
}
