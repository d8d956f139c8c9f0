package apsclient_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient"
)

// TestDoubt plays a service whose replies are given and that shows an effect late. What happened is
// told as "call" and "look" with the second of each.
func TestDoubt(t *testing.T) {
	var (
		lost    = &apsclient.NetError{Op: "create", Err: errors.New("reset"), Sent: true}
		unsent  = &apsclient.NetError{Op: "create", Err: errors.New("refused")}
		failed  = &apsclient.Error{Op: "create", Status: 500}
		taken   = &apsclient.Error{Op: "create", Status: 409}
		refused = &apsclient.Error{Op: "create", Status: 400}
		busy    = &apsclient.Error{Op: "list", Status: 503}
		garbled = &apsclient.DecodeError{Op: "list", Err: errors.New("no data")}
		missing = &apsclient.Error{Op: "list", Status: 404}
		denied  = &apsclient.Error{Op: "list", Status: 403}
	)
	const never = time.Hour
	whole := "look 0, look 2, look 4, look 8, look 16, look 30"

	tests := []struct {
		name    string
		doubt   apsclient.Doubt[string]
		replies []error       // of the calls, in turn
		shown   time.Duration // when the effect can be seen
		looks   []error       // failures of the looks, in turn; nil or none: an answer
		want    string        // what happened
		err     error         // nil: done
		open    bool          // the doubt is
	}{
		{name: "done", replies: []error{nil}, shown: never, want: "call 0"},
		{name: "refused", replies: []error{refused}, shown: never, want: "call 0", err: refused},
		{name: "not sent", replies: []error{unsent}, shown: never, want: "call 0", err: unsent},
		{name: "taken by another", replies: []error{taken}, shown: never, want: "call 0", err: taken},
		{name: "lost, seen at once", replies: []error{lost}, want: "call 0, look 0"},
		{
			name: "lost, seen after 3 s", replies: []error{lost}, shown: 3 * time.Second,
			want: "call 0, look 0, look 2, look 4",
		},
		{
			name: "lost, seen after 29 s", replies: []error{lost}, shown: 29 * time.Second,
			want: "call 0, " + whole,
		},
		{
			name: "not done: repeated once, after the patience", replies: []error{failed, nil}, shown: never,
			want: "call 0, " + whole + ", call 30",
		},
		{
			name: "the repeat is taken: it was ours", replies: []error{lost, taken}, shown: 33 * time.Second,
			want: "call 0, " + whole + ", call 30, look 30, look 32, look 34",
		},
		{
			name: "the repeat is taken, and nothing shows", replies: []error{lost, taken}, shown: never,
			want: "call 0, " + whole +
				", call 30, look 30, look 32, look 34, look 38, look 46, look 60", err: taken,
		},
		{
			name: "the repeat is lost, too", replies: []error{lost, lost}, shown: 31 * time.Second,
			want: "call 0, " + whole + ", call 30, look 30, look 32",
		},
		{
			name: "both are lost, and nothing shows", replies: []error{lost, failed}, shown: never,
			want: "call 0, " + whole +
				", call 30, look 30, look 32, look 34, look 38, look 46, look 60", err: failed, open: true,
		},
		{
			name: "the repeat is refused", replies: []error{lost, refused}, shown: never,
			want: "call 0, " + whole + ", call 30", err: refused,
		},

		{
			name: "a look without an answer is no answer", replies: []error{lost}, shown: 0,
			looks: []error{
				busy,
				garbled,
				unsent,
				missing,
			}, want: "call 0, look 0, look 2, look 4, look 8, look 16",
		},
		{
			name: "no look is answered", replies: []error{lost}, shown: never,
			looks: []error{
				busy,
				busy,
				busy,
				busy,
				busy,
				busy,
			}, want: "call 0, " + whole, err: busy, open: true,
		},
		{
			name: "the last look is not answered", replies: []error{lost}, shown: never,
			looks: []error{
				nil,
				nil,
				nil,
				nil,
				nil,
				garbled,
			}, want: "call 0, " + whole, err: garbled, open: true,
		},
		{
			name: "a look is refused", replies: []error{lost}, shown: never, looks: []error{denied},
			want: "call 0, look 0", err: denied, open: true,
		},

		{
			name: "asked before, done", doubt: apsclient.Doubt[string]{Asked: true}, shown: 15 * time.Second,
			want: "look 0, look 2, look 4, look 8, look 16",
		},
		{
			name: "asked before, not done", doubt: apsclient.Doubt[string]{Asked: true},
			replies: []error{nil},
			shown:   never, want: whole + ", call 30",
		},
		{
			name: "asked before, taken", doubt: apsclient.Doubt[string]{Asked: true}, replies: []error{taken},
			shown: 31 * time.Second, want: whole + ", call 30, look 30, look 32",
		},
		{
			name: "asked before, lost again", doubt: apsclient.Doubt[string]{Asked: true},
			replies: []error{lost}, shown: 31 * time.Second, want: whole + ", call 30, look 30, look 32",
		},
		{
			name: "asked before, a look is refused", doubt: apsclient.Doubt[string]{Asked: true},
			shown: never,
			looks: []error{denied}, want: "look 0", err: denied, open: true,
		},

		{
			name:  "asked before, some of the patience is over",
			doubt: apsclient.Doubt[string]{Asked: true, Waited: 5 * time.Second}, replies: []error{lost},
			shown: 27 * time.Second, want: "look 3, look 11, look 25, call 25, look 25, look 27",
		},
		{
			name:    "asked before, all of the patience is over",
			doubt:   apsclient.Doubt[string]{Asked: true, Waited: time.Hour},
			replies: []error{nil}, shown: never, want: "look 0, call 0",
		},

		{
			name: "shared, taken", doubt: apsclient.Doubt[string]{Shared: true}, replies: []error{taken},
			shown: time.Second, want: "call 0, look 0, look 2",
		},
		{
			name: "shared, taken, and nothing shows", doubt: apsclient.Doubt[string]{Shared: true},
			replies: []error{taken}, shown: never, want: "call 0, " + whole, err: taken,
		},

		{
			name: "harmless, lost", doubt: apsclient.Doubt[string]{Harmless: true},
			replies: []error{lost, nil},
			shown:   never, want: "call 0, look 0, call 0",
		},
		{
			name: "harmless, lost, then taken", doubt: apsclient.Doubt[string]{Harmless: true},
			replies: []error{lost, taken}, shown: time.Second,
			want: "call 0, look 0, call 0, look 0, look 2",
		},
		{
			name: "harmless, lost twice", doubt: apsclient.Doubt[string]{Harmless: true},
			replies: []error{lost, lost}, shown: never, want: "call 0, look 0, call 0, " + whole, err: lost,
			open: true,
		},
		{
			name: "harmless, asked before", doubt: apsclient.Doubt[string]{Harmless: true, Asked: true},
			replies: []error{taken}, shown: time.Second, want: "call 0, look 0, look 2",
		},
		{
			name: "another refusal that may mean it was ours", doubt: apsclient.Doubt[string]{
				Harmless: true,
				Ours:     func(err error) bool { return errors.Is(err, apsclient.ErrBadRequest) },
			},
			replies: []error{lost, refused}, shown: 3 * time.Second,
			want: "call 0, look 0, call 0, look 0, look 2, look 4",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				var happened []string
				note := func(what string) {
					happened = append(happened, fmt.Sprintf("%s %.0f", what, time.Since(began).Seconds()))
				}
				next := func(list *[]error) error {
					if len(*list) == 0 {
						return nil
					}

					err := (*list)[0]
					*list = (*list)[1:]

					return err
				}

				d := tt.doubt
				d.Call = func(context.Context) (string, error) {
					note("call")
					return "it", next(&tt.replies)
				}
				d.Look = func(context.Context) (string, bool, error) {
					note("look")
					if err := next(&tt.looks); err != nil {
						return "", false, err
					}

					if time.Since(began) < tt.shown {
						return "", false, nil
					}

					return "it", true, nil
				}

				got, err := d.Do(t.Context())
				if err == nil && got != "it" {
					t.Errorf("got %q", got)
				}

				if (err == nil) != (tt.err == nil) || !errors.Is(err, tt.err) ||
					apsclient.MaybeApplied(err) != tt.open {
					t.Errorf("error %v, in doubt %v; want %v, %v", err, apsclient.MaybeApplied(err), tt.err,
						tt.open)
				}

				if got := strings.Join(happened, ", "); got != tt.want {
					t.Errorf("happened: %s\nwant:     %s", got, tt.want)
				}
			})
		})
	}
}

// TestDoubtEnds: an end of the context while it waits is the end, and the doubt stays open.
func TestDoubtEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := errors.New("stop")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(5*time.Second, func() { cancel(stop) })

		var looks []time.Duration
		began := time.Now()
		_, err := apsclient.Doubt[int]{
			Call: func(context.Context) (int, error) {
				return 0, &apsclient.Error{Op: "create", Status: 500}
			},
			Look: func(context.Context) (int, bool, error) {
				looks = append(looks, time.Since(began))
				return 0, false, nil
			},
		}.Do(ctx)
		if !errors.Is(err, stop) || !apsclient.MaybeApplied(err) || time.Since(began) != 5*time.Second ||
			!slices.Equal(looks, []time.Duration{0, 2 * time.Second, 4 * time.Second}) {
			t.Errorf("%v after %v, looks at %v", err, time.Since(began), looks)
		}
	})
}

// TestRefusedAfterALostReply: the client repeats what sets values blindly. A refusal then says
// nothing about the attempt whose reply was lost.
func TestRefusedAfterALostReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lost := true
		s := &service{answer: func(n int, _ *http.Request, _ string) (*http.Response, error) {
			if lost && n == 1 {
				return nil, io.ErrUnexpectedEOF
			}

			return reply(409, "application/json", `{"errors":[{"detail":"the name is taken"}]}`), nil
		}}
		name := "Plans"
		rename := func() error {
			_, err := newClient(t, s, quiet).Folders.Update(t.Context(), "b.p", "urn:f",
				apsclient.FolderUpdate{Name: &name})
			return err
		}
		if err := rename(); !errors.Is(err, apsclient.ErrConflict) || !apsclient.MaybeApplied(err) {
			t.Errorf("after a lost reply: %v, maybe applied %v", err, apsclient.MaybeApplied(err))
		}

		lost = false
		if err := rename(); !errors.Is(err, apsclient.ErrConflict) || apsclient.MaybeApplied(err) {
			t.Errorf("at once: %v, maybe applied %v", err, apsclient.MaybeApplied(err))
		}
	})
}
