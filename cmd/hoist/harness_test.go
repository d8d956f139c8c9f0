package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"hoist/apsclient/emulator"
	"hoist/cmd/hoist/internal/control"
)

// lab is a cloud, a home and a folder to work in; commands run in it as processes of their own.
type lab struct {
	t      *testing.T
	cloud  *emulator.Server
	url    string
	data   string // of the cloud
	home   string
	dir    string
	remote string
	extra  []string      // more of the environment
	under  []string      // what each command is run by
	limits bool          // the cloud keeps its documented limits; takes effect when it starts
	late   time.Duration // until the cloud shows what was made
	bucket bool          // the one of the examples is there
	// the modes of files hold for the commands though the tests run as root
	ordinary bool
}

// What the examples of the cloud name.
const (
	lookProject = "b.5c1f0000-0000-4000-8000-0000000000b3"
	lookAccount = "5c1f0000-0000-4000-8000-0000000000a1"
	lookParent  = "urn:adsk.wipprod:fs.folder:co.HoistDemoFolder0000001"
)

func has(words ...string) func(string) bool {
	return func(text string) bool {
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
	}
}

// addExamples puts into the cloud what the examples of the command line name.
func (l *lab) addExamples() {
	l.t.Helper()
	if err := l.cloud.AddExamples(); err != nil {
		l.t.Fatal(err)
	}
}

func newLab(t *testing.T) *lab {
	t.Helper()
	return newLateLab(t, 0)
}

// newLateLab is newLab with a cloud that shows what was made only after a while.
func newLateLab(t *testing.T, late time.Duration) *lab {
	t.Helper()
	if testing.Short() {
		t.Skip("runs whole processes")
	}

	l := &lab{t: t, data: t.TempDir(), home: filepath.Join(t.TempDir(), "h"), dir: t.TempDir(), late: late}
	l.startCloud("127.0.0.1:0")
	l.remote = l.cloud.DemoRemote()

	return l
}

func (l *lab) startCloud(addr string) {
	l.t.Helper()
	s, err := emulator.New(emulator.Config{Dir: l.data, Limits: l.limits, Visibility: l.late})
	if err != nil {
		l.t.Fatal(err)
	}

	listener, err := s.Listen(addr, false)
	if err != nil {
		l.t.Fatal(err)
	}

	l.cloud, l.url = s, listener.BaseURL
	l.t.Cleanup(func() { _ = s.Close() }) // a second Close of a cloud that was stopped
}

// stopCloud ends the cloud and returns the address to start it at again.
func (l *lab) stopCloud() string {
	l.t.Helper()
	if err := l.cloud.Close(); err != nil {
		l.t.Fatal(err)
	}

	return strings.TrimPrefix(l.url, "http://")
}

func (l *lab) environ() []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "APS_") || strings.HasPrefix(v, "HOIST_") ||
			strings.HasPrefix(v, "SSL_CERT_FILE=")
	})

	return append(append(env, "APS_BASE_URL="+l.url, "APS_CLIENT_ID="+emulator.DefaultClientID,
		"APS_CLIENT_SECRET="+emulator.DefaultClientSecret,
		"HOIST_HOME="+l.home), l.extra...)
}

// process is a command that runs.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	out    output
	errs   output
	ended  chan struct{}
	err    error
	killed sync.Once
	shot   atomic.Bool // kill was called
}

// output is what a process has said so far; it may be read while the process runs.
type output struct {
	mu   sync.Mutex
	said bytes.Buffer // guarded by mu
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()

	return o.said.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()

	return o.said.String()
}

// start runs a command beside the test, which ends it when it ends itself.
func (l *lab) start(args ...string) *process {
	l.t.Helper()
	return l.startTelling(nil, args...)
}

// startTelling is start with another standard error, where one is given.
func (l *lab) startTelling(errs io.Writer, args ...string) *process {
	l.t.Helper()
	p := &process{t: l.t, ended: make(chan struct{})}
	if errs == nil {
		errs = &p.errs
	}

	line := append(append(slices.Clone(l.under), "hoist"), args...)
	p.cmd = exec.CommandContext(context.WithoutCancel(l.t.Context()), line[0], line[1:]...)

	p.cmd.Env, p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = l.environ(), l.dir, &p.out, errs
	start := (*exec.Cmd).Start
	if l.ordinary {
		start = startOrdinary
	}

	if err := start(p.cmd); err != nil {
		l.t.Fatal(err)
	}

	go func() { p.err = p.cmd.Wait(); close(p.ended) }()
	l.t.Cleanup(func() { p.kill(); <-p.ended })

	return p
}

// kill ends it as a power cut would.
func (p *process) kill() { p.killed.Do(func() { p.shot.Store(true); _ = p.cmd.Process.Kill() }) }

// wait returns the exit code; -1 for one that was killed.
func (p *process) wait() int {
	p.t.Helper()

	select {
	case <-p.ended:
	case <-time.After(2 * time.Minute):
		p.t.Fatalf("%v does not end\n%s%s", p.cmd.Args, p.out.String(), p.errs.String())
	}

	if e, ok := errors.AsType[*exec.ExitError](p.err); ok {
		if runtime.GOOS == "windows" && p.shot.Load() && e.ExitCode() == 1 { // what TerminateProcess was told
			return -1
		}

		return e.ExitCode()
	}

	if p.err != nil {
		p.t.Fatal(p.err)
	}

	return 0
}

// run runs a command that must end with the code, and returns its standard output and standard
// error.
func (l *lab) run(code int, args ...string) (stdout, stderr string) {
	l.t.Helper()
	p := l.start(args...)
	if got := p.wait(); got != code {
		l.t.Fatalf("hoist %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got, code,
			p.out.String(), p.errs.String())
	}

	checkHint(l.t, code, p.errs.String())

	return p.out.String(), p.errs.String()
}

// checkHint: for every code but 0 the last line says what to do next.
func checkHint(t *testing.T, code int, stderr string) {
	t.Helper()
	lines := strings.Split(strings.TrimRight(stderr, "\n"), "\n")
	if got := strings.HasPrefix(lines[len(lines)-1], "hint: "); got != (code != 0) {
		t.Fatalf("exit code %d and a hint at the end: %v\n%s", code, got, stderr)
	}
}

// file writes a file of random bytes that follow from its name, and returns its path.
func (l *lab) file(name string, size int64, edition ...string) string {
	l.t.Helper()
	path := filepath.Join(l.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		l.t.Fatal(err)
	}

	f, err := os.Create(path)
	if err != nil {
		l.t.Fatal(err)
	}

	_, err = io.CopyN(f, rand.NewChaCha8(sha256.Sum256([]byte(name+strings.Join(edition, " ")))), size)
	if err := errors.Join(err, f.Close()); err != nil {
		l.t.Fatal(err)
	}

	return path
}

// published checks that a path below the demo folder has this many versions, the newest with the
// bytes of a local file.
func (l *lab) published(remote string, versions int, local string) {
	l.t.Helper()

	top := l.remote[strings.LastIndexByte(l.remote, '/')+1:]
	var found []emulator.FileInfo
	for _, f := range l.cloud.Items() {
		if f.Path == top+"/"+remote && !f.Hidden {
			found = append(found, f)
		}
	}

	if len(found) != 1 {
		l.t.Fatalf("%s: %d items, want one", remote, len(found))
	}

	if len(found[0].Versions) != versions {
		l.t.Fatalf("%s: %d versions, want %d", remote, len(found[0].Versions), versions)
	}

	r, err := l.cloud.ReadObject(found[0].Versions[versions-1].Storage)
	if err != nil {
		l.t.Fatalf("%s: %v", remote, err)
	}
	defer r.Close()
	f, err := os.Open(local)
	if err != nil {
		l.t.Fatal(err)
	}
	defer f.Close()
	if got, want := digest(l.t, r), digest(l.t, f); got != want {
		l.t.Fatalf("%s: not the bytes of %s", remote, local)
	}
}

func digest(t *testing.T, r io.Reader) [32]byte {
	t.Helper()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		t.Fatal(err)
	}

	return [32]byte(h.Sum(nil))
}

// count counts the requests of an operation that succeeded.
func (l *lab) count(op string) int {
	n := 0
	for _, r := range l.cloud.Requests() {
		if r.Op == op && r.Status >= 200 && r.Status < 300 {
			n++
		}
	}

	return n
}

// results reads the lines that push and pull print with --json, by path.
func results(t *testing.T, stdout string) map[string]control.FileResult {
	t.Helper()

	out := map[string]control.FileResult{}
	for line := range strings.Lines(stdout) {
		var r control.FileResult
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%v: %s", err, line)
		}

		if !strings.HasPrefix(line, `{"summary":`) && !strings.HasPrefix(line, `{"progress":`) {
			out[r.Path] = r
		}
	}

	return out
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()

	deadline := time.Now().Add(time.Minute)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("it did not come: %s", what)
		}

		time.Sleep(20 * time.Millisecond) // between two looks at a condition
	}
}

// status asks for the status as programs do.
func (l *lab) status() control.Status {
	l.t.Helper()
	out, _ := l.run(0, "status", "--json")
	var s control.Status
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		l.t.Fatalf("%v: %s", err, out)
	}

	return s
}

// owned waits until a command of this name has the home.
func (l *lab) owned(command string) {
	l.t.Helper()
	eventually(l.t, command+" has the home", func() bool {
		s := l.status()
		return s.Owner != nil && s.Owner.Command == command
	})
}

// interrupt asks a process to end, and returns its exit code.
func (p *process) interrupt() int {
	p.t.Helper()
	if runtime.GOOS == "windows" {
		p.t.Skip("a process cannot be asked to end by a signal there")
	}

	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}

	return p.wait()
}

// notRaced skips a test of what many commands say or leave, one after the other: raced they take minutes,
// and other tests run the same code side by side.
func notRaced(t *testing.T) {
	t.Helper()
	if raced {
		t.Skip("takes long with the race detector, and its commands run one after the other")
	}
}
