package watcher

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestRulesAtHandOver: what was seen before a rule came is not handed over against it, however far
// it had come.
func TestRulesAtHandOver(t *testing.T) {
	pass := func(n int) { time.Sleep(time.Duration(n) * time.Second); synctest.Wait() }
	exclude := func(t *testing.T, x *fixture) {
		t.Helper()
		given, err := ParseRules(RuleOptions{Patterns: []string{"fees.xlsx"}})
		must(t, err)
		x.w.book.SetRules(given, 10*time.Second)
	}

	for _, c := range []struct {
		name  string
		scene func(t *testing.T, x *fixture)
	}{
		{"a given rule while it settles", func(t *testing.T, x *fixture) {
			pass(9)
			exclude(t, x)
		}},
		{"a given rule while the receiver refuses it", func(t *testing.T, x *fixture) {
			x.mu.Lock()
			x.refuse = 3
			x.mu.Unlock()
			pass(11)
			exclude(t, x)
		}},
		{"a rule file that came while it settled", func(t *testing.T, x *fixture) {
			pass(9)
			x.write(IgnoreFile, "fees.xlsx\n")
		}},
		{"a rule file while the receiver refuses it", func(t *testing.T, x *fixture) {
			x.mu.Lock()
			x.refuse = 3
			x.mu.Unlock()
			pass(11)
			x.write(IgnoreFile, "fees.xlsx\n")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newFixture(t, newTree(t), nil)
				x.start(t)
				synctest.Wait()
				x.write("fees.xlsx", "secret")
				x.write("plan.dwg", "plan")
				x.notice("fees.xlsx")
				x.notice("plan.dwg")
				synctest.Wait()
				c.scene(t, x)
				pass(60)
				x.want(t, "plan.dwg")
				if s := x.w.Status(); s.Files != 1 || s.Pending != 0 {
					t.Errorf("status %+v", s)
				}
			})
		})
	}
}

// TestRulesAreKeptBeforeHandOver: when something is handed over, the rules that let it through are
// durable, so that a process that dies then does not start without them.
func TestRulesAreKeptBeforeHandOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, keeper := newTree(t), &memKeeper{}
		x := newFixture(t, f, func(c *Config) {
			var err error
			c.Book, err = NewBook(f.root, &Rules{}, 10*time.Second, keeper)
			must(t, err)
		})
		f.write(IgnoreFile, "fees.xlsx\n")
		f.write("plan.dwg", "plan")

		kept := ""
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- x.w.Run(ctx, func(ctx context.Context, changes []Change) error {
				kept = keeper.text
				return x.emit(ctx, changes)
			})
		}()

		time.Sleep(time.Minute)
		synctest.Wait()
		x.want(t, "plan.dwg")
		if !strings.Contains(kept, "files") {
			t.Errorf("the keeper had %q", kept)
		}

		cancel()
		<-ended
	})
}

// TestCopyThatAScanFinds: a file whose time says that it has rested may be in a pause of a copy: if
// it is young, and its own bytes say that more has to come, it is waited for.
func TestCopyThatAScanFinds(t *testing.T) {
	whole := "%PDF-1.7\n" + strings.Repeat("page ", 500) + "%%EOF\n"
	for _, c := range []struct {
		name, text string
		age        time.Duration // settled after 10 s
		atOnce     bool
	}{
		{"whole", whole, 15 * time.Second, true},
		{"in a pause", whole[:1500], 15 * time.Second, false},
		{"left like that long ago", whole[:1500], time.Minute, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newFixture(t, newTree(t), nil)
				x.write("a.pdf", c.text)
				at := time.Now().Add(-c.age)
				must(t, os.Chtimes(x.path("a.pdf"), at, at))
				x.start(t)
				time.Sleep(time.Second)
				synctest.Wait()
				if told := x.take(); (len(told) == 1) != c.atOnce {
					t.Errorf("told %q", told)
				}
			})
		})
	}
}

// TestOpenRegular: what took the place of a file is neither waited for nor read.
func TestOpenRegular(t *testing.T) {
	f := newTree(t)
	f.write("a.dwg", "1")
	makePipe(t, f.path("pipe"))

	for name, want := range map[string]error{"a.dwg": nil, "pipe": errIrregular, "": errIrregular} {
		opened := make(chan error, 1)
		go func() {
			file, err := OpenRegular(f.path(name))
			if err == nil {
				err = file.Close()
			}

			opened <- err
		}()

		select {
		case err := <-opened:
			if !errors.Is(err, want) {
				t.Errorf("%q: %v", name, err)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%q is waited for", name)
		}
	}
}
