package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"hoist/apsclient/emulator"
	"hoist/cmd/hoist/internal/audit"
	"hoist/cmd/hoist/internal/control"
	"hoist/transfer"
)

// verified reads what verify --json prints, by path.
func verified(t *testing.T, stdout string) map[string]control.VerifyFile {
	t.Helper()

	out := map[string]control.VerifyFile{}
	for line := range strings.Lines(stdout) {
		var f control.VerifyFile
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatalf("%v: %s", err, line)
		}

		out[f.Path] = f
	}

	return out
}

// watchOf makes a folder of three drawings that a daemon has published, and returns its path. No
// daemon runs afterwards.
func watchOf(l *lab, names ...string) string {
	l.t.Helper()
	dir := filepath.Join(l.dir, "plans")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		l.t.Fatal(err)
	}

	for i, name := range names {
		l.file("plans/"+name, int64(100_000*(i+1)))
	}

	l.run(0, "watch", "add", dir, l.remote+"/plans", "--settle", "100ms")
	l.daemonUntilSynced(len(names))

	return dir
}

// daemonUntilSynced runs a daemon until so many files of the one watch are in sync.
func (l *lab) daemonUntilSynced(files int) {
	l.t.Helper()
	d := l.start("daemon")
	l.owned("daemon")
	eventually(l.t, "all files are synced", func() bool {
		s := l.status()
		return len(s.Watches) == 1 && s.Watches[0].Synced != nil && *s.Watches[0].Synced == files &&
			*s.Watches[0].Pending == 0
	})
	d.interrupt()
}

func TestVerify(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	dir := watchOf(l, "a.rvt", "b.rvt", "c.rvt", "d.rvt", "e.rvt", "f.rvt")
	outside := l.file("outside.rvt", 11<<20)
	l.run(0, "push", outside, l.remote, "--part-size", "5M")
	out, _ := l.run(0, "verify", "--json")
	got := verified(t, out)
	if len(got) != 7 {
		t.Errorf("%d files, want 7: %s", len(got), out)
	}

	for path, f := range got {
		if f.Result != "ok" || f.SHA1 == "" || f.VersionID == "" || f.StorageID == "" || f.Receipt == 0 {
			t.Errorf("%s: %+v", path, f)
		}
	}

	if n := l.count("get-object-details"); n > 0 {
		t.Errorf("%d calls for single objects: the ETags prove the parts", n)
	}

	at := func(name string) string { return filepath.Join(dir, name) }
	// b: other content of the same size and time; c: removed here; d: removed there; e: a newer
	// version from elsewhere; f: changed size.
	before, err := os.Stat(at("b.rvt"))
	if err != nil {
		t.Fatal(err)
	}

	l.file("plans/b.rvt", 200_000, "altered")
	if err := os.Chtimes(at("b.rvt"), before.ModTime(), before.ModTime()); err != nil {
		t.Fatal(err)
	}

	if err := os.Remove(at("c.rvt")); err != nil {
		t.Fatal(err)
	}

	l.run(0, "rm", "--yes", l.remote+"/plans/d.rvt")
	other := *l
	other.home = filepath.Join(t.TempDir(), "h")
	other.dir = t.TempDir()
	other.run(0, "push", other.file("e.rvt", 5000), l.remote+"/plans")
	l.file("plans/f.rvt", 10)
	l.file("plans/new.rvt", 10)
	out, _ = l.run(3, "verify", "--json")

	got = verified(t, out)
	for name, want := range map[string]string{
		"a.rvt": "ok", "b.rvt": "differs", "c.rvt": "missing-local", "d.rvt": "missing-remote",
		"e.rvt": "newer-remote", "f.rvt": "differs", "new.rvt": "missing-remote",
	} {
		if f := got[at(name)]; f.Result != want {
			t.Errorf("%s: %q (%s), want %q", name, f.Result, f.Detail, want)
		}
	}

	l.run(0, "verify", at("a.rvt"))
	l.run(3, "verify", dir)
	l.run(5, "verify", filepath.Join(l.dir, "nothing"))

	// A folder that is gone, as on a disk that is not there.
	if err := os.Rename(dir, dir+".gone"); err != nil {
		t.Fatal(err)
	}

	out, _ = l.run(3, "verify", "--json")
	if got := verified(t, out); got[at("a.rvt")].Result != "missing-local" || got[outside].Result != "ok" {
		t.Errorf("without the folder: %s", out)
	}

	if err := os.Rename(dir+".gone", dir); err != nil {
		t.Fatal(err)
	}

	// A receipt that was altered is found, in the exported file alone too.
	file := filepath.Join(l.home, "receipts", "receipts.jsonl")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}

	if err := os.WriteFile(file, []byte(strings.Replace(string(data), `"size":100000`, `"size":100001`, 1)),
		0o600); err != nil {
		t.Fatal(err)
	}

	out, _ = l.run(3, "verify", at("a.rvt"), "--json")
	if f := verified(t, out)[file]; f.Result != "differs" {
		t.Errorf("an altered receipt: %s", out)
	}

	// So are lines that were moved, doubled or added.
	lines := strings.SplitAfter(strings.TrimSpace(string(data)), "\n")
	last, all := len(lines)-1, string(data)

	sum := sha256.Sum256([]byte(lines[last]))
	added := fmt.Sprintf(`{"seq":%d,"prev":"%x"}`, len(lines)+1, sum)
	for name, text := range map[string]string{
		"two in another order": strings.Join(lines[:1], "") + lines[2] + lines[1] + strings.Join(lines[3:],
			"") + "\n",
		"one twice":            lines[0] + all,
		"an empty line":        all + "\n",
		"no receipt":           all + "garbage",
		"added":                all + added + "\n",
		"added without an end": all + added,
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}

		out, _ = l.run(3, "verify", at("a.rvt"), "--json")
		if f := verified(t, out)[file]; f.Result != "differs" {
			t.Errorf("%s: %s", name, out)
		}
	}

	// So is one that was taken away, wherever it stood; with the next one the file is whole again.
	for _, left := range [][]string{lines[:len(lines)-1], lines[1:], nil} {
		if err := os.WriteFile(file, []byte(strings.Join(left, "")), 0o600); err != nil {
			t.Fatal(err)
		}

		out, _ = l.run(3, "verify", at("a.rvt"), "--json")
		if f := verified(t, out)[file]; f.Result != "differs" || !strings.Contains(f.Detail, "gone") {
			t.Errorf("with %d of %d receipts: %s", len(left), len(lines), out)
		}
	}

	l.run(0, "push", l.file("one more.rvt", 1000), l.remote)
	l.run(0, "verify", at("a.rvt"))
	if now, err := os.ReadFile(file); err != nil || !strings.HasPrefix(string(now), string(data)) {
		t.Errorf("the export is not whole again: %v\n%s", err, now)
	}
}

func TestVerifyWithADaemon(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	watchOf(l, "a.rvt")
	l.start("daemon")
	l.owned("daemon")
	out, _ := l.run(0, "verify", "--json")
	if len(verified(t, out)) != 1 {
		t.Errorf("verify: %s", out)
	}

	out, _ = l.run(0, "state", "check", "--json")
	var r control.StateReport
	if err := json.Unmarshal([]byte(out), &r); err != nil || !r.Sound || !r.Usable || r.Jobs != 1 {
		t.Errorf("state check: %s", out)
	}

	for _, verb := range []string{"repair", "rebuild"} {
		if _, stderr := l.run(1, "state", verb); !strings.Contains(stderr, "held by process") ||
			!strings.Contains(stderr, "(daemon)") {
			t.Errorf("state %s while a daemon runs: %s", verb, stderr)
		}
	}
}

func TestStateRepair(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.run(0, "state", "check")
	l.run(5, "state", "repair")
	a := l.file("a.rvt", 1000)
	l.run(0, "push", a, l.remote)
	l.run(0, "state", "check")
	if out, _ := l.run(0, "state", "repair", "--json"); !strings.Contains(out, `"repaired":false`) {
		t.Errorf("a sound state: %s", out)
	}

	path := filepath.Join(l.home, "state.db")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	clear(data[2*os.Getpagesize():])
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}

	l.run(1, "state", "check")
	l.run(1, "status")
	l.run(1, "push", a, l.remote)
	out, _ := l.run(0, "state", "repair", "--json")
	var r repaired
	if err := json.Unmarshal([]byte(out), &r); err != nil || !r.Repaired || r.Damaged == "" ||
		len(r.Problems) == 0 || r.Kept["receipts"]+r.Receipts == 0 {
		t.Errorf("state repair: %s", out)
	}

	if _, err := os.Stat(r.Damaged); err != nil {
		t.Errorf("the damaged file: %v", err)
	}

	l.run(0, "state", "check")
	l.run(0, "push", a, l.remote)
	l.published("a.rvt", 1, a)
	l.run(0, "verify")
}

func TestStateRebuild(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	dir := watchOf(l, "a.rvt", "b.rvt", "c.rvt")
	outside := l.file("outside.rvt", 1000)
	l.run(0, "push", outside, l.remote)
	l.file("plans/c.rvt", 500, "changed meanwhile")

	for _, name := range []string{"state.db", "state.db.snapshot"} {
		if err := os.WriteFile(filepath.Join(l.home, name), make([]byte, 1<<16), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	l.run(1, "state", "check")
	out, _ := l.run(0, "state", "rebuild", "--json")
	var r audit.RebuildReport
	if err := json.Unmarshal([]byte(out), &r); err != nil || r.Files != 4 || r.Equal != 3 || r.Based != 1 ||
		r.Receipts != 4 || r.Old == "" {
		t.Fatalf("state rebuild: %s", out)
	}

	if _, err := os.Stat(r.Old); err != nil {
		t.Errorf("the old state: %v", err)
	}

	if left, _ := filepath.Glob(filepath.Join(l.home, "rebuild-*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}

	l.run(0, "state", "check")
	l.run(3, "verify")
	before := l.count("complete-s3-upload") + l.count("create-version")
	l.daemonUntilSynced(3)
	l.run(0, "push", outside, l.remote)
	l.published("plans/a.rvt", 1, filepath.Join(dir, "a.rvt"))
	l.published("plans/c.rvt", 2, filepath.Join(dir, "c.rvt"))
	l.published("outside.rvt", 1, outside)
	if n := l.count("complete-s3-upload") + l.count("create-version") - before; n > 2 {
		t.Errorf("%d calls for one changed file", n)
	}

	// The chain of receipts goes on, in the exported file too.
	l.run(0, "verify")
	data, err := os.ReadFile(filepath.Join(l.home, "receipts", "receipts.jsonl"))
	if err != nil || strings.Count(string(data), "\n") != 5 {
		t.Errorf("exported receipts: %d, %v", strings.Count(string(data), "\n"), err)
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	dir := watchOf(l, "a.rvt", "b.rvt")
	l.file("plans/b.rvt", 10, "changed")
	l.file("plans/x.bak", 10)
	l.file("plans/.hoistignore", 0)
	if err := os.WriteFile(filepath.Join(dir, ".hoistignore"), []byte("*.tif\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	l.file("plans/scan.tif", 10)
	l.file("lonely.rvt", 10)
	outside := l.file("outside.rvt", 10)
	l.run(0, "push", outside, l.remote)
	parked := l.file("parked.rvt", 1000)
	l.run(0, "push", parked, l.remote)
	l.file("parked.rvt", 0)
	l.run(3, "push", parked, l.remote)

	tests := []struct{ name, state, rule, reason string }{
		{"plans/a.rvt", "synced", "", ""},
		{"plans/b.rvt", "pending", "", ""},
		{"plans/x.bak", "ignored", "*.bak", ""},
		{"plans/scan.tif", "ignored", ".hoistignore: *.tif", ""},
		{"plans", "folder", "", ""},
		{"lonely.rvt", "unknown", "", ""},
		{"outside.rvt", "synced", "", ""},
		{"parked.rvt", "attention", "", "shrank-to-zero"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, _ := l.run(0, "explain", tt.name, "--json")
			var e control.Explanation
			if err := json.Unmarshal([]byte(out), &e); err != nil || e.State != tt.state ||
				e.Rule != tt.rule || e.Reason != tt.reason || e.Detail == "" {
				t.Errorf("%s", out)
			}

			if e.Reason != "" && (e.Fix == "" || e.Sentence == "" || e.Job == nil) {
				t.Errorf("no fix, sentence or job: %s", out)
			}

			if strings.HasPrefix(tt.name, "plans") &&
				(e.Watch == nil || !strings.HasPrefix(e.Remote, l.remote+"/plans")) {
				t.Errorf("watch and remote: %s", out)
			}

			l.run(0, "explain", tt.name)
			out, _ = l.run(0, "filter", "test", tt.name, "--json")
			var f filtered
			if err := json.Unmarshal([]byte(out), &f); err != nil || f.Rule != tt.rule ||
				f.Ignored != (tt.rule != "") {
				t.Errorf("filter test: %s", out)
			}
		})
	}

	l.run(5, "explain", "nothing.rvt")
	if out, _ := l.run(0, "filter", "list"); !strings.Contains(out, "*.bak\tbuilt-in\n") {
		t.Errorf("filter list: %s", out)
	}

	if out, _ := l.run(0, "filter", "test", "x.dwg", "--exclude", "x.*"); !strings.Contains(out,
		"ignored by x.* (a flag)") {
		t.Errorf("filter test with a flag: %s", out)
	}
}

// TestRebuildAsks: without receipts and without a SHA-1 nothing proves that files are equal.
func TestRebuildAsks(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	watchOf(l, "a.rvt", "b.rvt")
	if err := os.RemoveAll(filepath.Join(l.home, "receipts")); err != nil {
		t.Fatal(err)
	}

	broken := make([]byte, 1<<16)
	for _, name := range []string{"state.db", "state.db.snapshot"} {
		if err := os.WriteFile(filepath.Join(l.home, name), broken, 0o600); err != nil {
			t.Fatal(err)
		}
	}

	l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
		if r.Op == "get-object-details" {
			return emulator.Fault{Kind: emulator.FailBefore, Status: 403}
		}

		return emulator.Fault{}
	})
	if _, stderr := l.run(2, "state", "rebuild"); !strings.Contains(stderr, "2 files are equal in size") ||
		!strings.Contains(stderr, "--yes") {
		t.Errorf("without an answer: %s", stderr)
	}

	if data, err := os.ReadFile(filepath.Join(l.home, "state.db")); err != nil || len(data) != len(broken) {
		t.Errorf("the old state is not as it was: %d bytes, %v", len(data), err)
	}

	out, _ := l.run(0, "state", "rebuild", "--yes", "--json")
	var r audit.RebuildReport
	if err := json.Unmarshal([]byte(out), &r); err != nil || r.Assumed != 2 || r.Equal != 0 {
		t.Errorf("with --yes: %s", out)
	}

	if n := l.count("create-version"); n != 0 {
		t.Errorf("%d versions before", n)
	}

	l.daemonUntilSynced(2)
	if n := l.count("create-version"); n != 0 {
		t.Errorf("%d files were sent again", n)
	}

	out, _ = l.run(3, "verify", "--json")
	for path, f := range verified(t, out) {
		if f.Result != "unproven" {
			t.Errorf("%s: %s, want unproven", path, f.Result)
		}
	}

	l.cloud.SetFault(nil)
	l.run(0, "verify") // now the SHA-1 proves it
}

// TestVerifyObjects: keys of a bucket, and what was fetched.
func TestVerifyObjects(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.run(0, "api", "create-bucket", "--body",
		l.json("bucket.json", `{"bucketKey":"verify-objects","policyKey":"transient"}`))
	a, b := l.file("a.zip", 1000), l.file("b.zip", 2000)
	l.run(0, "push", a, b, "oss://verify-objects/in")
	l.run(0, "pull", "oss://verify-objects/in/a.zip", filepath.Join(l.dir, "back.zip"))
	out, _ := l.run(0, "verify", "--json")
	got := verified(t, out)
	if len(got) != 3 {
		t.Fatalf("verify: %s", out)
	}

	for path, f := range got {
		if f.Result != "ok" || f.StorageID == "" || f.VersionID != "" || f.ItemID != "" {
			t.Errorf("%s: %+v", path, f)
		}
	}

	l.run(0, "rm", "--yes", "oss://verify-objects/in/b.zip")
	l.file("back.zip", 1000, "altered")
	out, _ = l.run(3, "verify", "--json")
	got = verified(t, out)
	if got[b].Result != "missing-remote" || got[filepath.Join(l.dir, "back.zip")].Result != "differs" ||
		got[a].Result != "ok" {
		t.Errorf("verify: %s", out)
	}

	if err := os.Remove(filepath.Join(l.home, "state.db")); err != nil {
		t.Fatal(err)
	}

	out, _ = l.run(0, "state", "rebuild", "--json")
	var r audit.RebuildReport
	if err := json.Unmarshal([]byte(out), &r); err != nil || r.Equal != 1 || r.Left != 1 || r.Receipts != 2 {
		t.Errorf("state rebuild: %s", out)
	}

	puts := l.count("s3-put")
	if out, _ := l.run(0, "push", a, "oss://verify-objects/in", "--json"); !strings.Contains(out,
		`"unchanged"`) || l.count("s3-put") != puts {
		t.Errorf("push after the rebuild: %s", out)
	}
}

// json writes a file for --body.
func (l *lab) json(name, text string) string {
	l.t.Helper()
	path := filepath.Join(l.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}

	return path
}

func TestReceiptWithSHA256(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.run(2, "push", l.file("a.rvt", 10), l.remote, "--receipt-sha256", "perhaps")
	big := l.file("big.rvt", 11<<20)
	l.run(0, "push", big, l.remote, "--part-size", "5M", "--receipt-sha256", "always")
	l.run(0, "push", l.file("plain.rvt", 10), l.remote)
	data, err := os.ReadFile(filepath.Join(l.home, "receipts", "receipts.jsonl"))
	if err != nil {
		t.Fatal(err)
	}

	f, err := os.Open(big)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()

	var got []map[string]any
	for line := range strings.Lines(string(data)) {
		var r map[string]any
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}

		got = append(got, r)
	}

	if len(got) != 2 || got[0]["sha256"] != fmt.Sprintf("%x", digest(t, f)) || got[1]["sha256"] != nil {
		t.Fatalf("receipts: %s", data)
	}

	for _, name := range []string{"seq", "prev", "instance", "job", "path", "remote", "size", "mtime",
		"part_size", "part_etags", "storage", "item", "version", "number", "queued", "published",
		"attempts"} {
		if got[0][name] == nil {
			t.Errorf("a receipt has no %s: %v", name, got[0])
		}
	}

	if tags, ok := got[0]["part_etags"].([]any); !ok || len(tags) != 3 ||
		got[0]["part_size"] != float64(5<<20) {
		t.Errorf("parts: %v", got[0])
	}
}

// TestRestored: a job that a repair found in an older copy of the state alone is told as such by all who are
// asked, and its fix looks before it sends.
func TestRestored(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there is no sh there")
	}

	l := newLab(t)
	l.cloud.SetFault(func(r emulator.Request) (f emulator.Fault) {
		if r.Op == "create-storage" {
			f = emulator.Fault{Kind: emulator.FailBefore, Status: 403}
		}

		return f
	})
	path := l.file("plan.rvt", 10)
	l.run(3, "push", path, l.remote)
	l.run(3, "retry", "--wait", "--all") // a start keeps a copy of the state
	l.cloud.SetFault(nil)

	must(t, os.WriteFile(filepath.Join(l.home, "state.db"), make([]byte, 1<<16), 0o600))
	l.run(3, "state", "repair")
	l.start("daemon", "--log-format", "json")
	l.owned("daemon")

	c := &cure{lab: l, cureRow: cureRow{name: "a repaired state", reason: transfer.ReasonRestored},
		api: l.api(), path: path}
	s := l.status()
	if !c.isSeen(s, nil) {
		t.Errorf("not seen: %+v", s.Attention)
	}

	l.pasted(c.told(s))
	l.published("plan.rvt", 1, path)
}
