package apsclient_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient"
)

// objectBody is a storage.
const objectBody = `{"data":{"type":"objects","id":"urn:adsk.objects:os.object:wip.dm.prod/a.dwg"}}`

const folderBody = `{"data":{"type":"folders","id":"urn:adsk.wipprod:fs.folder:co.F",` +
	`"attributes":{"name":"Plans"}}}`

// busiest returns the most arrivals that any sliding minute holds.
func busiest(at []time.Time) int {
	slices.SortFunc(at, time.Time.Compare)

	most := 0
	for i := range at {
		n := 0
		for _, x := range at[i:] {
			if x.Sub(at[i]) < time.Minute {
				n++
			}
		}

		most = max(most, n)
	}

	return most
}

func TestBudgetHoldsEveryMinute(t *testing.T) {
	tests := []struct {
		name    string
		latency time.Duration
		calls   int
		want    time.Duration // at most
	}{
		{"a small batch goes at once", 0, 50, time.Second},
		{"120 calls take two minutes and a little", 0, 120, 2*time.Minute + time.Second},
		{"slow answers hold their slots longer", 20 * time.Second, 120, 3*time.Minute + time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var arrived []time.Time
				s := &service{answer: func(_ int, r *http.Request, _ string) (*http.Response, error) {
					mu.Lock()
					arrived = append(arrived, time.Now())
					mu.Unlock()
					time.Sleep(tt.latency)

					return reply(201, "application/vnd.api+json", folderBody), nil
				}}
				c := newClient(t, s, func(c *apsclient.Config) {
					c.Limits, c.Logger = apsclient.DocumentedLimits(), nil
				})
				start := time.Now()

				var wg sync.WaitGroup
				for range tt.calls {
					wg.Go(func() {
						if _, err := c.Folders.Create(t.Context(), "b.p", apsclient.Folder{ID: "urn:x"},
							"n"); err != nil {
							t.Error(err)
						}
					})
				}

				wg.Wait()
				if took := time.Since(start); took > tt.want {
					t.Errorf("took %v, want at most %v", took, tt.want)
				}

				if n := busiest(arrived); n > 50 {
					t.Errorf("a minute held %d calls, want at most 50", n)
				}

				if len(arrived) != tt.calls {
					t.Errorf("%d calls arrived, want %d", len(arrived), tt.calls)
				}

				for _, b := range c.Budgets() {
					if b.Class == apsclient.BudgetFolder && b.Available != 300 {
						t.Errorf("another class has %d free, want 300", b.Available)
					}
				}
			})
		})
	}
}

// throttledOnce refuses the first call for 25 s, and makes a folder for each after it.
func throttledOnce() *service {
	return &service{answer: func(n int, _ *http.Request, _ string) (*http.Response, error) {
		if n == 1 {
			return reply(429, "application/json", `{"developerMessage":"Quota limit exceeded."}`,
				"Retry-After", "25"), nil
		}

		return reply(201, "application/vnd.api+json", folderBody), nil
	}}
}

func TestThrottledClassIsClosedAndLowered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := throttledOnce()
		c := newClient(t, s, func(c *apsclient.Config) { c.Limits = apsclient.DocumentedLimits() })
		start := time.Now()
		if _, err := c.Folders.Create(t.Context(), "b.p", apsclient.Folder{ID: "urn:x"}, "n"); err != nil {
			t.Fatal(err)
		}

		if took := time.Since(start); took < 25*time.Second || took > 26*time.Second {
			t.Errorf("repeated after %v, want 25 s", took)
		}

		limit := func() int {
			for _, b := range c.Budgets() {
				if b.Class == apsclient.BudgetPostFolders {
					return b.Limit
				}
			}

			return -1
		}
		if got := limit(); got != 25 {
			t.Errorf("limit after a 429 is %d, want half of 50", got)
		}

		time.Sleep(5 * time.Minute)
		if got := limit(); got != 50 {
			t.Errorf("limit long after a 429 is %d, want 50", got)
		}
	})
}

func TestServerLimitsStillObeyRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{answer: func(n int, r *http.Request, _ string) (*http.Response, error) {
			if n == 1 {
				return reply(429, "", "", "Retry-After", "40"), nil
			}

			return reply(201, "", folderBody), nil
		}}
		c := newClient(t, s)
		start := time.Now()

		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if _, err := c.Folders.Create(t.Context(), "b.p", apsclient.Folder{ID: "urn:x"},
					"n"); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}

		wg.Wait()
		if took := time.Since(start); took < 40*time.Second || took > 41*time.Second {
			t.Errorf("took %v, want the 40 s that the service asked for", took)
		}

		if got := c.Budgets(); got == nil || len(got) != 0 {
			t.Errorf("Budgets() = %v, want an empty list", got)
		}
	})
}

func TestUnsentCallCostsNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{answer: func(n int, r *http.Request, _ string) (*http.Response, error) {
			if n == 1 {
				return nil, &net.OpError{Op: "dial", Err: errors.New("network is unreachable")}
			}

			return reply(201, "", folderBody), nil
		}}
		c := newClient(t, s, func(c *apsclient.Config) {
			c.Limits = apsclient.Limits{apsclient.BudgetPostFolders: 1}
		})
		create := func() error {
			_, err := c.Folders.Create(t.Context(), "b.p", apsclient.Folder{ID: "urn:x"}, "n")
			return err
		}
		err := create()
		unsent, ok := errors.AsType[*apsclient.NetError](err)
		if !ok || unsent.Sent {
			t.Fatalf("got %v", err)
		}

		start := time.Now()
		if err := create(); err != nil || time.Since(start) != 0 {
			t.Errorf("the next call waited %v for a slot that was never used: %v", time.Since(start), err)
		}
	})
}

func TestCancelledWaiterLeavesTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{answer: func(int, *http.Request, string) (*http.Response, error) {
			return reply(200, "", folderBody), nil
		}}
		c := newClient(t, s, func(c *apsclient.Config) {
			c.Limits = apsclient.Limits{apsclient.BudgetFolder: 1}
		})
		get := func() error { _, err := c.Folders.Folder(t.Context(), "b.p", "urn:x"); return err }
		if err := get(); err != nil {
			t.Fatal(err)
		}

		done := make(chan error, 2)
		ctx, stop := context.WithCancel(t.Context())
		go func() { _, err := c.Folders.Folder(ctx, "b.p", "urn:x"); done <- err }()
		synctest.Wait()

		go func() { done <- get() }()
		synctest.Wait()
		stop()
		if err := <-done; err == nil {
			t.Error("the cancelled waiter got through")
		}

		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestParseLimits(t *testing.T) {
	tests := []struct {
		name, in string
		want     int
		problem  string
	}{
		{"toml", "post-items = 200\n", 200, ""},
		{"json", `{"post-items": 120}`, 120, ""},
		{"unknown class", "post-item = 200\n", 0,
			"limits: unknown class \"post-item\", did you mean post-items?"},
		{"zero", "post-items = 0\n", 0, "limits: post-items: 0 calls a minute; at least 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := apsclient.ParseLimits([]byte(tt.in))
			if tt.problem != "" {
				if err == nil || err.Error() != tt.problem {
					t.Errorf("got error %v, want %s", err, tt.problem)
				}

				return
			}

			if err != nil || got[apsclient.BudgetPostItems] != tt.want ||
				got[apsclient.BudgetPostFolders] != 50 {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

// TestClosedWithoutALimit: with no limits of its own a client still tells that the service asked to wait.
func TestClosedWithoutALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := throttledOnce()
		c := newClient(t, s, func(c *apsclient.Config) { c.Limits = apsclient.ServerLimits() })
		go func() { _, _ = c.Folders.Create(t.Context(), "b.p", apsclient.Folder{ID: "urn:x"}, "n") }()
		time.Sleep(10 * time.Second)
		class, until := c.Closed()
		if left := time.Until(until); class != apsclient.BudgetPostFolders || left < 14*time.Second {
			t.Errorf("%q closed for %v", class, left)
		}

		time.Sleep(time.Minute)
		if class, until := c.Closed(); !until.IsZero() {
			t.Errorf("%q closed until %v", class, until)
		}
	})
}
