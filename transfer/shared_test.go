package transfer

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// Calls that come while one runs share the next run, and none is served by a run that began before
// it.
func TestShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s sharedByName
		runs := map[string]int{}
		slow := func(name string) func() error {
			return func() error {
				runs[name]++
				time.Sleep(time.Second)

				return nil
			}
		}

		began := time.Now()
		for range 20 {
			go func() {
				if err := s.do("a", 0, slow("a")); err != nil {
					t.Error(err)
				}
			}()
		}

		time.Sleep(500 * time.Millisecond)
		if err := s.do("a", 0, slow("a")); err != nil {
			t.Error(err)
		}

		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("a call in the middle of a run was served after %v, want after the next run", took)
		}

		synctest.Wait()
		if runs["a"] != 2 || len(s.uses) != 0 {
			t.Errorf("%d runs for 21 calls, want 2; %d names are left", runs["a"], len(s.uses))
		}
	})
}

func TestSharedAfterFailure(t *testing.T) {
	var s shared
	bad := errors.New("no room")
	if err := s.do(0, func() error { return bad }); !errors.Is(err, bad) {
		t.Errorf("got %v", err)
	}

	ran := false
	if err := s.do(0, func() error { ran = true; return nil }); err != nil || !ran {
		t.Errorf("after a failure: ran %v, %v", ran, err)
	}
}

// A call that waits for company is served with those that come meanwhile, and in one run.
func TestSharedInCompany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s sharedByName
		runs := 0
		run := func() error { runs++; return nil }
		for i := range 5 {
			go func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				if err := s.do("a", 4500*time.Microsecond, run); err != nil {
					t.Error(err)
				}
			}()
		}

		began := time.Now()
		time.Sleep(500 * time.Microsecond)
		if err := s.do("a", time.Hour, run); err != nil || runs != 1 ||
			time.Since(began) != 4500*time.Microsecond {
			t.Errorf("%d runs after %v, %v; want one when the first has waited", runs, time.Since(began), err)
		}
	})
}
