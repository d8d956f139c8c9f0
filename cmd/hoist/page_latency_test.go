package main

import (
	"context"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"hoist/apsclient/emulator"
	"hoist/cmd/hoist/internal/control"
)

// TestPageLatency measures how long a change of a job takes from the daemon into the page, as often as
// HOIST_LATENCY says. That it comes without the page asking again holds TestPageOfTenThousandRows.
func TestPageLatency(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("HOIST_LATENCY"))
	if n == 0 {
		t.Skip("a measurement: HOIST_LATENCY says how often")
	}

	inBrowser(t, 1200, false, func(t *testing.T, browser context.Context) { measurePage(t, browser, n) })
}

func measurePage(t *testing.T, browser context.Context, n int) {
	l := newLab(t)
	l.watch("drawings")
	l.cloud.SetFault(func(r emulator.Request) (f emulator.Fault) {
		if r.Op == "create-storage" {
			f = emulator.Fault{Kind: emulator.FailBefore, Status: http.StatusForbidden}
		}

		return f
	})
	l.file("drawings/refused.dwg", 1000)
	browses(t, browser, "it needs somebody", chromedp.Navigate(l.openPage()),
		chromedp.WaitVisible(`#main h1`, chromedp.ByQuery),
		says("1 file needs you"),
		chromedp.Evaluate(`window.titles = {}; new MutationObserver(() => {
			titles[document.querySelector("h1").innerText] ??= Date.now();
		}).observe(document.getElementById("main"),
			{ subtree: true, childList: true, characterData: true })`, nil))

	c, err := control.Dial(t.Context(), filepath.Join(l.home, "control.sock"),
		filepath.Join(l.home, "control.addr"))
	must(t, err)
	defer c.Close()

	var took []time.Duration
	id := l.status().Attention[0].ID
	for i := range n {
		time.Sleep(rand.N(1500 * time.Millisecond)) // at any time between two looks of the page
		verb, title := control.Pause, "1 file is paused"
		if i%2 == 1 {
			verb, title = control.Resume, "1 file needs you"
		}

		var seen int64
		browses(t, browser, "before", chromedp.Evaluate(`titles = {}`, nil))
		began := time.Now()
		_, err := c.Act(t.Context(), id, verb)
		must(t, err)
		browses(t, browser, title, chromedp.Poll(`titles["`+title+`"]`, &seen))
		took = append(took, time.UnixMilli(seen).Sub(began))
	}

	slices.Sort(took)
	t.Logf("%d changes: median %v, longest %v", n, took[n/2].Round(time.Millisecond),
		took[n-1].Round(time.Millisecond))
}
