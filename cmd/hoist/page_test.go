package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"hoist/apsclient/emulator"
	"hoist/cmd/hoist/internal/page"
)

// newBrowser starts a headless browser, or skips the test when there is none.
func newBrowser(t *testing.T, width int64, dark bool) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}

	if path == "" {
		t.Skip("there is no Chromium here")
	}

	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.WSURLReadTimeout(time.Minute))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(cancel)

	theme := "light"
	if dark {
		theme = "dark"
	}

	if err := chromedp.Run(ctx, chromedp.EmulateViewport(width, 900),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: theme}})); err != nil {
		t.Fatal(err)
	}

	return ctx
}

// browses runs steps in a browser; a name says what they are to show.
func browses(t *testing.T, ctx context.Context, what string, steps ...chromedp.Action) {
	t.Helper()
	short, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := chromedp.Run(short, steps...); err != nil {
		var text string
		_ = chromedp.Run(ctx, chromedp.Text("body", &text, chromedp.ByQuery))
		t.Fatalf("%s: %v; the page says:\n%s", what, err, text)
	}
}

// says waits until the content of the page has a text.
func says(text string) chromedp.Action {
	quoted, _ := json.Marshal(text) //nolint:errchkjson // of a string
	return chromedp.Poll(`document.getElementById("main").innerText.includes(`+string(quoted)+`)`, nil)
}

// focused waits until what has the focus begins with a text.
func focused(text string) chromedp.Action {
	return chromedp.Poll(`document.activeElement.innerText.startsWith("`+text+`")`, nil)
}

// press clicks the first button, or link, of a text.
func press(text string) chromedp.Action {
	return chromedp.Click(`//*[(self::button or self::a) and normalize-space()="`+text+`"]`, chromedp.BySearch)
}

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
	l := newLab(t)
	browser := newBrowser(t, 1200, false)
	browses(t, browser, "first run", chromedp.Navigate(l.openPage()), chromedp.WaitVisible(`#main h1`, chromedp.ByQuery), says("Nothing is watched yet"), shot("first"))

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
		says("aps://Demo Hub/Demo Project/Project Files"), press("Take this folder"), press("Watch it"),
		says(drawings), shot("watches"))
	// The service takes no such name: that needs a person. Here it is text and nothing else.
	browses(t, browser, "the name is text", press("Now"), says("1 file needs you"), says(hostile), press("Its story"),
		says("name-refused"), chromedp.Poll(`document.querySelector("main img") === null`, nil), shot("hostile"),
		press("Give up"), press("Now"), says("Everything is up"))

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

	// Search and the story of one file.
	browses(t, browser, "search", press("Queue"), chromedp.SendKeys(`input[name=text]`, "refused", chromedp.ByQuery),
		chromedp.Poll(`document.querySelectorAll("main .row").length === 1`, nil), press("refused.dwg"),
		says("What happened"), accessible(t), shot("story"))

	// The guide, with the choice in its address.
	browses(t, browser, "guide", press("Guide"), says("Scopes"),
		chromedp.Click(`input[value="list-webhooks"]`, chromedp.ByQuery), says("1 action chosen"),
		chromedp.Poll(`location.hash === "#guide/list-webhooks"`, nil), shot("guide"))
}

// TestPageOnAPhone: no view is wider than a phone, in the dark and by keyboard alone.
func TestPageOnAPhone(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.watch("a rather long name of a folder of drawings, as teams have them")
	browser := newBrowser(t, 360, true)
	browses(t, browser, "dark", chromedp.Navigate(l.openPage()), chromedp.WaitVisible(`#main h1`, chromedp.ByQuery), says("Everything is up"),
		chromedp.Poll(`getComputedStyle(document.body).backgroundColor === "rgb(17, 23, 22)"`, nil))
	for _, view := range []struct{ name, title string }{{"now", "Everything is up"}, {"watches", "Watched folders"},
		{"queue", "Queue and history"}, {"guide", "What has to be set up"}} {
		browses(t, browser, view.name+" fits", chromedp.Evaluate(`location.hash = "`+view.name+`"`, nil),
			says(view.title), chromedp.Poll(`document.documentElement.scrollWidth <= innerWidth`, nil),
			focused(view.title), accessible(t), shot("phone-"+view.name))
	}

	browses(t, browser, "keyboard", chromedp.Evaluate(`document.querySelector("nav a").focus()`, nil),
		chromedp.KeyEvent("\t"), focused("Watches"), chromedp.KeyEvent("\r"), says("Watched folders"),
		focused("Watched folders"), chromedp.KeyEvent("\t"), focused("Pause"), chromedp.KeyEvent("\r"),
		chromedp.Poll(`document.querySelector("main h2 + p").innerText.includes("paused")`, nil))
}

// accessible lets axe-core, when HOIST_AXE names its script, look at what the page shows.
func accessible(t *testing.T) chromedp.Action {
	t.Helper()
	return chromedp.ActionFunc(func(ctx context.Context) error {
		script, err := os.ReadFile(os.Getenv("HOIST_AXE"))
		if err != nil {
			return nil //nolint:nilerr // the script is not part of the project
		}

		var found []string
		err = chromedp.Run(ctx, chromedp.Evaluate(string(script), nil), chromedp.Evaluate(`axe.run().then(r =>
			r.violations.filter(v => v.impact === "serious" || v.impact === "critical")
				.map(v => v.id + ": " + v.nodes.map(n => n.html).join(" ")))`, &found,
			func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
		for _, v := range found {
			t.Errorf("not accessible: %s", v)
		}

		return err
	})
}

// shot keeps a picture of the whole page when HOIST_SHOTS names a folder, for people to look at.
func shot(name string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		dir := os.Getenv("HOIST_SHOTS")
		if dir == "" {
			return nil
		}

		var data []byte
		if err := chromedp.FullScreenshot(&data, 100).Do(ctx); err != nil {
			return err
		}

		return os.WriteFile(filepath.Join(dir, name+".png"), data, 0o644)
	})
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

	for _, path := range []string{"/", "/app.js", "/v1/status", "/session.json", "/guide.json", "/metrics"} {
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
	if got, _ := ask(in, "GET", ticket); got != http.StatusOK {
		t.Fatalf("open: %d", got)
	}

	if got, _ := ask(out, "GET", ticket); got != http.StatusForbidden {
		t.Errorf("the link works twice: %d", got)
	}

	var session struct{ Token string }
	if _, body := ask(in, "GET", "/session.json"); json.Unmarshal(body, &session) != nil || session.Token == "" {
		t.Fatalf("session: %s", body)
	}

	for _, row := range []struct {
		name   string
		method string
		path   string
		header []string
		want   int
	}{
		{"reads", "GET", "/v1/status", nil, 200},
		{"by another name", "GET", "/v1/status", []string{"Host", "rebound.example.com"}, 403},
		{"changes with the token", "POST", "/v1/verify", []string{page.TokenHeader, session.Token}, 200},
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
