package transfer

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"hoist/apsclient/emulator"
	"hoist/state"
)

// TestFolderMovedDuringDownload: what becomes of the folder while its file is fetched or placed, the
// file ends under the path that is recorded.
func TestFolderMovedDuringDownload(t *testing.T) {
	moves := map[string]func(w *world) error{
		"renamed": func(w *world) error { return os.Rename(w.path("in/sub"), w.path("in/moved")) },
		"removed": func(w *world) error { return os.RemoveAll(w.path("in/sub")) },
		"replaced": func(w *world) error {
			return errors.Join(os.Rename(w.path("in/sub"), w.path("in/moved")),
				os.Mkdir(w.path("in/sub"), 0o755))
		},
		"renamed with what is above": func(w *world) error {
			return os.Rename(w.path("in"), w.path("moved"))
		},
	}
	for name, move := range moves {
		for _, at := range []string{"s3-get", "before take the place", "after take the place"} {
			t.Run(name+" "+at, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					data := w.remote("Project Files/sub/a.dwg", small, 1)
					var once sync.Once
					change := func() { // Windows moves no folder of which something is open
						once.Do(func() { _ = move(w) })
					}
					w.srv.SetFault(func(q emulator.Request) emulator.Fault {
						if q.Op == at {
							return emulator.Fault{Do: change}
						}

						return emulator.Fault{}
					})
					e := w.placeEngine(false, func(step string) error {
						if step == at {
							change()
						}

						return nil
					})
					j := w.pull(e, w.srv.DemoRemote(), "in")[0]
					w.runAll(e)
					w.wantDone(j.ID, state.ResultDownloaded)
					w.wantFile("in/sub/a.dwg", data)
				})
			})
		}
	}
}

// TestFolderOfADownloadIsNone: what stands where a folder is to be is told by name at once, is left as
// it is, and holds up nothing once it is gone.
func TestFolderOfADownloadIsNone(t *testing.T) {
	for what, make := range map[string]func(w *world){
		"file":          func(w *world) { w.write("in/sub", 10, 9) },
		"symbolic link": func(w *world) { w.write("elsewhere/b.dwg", 10, 9); w.link("elsewhere", "in/sub") },
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				data := w.remote("Project Files/sub/deep/a.dwg", small, 1)
				if err := os.MkdirAll(w.path("in"), 0o755); err != nil {
					t.Fatal(err)
				}

				make(w)
				e := w.engine()
				j := w.pull(e, w.srv.DemoRemote(), "in")[0]
				w.runAll(e)
				w.wantParked(j.ID, ReasonNotAFile)
				bar := fmt.Sprintf("%q is a %s", w.path("in/sub"), what)
				if now := w.get(j.ID); now.Attempts > 1 || !strings.Contains(now.Error, bar) {
					t.Errorf("after %d attempts: %s", now.Attempts, now.Error)
				}

				if there, err := os.ReadDir(w.path("elsewhere")); err == nil && len(there) != 1 {
					t.Errorf("%v lie behind the link", there)
				}

				if err := os.Rename(w.path("in/sub"), w.path("in/other")); err != nil {
					t.Fatal(err)
				}

				if _, err := w.store.Commit(j.ID, state.RetryNow{}); err != nil {
					t.Fatal(err)
				}

				w.runAll(w.engine())
				w.wantDone(j.ID, state.ResultDownloaded)
				w.wantFile("in/sub/deep/a.dwg", data)
			})
		})
	}
}
