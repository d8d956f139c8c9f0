package owner

import (
	"fmt"
	"os"
	"testing"
	"time"

	"hoist/cmd/hoist/internal/config"
	"hoist/state"
	"hoist/transfer"
)

// hiding plays with a watch that hides, of twenty drawings that are published.
func hiding(t *testing.T, play func(t *testing.T, l *life)) {
	scene(t, func(w *config.Watch) { w.Delete = config.DeleteHide }, func(t *testing.T, l *life) {
		l.many(0, 20, "set %d.dwg", func(i int) []byte { return dwg("AC1027", fmt.Sprint("drawing ", i)) })
		l.quiet()
		play(t, l)
	})
}

// hides counts the jobs that are to hide something.
func (l *life) hides() (jobs []state.Job) {
	all, err := l.owner.store.Jobs(state.Filter{})
	if err != nil {
		l.t.Fatal(err)
	}

	for _, j := range all {
		if j.Kind == state.Hide {
			jobs = append(jobs, j)
		}
	}

	return jobs
}

// TestHideAfterTheRootIsBack: what is missing in a root that was away is not hidden for ten minutes.
func TestHideAfterTheRootIsBack(t *testing.T) {
	back := map[string]func(l *life){
		"away": func(l *life) {
			l.moveRoot(l.root, l.root+".off")
			time.Sleep(30 * time.Minute)

			if n := len(l.hides()); n > 0 {
				l.t.Errorf("%d are to be hidden while the root is away", n)
			}

			l.moveRoot(l.root+".off", l.root)
		},
		"start": func(l *life) {
			l.close()
			l.open()
		},
	}
	for name, comes := range back {
		t.Run(name, func(t *testing.T) {
			hiding(t, func(t *testing.T, l *life) {
				comes(l)
				time.Sleep(time.Minute)
				l.remove("set 3.dwg")
				time.Sleep(8 * time.Minute)

				if n := len(l.hides()); n > 0 {
					t.Errorf("%d are to be hidden, and the root is back only now", n)
				}

				time.Sleep(3 * time.Minute)

				if jobs := l.hides(); len(jobs) != 1 || jobs[0].Result != state.ResultHidden {
					t.Errorf("%+v", jobs)
				}
			})
		})
	}
}

// TestHideIsRefused: what spoke against a hide once is not asked for again.
func TestHideIsRefused(t *testing.T) {
	hiding(t, func(t *testing.T, l *life) {
		l.there("set 3.dwg", dwg("AC1032", "of somebody else"))
		l.remove("set 3.dwg")
		time.Sleep(30 * time.Minute)

		if jobs := l.hides(); len(jobs) != 1 || jobs[0].Reason != transfer.ReasonNotCarried {
			t.Errorf("%+v", jobs)
		}
	})
}

// TestKept: without delete = "hide", also when it is taken back, nothing is hidden, nor what a rule
// leaves out.
func TestKept(t *testing.T) {
	hiding(t, func(t *testing.T, l *life) {
		l.reconfigure(func(w *config.Watch) { w.Exclude = []string{"set 3.dwg"} })
		time.Sleep(time.Minute)
		l.remove("set 3.dwg")
		time.Sleep(30 * time.Minute)

		job := state.Job{Kind: state.Hide, Root: l.config().ID, Rel: "set 5.dwg", Path: l.path("set 5.dwg")}
		if rule, _, err := l.owner.rules.say(job); rule != "" || err != nil {
			t.Errorf("an open job ends: %q, %v", rule, err)
		}

		hid := l.config()
		l.reconfigure(func(w *config.Watch) { w.Exclude, w.Delete = nil, "" })
		time.Sleep(time.Minute)

		// a look that was under way at that time
		m := l.owner.watches
		if _, err := m.hideGone(t.Context(), hid, m.running[hid.ID]); err != nil {
			t.Error(err)
		}

		if rule, _, err := l.owner.rules.say(job); rule == "" || err != nil {
			t.Errorf("an open job goes on: %q, %v", rule, err)
		}

		l.remove("set 4.dwg")
		time.Sleep(30 * time.Minute)

		if jobs := l.hides(); len(jobs) != 0 {
			t.Errorf("%+v", jobs)
		}
	})
}

func (l *life) remove(name string) {
	if err := os.Remove(l.path(name)); err != nil {
		l.t.Fatal(err)
	}
}

func (l *life) moveRoot(from, to string) {
	if err := os.Rename(from, to); err != nil {
		l.t.Fatal(err)
	}
}
