package watcher

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestRun plays scenes with a clock of its own. Each scene starts with a first scan that is over.
func TestRun(t *testing.T) {
	second := func(n int) { time.Sleep(time.Duration(n) * time.Second); synctest.Wait() }

	tests := []struct {
		name   string
		files  []string // old, before the start
		change func(*Config)
		scene  func(t *testing.T, x *fixture)
	}{
		{"old files are settled at once", []string{"a.dwg", "A1/b.dwg", "a.bak", "x/Thumbs.db"}, nil,
			func(t *testing.T, x *fixture) {
				x.want(t, "A1/b.dwg", "a.dwg")
				if s := x.w.Status(); s.State != StateWatching || s.Files != 2 || s.Pending != 0 ||
					s.LastScan.IsZero() {
					t.Errorf("status %+v", s)
				}
			}},
		{"a new file settles", nil, nil, func(t *testing.T, x *fixture) {
			x.write("a.dwg", "1")
			x.notice("a.dwg")
			second(9)
			x.want(t)
			if s := x.w.Status(); s.Files != 1 || s.Pending != 1 {
				t.Errorf("status %+v", s)
			}

			second(1)
			x.want(t, "a.dwg")
			if s := x.w.Status(); s.Files != 1 || s.Pending != 0 {
				t.Errorf("status %+v", s)
			}
		}},
		{"written again within the settle time: one change with the last state", nil, nil,
			func(t *testing.T, x *fixture) {
				x.write("a.dwg", "1")
				x.notice("a.dwg")
				second(8)
				x.write("a.dwg", "four")
				x.notice("a.dwg")
				second(9)
				x.want(t)
				second(1)
				x.want(t, "a.dwg")
				if s := x.states["a.dwg"]; s.Size != 4 {
					t.Errorf("size %d, want 4", s.Size)
				}
			}},
		{"saved every 5 s: told within each minute, as saved all the time", nil, nil,
			func(t *testing.T, x *fixture) {
				for i := range 22 {
					x.write("a.dwg", fmt.Sprint("state ", i))
					x.notice("a.dwg")
					second(5)
				}

				x.want(t, "~a.dwg", "~a.dwg")
				second(5)
				x.want(t, "a.dwg")
			}},
		{"a copy that pauses for two seconds is one change, at its end", nil, func(c *Config) {
			c.Settle = 3 * time.Second
		}, func(t *testing.T, x *fixture) {
			for i := range 40 {
				x.write("a.rvt", strings.Repeat("x", i))
				x.notice("a.rvt")
				second(2)
			}

			x.want(t)
			if s := x.w.Status(); s.Busy != 1 {
				t.Errorf("status %+v", s)
			}

			second(1)
			x.want(t, "a.rvt")
		}},
		{"an atomic save is one change of the same path", []string{"a.dwg"}, nil,
			func(t *testing.T, x *fixture) {
				x.take()
				x.write("sav123.tmp", "second state")
				x.rename("a.dwg", "a.bak")
				x.rename("sav123.tmp", "a.dwg")
				x.hand.notice("a.dwg", notice{touched: true, created: true, left: true})
				x.notice("a.bak", "sav123.tmp")
				second(10)
				x.want(t, "a.dwg")
				second(4000) // past the next scan
				x.want(t)
			}},
		{"a lock makes it longer", []string{"a.dwl"}, nil, func(t *testing.T, x *fixture) {
			x.write("a.dwg", "1")
			x.notice("a.dwg")
			second(29)
			x.want(t)
			second(1)
			x.want(t, "a.dwg")
		}},
		{"removed", []string{"a.dwg", "d/b.dwg", "d/e/c.dwg"}, nil, func(t *testing.T, x *fixture) {
			x.take()
			x.remove("d")
			x.hand.notice("d", notice{touched: true, left: true})
			second(10)
			x.want(t, "-d/b.dwg", "-d/e/c.dwg")
			if len(x.base.folders) != 1 || x.w.Status().Files != 1 {
				t.Errorf("baseline has folders %v, status %+v", x.base.folders, x.w.Status())
			}
		}},
		{"a lost notice is found by the next scan", []string{"a.dwg"}, nil, func(t *testing.T, x *fixture) {
			x.take()
			x.write("b.dwg", "1")
			x.remove("a.dwg")
			second(3590)
			x.want(t)
			second(381)
			x.want(t, "-a.dwg", "b.dwg")
		}},
		{"doubt asks for a scan", nil, nil, func(t *testing.T, x *fixture) {
			x.write("d/b.dwg", "1")
			x.hand.mu.Lock()
			x.hand.doubt = true
			x.hand.mu.Unlock()

			x.hand.wake <- struct{}{}
			second(10)
			x.want(t, "d/b.dwg")
		}},
		{"a folder that is moved in", nil, nil, func(t *testing.T, x *fixture) {
			x.write("d/e/b.dwg", "1")
			x.notice("d")
			second(10)
			x.want(t, "d/e/b.dwg")
			if !x.hand.added["d"] || !x.hand.added["d/e"] {
				t.Errorf("notices are asked for in %v", x.hand.added)
			}
		}},
		{"polling by wish", nil, func(c *Config) { c.Poll = true }, func(t *testing.T, x *fixture) {
			x.write("a.dwg", "1")
			second(39)
			x.want(t)
			second(1)
			x.want(t, "a.dwg")
			if s := x.w.Status(); s.State != StatePolling || s.Detail != "polling: asked for" {
				t.Errorf("status %+v", s)
			}
		}},
		{"a refused batch comes again, and the baseline waits for it", nil, nil,
			func(t *testing.T, x *fixture) {
				x.mu.Lock()
				x.refuse = 2
				x.mu.Unlock()
				x.write("a.dwg", "1")
				x.notice("a.dwg")
				second(12)
				if x.base.stores != 0 {
					t.Error("the baseline was stored before the change was taken")
				}

				x.want(t)
				second(1)
				x.want(t, "a.dwg")
				if x.base.stores != 1 {
					t.Errorf("%d commits, want 1", x.base.stores)
				}
			}},
		{"a folder whose first file was refused is in the baseline", nil, nil, func(t *testing.T, x *fixture) {
			x.mu.Lock()
			x.refuse = 2
			x.mu.Unlock()
			x.write("D/x/a.dwg", "1")
			x.notice("D/x/a.dwg")
			second(20)
			x.want(t, "D/x/a.dwg")

			var have []string
			must(t, eachRecord(x.base, "", func(p string, _ record) { have = append(have, p) }))
			if !slices.Equal(have, []string{"D/x/a.dwg"}) {
				t.Errorf("it has %q", have)
			}
		}},
		{"the root goes and comes back", []string{"a.dwg"}, nil, func(t *testing.T, x *fixture) {
			x.take()
			aside := x.root + " aside"
			if err := os.Rename(x.root, aside); err != nil {
				t.Skipf("the root cannot be moved here: %v", err)
			}

			x.hand.notice("a.dwg", notice{touched: true, left: true})
			x.hand.notice("", notice{touched: true, left: true})
			second(100)
			if s := x.w.Status(); s.State != StateUnavailable || s.Detail == "" {
				t.Errorf("status %+v", s)
			}

			if err := os.Rename(aside, x.root); err != nil {
				t.Fatal(err)
			}

			second(100)
			x.want(t)
			if s := x.w.Status(); s.State != StateWatching || s.Files != 1 || s.Pending != 0 {
				t.Errorf("status %+v", s)
			}
		}},
		{"a pattern that comes later takes files out without a removal", []string{"a.dwg", "b.rvt"}, nil,
			func(t *testing.T, x *fixture) {
				x.take()
				x.write(IgnoreFile, "*.rvt\n")
				x.notice(IgnoreFile)
				second(20)
				x.want(t)
				if s := x.w.Status(); s.Files != 1 || len(x.base.records("")) != 1 {
					t.Errorf("status %+v, baseline %v", s, x.base.records(""))
				}

				x.remove(IgnoreFile)
				x.notice(IgnoreFile)
				second(20)
				x.want(t, "b.rvt")
			}},
		{"a folder becomes a file", []string{"Brief.pages/index.xml", "Brief.pages/a/b.xml"}, nil,
			func(t *testing.T, x *fixture) {
				x.want(t, "Brief.pages/a/b.xml", "Brief.pages/index.xml")
				x.remove("Brief.pages")
				x.write("Brief.pages", "single")
				x.hand.notice("Brief.pages", notice{touched: true, created: true, left: true})
				second(20)
				x.want(t, "-Brief.pages/a/b.xml", "-Brief.pages/index.xml", "Brief.pages")
				if s := x.w.Status(); s.Files != 1 || s.Pending != 0 {
					t.Errorf("status %+v", s)
				}
			}},
		{"a folder that becomes a file is found by a scan", []string{"Brief.pages/index.xml"}, nil,
			func(t *testing.T, x *fixture) {
				x.want(t, "Brief.pages/index.xml")
				x.remove("Brief.pages")
				x.write("Brief.pages", "single")
				x.w.Scan("")
				second(20)
				x.want(t, "-Brief.pages/index.xml", "Brief.pages")
			}},
		{"a scan that is asked for looks at one folder and all below it", []string{"a/1.dwg", "b/2.dwg"}, nil,
			func(t *testing.T, x *fixture) {
				x.want(t, "a/1.dwg", "b/2.dwg")
				x.write("a/c/mapped.dwg", "1")
				x.old("a/c/mapped.dwg")
				x.write("b/other.dwg", "1")
				x.old("b/other.dwg")
				x.w.Scan("a")
				second(1)
				x.want(t, "a/c/mapped.dwg")
				second(3600 + 360)
				x.want(t, "b/other.dwg")
			}},
		{"a file becomes a folder", []string{"Brief.pages"}, nil, func(t *testing.T, x *fixture) {
			x.want(t, "Brief.pages")
			x.remove("Brief.pages")
			x.write("Brief.pages/index.xml", "1")
			x.hand.notice("Brief.pages", notice{touched: true, created: true, left: true})
			second(20)
			x.want(t, "-Brief.pages", "Brief.pages/index.xml")
		}},
		{"an ignored folder is renamed into view", []string{"keep.dwg", "OldVersions/a.ipt"}, nil,
			func(t *testing.T, x *fixture) {
				x.want(t, "keep.dwg")
				x.rename("OldVersions", "Parts")
				x.hand.notice("OldVersions", notice{touched: true, left: true})
				x.hand.notice("Parts", notice{touched: true, created: true})
				second(11)
				x.want(t, "Parts/a.ipt")
			}},
		{"a rule younger than the settle time wins over the file that it excludes", nil, nil,
			func(t *testing.T, x *fixture) {
				x.write("fees.xlsx", "1")
				x.write("plan.dwg", "1")
				x.notice("fees.xlsx", "plan.dwg")
				second(6)
				x.write(IgnoreFile, "fees*\n")
				x.notice(IgnoreFile)
				second(5)
				x.want(t) // both wait for the rule file
				if s := x.w.Status(); s.Pending != 2 || !strings.Contains(s.Detail, IgnoreFile) {
					t.Errorf("status %+v", s)
				}

				second(7)
				x.want(t, "plan.dwg")
				if s := x.w.Status(); s.Files != 1 || s.Pending != 0 || s.Detail != "" {
					t.Errorf("status %+v", s)
				}
			}},
		{"a rule file that nobody announced is asked at the handing over", nil, nil,
			func(t *testing.T, x *fixture) {
				x.write("a/fees.xlsx", "1")
				x.notice("a/fees.xlsx")
				second(9)
				x.write("a/.hoistignore", "fees*\n")
				second(30)
				x.want(t)
			}},
		{"a rule file saved in place again and again lets nothing slip", []string{"plan.dwg"}, nil,
			func(t *testing.T, x *fixture) {
				x.write("private/a.dwg", "1")
				x.write(IgnoreFile, "private/\n")
				x.notice("private", IgnoreFile)

				for range 20 {
					x.write(IgnoreFile, "")
					x.notice(IgnoreFile)
					second(1)
					x.write(IgnoreFile, "private/\n")
					x.notice(IgnoreFile)
					second(1)
				}

				x.want(t, "plan.dwg")
				x.write("new.dwg", "1")
				x.notice("new.dwg")
				second(15)
				x.want(t, "new.dwg")
			}},
		{"a pipe in the place of a rule file: nothing below it, all beside it", nil, nil,
			func(t *testing.T, x *fixture) {
				x.write("b/y.dwg", "1")
				makePipe(t, x.path("b/.hoistignore"))
				x.write("other.dwg", "1")
				x.notice("b", "b/.hoistignore", "b/y.dwg", "other.dwg")
				second(12)
				x.want(t, "other.dwg")
				if s := x.w.Status(); !strings.Contains(s.Detail, "b/.hoistignore") {
					t.Errorf("status %+v", s)
				}

				x.remove("b/.hoistignore")
				second(30)
				x.want(t, "b/y.dwg")
				if s := x.w.Status(); s.Detail != "" {
					t.Errorf("status %+v", s)
				}
			}},
		{"rules that are given while it runs", []string{"a.dwg"}, nil, func(t *testing.T, x *fixture) {
			x.want(t, "a.dwg")
			rules, err := ParseRules(RuleOptions{Patterns: []string{"fees*"}})
			must(t, err)
			x.write("fees.xlsx", "1")
			x.notice("fees.xlsx")
			second(5)
			x.w.book.SetRules(rules, 10*time.Second)
			x.w.Scan("")
			second(10)
			x.want(t)
		}},
		{"sizes", nil, func(c *Config) {
			c.Book.SetRules(&Rules{opts: RuleOptions{MinSize: 3}}, 10*time.Second)
		}, func(t *testing.T, x *fixture) {
			x.write("a.dwg", "1")
			x.write("b.dwg", "123")
			x.notice("a.dwg", "b.dwg")
			second(10)
			x.want(t, "b.dwg")
			x.write("b.dwg", "1")
			x.notice("b.dwg")
			second(10)
			x.want(t)
			if n := x.w.Status().Files; n != 0 {
				t.Errorf("%d files, want 0", n)
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newFixture(t, newTree(t), tt.change)
				for _, p := range tt.files {
					x.write(p, "old")
					x.old(p)
				}

				x.start(t)
				synctest.Wait()
				tt.scene(t, x)
			})
		})
	}
}
