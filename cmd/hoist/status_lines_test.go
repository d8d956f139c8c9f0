package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rivo/uniseg"

	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/owner"
	"hoist/cmd/hoist/internal/progress"
)

var update = flag.Bool("update", false, "write the golden files")

// aFullStatus has long names, and everything that a status can tell.
func aFullStatus() control.Status {
	at := time.Date(2026, 3, 4, 14, 3, 12, 0, time.Local)
	next, files, none, size := at.Add(8*time.Second), 1234, 0, int64(512<<20)
	deep := "/volumes/projects/" + strings.Repeat("tower of the north/", 6)
	name := deep + "設計図面の最新版と古い版を比較した結果の一覧表と説明書 (2).rvt"
	const away = "the service cannot be reached; the file goes on as soon as it can"
	s := control.Status{
		Owner: &control.Owner{PID: 4194304, Command: "daemon", Since: at},
		Trouble: []control.Trouble{
			{Reason: "offline", Detail: "get token for data:read: something else answered in the service's " +
				"place: 200 ok, text/html \"Welcome\"", Count: 1000, Since: &at, NextAttempt: &next,
				Fix: "hoist doctor"},
			{Reason: "unauthorised", Detail: "get token for data:read data:write data:create: invalid_client",
				Count: 5, Since: &at, Fix: "hoist login && hoist retry --wait --reason unauthorised"},
		},
		Watches: []control.Watch{{ID: "w1a2b3c4", Path: deep, Remote: "aps://Hub of the company/Project 12/" +
			strings.Repeat("Plans/", 12), State: "braked", Files: &files, Synced: &files, Pending: &none,
			Attention: &none, LeftOut: []control.RuleCount{{Rule: "links and other special files", Count: 2}},
			Detail: "23 of 60 files that changed since 14:00:00 do not begin as their kind does any more"}},
		Jobs: control.Counts{Active: 2, Queued: 120000, Waiting: 1000, Attention: 6,
			Done: 1234567, Failed: 3},
		ETA: &control.ETA{Seconds: 7265, DecidedBy: "post-items"},
		Budgets: []control.Budget{{Class: "post-items", LimitPerMinute: 50, NextCall: &next},
			{Class: "get-item", LimitPerMinute: 300, Available: 12},
			{Class: "get-tip", LimitPerMinute: 50, Available: 50},
			{Class: "post-storage", LimitPerMinute: 150, ClosedUntil: &next}},
		Active: []control.Active{{Phase: "uploading", Path: name, BytesDone: 250 << 20, BytesTotal: &size,
			Rate: 1023 << 10, ETASeconds: 3599}, {Phase: "publishing", Path: "/a.rvt", BytesTotal: &size}},
		Attention: []control.Attention{
			{ID: "18ecaf8a52de86fd9a510430ff79e7f9", Path: name, Reason: "conflict",
				Detail: "create version of " + name +
					": 409", Since: &at, NextAttempt: &next, Fix: "hoist push --force '" + name +
					"' 'aps://Hub/Project/Plans'"},
			{Path: deep, Reason: "mass-change", Detail: "too many", Fix: "hoist watch resume w1a2b3c4"},
		},
	}
	for i := range 6 {
		s.Waiting = append(s.Waiting,
			control.Waiting{Reason: fmt.Sprintf("offline-%d", i), Detail: away, Count: 1000,
				Since: &at, NextAttempt: &next, Paths: []string{name, "/b.rvt"}})
		s.Attention = append(s.Attention, control.Attention{ID: "x", Path: name, Reason: "locked",
			NextAttempt: &next})
	}

	return s
}

// TestStatusFitsTheWindow: no line of a status reaches the end of the window, no command is cut, and
// all is as the golden files show (go test -update writes them); a pipe gets whole lines.
func TestStatusFitsTheWindow(t *testing.T) {
	s := aFullStatus()
	for _, width := range []int{0, 60, 80, 120, 200} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			var out bytes.Buffer
			a := newApp(nil, nil, &out, &out)
			a.cells = max(width-1, 0)
			must(t, a.printStatus(s))
			lines := strings.Split(out.String(), "\n")
			followed := a.followedText(s, a.cells)
			if width > 0 {
				lines = append(lines, progress.Fit(strings.Split(followed, "\n"), width, 24)...)
			} else if !strings.Contains(out.String(), "fix: "+s.Attention[0].Fix+"\n") {
				t.Error("a pipe gets no whole lines")
			}

			for _, line := range lines {
				if n := uniseg.StringWidth(line); width > 0 && n >= width {
					t.Errorf("%d cells: %s", n, line)
				}

				if strings.Contains(line, "fix: ") && strings.Contains(line, "…") {
					t.Errorf("a command is cut: %s", line)
				}
			}

			_, timeless, _ := strings.Cut(followed, "  ")
			sameAs(t, fmt.Sprintf("%d.txt", width), out.String())
			sameAs(t, fmt.Sprintf("follow-%d.txt", width), timeless)
		})
	}
}

// sameAs compares a text with a golden file, which go test -update writes.
func sameAs(t *testing.T, name, got string) {
	t.Helper()
	golden := filepath.Join("testdata", "status", name)
	if *update {
		must(t, os.WriteFile(golden, []byte(got), 0o644))
	}

	want, err := os.ReadFile(golden)
	must(t, err)
	if text := strings.ReplaceAll(string(want), "\r\n", "\n"); got != text {
		t.Errorf("%s: got\n%swant\n%s", name, got, text)
	}
}

// TestNothingRuns: when nothing runs nothing is tried by itself, and no time is named for that.
func TestNothingRuns(t *testing.T) {
	var out strings.Builder
	a := newApp(nil, nil, &out, io.Discard)
	next := time.Now().Add(time.Hour)
	s := control.Status{Jobs: control.Counts{Waiting: 1, Attention: 1},
		Trouble:   []control.Trouble{{Reason: "offline", NextAttempt: &next}},
		Waiting:   []control.Waiting{{Reason: "locked", Count: 1, NextAttempt: &next}},
		Attention: []control.Attention{{Path: "/a", Reason: "no-space", NextAttempt: &next}}}
	if err := a.printStatus(s); err != nil {
		t.Fatal(err)
	}

	if text := out.String(); strings.Contains(text, "next attempt") ||
		!strings.HasPrefix(text, "nothing runs: \"hoist resume\" goes on") {
		t.Errorf("says %s", text)
	}

	for api, want := range map[*attached]string{{own: &owner.Owner{}}: "nothing runs", {}: "from now"} {
		if got := nextText(api, next); !strings.Contains(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestFollowSaysWhatThePageSays: the first lines in each condition of a home, and where what needs a
// person stands.
func TestFollowSaysWhatThePageSays(t *testing.T) {
	watch := control.Watch{ID: "w1", Path: "/d", Remote: "aps://H/P/F", State: "watching"}
	paused := watch
	paused.State = control.WatchPaused
	parked := control.Attention{ID: "18", Path: "/d/a.dwg", Reason: "forbidden", Detail: "403",
		Fix: "hoist retry --wait 18"}
	for name, row := range map[string]struct {
		s    control.Status
		want []string // in this order
	}{
		"nothing yet": {control.Status{},
			[]string{"nothing is watched yet", "jobs: none", "bandwidth: no limit",
				"no folder is watched: hoist watch add PATH REMOTE"}},
		"all done": {control.Status{Watches: []control.Watch{watch}, Jobs: control.Counts{Done: 3}},
			[]string{"everything is up", "watching 1 folder", "jobs: 3 done", "watch w1 /d"}},
		"on the way": {control.Status{Watches: []control.Watch{watch},
			Jobs:      control.Counts{Active: 1, Queued: 4},
			ETA:       &control.ETA{Seconds: 60, DecidedBy: "post-items"},
			Active:    []control.Active{{Phase: "uploading", Path: "/d/b.dwg"}},
			Bandwidth: &control.Bandwidth{Setting: "1M", Up: 1 << 20, Down: 1 << 20},
			Budgets:   []control.Budget{{Class: "post-items", LimitPerMinute: 50, Available: 12}}},
			[]string{"5 files are on their way", "1m left (post-items decides); watching 1 folder",
				"uploading", "b.dwg", "jobs: 1 active, 4 queued", "bandwidth: at most 1.0 MiB/s",
				"calls left this minute: post-items 12 of 50"}},
		"paused": {control.Status{Watches: []control.Watch{watch, paused}, Jobs: control.Counts{Paused: 2}},
			[]string{"2 files are paused", "watching 2 folders, 1 paused", "jobs: 2 paused"}},
		"needs somebody": {control.Status{Watches: []control.Watch{watch},
			Jobs: control.Counts{Attention: 1, Active: 1}, Attention: []control.Attention{parked},
			Active: []control.Active{{Phase: "uploading", Path: "/d/b.dwg"}},
			Waiting: []control.Waiting{{Reason: "offline", Detail: "away", Count: 7,
				Paths: []string{"/d/c.dwg"}}}},
			[]string{"1 file needs you", "needs you: /d/a.dwg", "fix: hoist retry --wait 18", "uploading",
				"waiting: 7 files: offline",
				"c.dwg, …", "jobs: 1 active"}},
	} {
		text := newApp(nil, nil, nil, nil).followedText(row.s, 0)
		rest := text
		for _, want := range row.want {
			_, after, found := strings.Cut(rest, want)
			if !found {
				t.Errorf("%s: not %q, or not in this order:\n%s", name, want, text)
				break
			}

			rest = after
		}
	}
}
