package owner

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/problem"
	"hoist/state"
)

// newOptions is an owner's options in a home and against a cloud of their own.
func newOptions(t *testing.T) (Options, *emulator.Server) {
	t.Helper()
	cloud, err := emulator.New(emulator.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() {
		if err := cloud.Close(); err != nil {
			t.Error(err)
		}
	})
	dir := t.TempDir()
	const base = "http://127.0.0.1:1"

	return Options{
		Home: config.Home{Config: dir, State: dir}, Command: "test", Version: "v", Profile: "default",
		Logger: slog.New(slog.DiscardHandler),
		Engine: config.Engine{Acceleration: true},
		Clients: func(_ string, bandwidth apsclient.Bandwidth) (*apsclient.Client, error) {
			return apsclient.New(apsclient.Config{
				BaseURL: base, Transport: cloud.Transport(), Bandwidth: bandwidth,
				Tokens: apsclient.ClientCredentials(base, emulator.DefaultClientID,
					emulator.DefaultClientSecret),
			})
		},
	}, cloud
}

func open(t *testing.T, mode Mode, options Options) *Owner {
	t.Helper()
	o, err := Open(t.Context(), mode, options)
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { shut(t, o) })

	return o
}

func shut(t *testing.T, o *Owner) {
	t.Helper()
	if err := o.Close(); err != nil && !errors.Is(err, state.ErrClosed) {
		t.Errorf("close: %v", err)
	}
}

func write(t *testing.T, path string, data []byte) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}

	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}

	return path
}

// push pushes and follows to the end; the jobs by path.
func push(t *testing.T, api control.API, r control.PushRequest) map[string]control.Job {
	t.Helper()
	plan, err := api.Push(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}

	var ids []string
	for _, f := range plan.Files {
		if f.Job != "" {
			ids = append(ids, f.Job)
		}
	}

	out := map[string]control.Job{}
	err = api.Follow(t.Context(), ids, func(u control.Update) error {
		if u.Job != nil {
			out[u.Job.Path] = *u.Job
		}

		return nil
	})
	if err != nil {
		t.Fatal(err)
	}

	return out
}

func TestOwnerServesOthers(t *testing.T) {
	options, cloud := newOptions(t)
	o := open(t, Working, options)
	if _, err := Open(t.Context(), Passive, options); !isLocked(err) {
		t.Errorf("a second owner: got %v, want a LockedError", err)
	}

	c, err := control.Dial(t.Context(), options.Home.Socket(), options.Home.AddrFile())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	path := write(t, filepath.Join(t.TempDir(), "a.dwg"), []byte("content"))
	jobs := push(t, c, control.PushRequest{Paths: []string{path}, Remote: cloud.DemoRemote()})
	if j := jobs[path]; j.State != "done" || j.Result != control.ResultCreated || j.ItemID == "" ||
		*j.Size != 7 {
		t.Errorf("job: %+v", jobs)
	}

	s, err := c.Status(t.Context())
	if err != nil || s.Owner == nil || s.Owner.PID != os.Getpid() || s.Jobs.Done != 1 || s.Version != "v" {
		t.Errorf("status: %+v, %v", s, err)
	}

	d, err := c.Job(t.Context(), jobs[path].ID[:24])
	if err != nil || len(d.Parts) != 1 || len(d.History) < 4 {
		t.Errorf("job: %+v, %v", d, err)
	}

	shut(t, o)
	if _, err := control.Dial(t.Context(), options.Home.Socket(), options.Home.AddrFile()); !errors.Is(err,
		control.ErrNoOwner) {
		t.Errorf("after it left: %v", err)
	}

	again := open(t, Passive, options)
	if s, err := again.Status(t.Context()); err != nil || s.Owner != nil || s.Jobs.Done != 1 {
		t.Errorf("status of nobody: %+v, %v", s, err)
	}
}

func isLocked(err error) bool {
	_, ok := errors.AsType[*state.LockedError](err)
	return ok
}

func TestReceiptsAreExportedOnce(t *testing.T) {
	options, cloud := newOptions(t)

	dir := t.TempDir()
	file := filepath.Join(options.Home.Receipts(), "receipts.jsonl")
	for i, name := range []string{"a.dwg", "b.dwg", "c.dwg"} {
		o := open(t, Working, options)
		push(t, o, control.PushRequest{Paths: []string{write(t, filepath.Join(dir, name), []byte(name))},
			Remote: cloud.DemoRemote()})
		shut(t, o)
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}

		if n := bytes.Count(data, []byte("\n")); n != i+1 {
			t.Fatalf("%d lines after %d files:\n%s", n, i+1, data)
		}

		// A crash between the writing and its record leaves lines that are written again.
		write(t, file, append(data, "half a line"...))
	}
}

func TestTheSourceChangesUnderAPush(t *testing.T) {
	options, cloud := newOptions(t)
	o := open(t, Working, options)
	path := write(t, filepath.Join(t.TempDir(), "a.dwg"), bytes.Repeat([]byte("old"), 1000))
	var once atomic.Bool
	cloud.SetFault(func(r emulator.Request) emulator.Fault {
		if r.Op != "s3-put" || !once.CompareAndSwap(false, true) {
			return emulator.Fault{}
		}

		return emulator.Fault{DoAfter: func() { _ = os.WriteFile(path, []byte("the new content"), 0o600) }}
	})
	jobs := push(t, o, control.PushRequest{Paths: []string{path}, Remote: cloud.DemoRemote()})
	if j := jobs[path]; j.Result != control.ResultCreated || *j.Size != 15 {
		t.Errorf("job: %+v", j)
	}

	if f, ok := cloud.File("Project Files/a.dwg"); !ok || len(f.Versions) != 1 || f.Versions[0].Size != 15 {
		t.Errorf("published: %+v", f)
	}
}

func TestActs(t *testing.T) {
	options, cloud := newOptions(t)
	o := open(t, Serving, options) // nothing moves
	path := write(t, filepath.Join(t.TempDir(), "a.dwg"), []byte("x"))
	plan, err := o.Push(t.Context(), control.PushRequest{Paths: []string{path}, Remote: cloud.DemoRemote()})
	if err != nil || len(plan.Files) != 1 {
		t.Fatalf("%+v, %v", plan, err)
	}

	id := plan.Files[0].Job
	for _, tt := range []struct {
		verb   control.Verb
		state  state.Status
		result string
	}{
		{control.Pause, "paused", "paused"},
		{control.Pause, "paused", "unchanged"},
		{control.Resume, "queued", "resumed"},
		{control.Resume, "queued", "unchanged"},
		{control.Retry, "queued", "retried"},
		{control.Cancel, "cancelled", "cancelled"},
		{control.Cancel, "cancelled", "unchanged"},
		{control.Pause, "cancelled", "unchanged"},
		{control.Retry, "queued", "retried"}, // a new job
	} {
		r, err := o.Act(t.Context(), id, tt.verb)
		if err != nil || r.State != tt.state || r.Result != tt.result {
			t.Errorf("%s: got %+v, %v, want %s, %s", tt.verb, r, err, tt.state, tt.result)
		}
	}

	if _, err := o.Act(t.Context(), id, "explode"); err == nil {
		t.Error("explode is a verb")
	}

	if kind, _ := problem.Of(second(o.Act(t.Context(), "00ff", control.Pause))); kind != problem.NotFound {
		t.Errorf("unknown job: %q", kind)
	}
}

func second[T any](_ T, err error) error { return err }

func TestAParkedFileThatIsPushedAgain(t *testing.T) {
	options, cloud := newOptions(t)
	o := open(t, Working, options)
	path := write(t, filepath.Join(t.TempDir(), "a.dwg"), []byte("x"))
	cloud.SetFault(func(r emulator.Request) emulator.Fault {
		if r.Op == "create-storage" {
			return emulator.Fault{Kind: emulator.FailBefore, Status: http.StatusForbidden}
		}

		return emulator.Fault{}
	})
	req := control.PushRequest{Paths: []string{path}, Remote: cloud.DemoRemote()}
	if j := push(t, o, req)[path]; j.State != "attention" && j.State != "failed" || j.Reason == "" {
		t.Fatalf("refused: %+v", j)
	}

	s, err := o.Status(t.Context())
	if err != nil || len(s.Attention) != 1 || s.Attention[0].Fix == "" || s.Attention[0].Since == nil {
		t.Errorf("status: %+v, %v", s.Attention, err)
	}

	cloud.SetFault(nil)
	if j := push(t, o, req)[path]; j.State != "done" {
		t.Errorf("asked again: %+v", j)
	}
}

// Names that the local system cannot hold wait for a user, and stop no other file of the same
// pull.
func TestNamesThatStopNoOther(t *testing.T) {
	options, _ := newOptions(t)
	c, err := options.Clients("default", apsclient.Bandwidth{})
	if err != nil {
		t.Fatal(err)
	}

	if _, err := c.Buckets.Create(t.Context(), "names", "persistent", ""); err != nil {
		t.Fatal(err)
	}

	long := strings.Repeat("x", 300)
	for _, key := range []string{"a.dwg", "b\x00.dwg", long + "1", long + "2", long + "3", long + "/a.dwg"} {
		id := apsclient.NewObjectID("names", key)
		urls, err := c.Objects.UploadURLs(t.Context(), id, apsclient.UploadURLsRequest{Parts: 1})
		if err != nil {
			t.Fatalf("%.20q: %v", key, err)
		}

		etag, err := c.Data.PutPart(t.Context(), urls.URLs[0],
			apsclient.PartBody{R: strings.NewReader("x"), Size: 1})
		if err != nil {
			t.Fatal(err)
		}

		if _, err := c.Objects.Complete(t.Context(), id,
			apsclient.Completion{UploadKey: urls.UploadKey, Size: 1, ETags: []string{etag}}); err != nil {
			t.Fatal(err)
		}
	}

	o := open(t, Working, options)
	dir := t.TempDir()
	for range 2 { // the second time beside the parked ones of the first
		plan, err := o.Pull(t.Context(), control.PullRequest{Remote: "oss://names", Path: dir})
		if err != nil {
			t.Fatal(err)
		}

		var ids []string
		refused := 0
		for _, f := range plan.Files {
			switch {
			case f.Reason == "name-refused":
				refused++
			case f.Job != "": // else it is there already
				ids = append(ids, f.Job)
			}
		}

		if refused != 4 {
			t.Errorf("%d names are refused, want 4: %+v", refused, plan.Files)
		}

		if err := o.Follow(t.Context(), ids, func(control.Update) error { return nil }); err != nil {
			t.Fatal(err)
		}

		for _, name := range []string{"a.dwg", "b%00.dwg"} {
			if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestLinger(t *testing.T) {
	options, _ := newOptions(t)
	o := open(t, Serving, options)
	o.Linger(t.Context(), time.Minute) // nobody is there: it returns

	leave := o.guests.enter()
	done := make(chan struct{})
	go func() { defer close(done); o.Linger(t.Context(), time.Hour) }()

	select {
	case <-done:
		t.Fatal("it did not wait for a guest")
	case <-time.After(20 * time.Millisecond):
	}

	leave()
	<-done
}

func TestSources(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"d/a.dwg", "d/a.bak", "d/s/b.dwg", "one.bak"} {
		write(t, filepath.Join(dir, filepath.FromSlash(name)), []byte(name))
	}

	sep := string(filepath.Separator)
	for _, tt := range []struct {
		name  string
		req   control.PushRequest
		want  string
		fails problem.Kind
	}{
		{"folder", control.PushRequest{Paths: []string{filepath.Join(dir, "d")}}, "d/a.dwg d/s/b.dwg", ""},
		{"contents", control.PushRequest{Paths: []string{filepath.Join(dir, "d") + sep}}, "a.dwg s/b.dwg",
			""},
		{"litter that is named", control.PushRequest{Paths: []string{filepath.Join(dir, "one.bak")}},
			"one.bak", ""},
		{"litter that is wanted", control.PushRequest{Paths: []string{filepath.Join(dir, "d")},
			Filter: control.Filter{Exclude: []string{"!*.bak"}}}, "d/a.bak d/a.dwg d/s/b.dwg", ""},
		{"listed", control.PushRequest{Paths: []string{filepath.Join(dir, "d")}, Files: []string{"s/b.dwg"}},
			"d/s/b.dwg", ""},
		{"an empty list", control.PushRequest{Paths: []string{filepath.Join(dir, "d")}, Files: []string{}},
			"", ""},
		{"listed outside", control.PushRequest{Paths: []string{filepath.Join(dir, "d")},
			Files: []string{"../one.bak"}}, "", problem.Usage},
		{"a file with a slash", control.PushRequest{Paths: []string{filepath.Join(dir, "one.bak") + sep}}, "",
			problem.Usage},
		{"missing", control.PushRequest{Paths: []string{filepath.Join(dir, "zz")}}, "", problem.NotFound},
		{"nothing", control.PushRequest{}, "", problem.Usage},
		{"an empty path", control.PushRequest{Paths: []string{""}}, "", problem.Usage},
		{"a relative path", control.PushRequest{Paths: []string{"d"}}, "", problem.Usage},
		{"wrong pattern", control.PushRequest{Paths: []string{dir},
			Filter: control.Filter{Exclude: []string{"["}}}, "", problem.Usage},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := findSources(tt.req, t.TempDir(), bookAtOnce)
			if kind, _ := problem.Of(err); kind != tt.fails {
				t.Fatalf("got %v, want %q", err, tt.fails)
			}

			var got []string
			for f := range s.files.All() {
				got = append(got, f.Rel)
			}

			if strings.Join(got, " ") != tt.want {
				t.Errorf("got %v, want %s", got, tt.want)
			}
		})
	}
}

// TestWhatAnOwnerRefuses: a program that asks over the socket may ask anything; nothing of it may
// take effect.
func TestWhatAnOwnerRefuses(t *testing.T) {
	options, cloud := newOptions(t)
	o := open(t, Working, options)

	remote, folder := cloud.DemoRemote(), t.TempDir()
	watch := func(r control.WatchRequest) error {
		r.Remote = remote
		_, err := o.AddWatch(t.Context(), r)
		return err
	}
	for name, ask := range map[string]func() error{
		"pull to nowhere": func() error {
			_, err := o.Pull(t.Context(), control.PullRequest{Remote: remote})
			return err
		},
		"pull to relative": func() error {
			_, err := o.Pull(t.Context(), control.PullRequest{Remote: remote, Path: "x"})
			return err
		},
		"verify relative": func() error {
			_, err := o.Verify(t.Context(), control.VerifyRequest{Path: "x"})
			return err
		},
		"watch relative": func() error { return watch(control.WatchRequest{Path: "."}) },
		"watch mode":     func() error { return watch(control.WatchRequest{Path: folder, Mode: "pull"}) },
		"watch settle":   func() error { return watch(control.WatchRequest{Path: folder, Settle: "soon"}) },
		"watch pattern": func() error {
			return watch(control.WatchRequest{Path: folder,
				Selection: config.Selection{Exclude: []string{"a[b"}}})
		},
		"watch size": func() error {
			return watch(control.WatchRequest{Path: folder, Selection: config.Selection{MinSize: "few"}})
		},
	} {
		if kind, _ := problem.Of(ask()); kind != problem.Usage {
			t.Errorf("%s: %q, want %q", name, kind, problem.Usage)
		}
	}

	if file, err := config.Load(options.Home); err != nil || len(file.Watch) > 0 {
		t.Errorf("watches: %v, %v", file.Watch, err)
	}

	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("left in the folder: %v, %v", left, err)
	}
}

// TestWhatKilledCommandsLeave: standard input and output that were kept in the home go after a day,
// unless an open job needs them.
func TestWhatKilledCommandsLeave(t *testing.T) {
	options, s := newOptions(t)
	o := open(t, Passive, options)

	old, needed, fresh := filepath.Join(options.Home.Streams(), "stdin-1"),
		filepath.Join(options.Home.Streams(), "stdin-2"), filepath.Join(options.Home.Streams(), "stdin-3")
	partly := filepath.Join(options.Home.Streams(), "stdout-4.part")
	half := filepath.Join(options.Home.State, ".hoist-123") // of a file that was about to be replaced
	for _, p := range []string{old, needed, fresh, partly, half} {
		write(t, p, []byte("x"))
		if p != fresh {
			if err := os.Chtimes(p, time.Time{}, time.Now().Add(-2*streamsFor)); err != nil {
				t.Fatal(err)
			}
		}
	}

	plan, err := o.Push(t.Context(), control.PushRequest{Paths: []string{needed}, Remote: s.DemoRemote()})
	if err != nil || len(plan.Files) != 1 || plan.Files[0].Job == "" {
		t.Fatalf("%+v, %v", plan, err)
	}

	if _, err := o.Act(t.Context(), plan.Files[0].Job, control.Pause); err != nil {
		t.Fatal(err)
	}

	j, _, err := o.store.Enqueue(
		state.Job{Kind: state.Download, Path: filepath.Join(options.Home.Streams(), "stdout-4"),
			Target: state.Target{Address: "oss://bkt/k"}})
	if err != nil {
		t.Fatal(err)
	}

	if _, err := o.store.Commit(j.ID, state.Resolved{Object: "o", Size: 25},
		state.FetchStarted{Temp: partly, PartSize: 10, Parts: 3}, state.Pause{}); err != nil {
		t.Fatal(err)
	}

	shut(t, o)
	shut(t, open(t, Working, options))

	for _, p := range []string{old, needed, fresh, partly, half} {
		if _, err := os.Stat(p); os.IsNotExist(err) != (p == old || p == half) {
			t.Errorf("%s: %v", filepath.Base(p), err)
		}
	}
}
