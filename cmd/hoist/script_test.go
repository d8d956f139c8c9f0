package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"hoist/apsclient/emulator"
)

// TestMain lets the scripts run "hoist", and the benchmarks their yardsticks, as processes of their own.
// More tests run at once than there are cores: they mostly wait for such processes.
func TestMain(m *testing.M) {
	const atOnce = 6 // they mostly wait

	if err := flag.Set("test.parallel", strconv.Itoa(max(atOnce, runtime.GOMAXPROCS(0)))); err != nil {
		panic(err)
	}

	testscript.Main(m, testCommands)
}

// testCommands are what runs as a process of its own.
var testCommands = map[string]func(){
	"hoist": func() {
		stdout, end := bySchema(os.Args[1:])
		os.Exit(end(run(context.Background(), os.Args[1:], os.Environ(), os.Stdin, stdout, os.Stderr)))
	},
	"bare-upload": func() {
		if err := bareUpload(os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	},
	"bare-download": func() {
		if err := bareDownload(os.Args[1], os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	},
	"bare-small": func() {
		if err := bareSmall(os.Args[1], os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	},
}

// TestScripts runs testdata/script: each script is what a user types, in a home of its own, against
// an emulator of its own.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOIST_HOME", filepath.Join(env.WorkDir, ".home"))
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("GORACE", os.Getenv("GORACE"))

			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"aps":   cmdAPS,
			"gen":   cmdGen,
			"same":  cmdSame,
			"exits": cmdExits,
			"json":  cmdJSON,
			"until": cmdUntil,
		},
	})
}

// cmdAPS (aps [limits]) starts an emulator for the rest of the script and sets the environment for
// it. REMOTE is its folder.
func cmdAPS(ts *testscript.TestScript, neg bool, args []string) {
	s, err := emulator.New(emulator.Config{Dir: ts.MkAbs(".cloud"), Limits: slices.Contains(args, "limits")})
	ts.Check(err)
	ts.Defer(func() { ts.Check(s.Close()) })
	l, err := s.Listen("127.0.0.1:0", false)
	ts.Check(err)

	for name, value := range map[string]string{
		"APS_BASE_URL": l.BaseURL, "APS_CLIENT_ID": emulator.DefaultClientID,
		"APS_CLIENT_SECRET": emulator.DefaultClientSecret,
		"REMOTE":            s.DemoRemote(),
	} {
		ts.Setenv(name, value)
	}
}

// cmdGen (gen FILE BYTES [EDITION]) writes a file whose content follows from its name and edition.
func cmdGen(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: gen FILE BYTES [EDITION]")
	}

	size, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	path := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
	f, err := os.Create(path)
	ts.Check(err)
	_, err = io.CopyN(f, rand.NewChaCha8(sha256.Sum256([]byte(strings.Join(args, " ")))), size)
	ts.Check(errors.Join(err, f.Close()))
}

// cmdSame (same A B) compares two files, byte for byte.
func cmdSame(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: same A B")
	}

	a, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	b, err := os.ReadFile(ts.MkAbs(args[1]))
	ts.Check(err)
	if bytes.Equal(a, b) == neg {
		ts.Fatalf("%s and %s: the same: %v", args[0], args[1], !neg)
	}
}

// cmdExits (exits CODE COMMAND…) runs a command that must end with the code; for every code but 0
// the last line on standard error must be the hint, with exactly one error line at most before it.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND…")
	}

	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	code := 0
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		code = e.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}

	stderr := ts.ReadFile("stderr")
	if code != want {
		ts.Fatalf("exit code %d, want %d\n%s", code, want, stderr)
	}

	lines := strings.Split(strings.TrimRight(stderr, "\n"), "\n")
	if code != 0 && !strings.HasPrefix(lines[len(lines)-1], "hint: ") {
		ts.Fatalf("the last line on standard error is no hint:\n%s", stderr)
	}

	errorLines := 0
	for _, l := range lines {
		if strings.HasPrefix(l, "error: ") {
			errorLines++
		}
	}

	if errorLines > 1 {
		ts.Fatalf("%d error lines, want one:\n%s", errorLines, stderr)
	}
}

// cmdUntil (until COMMAND… -- TEXT) repeats a command until its standard output holds TEXT; a
// minute at most.
func cmdUntil(ts *testscript.TestScript, neg bool, args []string) {
	sep := slices.Index(args, "--")
	if sep < 1 || sep != len(args)-2 {
		ts.Fatalf("usage: until COMMAND… -- TEXT")
	}

	deadline := time.Now().Add(time.Minute)
	for {
		err := ts.Exec(args[0], args[1:sep]...)
		if err == nil && strings.Contains(ts.ReadFile("stdout"), args[sep+1]) != neg {
			return
		}

		if time.Now().After(deadline) {
			ts.Fatalf("%q did not come (%v):\n%s%s", args[sep+1], err, ts.ReadFile("stdout"),
				ts.ReadFile("stderr"))
		}

		time.Sleep(50 * time.Millisecond) // between two looks at a condition
	}
}

// contractFields are the fields that the surface promises: those that must be there, and those that
// may.
var contractFields = map[string]struct{ must, may string }{
	"end":     {"summary", ""},
	"summary": {"files created versioned unchanged downloaded attention bytes seconds calls", "forecast"},
	"status":  {"version watches jobs active attention waiting budgets", "owner eta trouble bandwidth"},
	"owner":   {"pid command since", ""},
	"watch": {"id path remote mode delete",
		"state files synced pending attention last_scan detail left_out excluded doubtful brake settings"},
	"jobs": {"queued active waiting paused attention done failed cancelled", ""},
	"active": {"id kind path remote phase bytes_done bytes_total",
		"parts_done parts_total rate eta_seconds"},
	"trouble":   {"reason", "detail count since next_attempt fix"},
	"waiting":   {"reason count paths", "detail since next_attempt fix"},
	"attention": {"id path reason detail since fix", "next_attempt"},
	"budget":    {"class limit_per_minute available", "closed_until next_call"},
	"eta":       {"seconds decided_by", ""},
	"job": {"id kind state phase path remote attempts created_at updated_at",
		"size bytes_done parts_done parts_total reason error item_id version_id storage_id result " +
			"next_attempt parts history"},
	"part":       {"part size etag", ""},
	"history":    {"time event", "detail"},
	"push":       {"path remote result", "bytes item_id version_id storage_id reason detail fix"},
	"ls":         {"name type", "id remote size version_id version_number storage_id sha1 modified hidden"},
	"action":     {"id state result", ""},
	"watch-add":  {"id path remote", ""},
	"watch-verb": {"id path remote state", ""},
	"done":       {"remote result", ""},
	"url":        {"remote url", ""},
	"bundle":     {"path files", ""},
	"profile": {"name current flow signed_in",
		"client_id base_url user_id region hub scopes actions secret_in service_account_id"},
	"signed-out": {"profile result", ""},
	"guide": {"prerequisites actions scopes scope_actions apis custom_integration user_needed callback_url " +
		"steps login", "custom_integration_for hub_access_for"},
	"guide-action": {"name title scopes", "api contexts variants"},
	"guide-scope":  {"scope actions", ""},
	"guide-step":   {"who title do", ""},
	"action-entry": {"name title family method path scopes variants", ""},
	"version":      {"version go os arch", ""},
}

// nested says which fields hold objects of which kind.
var nested = map[string]string{
	"status.owner": "owner", "status.watches": "watch", "status.jobs": "jobs", "status.active": "active",
	"end.summary": "summary", "status.attention": "attention", "status.waiting": "waiting",
	"status.trouble": "trouble", "status.budgets": "budget", "status.eta": "eta", "job.parts": "part",
	"job.history": "history", "guide.actions": "guide-action", "guide.steps": "guide-step",
	"guide.scope_actions": "guide-scope",
}

// cmdJSON (json KIND [LINES]) checks standard output line by line against the promised fields of a
// kind.
func cmdJSON(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 1 {
		ts.Fatalf("usage: json KIND [LINES]")
	}

	lines := 0
	scan := bufio.NewScanner(strings.NewReader(ts.ReadFile("stdout")))
	scan.Buffer(nil, 1<<20)

	for scan.Scan() {
		lines++
		var object map[string]any
		if err := json.Unmarshal(scan.Bytes(), &object); err != nil {
			ts.Fatalf("line %d is no JSON object: %v\n%s", lines, err, scan.Text())
		}

		kind := args[0]
		if _, ok := object["summary"]; ok { // the last line of push, pull and resume
			kind = "end"
			lines--
		}

		if err := checkFields(kind, object); err != nil {
			ts.Fatalf("line %d: %v\n%s", lines, err, scan.Text())
		}
	}

	ts.Check(scan.Err())
	if len(args) > 1 && args[1] != strconv.Itoa(lines) {
		ts.Fatalf("%d lines, want %s:\n%s", lines, args[1], ts.ReadFile("stdout"))
	}
}

// checkFields checks the names of an object's fields, that none is null, and what is nested in it.
func checkFields(kind string, object map[string]any) error {
	fields, ok := contractFields[kind]
	if !ok {
		return fmt.Errorf("unknown kind %q", kind)
	}

	must := strings.Fields(fields.must)
	for _, name := range must {
		if _, ok := object[name]; !ok {
			return fmt.Errorf("%s has no field %q", kind, name)
		}
	}

	for name, value := range object {
		if value == nil {
			return fmt.Errorf("%s: field %q is null", kind, name)
		}

		if !slices.Contains(must, name) && !slices.Contains(strings.Fields(fields.may), name) {
			return fmt.Errorf("%s: field %q is not in the contract", kind, name)
		}

		inner, ok := nested[kind+"."+name]
		if !ok {
			continue
		}

		list, ok := value.([]any)
		if !ok {
			list = []any{value}
		}

		for _, v := range list {
			o, ok := v.(map[string]any)
			if !ok {
				return fmt.Errorf("%s: field %q holds %T, want an object", kind, name, v)
			}

			if err := checkFields(inner, o); err != nil {
				return err
			}
		}
	}

	return nil
}

// TestContractFieldsCanFail proves that the checker notices each kind of breach.
func TestContractFieldsCanFail(t *testing.T) {
	tests := []struct{ name, kind, text string }{
		{"missing", "action", `{"id":"1","state":"done"}`},
		{"null", "action", `{"id":"1","state":"done","result":null}`},
		{"renamed", "action", `{"id":"1","state":"done","result":"ok","Result":"ok"}`},
		{"nested", "job",
			`{"id":"1","kind":"upload","state":"done","phase":"done","path":"/p","remote":"aps://",` +
				`"attempts":0,"created_at":"","updated_at":"","parts":[{"part":1}]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var object map[string]any
			if err := json.Unmarshal([]byte(tt.text), &object); err != nil {
				t.Fatal(err)
			}

			if err := checkFields(tt.kind, object); err == nil {
				t.Errorf("%s passes as %s", tt.text, tt.kind)
			}
		})
	}
}
