package watcher

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestAgain: what was reported and came to nothing is reported again, once, when it is at rest.
func TestAgain(t *testing.T) {
	second := func(n int) { time.Sleep(time.Duration(n) * time.Second); synctest.Wait() }
	ask := func(t *testing.T, x *fixture, paths ...string) {
		t.Helper()
		if err := x.w.Again(t.Context(), paths); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name  string
		scene func(t *testing.T, x *fixture, restart func())
		want  []string // reported again
		files int
	}{
		{"a file that did not change", func(t *testing.T, x *fixture, _ func()) { ask(t, x, "a/1.dwg") },
			[]string{"a/1.dwg"}, 2},
		{"several, and one that is not there", func(t *testing.T, x *fixture, _ func()) {
			ask(t, x, "a/1.dwg", "2.dwg", "none/3.dwg")
		}, []string{"2.dwg", "a/1.dwg"}, 2},
		{"a restart before it is at rest", func(t *testing.T, x *fixture, restart func()) {
			ask(t, x, "2.dwg")
			restart()
		}, []string{"2.dwg"}, 2},
		{"a file that is gone", func(t *testing.T, x *fixture, _ func()) {
			x.remove("2.dwg")
			ask(t, x, "2.dwg")
		}, nil, 1},
		{"a file that is gone and comes back", func(t *testing.T, x *fixture, _ func()) {
			x.rename("2.dwg", "3.bak")
			ask(t, x, "2.dwg")
			second(20)
			x.rename("3.bak", "2.dwg")
			x.notice("2.dwg")
		}, []string{"2.dwg"}, 2},
		{"the whole folder is away and comes back", func(t *testing.T, x *fixture, _ func()) {
			x.rename(".", "../away-"+t.Name()[len("TestAgain/"):])
			ask(t, x, "2.dwg")
			second(20)
			x.rename("../away-"+t.Name()[len("TestAgain/"):], ".")
			second(3600)
		}, []string{"2.dwg"}, 2},
		{"a file that the rules ignore", func(t *testing.T, x *fixture, _ func()) {
			ask(t, x, "x.bak")
		}, nil, 2},
		{"a file that is being saved", func(t *testing.T, x *fixture, _ func()) {
			x.write("2.dwg", "two")
			x.notice("2.dwg")
			second(5)
			ask(t, x, "2.dwg")
		}, []string{"2.dwg"}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newFixture(t, newTree(t), nil)
				for _, p := range []string{"a/1.dwg", "2.dwg", "x.bak"} {
					x.write(p, "1")
					x.old(p)
				}

				stop := x.start(t)
				synctest.Wait()
				x.want(t, "2.dwg", "a/1.dwg")
				c.scene(t, x, func() {
					stop()
					x.start(t)
				})
				second(60)
				x.want(t, c.want...)
				if s := x.w.Status(); s.Files != c.files || s.Pending != 0 {
					t.Errorf("status %+v", s)
				}
			})
		})
	}
}

func TestAgainEndsWithItsContext(t *testing.T) {
	x := newFixture(t, newTree(t), nil) // nobody runs it
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := x.w.Again(ctx, []string{"a"}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
