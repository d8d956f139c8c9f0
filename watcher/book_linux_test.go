package watcher

import (
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestRuleFileStillWritten: a rule file that its writer still has open is half written, however long
// it rests, up to the cap that holds for any file.
func TestRuleFileStillWritten(t *testing.T) {
	for _, c := range []struct {
		name string
		link bool
	}{{"itself", false}, {"what a link leads to", true}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, at := newTree(t), IgnoreFile
				if c.link {
					at = "rules"
					link(t, at, f.path(IgnoreFile))
				}

				f.write(at, "private\n")
				b := newTestBook(t, f.root, &Rules{})
				b.At("")
				time.Sleep(10 * time.Second)
				b.At("")

				w, err := os.OpenFile(f.path(at), os.O_WRONLY|os.O_TRUNC, 0)
				must(t, err)
				if _, known := writerOf(f.path(at), false); !known {
					t.Skip("no leases here")
				}

				for range 35 {
					got, held := excludedIn(b), b.At("").Held()
					if held == nil || !slices.Equal(got, []string{"private"}) {
						t.Fatalf("excluded %q while it is written; held: %v", got, held)
					}

					time.Sleep(time.Second)
				}

				_, err = w.WriteString("more\n")
				must(t, err)
				b.At("")
				time.Sleep(39 * time.Second)
				if got := excludedIn(b); !slices.Equal(got, []string{"private"}) {
					t.Errorf("excluded %q before its cap", got)
				}

				time.Sleep(6 * time.Second)
				if got := excludedIn(b); !slices.Equal(got, []string{"more"}) {
					t.Errorf("excluded %q past its cap", got)
				}

				must(t, w.Close())
			})
		})
	}
}
