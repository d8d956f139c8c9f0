package notify

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
)

// TestTelling walks through a day: what is told at each look.
func TestTelling(t *testing.T) {
	day := time.Date(2026, 11, 29, 8, 0, 0, 0, time.Local)
	parked := func(minutes ...int) func() ([]control.Attention, error) {
		return func() (out []control.Attention, err error) {
			for _, m := range minutes {
				out = append(out, control.Attention{Path: "/p", Reason: "forbidden",
					Since: new(day.Add(time.Duration(m) * time.Minute))})
			}

			return out, nil
		}
	}
	n := &config.Notify{URL: "https://x", SummaryAt: "20:00"}
	teller := &Teller{Until: day}
	for _, tt := range []struct {
		name   string
		minute int
		jobs   control.Counts
		still  time.Duration
		parked func() ([]control.Attention, error)
		want   string
	}{
		{"quiet", 0, control.Counts{Done: 5}, 0, nil, ""},
		{"work comes", 1, control.Counts{Done: 5, Queued: 2}, 0, nil, ""},
		{"and is done", 2, control.Counts{Done: 7}, 0, nil, "all-synced"},
		{"said once", 3, control.Counts{Done: 7}, 0, nil, ""},
		{"a file parks", 4, control.Counts{Done: 7, Attention: 1}, 0, parked(4), ""},
		{"and no other does", 5, control.Counts{Done: 7, Attention: 1}, 0, parked(4), "needs-you"},
		{"said once", 6, control.Counts{Done: 7, Attention: 1}, 0, parked(4), ""},
		{"another one", 8, control.Counts{Done: 7, Attention: 2}, 0, parked(4, 7), "needs-you"},
		{"work that is done beside", 9, control.Counts{Done: 7, Attention: 2, Active: 1}, 0,
			parked(4, 7), ""},
		{"is not all", 10, control.Counts{Done: 8, Attention: 2}, 0, parked(4, 7), ""},
		{"a cancelled job", 11, control.Counts{Done: 8, Queued: 1}, 0, nil, ""},
		{"is no news", 12, control.Counts{Done: 8, Cancelled: 1}, 0, nil, ""},
		{"nothing moves", 200, control.Counts{Done: 8, Waiting: 1}, 2 * time.Hour, nil, "stuck"},
		{"said once", 201, control.Counts{Done: 8, Waiting: 1}, 2*time.Hour + time.Minute, nil, ""},
		{"it moves", 202, control.Counts{Done: 8, Waiting: 1}, 0, nil, ""},
		{"and stops again", 400, control.Counts{Done: 8, Waiting: 1}, 3 * time.Hour, nil, "stuck"},
		{"evening", 12 * 60, control.Counts{Done: 8, Waiting: 1}, 10 * time.Hour, nil, "summary"},
		{"said once a day", 12*60 + 1, control.Counts{Done: 8, Waiting: 1}, 10 * time.Hour, nil, ""},
	} {
		got, err := teller.Tell(n, Look{Now: day.Add(time.Duration(tt.minute) * time.Minute), Jobs: tt.jobs,
			Still: tt.still, Parked: tt.parked})
		var names []string
		for _, m := range got {
			names = append(names, m.Event)
		}

		if text := strings.Join(names, " "); text != tt.want || err != nil {
			t.Errorf("minute %d, %s: told %q, want %q (%v)", tt.minute, tt.name, text, tt.want, err)
		}
	}

	few := &config.Notify{URL: "https://x", Events: []string{config.NotifyStuck}}
	quiet := &Teller{}
	if got, _ := quiet.Tell(few,
		Look{Now: day, Jobs: control.Counts{Attention: 1}, Parked: parked(-60)}); len(got) > 0 {
		t.Errorf("told what nobody wants: %+v", got)
	}
}

type wire func(*http.Request) int

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: w(r), Body: io.NopCloser(strings.NewReader("")), Request: r,
		Header: http.Header{"Location": {"https://elsewhere.example/"}}}, nil
}

// TestDelivery: signed, repeated when it may help, bounded, never led elsewhere.
func TestDelivery(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("key-of-the-hook\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	for _, tt := range []struct {
		name    string
		answers []int // the last one repeats
		tries   int
	}{
		{"taken", []int{204}, 1},
		{"trouble that passes", []int{503, 429, 200}, 3},
		{"trouble that stays", []int{500}, mostTries},
		{"refused", []int{404}, 1},
		{"led elsewhere", []int{302}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				h := NewHook(wire(func(r *http.Request) int {
					body, err := io.ReadAll(r.Body)
					want := "sha256=" + Sign("key-of-the-hook", r.Header.Get(TimestampHeader), body)
					var m Message
					if err != nil || r.Header.Get(SignatureHeader) != want ||
						json.Unmarshal(body, &m) != nil ||
						m.Event != config.NotifyStuck || r.URL.Host != "hook.example" {
						t.Errorf("%v %s %s %v", r.URL, r.Header, body, err)
					}

					tries++

					return tt.answers[min(tries, len(tt.answers))-1]
				}), slog.New(slog.DiscardHandler))

				go func() { _ = h.Run(t.Context()) }()

				to := &config.Notify{URL: "https://hook.example/x", SecretFile: secret}
				h.Send(to, Message{Event: config.NotifyStuck})
				time.Sleep(time.Hour)
				synctest.Wait()
				if tries != tt.tries {
					t.Errorf("%d tries, want %d", tries, tt.tries)
				}
			})
		})
	}
}

func TestTooManyAreDropped(t *testing.T) {
	h := NewHook(nil, slog.New(slog.DiscardHandler))
	for range 3 * mostQueued {
		h.Send(&config.Notify{}, Message{}) // nobody delivers: it must not wait
	}

	if len(h.queue) != mostQueued {
		t.Errorf("%d wait", len(h.queue))
	}
}
