package apsclient

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// TestFailing: what fails is told of the plane that fails, until it answers or nothing is heard of it
// any more; of the storage a failure alone is none.
func TestFailing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &Client{core: &core{}}
		tally := &c.core.tally
		is := func(service, storage bool) {
			t.Helper()
			_, a := c.Failing()
			_, b := c.StorageFailing()
			if a != service || b != storage {
				t.Errorf("failing: %v, storage %v; want %v, %v", a, b, service, storage)
			}
		}

		is(false, false)
		tally.add("list-hubs", 503, false)
		tally.add(ActionPutPart, 503, false)
		is(true, false)

		tally.add(ActionGetRange, 0, false)
		is(true, true)

		time.Sleep(20 * time.Second)
		is(false, true)

		tally.add("list-hubs", 500, true)
		is(true, true)

		tally.add(ActionPutPart, 200, false)
		tally.add("list-hubs", 404, true)
		is(false, false)

		tally.add(ActionPutPart, 503, false)
		tally.add(ActionPutPart, 503, false)
		time.Sleep(2 * time.Minute)
		is(false, false)
	})
}

// TestSilent: a service that owes an answer is silent after a while, until it gives any.
func TestSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &Client{core: &core{}}
		ask := func(after time.Duration) {
			a := awaiting{roundTrip(func(*http.Request) (*http.Response, error) {
				time.Sleep(after)
				return &http.Response{}, nil
			}), &c.core.tally}
			go func() { _, _ = a.RoundTrip(nil) }()
		}
		is := func(after time.Duration, want bool) {
			t.Helper()
			time.Sleep(after)
			if since, got := c.Silent(); got != want || got && time.Since(since) < silentLong {
				t.Errorf("silent %v since %v, want %v", got, since, want)
			}
		}

		is(time.Hour, false)
		ask(time.Minute)
		is(5*time.Second, false)
		is(5*time.Second, true)

		ask(time.Second) // another is answered meanwhile
		is(2*time.Second, false)
		is(time.Hour, false)
	})
}
