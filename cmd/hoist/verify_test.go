package main

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hoist/apsclient/emulator"
	"hoist/cmd/hoist/internal/control"
	"hoist/state"
)

// records writes receipts into the state of a home, as pushes long ago left them.
type records struct {
	prev  string
	lines []state.Receipt
}

func (r *records) add(path, remote, version, storage, content string) {
	seq := uint64(len(r.lines) + 1)
	if r.prev == "" {
		r.prev = strings.Repeat("0", 64)
	}

	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	line, _ := json.Marshal(map[string]any{"seq": seq, "prev": r.prev, "path": path, "remote": remote,
		"size": len(content), "mtime": at, "part_size": 8 << 20, "storage": storage, "version": version,
		"part_etags": []string{fmt.Sprintf("%x", md5.Sum([]byte(content)))}, "number": 1, "published": at})
	r.lines = append(r.lines, state.Receipt{Seq: seq, Line: line})
	r.prev = fmt.Sprintf("%x", sha256.Sum256(line))
}

// keep writes them into the state of a home.
func (r *records) keep(l *lab) {
	l.t.Helper()
	s, err := state.Open(filepath.Join(l.home, "state.db"), state.Options{})
	if err != nil {
		l.t.Fatal(err)
	}

	_, err = s.ImportReceipts(r.lines)
	if err := errors.Join(err, s.Close()); err != nil {
		l.t.Fatal(err)
	}
}

// TestVerifyIsANightlyCheck: among 10,000 records there is everything that a year leaves behind;
// each is one row with its verdict, and none is the end.
func TestVerifyIsANightlyCheck(t *testing.T) {
	notRaced(t)
	t.Parallel()
	l := newLab(t)
	// As if each of a hundred drawings had been published to a hundred places.
	const total, oddities, drawings, same = 10_000, 8, 100, "the same content"
	project := l.cloud.Demo().Project
	top := l.remote[strings.LastIndexByte(l.remote, '/')+1:]
	want, versions := map[string]string{}, map[string]string{} // by path and remote; by remote path

	var r records
	put := func(name, content string) {
		t.Helper()
		_, version, err := l.cloud.AddFile(project, top+"/"+name, strings.NewReader(content),
			int64(len(content)))
		if err != nil {
			t.Fatal(err)
		}

		if versions[name] == "" {
			versions[name] = version
		}
	}

	local := func(name, content string) string {
		t.Helper()
		path := filepath.Join(l.dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}

		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}

		return path
	}
	for i := range drawings {
		name := fmt.Sprintf("ok/%03d.rvt", i)
		local(name, same)
		put(name, same)
	}

	put("odd/pruned.rvt", "pruned after the upload")
	put("odd/edited.rvt", "as published")
	local("odd/edited.rvt", "as edited since")
	put("odd/newer.rvt", "version 1")
	put("odd/newer.rvt", "version 2")
	local("odd/newer.rvt", "version 1")

	storages := map[string]string{}
	for _, f := range l.cloud.Items() {
		for _, v := range f.Versions {
			storages[v.ID] = v.Storage
		}
	}

	record := func(path, remote, name, content, verdict string) {
		r.add(path, remote, versions[name], storages[versions[name]], content)
		want[path+" "+remote] = verdict
	}
	for i := range total - oddities {
		from, name := fmt.Sprintf("%03d.rvt", i/drawings), fmt.Sprintf("ok/%03d.rvt", i%drawings)
		record(filepath.Join(l.dir, "ok", from), l.remote+"/"+name, name, same, "ok")
	}

	at := func(name string) string { return filepath.Join(l.dir, "odd", name) }
	to := func(name string) string { return l.remote + "/odd/" + name }
	record(at("pruned.rvt"), to("pruned.rvt"), "odd/pruned.rvt", "pruned after the upload", "missing-local")
	record(at("edited.rvt"), to("edited.rvt"), "odd/edited.rvt", "as published", "differs")
	record(at("newer.rvt"), to("newer.rvt"), "odd/newer.rvt", "version 1", "newer-remote")
	record(local("odd/removed.rvt", "removed"), to("removed.rvt"), "", "removed", "missing-remote")
	record(local("odd/bucket.zip", "zip"), "oss://gone-bucket/in/bucket.zip", "", "zip", "missing-remote")
	hub := strings.Join(strings.SplitN(l.remote, "/", 4)[:3], "/")
	record(local("odd/project.rvt", "p"), hub+"/No Such Project/Plans/project.rvt", "", "p",
		"unreachable")
	record(local("odd/hub.rvt", "h"), "aps://No Such Hub/Project/Plans/hub.rvt", "", "h", "unreachable")

	l.run(0, "api", "create-bucket", "--body",
		l.json("bucket.json", `{"bucketKey":"nightly-stream","policyKey":"transient"}`))
	l.second().run(0, "push", local("odd/object.zip", "an archive"), "oss://nightly-stream",
		"--as", "backup.tar")
	record(filepath.Join(l.home, "streams", "stdin-1"), "oss://nightly-stream/backup.tar", "",
		"an archive", "ok")
	l.run(0, "push", l.dir+"/odd", l.remote, "-n") // makes the home
	r.keep(l)

	out, stderr := l.run(3, "verify", "--json")
	got := map[string]string{}
	for line := range strings.Lines(out) {
		var f control.VerifyFile
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatal(err)
		}

		way := f.Path + " " + f.Remote
		if _, twice := got[way]; twice {
			t.Errorf("two rows of %s", way)
		}

		got[way] = f.Result
	}

	if len(got) != total || !maps.Equal(got, want) {
		for _, way := range slices.Sorted(maps.Keys(want)) {
			if got[way] != want[way] {
				t.Errorf("%s: %q, want %q", way, got[way], want[way])
			}
		}

		t.Errorf("%d rows, want %d\n%s", len(got), total, stderr)
	}

	// What is not wanted any more goes, and then the night is green again but for the rest.
	l.run(0, "forget", "--missing")
	l.run(0, "forget", at("edited.rvt"), at("newer.rvt"), at("removed.rvt"), at("bucket.zip"),
		at("project.rvt"), at("hub.rvt"))
	l.run(5, "forget", at("edited.rvt"))
	l.run(0, "verify")
	if _, err := os.Stat(at("edited.rvt")); err != nil {
		t.Errorf("forget touched a file: %v", err)
	}
}

// TestVerifyMends: each finding is gone once the fix of its row was pasted into a shell.
func TestVerifyMends(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there is no sh there")
	}

	l := newLab(t)
	names := []string{"altered.rvt", "edited (2) & more.rvt", "gone here.rvt", "gone there.rvt", "newer.rvt"}
	at := func(i int) string { return filepath.Join(l.dir, "plans", names[i]) }
	for i, name := range names {
		l.file("plans/"+name, int64(1000+i))
	}

	l.run(0, "push", filepath.Join(l.dir, "plans")+"/", l.remote+"/plans")
	before, err := os.Stat(at(0))
	if err != nil {
		t.Fatal(err)
	}

	l.file("plans/"+names[0], 1000, "altered on the disk, beside its times")
	if err := os.Chtimes(at(0), before.ModTime(), before.ModTime()); err != nil {
		t.Fatal(err)
	}

	l.file("plans/"+names[1], 1001, "edited")
	if err := os.Remove(at(2)); err != nil {
		t.Fatal(err)
	}

	l.run(0, "rm", "--yes", l.remote+"/plans/"+names[3])
	other := l.second()
	other.dir = t.TempDir()
	other.run(0, "push", other.file(names[4], 50), l.remote+"/plans")

	for _, args := range [][]string{{"verify", "--json"},
		{"verify", filepath.Join(l.dir, "plans"), l.remote + "/plans", "--json"}} {
		out, _ := l.run(3, args...)
		rows := verified(t, out)
		for i, want := range []string{"differs", "differs", "missing-local", "missing-remote",
			"newer-remote"} {
			if got := rows[at(i)]; got.Result != want || got.Fix == "" {
				t.Errorf("%s: %+v, want %s", names[i], got, want)
			}
		}

		if args[1] == "--json" { // only looked at: the second form mends
			continue
		}

		for _, row := range rows {
			if row.Fix != "" {
				l.pasted(row.Fix)
			}
		}
	}

	l.run(0, "verify")
	l.run(0, "verify", filepath.Join(l.dir, "plans"), l.remote+"/plans", "--download")
	l.published("plans/"+names[1], 2, at(1))
	l.published("plans/"+names[0], 1, at(0))
}

// TestVerifyPair: any folder against any remote, as rclone check does.
// TestVerifyMappedNames: a name that the service refuses is looked for where --map-names stores it, and the
// fix sends it there.
func TestVerifyMappedNames(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.file("a/price $/cost $.rvt", 100)
	l.file("a/plain.rvt", 100)
	dir := filepath.Join(l.dir, "a")
	out, _ := l.run(3, "verify", dir, l.remote, "--jq", `select(.path | endswith("$.rvt")).fix`)
	if !has("hoist push --force", "cost %24.rvt", "price %2524")(out) {
		t.Errorf("the fix: %s", out)
	}

	l.run(0, "push", dir+"/", l.remote, "--map-names")
	for _, more := range []string{"--quick", "--download", "--one-way"} {
		if out, _ := l.run(0, "verify", dir, l.remote, more, "--combined", "-"); !has("= plain.rvt",
			"cost $.rvt")(out) || strings.Count(out, "\n") != 2 {
			t.Errorf("%s: %s", more, out)
		}
	}
}

func TestVerifyPair(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.file("a/same.rvt", 100)
	l.file("a/sub/same.rvt", 100)
	l.file("a/differs.rvt", 100)
	l.file("a/there.rvt", 100)
	dir := filepath.Join(l.dir, "a")
	other := l.second()
	other.run(0, "push", dir+"/", l.remote+"/a")
	l.file("a/differs.rvt", 100, "other")
	l.file("a/here.rvt", 100)
	if err := os.Remove(filepath.Join(dir, "there.rvt")); err != nil {
		t.Fatal(err)
	}

	const all = "* differs.rvt\n+ here.rvt\n= same.rvt\n= sub/same.rvt\n- there.rvt\n"
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{nil, 3, all},
		{[]string{"--download"}, 3, all},
		{[]string{"--one-way"}, 3, strings.Replace(all, "- there.rvt\n", "", 1)},
		{[]string{"--one-way", "--include", "same.rvt"}, 0, "= same.rvt\n= sub/same.rvt\n"},
		{[]string{"--since", "2099-01-01"}, 0, ""},
	} {
		args := append([]string{"verify", dir, l.remote + "/a", "--combined", "-"}, tt.args...)
		if out, _ := l.run(tt.code, args...); out != tt.want {
			t.Errorf("%v: %q, want %q", tt.args, out, tt.want)
		}
	}

	l.run(0, "verify", dir, l.remote+"/a", "--one-way", "--include", "same.rvt", "--json")
	l.run(3, "verify", dir, l.remote+"/nothing")
	l.run(5, "verify", filepath.Join(l.dir, "nothing"), l.remote)
	l.run(2, "verify", filepath.Join(dir, "same.rvt"), l.remote)
	l.run(2, "verify", "--one-way")
	l.run(2, "verify", "--include", "*.rvt")

	// What cannot be looked at is a row, and the rest is looked at.
	hidden, _ := l.run(0, "stat", l.remote+"/a/sub", "--json", "--jq", ".id")
	hidden = strings.Trim(hidden, "\"\n")
	l.cloud.SetFault(func(r emulator.Request) (f emulator.Fault) {
		if r.Op == "list-folder-contents" && strings.Contains(r.Path, hidden) {
			f = emulator.Fault{Kind: emulator.FailBefore, Status: http.StatusForbidden}
		}

		return f
	})
	hub, empty := l.remote[:strings.LastIndexByte(strings.TrimSuffix(l.remote, "/Project Files"), '/')],
		t.TempDir()
	for _, tt := range []struct{ dir, remote, want string }{
		{dir, l.remote + "/a", "* differs.rvt\n+ here.rvt\n= same.rvt\n! sub\n! sub/same.rvt\n- there.rvt\n"},
		{dir, "aps://No Such Hub/P/F", "! .\n! differs.rvt\n! here.rvt\n! same.rvt\n! sub/same.rvt\n"},
		{empty, hub + "/No Such Project/F", "! .\n"},
		{dir, "oss://no-such-bucket", "+ differs.rvt\n+ here.rvt\n+ same.rvt\n+ sub/same.rvt\n"},
	} {
		if out, _ := l.run(3, "verify", tt.dir, tt.remote, "--combined", "-"); out != tt.want {
			t.Errorf("%s: %q, want %q", tt.remote, out, tt.want)
		}
	}

	// What failed once and then not is told all the same: nobody saw what is in the cloud alone.
	top, _ := l.run(0, "stat", l.remote+"/a", "--json", "--jq", ".id")
	top = strings.Trim(top, "\"\n")
	var refused atomic.Bool
	l.cloud.SetFault(func(r emulator.Request) (f emulator.Fault) {
		if r.Op == "list-folder-contents" && strings.Contains(r.Path, top) &&
			refused.CompareAndSwap(false, true) {
			f = emulator.Fault{Kind: emulator.FailBefore, Status: http.StatusForbidden}
		}

		return f
	})
	want := "! .\n* differs.rvt\n+ here.rvt\n= same.rvt\n= sub/same.rvt\n"
	if out, _ := l.run(3, "verify", dir, l.remote+"/a", "--combined", "-"); out != want {
		t.Errorf("refused once: %q, want %q", out, want)
	}
}
