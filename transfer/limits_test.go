package transfer

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hoist/state"
)

// TestLimits: what the service will not take is parked before a folder is made for it, and goes on
// when its cause is gone.
func TestLimits(t *testing.T) {
	deep := strings.Repeat("d/", 26)
	for name, row := range map[string]struct {
		files  []string
		parked map[string]string
		mend   func(w *world) error
		waits  bool     // for whoever looks at parked files, which the engine does not
		after  []string // at the service
	}{
		"too deep": {files: []string{deep + "x.dwg", strings.Repeat("e/", 25) + "x.dwg"},
			parked: map[string]string{deep + "x.dwg": ReasonTooDeep},
			mend:   func(w *world) error { return os.RemoveAll(w.path("d/d")) },
			after:  []string{strings.Repeat("e/", 25) + "x.dwg"}},
		"an extension": {files: []string{"a/run.exe", "b/x.dwg"},
			parked: map[string]string{"a/run.exe": ReasonExtension},
			mend:   func(w *world) error { return os.Remove(w.path("d/a/run.exe")) },
			after:  []string{"b/x.dwg"}},
		"a name": {files: []string{"a/x'.dwg", "b/x.dwg"},
			parked: map[string]string{"a/x'.dwg": ReasonNameRefused},
			mend:   func(w *world) error { return nil }, waits: true,
			after: []string{"b/x.dwg"}},
		"a full folder": {files: []string{"a/1.dwg", "a/2.dwg", "a/3.dwg", "a/4.dwg", "b/1.dwg"},
			parked: map[string]string{"a/1.dwg": ReasonFolderFull, "a/2.dwg": ReasonFolderFull,
				"a/3.dwg": ReasonFolderFull, "a/4.dwg": ReasonFolderFull},
			mend:  func(w *world) error { return os.Remove(w.path("d/a/4.dwg")) },
			after: []string{"a/1.dwg", "a/2.dwg", "a/3.dwg", "b/1.dwg"}},
		"a folder that rules thin out": {files: []string{"a/1.dwg", "a/2.dwg", "a/3.dwg", "a/4.log"},
			after: []string{"a/1.dwg", "a/2.dwg", "a/3.dwg"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				e := w.engine()
				e.full.most = 3
				e.cfg.Rules = func(j state.Job) (string, time.Duration, error) {
					if strings.HasSuffix(j.Path, ".log") {
						return "*.log", 0, nil
					}

					return "", 0, nil
				}
				for i, f := range row.files {
					w.write("d/"+f, 10, uint64(i))
				}

				w.watch(w.srv.DemoRemote(), w.sources("d", "")...)
				w.runAll(e)

				if got := w.parked("d"); !maps.Equal(got, row.parked) && len(got)+len(row.parked) > 0 {
					t.Errorf("parked %v, want %v", got, row.parked)
				}

				if row.mend == nil {
					if got := w.there(); !slices.Equal(got, row.after) {
						t.Errorf("there are %v, want %v", got, row.after)
					}

					return
				}

				for f := range row.parked {
					dir, _, _ := strings.Cut(f, "/")
					if slices.Contains(w.srv.Folders(string(w.project)), "Project Files/"+dir) {
						t.Errorf("the folder %q was made", dir)
					}
				}

				if err := row.mend(w); err != nil {
					t.Fatal(err)
				}

				began := time.Now()
				w.runUntil(e, func() bool {
					rest := w.parked("d")
					return slices.Equal(w.there(), row.after) && (len(rest) == 0 || row.waits) ||
						time.Since(began) > time.Hour
				})

				if got := w.there(); !slices.Equal(got, row.after) {
					t.Errorf("there are %v, want %v", got, row.after)
				}

				if got := w.parked("d"); len(got) > 0 && !row.waits {
					t.Errorf("parked %v in the end", got)
				}
			})
		})
	}
}
