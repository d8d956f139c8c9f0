package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hoist/apsclient/emulator"
	"hoist/cmd/hoist/internal/selftest"
)

// TestSelftest runs the command in a project: it asks first, prints each fact, keeps what it found,
// and leaves nothing to be seen.
func TestSelftest(t *testing.T) {
	t.Parallel()
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

// TestFlippedWorlds pushes a folder, a next version, and pulls it back in each world that selftest
// tells apart: whatever the answer to an open question is, the bytes arrive and come back.
func TestFlippedWorlds(t *testing.T) {
	notRaced(t)
	t.Parallel()
	l := newLab(t)

	worlds := map[string]func(*emulator.Knobs){
		"more URLs":             func(k *emulator.Knobs) { k.MaxURLs = 50 },
		"one URL a call":        func(k *emulator.Knobs) { k.MaxURLs = 1 },
		"fewer URLs than asked": func(k *emulator.Knobs) { k.FewURLs = 2 },
		"URLs of a minute":      func(k *emulator.Knobs) { k.URLMinutes = 1 },
		"dead key in a success": func(k *emulator.Knobs) { k.Facts.DeadKeyInSuccess = true },
		"bare ETags":            func(k *emulator.Knobs) { k.Facts.BareETags = true },
		"one completion":        func(k *emulator.Knobs) { k.SecondCompleteFails = true },
		"no SHA-1":              func(k *emulator.Knobs) { k.NoSHA1 = true },
		"no ranges":             func(k *emulator.Knobs) { k.NoRanges = true },
		"no If-Match":           func(k *emulator.Knobs) { k.Facts.IgnoreIfMatch = true },
		"HEAD":                  func(k *emulator.Knobs) { k.Facts.SignedHead = true },
		"limits in headers":     func(k *emulator.Knobs) { k.Facts.LimitHeaders = true },
		"no roll-up":            func(k *emulator.Knobs) { k.Facts.NoRollup = true },
		"storage replaced":      func(k *emulator.Knobs) { k.RewriteStorage = true },
		"storage once":          func(k *emulator.Knobs) { k.Facts.StorageOnce = true },
		"twins":                 func(k *emulator.Knobs) { k.Facts.TwinNames = true },
		"one case":              func(k *emulator.Knobs) { k.CaseInsensitiveNames = true },
		"no copies":             func(k *emulator.Knobs) { k.Facts.RefuseCopy = true },
	}
	n := 0
	for name, flip := range worlds {
		n++
		t.Run(name, func(t *testing.T) {
			l.cloud.SetKnobs(func(k *emulator.Knobs) {
				*k = emulator.Knobs{}
				flip(k)
			})

			from, to := filepath.Join(t.TempDir(), "job"), t.TempDir()

			target := fmt.Sprintf("%s/world %d", l.remote, n)
			files := map[string]string{"plan.dwg": "plan", "sub/model.rvt": strings.Repeat("model", 3<<20)}
			for range 2 { // the second time as next versions
				for path, content := range files {
					full := filepath.Join(from, filepath.FromSlash(path))
					if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
						t.Fatal(err)
					}

					if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
						t.Fatal(err)
					}
				}

				l.run(0, "push", "--quiet", from, target)
				files["plan.dwg"] += ", changed"
			}

			files["plan.dwg"] = "plan, changed"
			l.run(0, "pull", "--quiet", target+"/job", to)

			for path, want := range files {
				got, err := os.ReadFile(filepath.Join(to, filepath.FromSlash(path)))
				if err != nil || string(got) != want {
					t.Errorf("%s: %d bytes, want %d, %v", path, len(got), len(want), err)
				}
			}
		})
	}
}
