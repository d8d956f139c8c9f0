package owner

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient/emulator"
	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/state"
	"hoist/transfer"
	"hoist/watcher/content"
)

// scene runs a watch of an empty folder in virtual time.
func scene(t *testing.T, set func(w *config.Watch), play func(t *testing.T, l *life)) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := newLife(t, dir, 1)
		l.cloud.SetKnobs(func(k *emulator.Knobs) { *k = emulator.Knobs{} })
		if set != nil {
			l.reconfigure(set)
		}

		l.open()
		play(t, l)
		l.close()
		if err := l.cloud.Close(); err != nil {
			t.Error(err)
		}
	})
}

// reconfigure changes the watch in config.toml.
func (l *life) reconfigure(set func(w *config.Watch)) {
	w := l.config()
	if err := config.CutWatch(l.options.Home, w.ID); err != nil {
		l.t.Fatal(err)
	}

	set(&w)
	if err := config.AppendWatch(l.options.Home, w); err != nil {
		l.t.Fatal(err)
	}
}

func (l *life) config() config.Watch {
	f, err := config.Load(l.options.Home)
	if err != nil || len(f.Watch) != 1 {
		l.t.Fatalf("%+v, %v", f.Watch, err)
	}

	return f.Watch[0]
}

// save puts a state of a file that no history has.
func (l *life) save(name string, data []byte) {
	if l.files[name] == nil {
		l.files[name] = &drawing{gone: true}
	}

	l.put(name, data, time.Time{}, false)
}

func (l *life) record(name string) state.PublishedRecord {
	rec, _, err := l.owner.store.Published(l.config().ID, name)
	if err != nil {
		l.t.Fatal(err)
	}

	return rec
}

func (l *life) status() control.Status {
	s, err := l.owner.Status(l.t.Context())
	if err != nil {
		l.t.Fatal(err)
	}

	return s
}

// dwg is a drawing of a release, as far as its beginning tells.
func dwg(release, text string) []byte {
	return append([]byte(release), bytes.Repeat([]byte(text+" "), 200)...)
}

func TestGate(t *testing.T) {
	t.Run("a doubtful file is sent with a warning", func(t *testing.T) {
		scene(t, nil, func(t *testing.T, l *life) {
			l.save("tower.dwg", dwg("AC1027", "first"))
			l.save("noise.dwg", []byte("no drawing at all"))
			l.save("notes.txt", []byte("notes"))
			l.rest()
			if r := l.record("tower.dwg"); r.Content != "dwg AC1027" || r.Sign != "" {
				t.Errorf("%+v", r)
			}

			if r := l.record("noise.dwg"); content.Fitted(r.Content) || r.Sign != string(content.OtherKind) {
				t.Errorf("%+v", r)
			}

			if w := l.status().Watches[0]; w.Doubtful == nil || w.Doubtful.Count != 1 ||
				!strings.HasSuffix(w.Doubtful.Paths[0], "noise.dwg") {
				t.Errorf("%+v", w.Doubtful)
			}

			l.renamed("noise.dwg", "silence.dwg")
			l.rest()
			if _, err := l.owner.ChangeWatch(t.Context(), l.config().ID, control.Scan); err != nil {
				t.Error(err)
			}

			l.quiet()
			if w := l.status().Watches[0]; w.Doubtful == nil || w.Doubtful.Count != 1 ||
				!strings.HasSuffix(w.Doubtful.Paths[0], "silence.dwg") {
				t.Errorf("after it was renamed: %+v", w.Doubtful)
			}

			l.save("tower.dwg", dwg("AC1032", "second"))
			l.save("silence.dwg", dwg("AC1032", "drawn again"))
			l.rest()
			if r := l.record("tower.dwg"); r.Content != "dwg AC1032" ||
				r.Sign != string(content.NewerRelease) {
				t.Errorf("%+v", r)
			}

			e, err := l.owner.Explain(t.Context(), l.path("tower.dwg"))
			if err != nil || e.Record == nil || e.Record.Sign != string(content.NewerRelease) ||
				e.Record.Content != "dwg AC1032" {
				t.Errorf("%+v, %v", e, err)
			}

			// what was counted is counted again after a start, and no more once it is mended
			l.close()
			l.open()
			time.Sleep(time.Minute)
			if w := l.status().Watches[0]; w.Doubtful == nil || w.Doubtful.Count != 1 ||
				!strings.HasSuffix(w.Doubtful.Paths[0], "tower.dwg") {
				t.Errorf("%+v", w.Doubtful)
			}
		})
	})

	t.Run("only what is there was sent", func(t *testing.T) {
		scene(t, nil, func(t *testing.T, l *life) {
			refuse := func(status int) {
				l.cloud.SetFault(func(r emulator.Request) (f emulator.Fault) {
					if r.Op == "create-storage" && status != 0 {
						f = emulator.Fault{Kind: emulator.FailBefore, Status: status}
					}

					return f
				})
			}
			sent := func(parked int, want int) {
				t.Helper()
				s, n := l.status(), 0
				if d := s.Watches[0].Doubtful; d != nil {
					n = d.Count
				}

				if len(s.Attention) != parked || n != want {
					t.Errorf("%d were sent though doubtful, want %d, attention %+v", n, want, s.Attention)
				}
			}

			refuse(403)
			l.save("noise.dwg", []byte("no drawing at all"))
			time.Sleep(5 * time.Minute)
			sent(1, 0)

			refuse(0)
			l.rest()
			sent(0, 1)

			refuse(403) // the version there is the doubtful one until the mended one is
			l.save("noise.dwg", dwg("AC1027", "drawn again"))
			time.Sleep(5 * time.Minute)
			sent(1, 1)

			refuse(0)
			l.rest()
			sent(0, 0)

			for i := range 9 {
				l.save(fmt.Sprintf("noise-%d.dwg", i), []byte("no drawing at all"))
			}

			l.rest()
			for range 5 { // the same ones at each look
				if d := l.status().Watches[0].Doubtful; d == nil || d.Count != 9 ||
					len(d.Paths) != mostPaths ||
					d.Paths[0] != l.path("noise-0.dwg") || d.Paths[4] != l.path("noise-4.dwg") {
					t.Errorf("%+v", d)
				}
			}
		})
	})

	t.Run("the history has the warning", func(t *testing.T) {
		scene(t, nil, func(t *testing.T, l *life) {
			l.save("noise.dwg", []byte("no drawing at all"))
			l.rest()
			j, _, err := l.owner.store.LastJob(l.path("noise.dwg"))
			if err != nil {
				t.Fatal(err)
			}

			lines, err := l.owner.store.History(j.ID)
			if err != nil {
				t.Fatal(err)
			}

			for _, line := range lines {
				if strings.Contains(line.Detail, content.OtherKind.Sentence()) {
					return
				}
			}

			t.Errorf("%+v", lines)
		})
	})

	t.Run("park", func(t *testing.T) {
		scene(t, func(w *config.Watch) { w.Gate = config.GatePark }, func(t *testing.T, l *life) {
			l.save("tower.dwg", dwg("AC1027", "first"))
			l.save("noise.dwg", []byte("no drawing at all"))
			time.Sleep(5 * time.Minute)
			s := l.status()
			if len(s.Attention) != 1 || s.Attention[0].Reason != transfer.ReasonDoubtful ||
				!strings.HasPrefix(s.Attention[0].Fix, "hoist push --force ") {
				t.Fatalf("%+v", s.Attention)
			}

			if l.tip("tower.dwg") == nil || l.tip("noise.dwg") != nil {
				t.Error("not the drawing alone was sent")
			}

			// another doubtful state is parked as well, a good one goes by itself
			l.save("noise.dwg", []byte("no drawing either"))
			time.Sleep(5 * time.Minute)
			if s := l.status(); len(s.Attention) != 1 || l.tip("noise.dwg") != nil {
				t.Errorf("%+v", s.Attention)
			}

			l.save("noise.dwg", dwg("AC1027", "drawn again"))
			l.rest()
			if s := l.status(); len(s.Attention) != 0 {
				t.Errorf("%+v", s.Attention)
			}
		})
	})

	t.Run("the fix of what is parked", func(t *testing.T) {
		scene(t, func(w *config.Watch) { w.Gate = config.GatePark }, func(t *testing.T, l *life) {
			l.save("noise.dwg", []byte("no drawing at all"))
			time.Sleep(5 * time.Minute)
			if _, err := l.owner.Push(t.Context(), control.PushRequest{Paths: []string{l.path("noise.dwg")},
				Remote: l.cloud.DemoRemote(), Force: true}); err != nil {
				t.Fatal(err)
			}

			l.rest()
			if s := l.status(); len(s.Attention) != 0 || l.tip("noise.dwg") == nil {
				t.Errorf("%+v", s.Attention)
			}
		})
	})

	t.Run("one that parks no more", func(t *testing.T) {
		scene(t, func(w *config.Watch) { w.Gate = config.GatePark }, func(t *testing.T, l *life) {
			l.save("noise.dwg", []byte("no drawing at all"))
			time.Sleep(2 * time.Minute)
			if s := l.status(); len(s.Attention) != 1 || l.tip("noise.dwg") != nil {
				t.Errorf("%+v", s.Attention)
			}

			l.set(historyStep{do: "gate"})
			time.Sleep(time.Minute)
			if s := l.status(); len(s.Attention) != 0 || l.tip("noise.dwg") == nil {
				t.Errorf("%+v", s.Attention)
			}
		})
	})

	t.Run("off", func(t *testing.T) {
		scene(t, func(w *config.Watch) { w.Gate = config.GateOff }, func(t *testing.T, l *life) {
			l.save("noise.dwg", make([]byte, 5000))
			time.Sleep(4 * historySettle)
			if l.tip("noise.dwg") == nil {
				t.Error("it is waited for")
			}

			l.rest()
			if r := l.record("noise.dwg"); r.Sign != "" || r.Content == "" {
				t.Errorf("%+v", r)
			}
		})
	})

	t.Run("zeros are waited for up to the cap", func(t *testing.T) {
		scene(t, nil, func(t *testing.T, l *life) {
			l.save("noise.dwg", make([]byte, 5000))
			time.Sleep(4 * historySettle)
			if l.tip("noise.dwg") != nil {
				t.Error("it is not waited for")
			}

			l.rest()
			if r := l.record("noise.dwg"); r.Sign != string(content.Zeros) {
				t.Errorf("%+v", r)
			}
		})
	})
}
