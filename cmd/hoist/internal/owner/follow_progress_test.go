package owner

import (
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
	"hoist/cmd/hoist/internal/control"
	"hoist/transfer"
)

// followedPush pushes files in virtual time and returns all that its follower is told.
func followedPush(t *testing.T, files int, size int, limits bool,
	fault func(*emulator.Server)) []control.Progress {
	t.Helper()

	options, cloud := newOptions(t)
	options.apart = true
	if limits {
		options.Clients = func(string, apsclient.Bandwidth) (*apsclient.Client, error) {
			const base = "http://127.0.0.1:1"

			return apsclient.New(apsclient.Config{
				BaseURL: base, Transport: cloud.Transport(), Limits: apsclient.DocumentedLimits(),
				Tokens: apsclient.ClientCredentials(base, emulator.DefaultClientID,
					emulator.DefaultClientSecret),
			})
		}
	}

	o := open(t, Working, options)
	dir := t.TempDir()
	for i := range files {
		write(t, filepath.Join(dir, fmt.Sprintf("%03d.dwg", i)), make([]byte, size))
	}

	if fault != nil {
		fault(cloud)
	}

	plan, err := o.Push(t.Context(),
		control.PushRequest{Paths: []string{dir + "/"}, Remote: cloud.DemoRemote()})
	if err != nil {
		t.Fatal(err)
	}

	ids := make([]string, len(plan.Files))
	for i, f := range plan.Files {
		ids[i] = f.Job
	}

	var told []control.Progress
	err = o.Follow(t.Context(), ids, func(u control.Update) error {
		if u.Progress != nil {
			told = append(told, *u.Progress)
		}

		return nil
	})
	if err != nil {
		t.Fatal(err)
	}

	return told
}

// TestProgressWhileCreatesWait: 120 small files wait for the minute of their creates, and all that
// time the limit, its next call and an estimate are told, with all bytes stored.
func TestProgressWhileCreatesWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := followedPush(t, 120, 1000, true, nil)
		waits := 0
		for _, p := range told {
			if p.Files != 120 || p.Bytes != 120*1000 || p.BytesDone > p.Bytes {
				t.Fatalf("%+v", p)
			}

			if p.BytesDone < p.Bytes || p.FilesDone == p.Files {
				continue
			}

			waits++
			if p.FilesDone < 50 || p.DecidedBy != "post-items" || p.PerMinute != 50 || p.NextCall == nil ||
				p.ETASeconds == 0 || p.Calls == 0 {
				t.Fatalf("while creates wait: %+v", p)
			}
		}

		if waits < 100 { // two a second, for two minutes
			t.Errorf("told %d times that creates wait, of %d", waits, len(told))
		}
	})
}

// TestProgressOfARepeatedCompletion: while a completion fails and is repeated, the parts that are
// stored count, and the file is shown with its next try.
func TestProgressOfARepeatedCompletion(t *testing.T) {
	const size = 6 << 20

	synctest.Test(t, func(t *testing.T) {
		told := followedPush(t, 1, size, false, func(cloud *emulator.Server) {
			var mu sync.Mutex
			failures := 0
			cloud.SetFault(func(r emulator.Request) emulator.Fault {
				mu.Lock()
				defer mu.Unlock()
				if r.Op != "complete-upload-to-signed-s3-url" && r.Op != "signed-s3-upload" ||
					failures >= 40 {
					return emulator.Fault{}
				}

				failures++

				return emulator.Fault{Kind: emulator.FailBefore, Status: http.StatusServiceUnavailable}
			})
		})
		seen, silent := 0, 0
		for _, p := range told {
			if len(p.Slowest) == 0 || p.Slowest[0].Tries == 0 {
				if silent++; p.BytesDone == size && p.FilesDone == 0 && silent > 6 { // three seconds
					t.Fatalf("nothing is said of the completion: %+v", p)
				}

				continue
			}

			seen++
			silent = 0
			if s := p.Slowest[0]; p.BytesDone != size || s.BytesDone != size || s.Phase != "uploaded" ||
				s.Reason != transfer.ReasonServiceTrouble || p.Wait == nil || p.ETASeconds != 0 {
				t.Fatalf("%+v", p)
			}
		}

		if seen == 0 {
			t.Errorf("no repetition in %d lines, the last %+v", len(told), told[len(told)-1])
		}
	})
}

// TestProgressWithoutTheService: files that wait for a service which is away say so, and nobody
// knows when they are done.
func TestProgressWithoutTheService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		told := followedPush(t, 20, 1000, false, func(cloud *emulator.Server) {
			cloud.SetFault(func(r emulator.Request) emulator.Fault {
				if r.Op != "create-storage" || time.Since(began) > time.Minute {
					return emulator.Fault{}
				}

				return emulator.Fault{Kind: emulator.LoseReply}
			})
		})
		seen := 0
		for _, p := range told {
			if p.Wait == nil || p.Wait.Reason != transfer.ReasonOffline {
				continue
			}

			if seen++; p.Wait.Count == 0 || p.Wait.Since == nil || p.ETASeconds != 0 {
				t.Fatalf("%+v, %+v", p, p.Wait)
			}
		}

		if seen < 20 {
			t.Errorf("told %d times of %d that the service is away", seen, len(told))
		}
	})
}

// TestProgressWhileCallsAreRepeated: while each call is answered with a failure of the service and
// repeated, that is said within seconds, and no estimate.
func TestProgressWhileCallsAreRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var first time.Time
		told := followedPush(t, 60, 1000, true, func(cloud *emulator.Server) {
			cloud.SetFault(func(r emulator.Request) emulator.Fault {
				mu.Lock()
				defer mu.Unlock()
				if r.Op == "create-item" && first.IsZero() {
					first = time.Now()
				}

				if first.IsZero() || time.Since(first) > 40*time.Second {
					return emulator.Fault{}
				}

				return emulator.Fault{Kind: emulator.FailBefore, Status: http.StatusServiceUnavailable}
			})
		})
		seen := 0
		for _, p := range told {
			if p.Wait != nil && p.Wait.Reason == transfer.ReasonServiceTrouble && p.Wait.Since != nil &&
				p.Wait.Count > 1 && p.ETASeconds == 0 {
				seen++
			}
		}

		if seen < 40 { // two a second, but for the first seconds and some between
			t.Errorf("told %d times of %d that the service fails", seen, len(told))
		}
	})
}
