package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hoist/apsclient/emulator"
	"hoist/cmd/hoist/internal/selftest"
)

// TestSelftest runs the command in a project: it asks first, prints each fact, keeps what it found, and
// leaves nothing to be seen.
func TestSelftest(t *testing.T) {
	l := newLab(t)
	before := len(l.cloud.Folders(l.cloud.Demo().Project))
	l.run(2, "selftest", l.remote) // nobody is there to be asked
	l.run(2, "selftest", "--yes", "--wait", "11m", l.remote)
	l.run(2, "selftest", "--yes", "aps://Demo Hub")
	if n := len(l.cloud.Folders(l.cloud.Demo().Project)); n != before {
		t.Fatalf("%d folders, were %d", n, before)
	}

	l.cloud.SetKnobs(func(k *emulator.Knobs) { k.NoSHA1, k.Facts.SignedHead = true, true })

	report := filepath.Join(l.dir, "report.json")
	out, _ := l.run(0, "selftest", "--yes", "--json", "--report", report, l.remote)

	var differ []string
	for line := range strings.Lines(out) {
		var r selftest.Result
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%v: %s", err, line)
		}

		if r.Verdict == selftest.Differs {
			differ = append(differ, r.Fact)
		}
	}

	if got := strings.Join(differ, " "); got != "sha1 signed-head" {
		t.Errorf("%s differ:\n%s", got, out)
	}

	if n := len(l.cloud.Folders(l.cloud.Demo().Project)); n != before {
		t.Errorf("%d folders, were %d", n, before)
	}

	raw, err := os.ReadFile(report)
	if err != nil || strings.Contains(string(raw), "Demo") || !strings.Contains(string(raw), `"hoist":`) {
		t.Errorf("%v: %s", err, raw)
	}

	known, err := selftest.LoadFacts(filepath.Join(l.home, "facts.json"))
	if err != nil || known["account/US"].Seen["sha1"] != "no" {
		t.Errorf("%v, %v", known, err)
	}

	if found := l.doctor(0)["selftest"]; len(found) != 1 ||
		!strings.Contains(found[0].Detail, "these differ: sha1, signed-head") {
		t.Errorf("doctor says %+v", found)
	}

	people, _ := l.run(0, "selftest", "--yes", "oss://")
	if !strings.Contains(people, "DIFFERS") || !strings.Contains(people, "bucket-region") {
		t.Error(people)
	}
}
