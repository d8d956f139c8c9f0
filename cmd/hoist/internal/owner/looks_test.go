package owner

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"hoist/watcher"
)

// TestLooks: the steps of a moment share a look at the rule files, a later step has its own, and what
// came into effect meanwhile is looked at anew.
func TestLooks(t *testing.T) {
	root := t.TempDir()
	rules, err := watcher.ParseRules(watcher.RuleOptions{})
	if err != nil {
		t.Fatal(err)
	}

	book, err := watcher.NewBook(root, rules, 0, nil)
	if err != nil {
		t.Fatal(err)
	}

	var l looks
	leaves := func(name string, now time.Time) bool {
		ignored, _ := l.at(book, "", now).Match(name, false)
		return ignored
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(root, watcher.IgnoreFile), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}

	begin := time.Now()
	if leaves("a.txt", begin) {
		t.Fatal("left out by no rule")
	}

	write("a.txt\n")

	for _, tt := range []struct {
		after time.Duration
		want  bool
	}{{freshLook - 1, false}, {-1, true}, {freshLook, true}} {
		if got := leaves("a.txt", begin.Add(tt.after)); got != tt.want {
			t.Errorf("%v after the look: left out %t, want %t", tt.after, got, tt.want)
		}
	}

	write("a.txt\nb.txt\n")
	l.forget()
	if !leaves("b.txt", begin.Add(freshLook)) {
		t.Error("a look is gone by that was to be forgotten")
	}
}

// TestLooksAtConfiguration: what rests is not looked at again for a moment, what does not is.
func TestLooksAtConfiguration(t *testing.T) {
	var l looks
	asked, wait := 0, time.Second
	look := func() time.Duration { asked++; return wait }
	begin := time.Now()
	want := func(after, waits time.Duration, times int) {
		t.Helper()
		if got := l.configuration(begin.Add(after), look); got != waits || asked != times {
			t.Errorf("after %v: %v in %d looks, want %v in %d", after, got, asked, waits, times)
		}
	}

	want(0, time.Second, 1)
	want(0, time.Second, 2)
	wait = 0
	want(0, 0, 3)
	wait = time.Second
	want(freshLook-1, 0, 3)
	want(freshLook, time.Second, 4)
	wait = 0
	want(0, 0, 4)
	l.forget()
	want(0, 0, 5)

	wait = 0
	l.forget()
	l.configuration(begin, func() time.Duration { l.forget(); return 0 }) // it was edited meanwhile
	want(0, 0, 6)
}
