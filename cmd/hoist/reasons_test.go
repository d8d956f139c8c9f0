package main

import (
	"regexp"
	"strings"
	"testing"

	"hoist/transfer"
)

// TestReasonsPage: "help reasons" has each code with its sentence, and every fix is a command that
// is there.
func TestReasonsPage(t *testing.T) {
	text, ok := topic("reasons")
	if !ok {
		t.Fatal("no page reasons")
	}

	root := newApp(nil, nil, nil, nil).rootCommand()
	command := regexp.MustCompile(`hoist ([a-z]+)`)
	for _, r := range transfer.Reasons() {
		if !strings.Contains(text, "\n    "+r.Code+"\n        "+r.Sentence+"\n") {
			t.Errorf("%s is not on the page with its sentence", r.Code)
		}

		if r.Fix == "" && r.Again == 0 &&
			!strings.Contains(text, r.Code+"\n        "+r.Sentence+"\n        no fix is needed") {
			t.Errorf("%s: the page does not say that it is waited out", r.Code)
		}

		if r.NeedsDecision() && r.Fix == "" {
			t.Errorf("%s: a decision without a command", r.Code)
		}

		for _, m := range command.FindAllStringSubmatch(r.Fix, -1) {
			if find(root, []string{m[1]}) == nil {
				t.Errorf("%s: its fix %q names no command", r.Code, r.Fix)
			}
		}
	}
}
