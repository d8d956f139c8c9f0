package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hoist/apsclient/emulator"
)

// TestNoSecretIsShown runs nearly everything at the most verbose level, in good and bad weather,
// and looks for every client secret, token and signature that went over the wire in what was
// printed, in what the home holds, and in the arguments of processes.
func TestNoSecretIsShown(t *testing.T) {
	notRaced(t)
	t.Parallel()
	l := newLab(t)
	l.addExamples()
	wire := newWire(t, l.url)
	l.url = wire.url
	seen := watchArguments(t)
	const wrong = "wrong-secret-0123456789"
	wire.add("secret", emulator.DefaultClientSecret)
	wire.add("secret", wrong)
	said := map[string]string{}
	do := func(code int, args ...string) (stdout string) {
		t.Helper()
		out, errs := l.run(code, append([]string{"-vv"}, args...)...)
		said[fmt.Sprintf("%d %v", len(said), args)] = out + errs

		return out
	}

	// Transfers in good weather and bad.
	big, small := l.file("set/big.rvt", 12<<20), l.file("set/small.dwg", 1000)
	do(0, "push", "--dry-run", filepath.Dir(big), l.remote)
	do(0, "push", filepath.Dir(big), l.remote, "--part-size", "5M", "--json")
	do(0, "push", small, l.remote+"/set")
	var bad sync.Map // one misfortune of each kind a file
	l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
		kinds := map[string][]emulator.Fault{
			"s3-put": {{Kind: emulator.LoseReply}, {Kind: emulator.FailBefore, Status: 403},
				{Kind: emulator.ExpireNow}, {Kind: emulator.ResetBody, After: 100}},
			"s3-get": {{Kind: emulator.LoseReply}, {Kind: emulator.FailBefore, Status: 403},
				{Kind: emulator.CorruptBytes}, {Kind: emulator.ResetBody, After: 100}},
			"token": {{Kind: emulator.LoseReply}, {Kind: emulator.FailBefore, Status: 503}},
		}[r.Op]
		for i, f := range kinds {
			if _, had := bad.LoadOrStore(fmt.Sprint(r.Op, i), true); !had {
				return f
			}
		}

		return emulator.Fault{}
	})
	l.file("set/big.rvt", 12<<20, "second")
	do(0, "push", filepath.Dir(big), l.remote, "--part-size", "5M")
	do(0, "pull", l.remote+"/set", filepath.Join(l.dir, "down"))
	l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
		if r.Op == "s3-put" {
			return emulator.Fault{Kind: emulator.FailBefore, Status: 403}
		}

		return emulator.Fault{}
	})
	do(3, "push", l.file("parked.dwg", 10), l.remote)
	do(0, "jobs", "--json")
	do(0, "status", "--json")
	do(0, "cancel", "--all")
	l.cloud.SetFault(nil)

	// The daemon, and commands through it.
	dir := l.watch("w")
	past := time.Now().Add(-time.Hour) // so that nothing waits for it to settle
	if err := os.Chtimes(l.file("w/watched.dwg", 1000), past, past); err != nil {
		t.Fatal(err)
	}

	d := l.start("daemon", "-vv")
	l.owned("daemon")
	do(0, "doctor", "--data-plane")
	do(0, "api", "list-hubs", "--all")
	eventually(t, "the watched file is there", func() bool {
		_, ok := l.cloud.File("Project Files/w/watched.dwg")
		return ok
	})
	do(0, "verify", dir)
	d.interrupt()
	said["daemon"] = d.out.String() + d.errs.String()

	// Actions: the answer with signed URLs is what was asked for; nothing else of them may show.
	object := []string{"--param", "bucketKey=hoist-demo-bucket", "--param", "objectKey=hello.txt"}
	do(0, "api", "list-hubs", "--dry-run")
	out, errs := l.run(0, append([]string{"-vv", "api", "get-signed-s3-upload-urls"}, object...)...)
	said["get-signed-s3-upload-urls"] = errs
	signed := regexp.MustCompile(`"(http[^"]+X-Amz-Signature[^"]+)"`).FindStringSubmatch(out)
	if signed == nil {
		t.Fatalf("no signed URL in %s", out)
	}

	_, errs = l.run(0, append([]string{"-vv", "api", "get-signed-s3-download-url"}, object...)...)
	said["get-signed-s3-download-url"] = errs

	file := filepath.Join(t.TempDir(), "url")
	for _, row := range []struct {
		code int
		url  string
		more []string
	}{
		{0, signed[1], []string{"--dry-run"}}, {0, signed[1], nil}, {4, signed[1] + "0", nil},
		{1, "http://127.0.0.1:1/nobody?X-Amz-Signature=" +
			"5ee0000000000000000000000000000000000000000000000000000000000000", nil},
		{2, "http://example.com/plain?X-Amz-Signature=" +
			"5ee0000000000000000000000000000000000000000000000000000000000001", nil},
	} {
		u, err := url.Parse(row.url)
		if err != nil {
			t.Fatal(err)
		}

		wire.add("signature", u.Query().Get("X-Amz-Signature"))
		if err := os.WriteFile(file, []byte(row.url), 0o600); err != nil {
			t.Fatal(err)
		}

		do(row.code, append([]string{"api", "upload-binary-to-signed-s3-url", "--param", "url=@" + file,
			"--body", small}, row.more...)...)
	}

	do(5, "api", "get-bucket-details", "--param", "bucketKey=no-such-bucket")

	// Signing in, well and badly.
	secret := filepath.Join(t.TempDir(), "secret")
	login := []string{"login", "--client-id", emulator.DefaultClientID, "--secret-file", secret}
	for code, text := range map[int]string{0: emulator.DefaultClientSecret, 4: wrong} {
		if err := os.WriteFile(secret, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}

		l.extra = []string{"HOIST_NO_KEYRING=1", "APS_CLIENT_ID=", "APS_CLIENT_SECRET="}
		do(code, login...)
	}

	do(0, "profile", "show")
	do(0, "ls", "aps://")
	l.extra = []string{"APS_CLIENT_SECRET=" + wrong}
	do(4, "push", small, l.remote)
	do(3, "doctor")

	secrets := wire.all()
	for _, kind := range []struct {
		name  string
		least int
	}{{"token", 5}, {"signature", 10}, {"secret", 2}} {
		if len(secrets[kind.name]) < kind.least {
			t.Errorf("only %d of kind %s went over the wire", len(secrets[kind.name]), kind.name)
		}
	}

	for name, text := range said {
		if len(text) == 0 {
			continue
		}

		leak(t, secrets, name, text)
	}

	for _, args := range seen() {
		leak(t, secrets, "the arguments of a process", args)
	}

	files := 0
	err := filepath.WalkDir(l.home, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || d.Name() == "default.secrets" {
			return err
		}

		data, err := os.ReadFile(path)
		files++
		leak(t, secrets, path, string(data))

		return err
	})
	if err != nil || files < 3 {
		t.Errorf("looked at %d files of the home: %v", files, err)
	}
}

// leak reports the secrets that a text holds.
func leak(t *testing.T, secrets map[string][]string, where, text string) {
	t.Helper()

	for kind, list := range secrets {
		for _, s := range list {
			if at := strings.Index(text, s); at >= 0 {
				t.Errorf("%s holds a %s: …%q", where, kind, text[max(0, at-100):min(len(text), at+len(s)+20)])
				break
			}
		}
	}
}

// wire stands before the cloud and keeps every secret that passes.
type wire struct {
	url string

	mu   sync.Mutex
	seen map[string][]string // guarded by mu; by kind
}

var (
	tokenText     = regexp.MustCompile(`"(?:access|refresh)_token" *: *"([^"]+)"`)
	signatureText = regexp.MustCompile(`X-Amz-Signature=([0-9a-f]+)`)
)

func newWire(t *testing.T, cloud string) *wire {
	t.Helper()
	target, err := url.Parse(cloud)
	if err != nil {
		t.Fatal(err)
	}

	w := &wire{seen: map[string][]string{}}
	proxy := httputil.NewSingleHostReverseProxy(target)
	// a lost reply stays lost
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	proxy.ModifyResponse = func(r *http.Response) error {
		if !strings.Contains(r.Header.Get("Content-Type"), "json") {
			return nil
		}

		data, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}

		w.addAll("token", tokenText.FindAllSubmatch(data, -1))
		w.addAll("signature", signatureText.FindAllSubmatch(data, -1))
		r.Body = io.NopCloser(bytes.NewReader(data))

		return nil
	}
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	s := httptest.NewUnstartedServer(proxy)
	s.Config.ErrorLog = proxy.ErrorLog
	s.Start()
	t.Cleanup(s.Close)
	w.url = s.URL

	return w
}

func (w *wire) addAll(kind string, found [][][]byte) {
	for _, m := range found {
		w.add(kind, string(m[1]))
	}
}

func (w *wire) add(kind, secret string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Contains(w.seen[kind], secret) {
		w.seen[kind] = append(w.seen[kind], secret)
	}
}

func (w *wire) all() map[string][]string {
	w.mu.Lock()
	defer w.mu.Unlock()

	out := map[string][]string{}
	for kind, list := range w.seen {
		out[kind] = slices.Clone(list)
	}

	return out
}

// watchArguments collects the arguments of all processes, as anybody could, until it is asked for
// them. Where the system does not show them there are none.
func watchArguments(t *testing.T) func() []string {
	t.Helper()

	seen, stop, done := map[string]bool{}, make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)

		for {
			files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
			for _, f := range files {
				if data, err := os.ReadFile(f); err == nil && len(data) > 0 {
					seen[string(data)] = true
				}
			}

			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	end := sync.OnceFunc(func() { close(stop); <-done })
	t.Cleanup(end)

	return func() []string {
		end()

		var out []string
		for args := range seen {
			out = append(out, args)
		}

		return out
	}
}
