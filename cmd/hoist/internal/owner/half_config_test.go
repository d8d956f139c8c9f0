package owner

import (
	"bytes"
	"errors"
	"os"
	"runtime"
	"testing"
	"time"

	"hoist/cmd/hoist/internal/config"
)

// TestHalfWrittenConfiguration: the first half of config.toml is a text too, one that leaves out less. It
// counts as a rule file does: when it has rested for the settle time, and nobody goes on writing.
func TestHalfWrittenConfiguration(t *testing.T) {
	for _, row := range []struct {
		name  string
		open  bool // for writing, in the pause
		pause time.Duration
		sent  bool
	}{
		{"a pause while it is open", true, 3 * historySettle, false},
		{"a pause between two writers", false, historySettle - time.Second, false},
		{"a rule that was taken away", false, historySettle + 5*time.Second, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			if row.open && runtime.GOOS != "linux" {
				t.Skip("nobody tells here who has a file open")
			}

			scene(t, func(w *config.Watch) { w.Exclude = []string{"private/"} }, func(t *testing.T, l *life) {
				if err := errors.Join(os.Mkdir(l.path("private"), 0o755),
					os.WriteFile(l.path("private/fees.txt"), []byte("fees"), 0o644),
					os.Chtimes(l.path("private/fees.txt"), time.Now(), time.Now())); err != nil {
					t.Fatal(err)
				}

				l.save("plan.txt", []byte("plan"))
				l.rest()

				name := l.options.Home.ConfigFile()
				whole, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}

				half := whole[:bytes.Index(whole, []byte("exclude"))]
				f, err := os.Create(name)
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()

				if _, err := f.Write(half); err != nil {
					t.Fatal(err)
				}

				if !row.open {
					f.Close()
				}

				time.Sleep(row.pause)
				if sent := len(l.published("private/fees.txt")) > 0; sent != row.sent {
					t.Errorf("published after half of a text: %v, want %v", sent, row.sent)
				}

				if err := os.WriteFile(name, whole, 0o600); err != nil {
					t.Fatal(err)
				}

				f.Close()
				l.quiet()
				if sent := len(l.published("private/fees.txt")) > 0; sent != row.sent {
					t.Errorf("published after the whole text: %v, want %v", sent, row.sent)
				}
			})
		})
	}
}

// TestTakesMore are edits of what a watch chooses, and whether something may be taken that was left out.
func TestTakesMore(t *testing.T) {
	was := config.Filter{Exclude: []string{"a", "b"}, Include: []string{"*.dwg", "*.rvt"},
		IfPresent: []string{".no"}, MinSize: 10, MaxSize: 100, MinAge: time.Minute, Caches: true,
		OneFileSystem: true}
	for name, row := range map[string]struct {
		edit func(f *config.Filter)
		more bool
	}{
		"nothing":         {func(*config.Filter) {}, false},
		"another exclude": {func(f *config.Filter) { f.Exclude = []string{"a", "b", "c"} }, false},
		"an exclude less": {func(f *config.Filter) { f.Exclude = []string{"a", "c"} }, true},
		"an include less": {func(f *config.Filter) { f.Include = []string{"*.dwg"} }, false},
		"another include": {func(f *config.Filter) {
			f.Include = []string{"*.dwg", "*.rvt", "*.pdf"}
		}, true},
		"no include":         {func(f *config.Filter) { f.Include = nil }, true},
		"no marks":           {func(f *config.Filter) { f.IfPresent = nil }, true},
		"caches":             {func(f *config.Filter) { f.Caches = false }, true},
		"mounts":             {func(f *config.Filter) { f.OneFileSystem = false }, true},
		"smaller ones":       {func(f *config.Filter) { f.MinSize = 9 }, true},
		"larger ones":        {func(f *config.Filter) { f.MaxSize = 101 }, true},
		"ones of every size": {func(f *config.Filter) { f.MaxSize = 0 }, true},
		"younger ones":       {func(f *config.Filter) { f.MinAge = time.Second }, true},
		"only small ones":    {func(f *config.Filter) { f.MaxSize = 50 }, false},
	} {
		now := was
		row.edit(&now)
		if more := takesMore(was, now); more != row.more {
			t.Errorf("%s: %v, want %v", name, more, row.more)
		}
	}
}
