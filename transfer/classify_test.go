package transfer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"
	"time"

	"hoist/apsclient"
	"hoist/state"
	"hoist/transfer/plan"
	"hoist/transfer/remote"
)

func TestClassify(t *testing.T) {
	answer := func(status int, code string) error {
		return fmt.Errorf("wrapped: %w", &apsclient.Error{Op: "x", Status: status, Code: code})
	}
	for _, tt := range []struct {
		name     string
		err      error
		phase    state.Phase
		attempts int
		class    class
		reason   string
		after    time.Duration
	}{
		{"no answer", &apsclient.NetError{Op: "x", Err: errors.New("reset"), Sent: true},
			state.PhaseUploading, 0, classRetry, ReasonOffline, time.Second},
		{"no answer for long", &apsclient.NetError{Op: "x", Err: errors.New("reset")}, state.PhaseUploading,
			50, classRetry, ReasonOffline, offlineCap},
		{"deadline", context.DeadlineExceeded, state.PhaseQueued, 0, classRetry, ReasonOffline, time.Second},
		{"throttled", &apsclient.Error{Status: 429, RetryAfter: 25 * time.Second}, state.PhaseQueued, 0,
			classRetry, ReasonRateLimited, 25 * time.Second},
		{"service trouble", answer(503, ""), state.PhaseQueued, 2, classRetry, ReasonServiceTrouble,
			4 * time.Second},
		{"service trouble is capped", answer(500, ""), state.PhaseQueued, 40, classRetry,
			ReasonServiceTrouble, backoffCap},
		{"slow down", answer(503, "SlowDown"), state.PhaseUploading, 0, classRetry, ReasonRateLimited,
			time.Second},
		{"damaged on the way", answer(400, "BadDigest"), state.PhaseUploading, 0, classRetry, ReasonDamaged,
			time.Second},
		{"wrong secret", &apsclient.AuthError{Status: 401}, state.PhaseQueued, 0, classPerson,
			ReasonUnauthorised, 0},
		{"401 though the token is new", answer(401, ""), state.PhaseQueued, 0, classRetry, ReasonUnauthorised,
			time.Second},
		{"401 again", answer(401, ""), state.PhaseQueued, maxUnauthorised, classPerson, ReasonUnauthorised,
			0},
		{"403", answer(403, ""), state.PhaseQueued, 0, classPerson, ReasonForbidden, 0},
		{"403 again", answer(403, ""), state.PhaseQueued, 2, classPerson, ReasonForbidden, 0},
		{"not allowed by the profile", &apsclient.NotAllowedError{Err: errors.New("x")}, state.PhaseQueued, 0,
			classPerson, ReasonUnauthorised, 0},
		{"403 of S3 after the URL was renewed", &urlRefusedError{answer(403, "AccessDenied")},
			state.PhaseUploading, 0, classRetry, ReasonURLRefused, time.Second},
		{"403 of S3 for ever", &urlRefusedError{answer(403, "AccessDenied")}, state.PhaseUploading,
			maxURLRefused, classPerson, ReasonURLRefused, 0},
		{"wrong signature", answer(403, "SignatureDoesNotMatch"), state.PhaseUploading, 0, classPerson,
			ReasonURLRefused, 0},
		{"not to be seen yet", answer(404, ""), state.PhaseQueued, 1, classRetry, ReasonNotFound,
			2 * time.Second},
		{"folder gone", answer(404, ""), state.PhaseQueued, maxMissing, classPerson, ReasonNotFound,
			0},
		{"gone for good", answer(410, ""), state.PhaseQueued, 0, classPerson, ReasonNotFound, 0},
		{"somebody else answered", &apsclient.NetError{Op: "x", Err: &apsclient.ForeignError{Status: 403},
			Sent: true},
			state.PhaseQueued, 0, classRetry, ReasonOffline, time.Second},
		{"folder of a watch is a file", &remote.UsageError{Msg: "x"}, state.PhaseQueued, 0, classPerson,
			ReasonNotFound, 0},
		{"names that clash", &plan.ClashError{Path: "p"}, state.PhaseQueued, 0, classPerson, ReasonNameClash,
			personFirst},
		{"hub unknown", &remote.NotFoundError{What: "hub", Name: "x"}, state.PhaseQueued, 0, classPerson,
			ReasonNotFound, 0},
		{"two of a name", &remote.AmbiguousError{What: "folder", Name: "x"}, state.PhaseQueued, 0,
			classPerson,
			ReasonAmbiguous, 0},
		{"in flight", answer(409, ""), state.PhasePublishing, 1, classRetry, ReasonConflict, 2 * time.Second},
		{"taken for ever", answer(409, ""), state.PhasePublishing, maxLocked, classPerson, ReasonConflict, 0},
		{"locked", answer(423, ""), state.PhasePublishing, 0, classRetry, ReasonLocked, time.Second},
		{"locked for long", answer(423, ""), state.PhasePublishing, maxLocked, classPerson, ReasonLocked,
			0},
		{"name refused", &apsclient.Error{Status: 400, Detail: "the name holds a reserved character"},
			state.PhaseQueued, 0, classPerson, ReasonNameRefused, 0},
		{"name's extension refused",
			&apsclient.Error{Status: 400, Detail: "The file extension is not supported"},
			state.PhaseQueued, 0, classPerson, ReasonNameRefused, 0},
		{"bad input without a name",
			&apsclient.Error{Status: 400, Code: "BAD_INPUT", Detail: "DisplayName is required."},
			state.PhasePublishing, 0, classPerson, ReasonRefused, 0},
		{"bad input", answer(400, "BAD_INPUT"), state.PhaseQueued, 0, classPerson, ReasonRefused, 0},
		{"refused", answer(400, "C4R"), state.PhaseUploading, 0, classPerson, ReasonRefused, 0},
		{"400 that says nothing", answer(400, ""), state.PhaseQueued, 1, classRetry, ReasonServiceTrouble,
			2 * time.Second},
		{"other 4xx", answer(415, ""), state.PhaseUploading, 0, classPerson, ReasonRefused, 0},
		{"too large", answer(413, ""), state.PhaseUploading, 0, classPerson, ReasonTooLarge, 0},
		{"remote changed", answer(412, ""), state.PhaseFetching, 0, classRetry, ReasonRemoteChanged,
			time.Second},
		{"source changed", &changedError{Path: "p"}, state.PhaseUploading, 0, classChanged, ReasonChanging,
			0},
		{"source gone", &changedError{Path: "p", Gone: true}, state.PhaseUploading, 0, classChanged,
			ReasonVanished, 0},
		{"file not there", &fs.PathError{Op: "open", Path: "p", Err: syscall.ENOENT}, state.PhaseQueued, 0,
			classPerson, ReasonVanished, 0},
		{"unreadable", &fs.PathError{Op: "open", Path: "p", Err: fs.ErrPermission}, state.PhaseQueued, 0,
			classPerson, ReasonUnreadable, 0},
		{"reason known", needsPerson(ReasonConflict, "x"), state.PhaseQueued, 0, classPerson, ReasonConflict,
			0},
		{"own wait", &waitError{Code: ReasonLocked, After: 7 * time.Second, Err: errors.New("x")},
			state.PhaseQueued, 0, classRetry, ReasonLocked, 7 * time.Second},
		{"damaged again and again", fmt.Errorf("part 3: %w", &damagedError{}), state.PhaseUploading, 0,
			classRetry, ReasonDamaged, time.Second},
		{"damaged for ever", fmt.Errorf("part 3: %w", &damagedError{}), state.PhaseUploading, maxUnforeseen,
			classPerson, ReasonDamaged, 0},
		{"unforeseen", errors.New("x"), state.PhaseQueued, 0, classRetry, ReasonUnexpected, time.Second},
		{"unforeseen for ever", errors.New("x"), state.PhaseQueued, maxUnforeseen, classPerson,
			ReasonUnexpected, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := classify(tt.err, state.Job{Phase: tt.phase, Streak: tt.attempts, Alike: tt.attempts,
				Reason: tt.reason})
			if want := (verdict{tt.class, tt.reason, tt.after}); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}

			if _, ok := ReasonByCode(got.Reason); !ok {
				t.Errorf("reason %q is not documented", got.Reason)
			}
		})
	}
}

// TestOnlyNamesAreNames: a 400 is about the name of the file only when it says so.
func TestOnlyNamesAreNames(t *testing.T) {
	for text, want := range map[string]bool{
		"Illegal character in file name: *":                          true,
		"fileName exceeds 255 characters":                            true,
		`"CON" is a reserved name`:                                   true,
		"The item name is not valid":                                 true,
		"display_name: contains characters that are not allowed":     true,
		"The file extension is not supported":                        true,
		"Unsupported extension .xyz":                                 true,
		"Invalid character in name":                                  true,
		"Name is too long":                                           true,
		"Name must not be empty":                                     false,
		"DisplayName is required.":                                   false,
		"The display name is missing":                                false,
		"Property name not found in data.attributes":                 false,
		"User name is not valid for this hub":                        false,
		"Host name not resolved":                                     false,
		"The project name already belongs to another hub":            false,
		"The extension type versions:autodesk.core:File not allowed": false,
		"Invalid extension version 9.0; unsupported":                 false,
		"items:autodesk.bim360:File is not allowed in this folder":   false,
		"Invalid JSON: unexpected character at 3":                    false,
		"invalid character '}' looking for beginning of value":       false,
		"Invalid request body":                                       false,
		"The quota of the hub is used up":                            false,
	} {
		err := &apsclient.Error{Status: 400, Code: "BAD_INPUT", Title: "Bad input", Detail: text}
		if got := classify(err, state.Job{}).Reason == ReasonNameRefused; got != want {
			t.Errorf("%q: of the name: %t", text, got)
		}
	}
}

// TestOtherFailuresDoNotCount: two faults of the network and then a refused token are no proof of
// wrong credentials.
func TestOtherFailuresDoNotCount(t *testing.T) {
	refused := &apsclient.Error{Status: 401}
	if v := classify(refused, state.Job{Phase: state.PhaseReserved, Streak: 7, Reason: ReasonServiceTrouble,
		Alike: 7}); v.Class != classRetry || v.After != backoffCap {
		t.Errorf("after seven faults of another kind: %+v, want another try, paced by all of them", v)
	}

	if v := classify(refused, state.Job{Phase: state.PhaseReserved, Streak: 7, Reason: ReasonUnauthorised,
		Alike: maxUnauthorised}); v.Class != classPerson {
		t.Errorf("refused again and again: %+v, want a person", v)
	}

	silent := state.Job{Phase: state.PhaseQueued, Streak: maxUnexplained, Reason: ReasonServiceTrouble,
		Alike: maxUnexplained}
	if v := classify(&apsclient.Error{Status: 400}, silent); v.Class != classPerson ||
		v.Reason != ReasonRefused {
		t.Errorf("a 400 that says nothing, for ever: %+v, want it believed", v)
	}
}

func TestVerdictEvent(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	err := errors.New("x")
	if ev, ok := (verdict{classRetry, ReasonOffline, 10 * time.Second}).event(err, now,
		0.5).(state.Retry); !ok || !ev.At.Equal(now.Add(7500*time.Millisecond)) {
		t.Errorf("retry = %+v, want at 7.5 s", ev)
	}

	throttled := &apsclient.Error{Status: 429, RetryAfter: 25 * time.Second}
	if ev, ok := classify(throttled, state.Job{Phase: state.PhaseQueued}).event(throttled, now,
		0).(state.Retry); !ok || ev.At.Before(now.Add(25*time.Second)) {
		t.Errorf("retry = %+v, want not before what the service asked for", ev)
	}

	if ev, ok := (verdict{classPerson, ReasonConflict, 0}).event(err, now, 0).(state.Parked); !ok ||
		!ev.At.IsZero() {
		t.Errorf("parked = %+v, want only when asked", ev)
	}

	if ev, ok := (verdict{classFinal, ReasonUnexpected, 0}).event(err, now, 0).(state.Failed); !ok ||
		ev.Reason == "" {
		t.Errorf("failed = %+v", ev)
	}
}

func TestReasons(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Reasons() {
		if r.Code == "" || r.Sentence == "" || seen[r.Code] {
			t.Errorf("reason %+v is empty or twice", r)
		}

		seen[r.Code] = true
	}

	job := state.Job{ID: "1", Path: "/a b/it's.rvt", Target: state.Target{Address: "aps://H/P/F/it's.rvt"}}
	r, _ := ReasonByCode(ReasonConflict)
	if got, want := r.FixFor(job), "hoist push --force "+Quote(job.Path)+" aps://H/P/F"; got != want {
		t.Errorf("fix = %s, want %s", got, want)
	}
}
