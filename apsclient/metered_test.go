package apsclient_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"hoist/apsclient"
)

// TestBandwidthCountsCalls: what is sent and answered in calls takes the time that the limits say, each
// direction by its own, and the bytes of files wait for it too.
func TestBandwidthCountsCalls(t *testing.T) {
	const body, calls = 9000, 10
	for name, row := range map[string]struct {
		up, down rate.Limit
		at       time.Duration // least
	}{
		"down":     {rate.Inf, 1000, (calls*body/1000 - 1) * time.Second}, // less what may come at once,
		"up":       {100, rate.Inf, calls * time.Second},                  // a request is above 100 bytes
		"no limit": {rate.Inf, rate.Inf, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				answer := `{"data":[],"filler":"` + strings.Repeat("x", body) + `"}`
				s := &service{answer: func(int, *http.Request, string) (*http.Response, error) {
					return reply(200, "application/json", answer), nil
				}}
				limit := apsclient.Bandwidth{Up: rate.NewLimiter(row.up, 1),
					Down: rate.NewLimiter(row.down, 1000)}
				if row.up != rate.Inf {
					limit.Up.SetBurst(100)
				}

				c, err := apsclient.New(apsclient.Config{BaseURL: "http://127.0.0.1:1", Transport: s,
					Bandwidth: limit})
				if err != nil {
					t.Fatal(err)
				}

				began := time.Now()
				for range calls {
					if _, err := c.Do(t.Context(), apsclient.Request{Action: "list-hubs"}); err != nil {
						t.Fatal(err)
					}
				}

				if limit.Down.Limit() != rate.Inf { // and a byte of a file, after the last answer
					if err := limit.Down.WaitN(t.Context(), 1); err != nil {
						t.Fatal(err)
					}
				}

				if took := time.Since(began); took < row.at || took > 3*row.at {
					t.Errorf("%d calls took %v, want at least %v", calls, took, row.at)
				}
			})
		})
	}
}

// TestBandwidthAndADeadline: a call whose turn comes after its time is up ends when that is, not before and
// as if the network were away.
func TestBandwidthAndADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{answer: func(int, *http.Request, string) (*http.Response, error) {
			return reply(200, "application/json", `{"data":[]}`), nil
		}}
		limit := apsclient.Bandwidth{Up: rate.NewLimiter(1, 100), Down: rate.NewLimiter(rate.Inf, 1)}
		c, err := apsclient.New(apsclient.Config{BaseURL: "http://127.0.0.1:1", Transport: s,
			Bandwidth: limit})
		if err != nil {
			t.Fatal(err)
		}

		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()

		began := time.Now()
		_, err = c.Do(ctx, apsclient.Request{Action: "list-hubs"})
		if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took != 10*time.Second {
			t.Errorf("after %v: %v", took, err)
		}
	})
}
