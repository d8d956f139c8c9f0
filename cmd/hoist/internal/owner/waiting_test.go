package owner

import (
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"hoist/apsclient/emulator"
	"hoist/cmd/hoist/internal/control"
	"hoist/state"
	"hoist/transfer"
)

// TestNextAttemptLiesAhead: what was due is under way, also when the clock jumped past it; a time
// that has passed is told of no job, no attention and no group.
func TestNextAttemptLiesAhead(t *testing.T) {
	now := time.Now()
	for _, by := range []time.Duration{-24 * time.Hour, -time.Nanosecond, 0, time.Nanosecond,
		24 * time.Hour} {
		due := now.Add(by)
		j := state.Job{Path: "/a", Reason: transfer.ReasonServiceTrouble, NextAttempt: due}
		parked := j
		parked.Attention = true

		o := &Owner{}
		var c causes
		c.add(control.Waiting{Reason: j.Reason}, j.Path, due, due)
		c.add(control.Waiting{Reason: j.Reason}, "/b", due, now.Add(48*time.Hour))
		for what, got := range map[string]*time.Time{
			"job": o.jobOf(j, nil, now).NextAttempt, "attention": o.attentionOf(parked, now).NextAttempt,
			"group": settled(c.list(), now)[0].NextAttempt,
		} {
			if (got != nil) != (by > 0) || got != nil && !got.Equal(due) {
				t.Errorf("%s due in %v: next attempt %v", what, by, got)
			}
		}
	}
}

// TestStorageThatFailsIsTold: while storage refuses all bytes that it is sent, which go again and again
// and so seem to move, status says so and gives no estimate; a failure alone is not told.
func TestStorageThatFailsIsTold(t *testing.T) {
	scene(t, nil, func(t *testing.T, l *life) {
		var most, puts atomic.Int64
		l.cloud.SetFault(func(r emulator.Request) (f emulator.Fault) {
			if r.Op == "s3-put" && puts.Add(1) <= most.Load() {
				f = emulator.Fault{Kind: emulator.FailBefore, Status: 503}
			}

			return f
		})
		told := func() (n int) {
			for _, w := range l.status().Waiting {
				if w.Reason == transfer.ReasonServiceTrouble && w.Since != nil {
					n += w.Count
				}
			}

			return n
		}

		most.Store(1)
		l.save("tower.dwg", dwg("AC1027", "first"))
		for range 60 {
			if time.Sleep(time.Second / 2); told() > 0 {
				t.Fatal("a failure alone is told")
			}
		}

		puts.Store(0)
		most.Store(1 << 30)
		l.save("tower.dwg", dwg("AC1027", "second"))
		for puts.Load() < 2 {
			time.Sleep(time.Second / 10)
		}

		time.Sleep(failingLong)
		sends := false
		for range 40 {
			time.Sleep(time.Second / 4)
			s := l.status()
			for _, a := range s.Active {
				sends = true
				if a.ETASeconds != 0 {
					t.Errorf("%+v", a)
				}
			}

			if told() != 1 || s.ETA != nil {
				t.Errorf("active %+v, waiting %+v, eta %+v", s.Active, s.Waiting, s.ETA)
			}
		}

		if !sends {
			t.Error("nothing was sent again")
		}

		l.cloud.SetFault(nil)
		l.rest()
	})
}

// TestSilenceIsTold: a service that takes a call and gives no answer is told of within seconds, with no
// estimate.
func TestSilenceIsTold(t *testing.T) {
	scene(t, nil, func(t *testing.T, l *life) {
		var asked atomic.Bool
		l.cloud.SetFault(func(r emulator.Request) (f emulator.Fault) {
			if r.Op == "create-storage" {
				asked.Store(true)
				f.Delay = time.Minute
			}

			return f
		})
		l.save("tower.dwg", dwg("AC1027", "first"))
		for !asked.Load() {
			time.Sleep(time.Second / 10)
		}

		time.Sleep(10 * time.Second)
		s := l.status()
		if len(s.Waiting) != 1 || s.Waiting[0].Reason != transfer.ReasonOffline ||
			s.Waiting[0].Since == nil ||
			s.ETA != nil {
			t.Errorf("waiting %+v, eta %+v", s.Waiting, s.ETA)
		}

		l.cloud.SetFault(nil)
		l.rest()
		if s := l.status(); len(s.Waiting) != 0 {
			t.Errorf("waiting %+v", s.Waiting)
		}
	})
}

// TestAWaitThatIsAskedForIsTold: with no limits here a call that the service asked to wait with has its
// reason and its time all the same.
func TestAWaitThatIsAskedForIsTold(t *testing.T) {
	scene(t, nil, func(t *testing.T, l *life) {
		var asked atomic.Int64
		l.cloud.SetFault(func(r emulator.Request) (f emulator.Fault) {
			if r.Op == "create-item" && asked.Add(1) == 1 {
				f = emulator.Fault{Kind: emulator.FailBefore, Status: 429,
					Header: http.Header{"Retry-After": {"50"}, "Content-Type": {"application/json"}},
					Body:   []byte(`{"developerMessage":"Quota limit exceeded."}`)}
			}

			return f
		})
		l.save("tower.dwg", dwg("AC1027", "first"))
		for asked.Load() == 0 {
			time.Sleep(time.Second / 10)
		}

		time.Sleep(5 * time.Second)
		s := l.status()
		if len(s.Waiting) != 1 || s.Waiting[0].Reason != transfer.ReasonRateLimited ||
			s.Waiting[0].NextAttempt == nil || time.Until(*s.Waiting[0].NextAttempt) < 40*time.Second {
			t.Errorf("waiting %+v", s.Waiting)
		}

		l.rest()
	})
}

// TestALookForAnEarlierTryIsTold: after a restart it may be waited for what was asked for before; what
// waits for that says so.
func TestALookForAnEarlierTryIsTold(t *testing.T) {
	scene(t, nil, func(t *testing.T, l *life) {
		var asked atomic.Bool
		l.cloud.SetFault(func(r emulator.Request) (f emulator.Fault) {
			if r.Op == "create-item" {
				asked.Store(true)
				f = emulator.Fault{Kind: emulator.FailBefore, Status: 503, Delay: time.Minute}
			}

			return f
		})
		l.save("tower.dwg", dwg("AC1027", "first"))
		for !asked.Load() {
			time.Sleep(time.Second / 10)
		}

		l.close()
		l.cloud.SetFault(nil)
		l.open()
		time.Sleep(5 * time.Second)
		if s := l.status(); len(s.Waiting) != 1 || s.Waiting[0].Reason != waitLooking {
			t.Errorf("waiting %+v, active %+v", s.Waiting, s.Active)
		}

		l.rest()
		if s := l.status(); len(s.Waiting) != 0 || l.tip("tower.dwg") == nil {
			t.Errorf("waiting %+v", s.Waiting)
		}
	})
}

// TestClassesThatAreClosed: files whose next call the service has asked to wait with are told with the time,
// each with its class; the others are not.
func TestClassesThatAreClosed(t *testing.T) {
	at := time.Now().Add(time.Minute)
	active := []transfer.Progress{{Path: "/begins", Phase: state.PhaseQueued},
		{Path: "/moves", Phase: state.PhaseUploading}, {Path: "/ends", Phase: state.PhasePublishing}}
	var c causes
	c.closed([]control.Budget{{Class: "post-items", ClosedUntil: &at},
		{Class: "post-storage", ClosedUntil: &at},
		{Class: "post-versions"}, {Class: "get-item", ClosedUntil: &at}}, active)

	var got []string
	for _, w := range c.list() {
		if w.Reason != transfer.ReasonRateLimited || w.NextAttempt == nil || !w.NextAttempt.Equal(at) ||
			w.Count != 1 {
			t.Errorf("%+v", w)
		}

		got = append(got, w.Detail[len("the service asks to wait with calls of "):]+w.Paths[0])
	}

	if want := []string{"post-items/ends", "post-storage/begins"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
