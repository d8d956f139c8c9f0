package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// inBrowser runs a test with a headless browser, or skips it when there is none. A browser that dies on a
// busy machine says nothing of the page: up to three are tried, each from the beginning.
func inBrowser(t *testing.T, width int64, dark bool, test func(*testing.T, context.Context)) {
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

	for died := 1; ; died++ {
		again := false
		t.Run("browser", func(t *testing.T) {
			defer func() { again = t.Skipped() }()
			test(t, newBrowser(t, path, width, dark))
		})
		if !again {
			return
		}

		if died == 3 {
			t.Fatal("three browsers died")
		}
	}
}

func newBrowser(t *testing.T, path string, width int64, dark bool) context.Context {
	t.Helper()
	said, err := os.Create(filepath.Join(t.TempDir(), "browser.log"))
	if err != nil {
		t.Fatal(err)
	}

	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.WSURLReadTimeout(time.Minute), chromedp.CombinedOutput(said))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	t.Cleanup(func() {
		if t.Failed() || t.Skipped() {
			text, err := os.ReadFile(said.Name())
			t.Logf("the browser said: %s %v", text, err)
		}
	})
	ctx, cancel = context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(cancel)

	theme := "light"
	if dark {
		theme = "dark"
	}

	// The browser lives as long as the context of its first steps.
	if err := chromedp.Run(ctx, chromedp.EmulateViewport(width, 900), themed(theme)); err != nil {
		t.Fatal(err)
	}

	return ctx
}

// browses runs steps in a browser; a name says what they are to show.
func browses(t *testing.T, ctx context.Context, what string, steps ...chromedp.Action) {
	t.Helper()
	short, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	err := chromedp.Run(short, steps...)
	if errors.Is(ctx.Err(), context.Canceled) && t.Context().Err() == nil {
		t.Skipf("%s: the browser died: %v", what, err)
	}

	if err != nil {
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

// mentions waits until the page tells something in passing.
func mentions(text string) chromedp.Action {
	return chromedp.Poll(`document.getElementById("note").innerText.includes("`+text+`")`, nil)
}

// focused waits until what has the focus begins with a text.
func focused(text string) chromedp.Action {
	return chromedp.Poll(`document.activeElement.innerText.startsWith("`+text+`")`, nil)
}

// press clicks the first button, or link, of a text, when it is in sight with nothing above it. The page
// looks and clicks in one step: it may move while the two ends speak.
func press(text string) chromedp.Action {
	quoted, _ := json.Marshal(text) //nolint:errchkjson // of a string
	return chromedp.Poll(`(() => {
		const b = [...document.querySelectorAll("button, a")].find(e => e.innerText.trim() === `+string(quoted)+`);
		b?.scrollIntoView({ block: "center", behavior: "instant" });
		const { left, top, width, height } = b?.getBoundingClientRect() ?? {};
		if (!b?.contains(document.elementFromPoint(left + width / 2, top + height / 2)) || b.disabled) return false;
		b.click();
		return true;
	})()`, nil)
}

// axe is the script of axe-core, as HOIST_AXE names it; "" when that is not installed. .ci/run installs
// it, and says with REQUIRE_AXE that it has to be there.
var axe = sync.OnceValues(func() (string, error) {
	path := os.Getenv("HOIST_AXE")
	if path == "" && os.Getenv("REQUIRE_AXE") == "" {
		return "", nil
	}

	script, err := os.ReadFile(path)

	return string(script), err
})

// accessible lets axe-core look at what the page shows, where it is installed.
func accessible(t *testing.T) chromedp.Action {
	t.Helper()
	return chromedp.ActionFunc(func(ctx context.Context) error {
		script, err := axe()
		if err != nil || script == "" {
			return err
		}

		var found []string
		err = chromedp.Run(ctx, chromedp.Evaluate(script, nil),
			chromedp.Evaluate(`axe.run().then(r =>
			r.violations.filter(v => v.impact === "serious" || v.impact === "critical")
				.map(v => v.id + ": " + v.nodes.map(n => n.html).join(" ")))`, &found,
				func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
		for _, v := range found {
			t.Errorf("not accessible: %s", v)
		}

		return err
	})
}

// TestAxeLooks says where the checks of accessibility are left out.
func TestAxeLooks(t *testing.T) {
	script, err := axe()
	if err != nil {
		t.Fatalf("axe-core is required and not there: %v", err)
	}

	if script == "" {
		t.Skip("axe-core is not installed: npm ci in testdata/axe, and HOIST_AXE names its axe.min.js")
	}
}

// shot keeps pictures of what the page shows, in both themes and three widths, when HOIST_SHOTS names a
// folder.
func shot(name string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		dir := os.Getenv("HOIST_SHOTS")
		if dir == "" {
			return nil
		}

		for _, width := range []int64{360, 768, 1280} {
			for _, theme := range []string{"light", "dark"} {
				var data []byte
				if err := chromedp.Run(ctx, chromedp.EmulateViewport(width, 1000), themed(theme),
					chromedp.CaptureScreenshot(&data)); err != nil {
					return err
				}

				path := filepath.Join(dir, fmt.Sprintf("%s-%d-%s.png", name, width, theme))
				if err := os.WriteFile(path, data, 0o644); err != nil {
					return err
				}
			}
		}

		return chromedp.Run(ctx, chromedp.EmulateViewport(1200, 900), themed("light"))
	})
}

func themed(theme string) chromedp.Action {
	return emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: theme}})
}
