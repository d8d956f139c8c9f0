package transfer

import (
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
	"hoist/state"
	"hoist/transfer/plan"
)

// hide hides, or shows again, a folder as somebody else would.
func (w *world) hide(id string, hidden bool) {
	w.t.Helper()
	if _, err := w.client.Folders.Update(w.t.Context(), w.project, apsclient.FolderID(id),
		apsclient.FolderUpdate{Hidden: &hidden}); err != nil {
		w.t.Fatal(err)
	}
}

// TestOneBadFolder: a folder of the cloud that cannot be used parks its own files with a reason;
// the others go on, and so do these when it is put right.
func TestOneBadFolder(t *testing.T) {
	type bad struct {
		w        *world
		e        *Engine
		id, item string // of folder a, and of what stands in its place
		on       atomic.Bool
	}

	list := func(b *bad) { // by the engine, before it is spoiled
		if _, err := b.w.at(b.e).Resolve(b.w.t.Context(),
			mustAddress(b.w.t, b.w.srv.DemoRemote()+"/set/a")); err != nil {
			b.w.t.Error(err)
		}
	}
	refuse := func(status int, ops ...string) func(*bad) {
		return func(b *bad) {
			b.w.srv.SetFault(func(q emulator.Request) emulator.Fault {
				if b.on.Load() && slices.Contains(ops, q.Op) && named(q.Path, b.id) {
					return emulator.Fault{Kind: emulator.FailBefore, Status: status}
				}

				return emulator.Fault{}
			})
		}
	}
	for name, row := range map[string]struct {
		spoil  func(*bad)
		mend   func(*bad)
		reason string // "": it is made again at once
	}{
		"its listing is forbidden": {spoil: refuse(403, "list-folder-contents"), reason: ReasonForbidden},
		"its listing is not found": {spoil: refuse(404, "list-folder-contents"), reason: ReasonNotFound},
		"hidden":                   {spoil: func(b *bad) { b.w.hide(b.id, true) }},
		"hidden after it was listed": {spoil: func(b *bad) {
			list(b)
			b.w.hide(b.id, true)
		}},
		"a file in its place": {spoil: func(b *bad) {
			b.w.hide(b.id, true)
			b.item, _ = b.w.addFile(b.w.srv.Demo().Project, "Project Files/set/a", "theirs")
		}, mend: func(b *bad) {
			_, err := b.w.client.Versions.Create(b.w.t.Context(), b.w.project,
				apsclient.NewVersion{Item: apsclient.ItemID(b.item), Deleted: true})
			if err != nil {
				b.w.t.Error(err)
			}
		}, reason: ReasonNameClash},
	} {
		for _, by := range []string{"push", "watch"} {
			t.Run(name+", "+by, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					b := &bad{w: w, id: w.addFolder(w.srv.Demo().Project, "Project Files/set/a")}
					w.write("d/a/x.dwg", 10, 1)
					w.write("d/b/y.dwg", 10, 2)
					w.write("d/z.dwg", 10, 3)
					b.on.Store(true)
					e := w.engine()
					b.e = e
					row.spoil(b)
					if by == "push" {
						w.start(w.push(e, plan.PushRequest{Profile: "default", Sources: w.sources("d", ""),
							Remote: mustAddress(t, w.srv.DemoRemote()+"/set")}))
					} else {
						w.watch(w.srv.DemoRemote()+"/set", w.sources("d", "")...)
					}

					w.runAll(e)
					want := map[string]string{}
					if row.reason != "" {
						want["a/x.dwg"] = row.reason
					}

					if got := w.parked("d"); len(got) != len(want) || got["a/x.dwg"] != row.reason {
						t.Errorf("parked %v, want %v", got, want)
					}

					for _, f := range []string{"set/b/y.dwg", "set/z.dwg"} {
						if !slices.Contains(w.there(), f) {
							t.Errorf("%s did not go on: %q", f, w.there())
						}
					}

					b.on.Store(false)
					if row.mend != nil {
						row.mend(b)
					}

					w.eachOpen(func(j state.Job) { // as the owner of the home does for one of each cause
						if r, _ := ReasonByCode(j.Reason); r.Cure == CureProbe {
							w.commit(j.ID, state.RetryNow{Probe: time.Now()})
						}
					})

					began := time.Now()
					w.runUntil(e, func() bool {
						open, err := w.store.OpenJobs()
						return err != nil || len(open) == 0
					})
					if took := time.Since(began); took > 15*time.Minute {
						t.Errorf("it went on after %v", took)
					}

					if !slices.Contains(w.there(), "set/a/x.dwg") {
						t.Errorf("there in the end: %q", w.there())
					}
				})
			})
		}
	}
}

// named reports whether an escaped path names an id.
func named(path, id string) bool {
	plain, err := url.PathUnescape(path)
	return err == nil && strings.Contains(plain, id)
}
