package owner

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"hoist/apsclient/emulator"
	"hoist/cmd/hoist/internal/config"
	"hoist/transfer"
)

// there puts a file into the cloud that somebody else made.
func (l *life) there(name string, data []byte) {
	if _, _, err := l.cloud.AddFile(l.cloud.Demo().Project, "Project Files/"+name, bytes.NewReader(data),
		int64(len(data))); err != nil {
		l.t.Fatal(err)
	}
}

// calls counts the requests since the journal was emptied, all and those for bytes.
func (l *life) calls() (all, bytes int) {
	for _, r := range l.cloud.Requests() {
		all++
		if strings.HasPrefix(r.Op, "s3-") {
			bytes++
		}
	}

	return all, bytes
}

// adopting waits until everything is adopted and counts what is unproven then.
func (l *life) adopting(files int) (unproven int) {
	for range 10_000 {
		time.Sleep(time.Second)
		records, err := l.owner.store.PublishedIn(l.config().ID, "", 0)
		if err != nil {
			l.t.Fatal(err)
		}

		if len(records) < files {
			continue
		}

		for _, r := range records {
			if r.Unproven {
				unproven++
			}
		}

		return unproven
	}

	l.t.Fatal("it never ends")

	return 0
}

// TestAdoption: folders that exist on both sides cost listings; then what is equal is proved.
func TestAdoption(t *testing.T) {
	const files = 300

	for name, knobs := range map[string]func(k *emulator.Knobs){
		"with SHA-1":    func(k *emulator.Knobs) { *k = emulator.Knobs{} },
		"without SHA-1": func(k *emulator.Knobs) { *k = emulator.Knobs{NoSHA1: true} },
	} {
		t.Run(name, func(t *testing.T) {
			scene(t, func(w *config.Watch) {}, func(t *testing.T, l *life) {
				l.close()
				l.cloud.SetKnobs(knobs)
				data := func(i int) []byte { return dwg("AC1032", fmt.Sprint(1000+i)) }
				for i := range files {
					l.there(fmt.Sprintf("set %d.dwg", i), data(i))
				}

				before := l.sent()
				l.many(0, files, "set %d.dwg", data)
				l.cloud.ResetJournal()
				l.open()
				l.adopting(files)
				if all, moved := l.calls(); all > 30 || moved > 0 {
					t.Errorf("%d calls, %d of them for bytes, until all is adopted", all, moved)
				}

				if w := l.status().Watches[0]; *w.Pending == 0 || *w.Files != files {
					t.Errorf("%d of %d files are pending, which nothing has proved", *w.Pending, *w.Files)
				}

				l.quiet()
				if n := l.adopting(files); n > 0 {
					t.Errorf("%d are unproven in the end", n)
				}

				if n := l.sent(); n != before {
					t.Errorf("%d versions were made of what is there", n-before)
				}

				if r := l.record("set 7.dwg"); r.SHA1 == "" || r.Content != "dwg AC1032" || r.Number != 1 {
					t.Errorf("%+v", r)
				}

				if w := l.status().Watches[0]; *w.Synced != files {
					t.Errorf("%d of %d are synced", *w.Synced, files)
				}
			})
		})
	}
}

// TestWhatDiffers: which of two files counts that nothing on record tells of.
func TestWhatDiffers(t *testing.T) {
	ours, theirs := dwg("AC1032", "ours"), dwg("AC1032", "them") // of one size
	for _, row := range []struct {
		prefer string
		older  bool // ours
		ours   bool // is the newest version in the end
	}{
		{"", false, true},
		{transfer.PreferLocal, true, true},
		{transfer.PreferCloud, false, false},
		{transfer.PreferNewer, false, true},
		{transfer.PreferNewer, true, false},
	} {
		t.Run(fmt.Sprintf("%+v", row), func(t *testing.T) {
			scene(t, func(w *config.Watch) { w.Prefer = row.prefer }, func(t *testing.T, l *life) {
				l.close()
				time.Sleep(20 * time.Minute)
				l.there("same size.dwg", theirs)
				l.there("other size.dwg", append([]byte("AC1032"), theirs...))
				at := time.Now().Add(-time.Minute)
				if !row.older {
					time.Sleep(20 * time.Minute)
					at = time.Now().Add(-time.Minute)
				}

				for _, name := range []string{"same size.dwg", "other size.dwg"} {
					l.files[name] = &drawing{gone: true}
					l.put(name, ours, at, false)
				}

				l.open()
				l.quiet()
				for _, name := range []string{"same size.dwg", "other size.dwg"} {
					if got := bytes.Equal(l.tip(name), ours); got != row.ours {
						t.Errorf("%s: ours is the newest %v, want %v", name, got, row.ours)
					}
				}

				// what is changed here is sent, whatever was preferred
				edit := dwg("AC1032", "edited")
				l.put("same size.dwg", edit, time.Time{}, false)
				l.quiet()
				if !bytes.Equal(l.tip("same size.dwg"), edit) {
					t.Error("an edit was not sent")
				}
			})
		})
	}
}

// TestAdoptedIsRenamed: what has another name before anything has proved it is proved then, and followed
// where the cloud has its content.
func TestAdoptedIsRenamed(t *testing.T) {
	scene(t, nil, func(t *testing.T, l *life) {
		l.close()
		ours, other := dwg("AC1032", "ours"), dwg("AC1032", "them") // of one size
		for name, theirs := range map[string][]byte{"a.dwg": ours, "b.dwg": other} {
			l.there(name, theirs)
			l.files[name] = &drawing{gone: true}
			l.put(name, ours, time.Now().Add(-time.Hour), false)
		}

		l.open()
		if n := l.adopting(2); n != 2 {
			t.Fatalf("%d are unproven", n)
		}

		l.close()
		l.cloud.ResetJournal()
		l.renamed("a.dwg", "a 2.dwg")
		l.renamed("b.dwg", "b 2.dwg")
		l.open()
		l.quiet()
		for name, want := range map[string]int{"a 2.dwg": 2, "b 2.dwg": 1} {
			if got := l.published(name); len(got) != 1 || len(got[0].versions) != want ||
				!bytes.Equal(l.tip(name), ours) {
				t.Errorf("%s: %d versions, want %d", name, len(got[0].versions), want)
			}
		}

		if r := l.record("a 2.dwg"); r.Unproven || r.Number != 2 {
			t.Errorf("%+v", r)
		}
	})
}
