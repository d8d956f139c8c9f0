package watcher

import (
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
