package emulator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// once makes a fault for the first request of an operation.
func once(op string, f Fault) func(Request) Fault {
	var mu sync.Mutex
	used := false

	return func(r Request) Fault {
		mu.Lock()
		defer mu.Unlock()
		if used || r.Op != op {
			return Fault{}
		}

		used = true

		return f
	}
}

// overSocketsToo runs a test in process and over TLS.
func overSocketsToo(t *testing.T, c func(*testing.T) Config, test func(*testing.T, *api)) {
	t.Helper()
	t.Run("in process", func(t *testing.T) { test(t, newAPI(t, c(t))) })
	t.Run("tls", func(t *testing.T) {
		a := newAPI(t, c(t))
		ln, err := a.s.Listen("127.0.0.1:0", true)
		if err != nil {
			t.Fatal(err)
		}

		tr := trust(t, ln.CertFile)
		t.Cleanup(tr.CloseIdleConnections)
		a.base, a.http = ln.BaseURL, &http.Client{Transport: tr}
		test(t, a)
	})
}

func TestFaults(t *testing.T) {
	overSocketsToo(t, func(*testing.T) Config { return Config{} }, func(t *testing.T, a *api) {
		d := a.s.Demo()
		folders := "/data/v1/projects/" + d.Project + "/folders"
		last := func() Request {
			t.Helper()

			for range 500 { // an answer may be there before its journal line
				for _, r := range a.s.Requests() {
					if r.Fault != "" {
						return r
					}
				}

				time.Sleep(2 * time.Millisecond)
			}

			t.Fatal("no fault in the journal")

			return Request{}
		}
		set := func(op string, f Fault) {
			a.s.ResetJournal()
			a.s.SetFault(once(op, f))
		}
		// before the effect
		set("create-folder", Fault{Kind: FailBefore, Status: 503, Header: http.Header{"Retry-After": {"7"}}})
		if r := a.call("POST", folders,
			folderBody(d.Folder, "one")).want(503).has("errors"); r.header.Get("Retry-After") != "7" {
			t.Errorf("headers %v", r.header)
		}

		if len(a.s.Folders(d.Project)) != 2 {
			t.Error("the effect happened")
		}

		// after the effect
		var before, after int
		set("create-folder", Fault{Kind: LoseReply, Do: func() {
			before = len(a.s.Folders(d.Project))
		}, DoAfter: func() { after = len(a.s.Folders(d.Project)) }})
		if r := a.call("POST", folders, folderBody(d.Folder, "one")); r.err == nil {
			t.Errorf("an answer came: %d", r.status)
		}

		if got := last(); got.Status != 201 || got.Fault != "lose-reply" {
			t.Errorf("journal %+v", got)
		}

		if before != 2 || after != 3 {
			t.Errorf("%d folders before, %d after; want 2 and 3", before, after)
		}

		set("create-folder", Fault{DoAfter: func() { after = len(a.s.Folders(d.Project)) }})
		a.call("POST", folders, folderBody(d.Folder, "two")).want(201)
		if after != 4 {
			t.Errorf("%d folders after, want 4", after)
		}

		set("create-folder", Fault{Kind: SlowDown})
		if r := a.call("POST", folders,
			folderBody(d.Folder, "three")).want(429); r.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}

		// S3
		urn := a.storage("f.dwg")
		p := objectPath(urn) + "/signeds3upload"
		up := a.call("GET", p, nil).want(200)
		content := noise(6 << 20)
		set("s3-put", Fault{Kind: SlowDown})
		a.put(up.text("urls/0"), content).want(503).has("<Code>SlowDown</Code>")
		set("s3-put", Fault{Kind: ExpireNow})
		a.put(up.text("urls/0"), content).want(403).has("Request has expired")
		set("s3-put", Fault{Kind: FailBefore})
		a.put(up.text("urls/0"), content).want(500).has("<Code>InternalError</Code>")
		set("s3-put", Fault{Kind: ResetBody, After: 100 << 10})
		if r := a.put(up.text("urls/0"), content); r.err == nil {
			t.Errorf("an answer came: %d", r.status)
		}

		if got := last(); got.Part != 1 || got.UploadKey != up.text("uploadKey") {
			t.Errorf("journal %+v", got)
		}

		for _, s := range a.s.Sessions() {
			if len(s.Parts) != 0 {
				t.Errorf("a reset part was kept: %+v", s)
			}
		}

		set("s3-put", Fault{Kind: WrongETag})
		wrong := a.put(up.text("urls/0"), content).want(200).header.Get("ETag")
		set("s3-put", Fault{Kind: CorruptBytes, After: 5})
		corrupt := a.put(up.text("urls/0"), content).want(200).header.Get("ETag")
		a.s.SetFault(nil)
		right := a.put(up.text("urls/0"), content).want(200).header.Get("ETag")
		if wrong == right || corrupt == right || wrong == corrupt {
			t.Errorf("ETags %s %s %s", wrong, corrupt, right)
		}

		set("signed-s3-upload", Fault{Kind: LoseReply})
		if r := a.call("POST", p, obj{"uploadKey": up.text("uploadKey"), "size": len(content),
			"eTags": []string{unquote(right)}}); r.err == nil {
			t.Errorf("an answer came: %d", r.status)
		}

		a.call("GET", objectPath(urn)+"/details", nil).want(200)
		u := a.call("GET", objectPath(urn)+"/signeds3download", nil).want(200).text("url")
		set("s3-get", Fault{Kind: CorruptBytes, After: 1 << 20})
		if r := a.send(a.request("GET", u, nil)).want(200); bytes.Equal(r.raw, content) ||
			len(r.raw) != len(content) || r.raw[1<<20] == content[1<<20] {
			t.Error("the answer is not corrupt")
		}

		set("s3-get", Fault{Kind: ResetBody, After: 1000})
		if r := a.send(a.request("GET", u, nil)); r.err == nil || len(r.raw) > 1000 {
			t.Errorf("%d bytes, error %v", len(r.raw), r.err)
		}

		set("get-folder", Fault{Kind: ExpireNow})
		a.call("GET", folders+"/"+esc(d.Folder), nil).want(401)
	})
}

func TestStallAndSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, Config{})
		urn := a.storage("s.dwg")
		p := objectPath(urn) + "/signeds3upload"
		up := a.call("GET", p+"?minutesExpiration=60", nil).want(200)
		content := noise(1 << 20)
		a.s.SetFault(once("s3-put", Fault{Kind: Stall, After: 1000}))
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		req := a.request("PUT", up.text("urls/0"), bytes.NewReader(content)).WithContext(ctx)
		if r := a.send(req); !errors.Is(r.err, context.DeadlineExceeded) {
			t.Errorf("stalled: %d, %v", r.status, r.err)
		}

		cancel()
		start := time.Now()
		a.s.SetFault(once("s3-put", Fault{Kind: Slow, BytesPerSecond: 64 << 10}))
		a.put(up.text("urls/0"), content).want(200)
		if took := time.Since(start).Round(time.Second); took != 16*time.Second {
			t.Errorf("1 MiB at 64 KiB/s took %v", took)
		}

		a.s.SetFault(once("get-object-details", Fault{Delay: time.Minute}))
		start = time.Now()
		a.call("GET", objectPath(urn)+"/details", nil).want(404)
		if took := time.Since(start); took != time.Minute {
			t.Errorf("delayed by %v", took)
		}

		a.s.SetFault(nil)
	})
}

func TestJournalFile(t *testing.T) {
	var out lockedBuffer
	a := newAPI(t, Config{Journal: &out})
	a.publish("j.dwg", "journal")

	var put Request
	for line := range strings.SplitSeq(strings.TrimSpace(out.String()), "\n") {
		if strings.Contains(line, "X-Amz") || strings.Contains(line, a.token) {
			t.Errorf("a secret in %s", line)
		}

		var r Request
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%v in %s", err, line)
		}

		if r.Op == "s3-put" {
			put = r
		}
	}

	if put.Method != "PUT" || put.Status != 200 || put.Part != 1 || put.Bytes != 7 || put.UploadKey == "" ||
		!strings.HasPrefix(put.Path, "/s3/wip.dm.prod/") {
		t.Errorf("journal of a part: %+v", put)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
