package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	browserpage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"hoist/apsclient/emulator"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/page"
)

// openPage starts a daemon and returns a link to its page.
func (l *lab) openPage() string {
	l.start("daemon")
	l.owned("daemon")
	link, _ := l.run(0, "open", "--no-browser")

	return strings.TrimSpace(link)
}

// TestPage: what a person does with the page, in a real browser.
func TestPage(t *testing.T) {
	t.Parallel()
	inBrowser(t, 1200, false, usePage)
}

func usePage(t *testing.T, browser context.Context) {
	l := newLab(t)
	browses(t, browser, "first run", chromedp.Navigate(l.openPage()),
		chromedp.WaitVisible(`#main h1`, chromedp.ByQuery), says("Nothing is watched yet"),
		says("1. Signed in"), says("hubs: Demo Hub"), accessible(t), shot("first"))

	// A folder is added by browsing, and what lies in it is sent.
	drawings := filepath.Join(l.dir, "drawings")
	if err := os.Mkdir(drawings, 0o755); err != nil {
		t.Fatal(err)
	}

	hostile := "<img src=x onerror=alert(1)>.dwg"
	l.file("drawings/"+hostile, 1000)
	browses(t, browser, "add a watch", press("Watches"), says("None yet"),
		chromedp.SendKeys(`[data-form=add] input[name=path]`, drawings, chromedp.ByQuery),
		press("Browse…"), press("Demo Hub"), press("Demo Project"), press("Project Files"),
		says("aps://Demo Hub/Demo Project/Project Files"), press("Take this folder"), shot("adding"),
		press("Check it"), says("1 thing to look at first"), says("name-refused"), accessible(t),
		shot("preflight"), press("Watch it"), says(drawings+"\n"), accessible(t), shot("watches"))
	// The service takes no such name: that needs a person. Here it is text and nothing else.
	browses(t, browser, "the name is text", press("Now"), says("1 file needs you"), says(hostile),
		press("Its story"), says("name-refused"),
		chromedp.Poll(`document.querySelector("main img") === null`, nil), shot("hostile"),
		press("Give up"), press("Now"), says("Everything is up"))

	// A setting is changed in its form, whatever appears above it meanwhile. A mistake is said and
	// changes nothing.
	browses(t, browser, "settings", press("Watches"), chromedp.Click(`summary`, chromedp.ByQuery),
		chromedp.SetValue(`form.settings input[name=settle]`, "soon", chromedp.ByQuery))
	l.file("drawings/Thumbs.db", 10)
	l.run(0, "watch", "scan")
	browses(t, browser, "what was typed stays", says("Left out: 1 by"), press("Save"), mentions("settle"),
		chromedp.SetValue(`form.settings input[name=settle]`, "100ms", chromedp.ByQuery),
		chromedp.SetValue(`form.settings select[name=gate]`, "off", chromedp.ByQuery), press("Save"),
		mentions("Saved"),
		chromedp.Poll(`document.querySelector("details").open && `+
			`document.querySelector("[name=settle]").value === "100ms"`,
			nil), accessible(t), shot("settings"))
	text, err := os.ReadFile(filepath.Join(l.home, "config.toml"))
	if err != nil || !has("settle = '100ms'", "gate = 'off'")(string(text)) {
		t.Errorf("config.toml: %s, %v", text, err)
	}

	browses(t, browser, "bandwidth", press("Now"),
		chromedp.SetValue(`form[data-form=bandwidth] input`, "2M", chromedp.ByQuery), press("Set"),
		says("2.0 MiB/s up"), chromedp.Evaluate(`document.querySelector("[name=setting]").value = ""`, nil),
		press("Set"), says("No limit"))

	// What fails is shown with its reason, and mended by its button.
	l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
		if r.Op == "create-storage" {
			return emulator.Fault{Kind: emulator.FailBefore, Status: http.StatusForbidden}
		}

		return emulator.Fault{}
	})
	l.file("drawings/refused.dwg", 1000)
	browses(t, browser, "what needs a person", press("Now"), says("1 file needs you"), says("refused.dwg"),
		accessible(t), shot("now"))
	l.cloud.SetFault(nil)
	browses(t, browser, "the button mends it", press("Try again"),
		says("Everything is up"))
	eventually(t, "it is there", func() bool { return l.status().Jobs.Done == 1 })

	browses(t, browser, "pause and go on", press("Pause all"),
		chromedp.Poll(`document.querySelectorAll("button.main").length === 1`, nil), press("Go on with all"),
		chromedp.Poll(`document.querySelectorAll("button.main").length === 0`, nil))
	if st := l.status(); st.Watches[0].State == control.WatchPaused {
		t.Error("the watch is paused")
	}

	// Search and the story of one file.
	browses(t, browser, "search", press("Queue"),
		chromedp.SendKeys(`input[name=text]`, "refused", chromedp.ByQuery),
		chromedp.Poll(`document.querySelectorAll("main .row").length === 1`, nil), press("refused.dwg"),
		says("What happened"), says("Receipt"), press("Versions and link"),
		says("Open it in the cloud"), accessible(t), shot("story"))
	browses(t, browser, "plots", press("Plots"),
		// A minute is over by now, or it is not.
		chromedp.Poll(`/Nothing yet|Throughput/.test(document.getElementById("main").innerText)`, nil),
		accessible(t), shot("plots"))

	// The guide, with the choice in its address.
	browses(t, browser, "guide", press("Guide"), says("Scopes"),
		chromedp.Click(`input[value="list-webhooks"]`, chromedp.ByQuery), says("1 action chosen"),
		chromedp.Poll(`location.hash === "#guide/list-webhooks"`, nil), accessible(t), shot("guide"))
}

// TestPageOnAPhone: no view is wider than a phone, in the dark and by keyboard alone.
func TestPageOnAPhone(t *testing.T) {
	notRaced(t)
	t.Parallel()
	inBrowser(t, 360, true, usePhone)
}

func usePhone(t *testing.T, browser context.Context) {
	l := newLab(t)
	l.watch("a rather long name of a folder of drawings, as teams have them")
	browses(t, browser, "dark", chromedp.Navigate(l.openPage()),
		chromedp.WaitVisible(`#main h1`, chromedp.ByQuery), says("Everything is up"),
		chromedp.Poll(`getComputedStyle(document.body).backgroundColor === "rgb(17, 23, 22)"`, nil))
	for _, view := range []struct{ name, title string }{{"now", "Everything is up"}, {"plots", "Plots"},
		{"watches", "Watched folders"}, {"queue", "Queue and history"}, {"guide", "What has to be set up"}} {
		browses(t, browser, view.name+" fits", chromedp.Evaluate(`location.hash = "`+view.name+`"`, nil),
			says(view.title), chromedp.Poll(`document.documentElement.scrollWidth <= innerWidth`, nil),
			focused(view.title), accessible(t))
	}

	browses(t, browser, "keyboard", chromedp.Evaluate(`document.querySelector("nav a").focus()`, nil),
		chromedp.KeyEvent("\t"), focused("Plots"), chromedp.KeyEvent("\t"), focused("Watches"),
		chromedp.KeyEvent("\r"), says("Watched folders"),
		focused("Watched folders"), chromedp.KeyEvent("\t"), focused("Pause"), chromedp.KeyEvent("\r"),
		chromedp.Poll(`document.querySelector("main h2 + p").innerText.includes("paused")`, nil))
}

// TestPageLetsNobodyElseIn: what a page of another site, another program or another user would try.
func TestPageLetsNobodyElseIn(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	link := l.openPage()
	base, _, _ := strings.Cut(link, "/open")
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}

	in, out := &http.Client{Jar: jar}, &http.Client{}
	ask := func(c *http.Client, method, path string, header ...string) (status int, body []byte) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}

		for pair := range slices.Chunk(header, 2) {
			r.Header.Set(pair[0], pair[1])
			if pair[0] == "Host" {
				r.Host = pair[1]
			}
		}

		resp, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if body, err = io.ReadAll(resp.Body); err != nil {
			t.Fatal(err)
		}

		return resp.StatusCode, body
	}

	for _, path := range []string{"/", "/app.js", "/v1/status", "/guide.json", "/guide.html", "/metrics"} {
		if got, _ := ask(out, "GET", path); got != http.StatusForbidden {
			t.Errorf("without a session %s answers %d", path, got)
		}
	}

	ticket := strings.TrimPrefix(link, base)
	if got, _ := ask(in, "GET", ticket, "Host", "hoist.example.com"); got != http.StatusForbidden {
		t.Errorf("another name for this address: %d", got)
	}

	link, _ = l.run(0, "open", "--no-browser")
	ticket = strings.TrimPrefix(strings.TrimSpace(link), base)
	got, opened := ask(in, "GET", ticket)
	token := regexp.MustCompile(`url=/#token=(\w+)"`).FindSubmatch(opened)
	if got != http.StatusOK || token == nil {
		t.Fatalf("open: %d, %s", got, opened)
	}

	if got, _ := ask(out, "GET", ticket); got != http.StatusForbidden {
		t.Errorf("the link works twice: %d", got)
	}

	// Another home of the same machine: browsers send the cookies of one port to all.
	other := newLab(t)
	otherLink := other.openPage()
	if resp, err := in.Get(otherLink); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("the other home: %v, %v", resp, err)
	} else {
		resp.Body.Close()
	}

	strangers := &http.Client{Jar: onlyCookies(t, jar, otherLink, base)}
	if got, _ := ask(strangers, "GET", "/v1/status"); got != http.StatusForbidden {
		t.Errorf("the cookie of another port: %d", got)
	}

	for _, row := range []struct {
		name   string
		method string
		path   string
		header []string
		want   int
	}{
		{"reads", "GET", "/v1/status", []string{page.TokenHeader, string(token[1])}, 200},
		{"its files", "GET", "/app.js", nil, 200},
		{"reads with the cookie alone, as another port of this machine gets it", "GET",
			"/v1/status", nil, 403},
		{"listens with it", "GET", "/v1/events", nil, 403},
		{"figures with it", "GET", "/metrics", nil, 403},
		{"by another name", "GET", "/v1/status", []string{"Host", "rebound.example.com", page.TokenHeader,
			string(token[1])}, 403},
		{"changes with the token", "POST", "/v1/verify", []string{page.TokenHeader, string(token[1])}, 200},
		{"changes with the cookie alone, as another port of this machine gets it", "POST",
			"/v1/jobs/pause", nil, 403},
		{"changes without the token", "POST", "/v1/verify", nil, 403},
		{"changes with a wrong token", "POST", "/v1/verify", []string{page.TokenHeader, "guess"}, 403},
		{"a page of another site", "POST", "/v1/verify", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"another port of this machine", "POST", "/v1/verify", []string{"Origin", "http://127.0.0.1:1"}, 403},
	} {
		if got, _ := ask(in, row.method, row.path, row.header...); got != row.want {
			t.Errorf("%s: %d, want %d", row.name, got, row.want)
		}
	}
}

// onlyCookies is a jar with those cookies alone that came with the last answer of a page, for another
// address.
func onlyCookies(t *testing.T, jar http.CookieJar, from, to string) http.CookieJar {
	t.Helper()
	there, err := url.Parse(from)
	if err != nil {
		t.Fatal(err)
	}

	here, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}

	all := jar.Cookies(there)
	if len(all) != 2 {
		t.Fatalf("%d cookies, of two homes", len(all))
	}

	out, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}

	out.SetCookies(here, all[1:]) // in order of their creation

	return out
}

// TestPageTakesNoLongBody: a request of two MiB is refused, and the daemon goes on.
func TestPageTakesNoLongBody(t *testing.T) {
	var read int64
	var failed error
	s := page.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		read, failed = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusBadRequest)
	}))
	link, err := s.Link(func(l net.Listener) { l.Close() })
	if err != nil {
		t.Fatal(err)
	}

	base, ticket, _ := strings.Cut(link, "/open")
	host := strings.TrimPrefix(base, "http://")
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/open"+ticket, nil)
	r.Host = host
	s.ServeHTTP(w, r)
	token := regexp.MustCompile(`#token=(\w+)`).FindStringSubmatch(w.Body.String())
	if token == nil {
		t.Fatal(w.Body.String())
	}

	r = httptest.NewRequestWithContext(t.Context(), "POST", "/v1/push",
		strings.NewReader(strings.Repeat(" ", 2<<20)))
	r.Host = host
	r.Header.Set(page.TokenHeader, token[1])
	r.AddCookie(w.Result().Cookies()[0])
	s.ServeHTTP(httptest.NewRecorder(), r)
	if failed == nil || read > 1<<20 {
		t.Errorf("%d bytes were taken, %v", read, failed)
	}
}

// manyRows answers as a home of ten thousand jobs of each kind does. With change one more needs somebody.
func manyRows(t *testing.T, asked chan<- string, change <-chan struct{}) http.Handler {
	t.Helper()
	const all = 10_000
	var more atomic.Int32
	list := func(r *http.Request, one func(id string) map[string]any) []any {
		n := all
		if limit := r.FormValue("limit"); limit != "" {
			if _, err := fmt.Sscan(limit, &n); err != nil {
				t.Error(err)
			}
		}

		rows := make([]any, n)
		for i := range rows {
			rows[i] = one(fmt.Sprintf("%032x", i+1))
		}

		return rows
	}
	job := func(id string) map[string]any {
		return map[string]any{"id": id, "path": "/d/" + id + ".dwg", "remote": "aps://h", "kind": "upload",
			"state": "done", "phase": "done", "reason": "changing", "detail": id, "count": 1,
			"paths": []string{}, "bytes_done": 1, "bytes_total": 2, "updated_at": time.Now(),
			"fix": "hoist retry " + id}
	}
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, v any) { _ = json.NewEncoder(w).Encode(v) }
	mux.HandleFunc("/v1/status", func(w http.ResponseWriter, r *http.Request) {
		whole := r.Clone(r.Context())
		whole.Form = url.Values{}
		counts := map[string]int{"queued": all, "active": all, "waiting": all,
			"attention": all + int(more.Load()), "done": 1_000_000}
		answer(w, map[string]any{"version": "v", "watches": []any{}, "jobs": counts, "active": list(r, job),
			"attention": list(r, job), "waiting": list(whole, job), "trouble": list(whole, job),
			"budgets": []any{}})
	})
	mux.HandleFunc("/v1/jobs", func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.RawQuery
		answer(w, list(r, job))
	})
	mux.HandleFunc("/v1/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for n := 1; ; n++ {
			_ = http.NewResponseController(w).Flush()
			select {
			case <-change:
				more.Add(1)
				fmt.Fprintf(w, "id: %d\nevent: change\ndata: {}\n\n", n)
			case <-r.Context().Done():
				return
			}
		}
	})
	mux.HandleFunc("/v1/doctor", func(w http.ResponseWriter, _ *http.Request) { answer(w, []any{}) })

	return mux
}

// TestPageOfTenThousandRows: no view holds more than 300 rows, and the others are found by their path.
// What changes comes by itself: the page asks for nothing on its own account here.
func TestPageOfTenThousandRows(t *testing.T) {
	notRaced(t)
	t.Parallel()
	inBrowser(t, 1200, false, showManyRows)
}

func showManyRows(t *testing.T, browser context.Context) {
	asked, change := make(chan string, 100), make(chan struct{})
	s := page.New(manyRows(t, asked, change))
	link, err := s.Link(func(l net.Listener) {
		server := &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
		t.Cleanup(func() { server.Close() })
		go func() { _ = server.Serve(l) }()
	})
	if err != nil {
		t.Fatal(err)
	}

	rows := func(want string) chromedp.Action {
		return chromedp.ActionFunc(func(ctx context.Context) error {
			var n int
			err := chromedp.Run(ctx, says(want),
				chromedp.Evaluate(`document.querySelectorAll(".row").length`, &n))
			if n > 300 || n < 100 {
				t.Errorf("%s: %d rows", want, n)
			}

			return err
		})
	}
	never := chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := browserpage.AddScriptToEvaluateOnNewDocument(`const soon = setTimeout;
			window.setTimeout = (f, ms) => ms < 1000 ? soon(f, ms) : 0`).Do(ctx)
		return err
	})
	changes := chromedp.ActionFunc(func(ctx context.Context) error {
		select {
		case change <- struct{}{}:
		case <-ctx.Done():
		}

		return ctx.Err()
	})
	browses(t, browser, "ten thousand rows", never, chromedp.Navigate(link),
		chromedp.WaitVisible(`#main h1`, chromedp.ByQuery),
		rows("10,000 files need you"), rows("and 9950 more"), changes, says("10,001 files need you"),
		press("Queue"), rows("Queue and history"), press("Older"), says("201 to 400"), rows("201 to 400"),
		chromedp.SendKeys(`input[name=text]`, "tower", chromedp.ByQuery),
		chromedp.Poll(`!document.querySelector("main").innerText.includes("201 to 400")`, nil))

	want := []string{"limit=200&newest=true", "limit=200&newest=true&after=" + fmt.Sprintf("%032x", 200),
		"limit=200&newest=true&path=tower"}
	for _, q := range want {
		for got := ""; got != q; {
			select {
			case got = <-asked:
			case <-t.Context().Done():
				t.Fatal("the page did not ask for " + q)
			}
		}
	}
}
