package transfer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
	"hoist/state"
	"hoist/transfer/plan"
)

// TestSmallFilesOfABucketShareCalls: also when the answer to a joint call is lost.
func TestSmallFilesOfABucketShareCalls(t *testing.T) {
	for _, lost := range []string{"", "batch-signed-s3-upload", "batch-complete-upload"} {
		t.Run("lost "+lost, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				if _, err := w.client.Buckets.Create(t.Context(), "hoist-test-bucket", "transient",
					"US"); err != nil {
					t.Fatal(err)
				}

				const files = 64
				for i := range files {
					name := fmt.Sprintf("f%02d", i)
					w.write(name, 1000+i, uint64(i))
					j := w.job(name)
					j.Target = state.Target{Address: "oss://hoist-test-bucket/" + name,
						Bucket: "hoist-test-bucket", Key: name, Name: name}
					w.enqueue(j)
				}

				w.srv.ResetJournal()
				dropped := false
				w.srv.SetFault(func(r emulator.Request) emulator.Fault {
					if r.Op == lost && !dropped {
						dropped = true
						return emulator.Fault{Kind: emulator.LoseReply}
					}

					return emulator.Fault{Delay: 50 * time.Millisecond}
				})
				w.runAll(w.engine())

				calls := 0
				for _, r := range w.srv.Requests() {
					if strings.Contains(r.Op, "upload") {
						calls++
					}
				}

				if calls > files*3/2 { // two a file without sharing; at most eight files come together
					t.Errorf("%d calls for the URLs and completions of %d files, want them shared", calls,
						files)
				}

				for i := range files {
					o, err := w.client.Objects.Details(t.Context(),
						apsclient.NewObjectID("hoist-test-bucket", fmt.Sprintf("f%02d", i)))
					if err != nil || o.Size != int64(1000+i) {
						t.Errorf("object %d: %+v %v", i, o, err)
					}
				}
			})
		})
	}
}

// TestPullsOfABucketShareCalls: also where the joint call is not for us, and one object is gone.
func TestPullsOfABucketShareCalls(t *testing.T) {
	for _, refused := range []bool{false, true} {
		t.Run(fmt.Sprintf("refused %t", refused), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				if _, err := w.client.Buckets.Create(t.Context(), "drawings", "transient", "US"); err != nil {
					t.Fatal(err)
				}

				const files = 40
				for i := range files {
					w.write(fmt.Sprintf("d/f%02d", i), 1000+i, uint64(i))
				}

				e := w.engine()
				w.start(
					w.push(e, plan.PushRequest{Profile: "default", Remote: mustAddress(t, "oss://drawings/p"),
						Sources: w.sources("d", "")}))
				w.runAll(e)

				w.pull(e, "oss://drawings/p/", "pulled")
				if err := w.client.Objects.Delete(t.Context(),
					apsclient.NewObjectID("drawings", "p/f07")); err != nil {
					t.Fatal(err)
				}

				w.srv.ResetJournal()
				w.srv.SetFault(func(r emulator.Request) emulator.Fault {
					if refused && r.Op == "batch-signed-s3-download" {
						return emulator.Fault{Kind: emulator.FailBefore, Status: 403}
					}

					return emulator.Fault{Delay: 50 * time.Millisecond}
				})
				w.runAll(w.engine())

				if n := w.calls("get-signed-s3-download-url") +
					w.calls("batch-signed-s3-download"); !refused &&
					n > files/4 {
					t.Errorf("%d calls for the URLs of %d files, want them shared", n, files)
				}

				for i := range files {
					got, err := os.ReadFile(w.path(fmt.Sprintf("pulled/f%02d", i)))
					if there := err == nil && len(got) == 1000+i; there != (i != 7) {
						t.Errorf("file %d: %d bytes, %v", i, len(got), err)
					}
				}
			})
		})
	}
}

func TestJoinerSurvivesWhoLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j joiner[int, int]
		var calls atomic.Int64

		call := func(ctx context.Context, reqs map[string]int) (map[string]int, map[string]error) {
			calls.Add(1)

			answers, errs := map[string]int{}, map[string]error{}
			err := apsclient.Sleep(ctx, time.Second)
			for k, q := range reqs {
				answers[k], errs[k] = 2*q, err
			}

			return answers, errs
		}
		results := make(chan error, 40)
		for i := range 40 {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()

			go func() {
				a, err := j.do(ctx, fmt.Sprint(i), i, call)
				if err == nil && a != 2*i {
					err = fmt.Errorf("%d answered %d", i, a)
				}

				results <- err
			}()
			if i%10 == 0 {
				time.AfterFunc(1500*time.Millisecond, cancel)
			}
		}

		left := 0
		for range 40 {
			if err := <-results; errors.Is(err, context.Canceled) {
				left++
			} else if err != nil {
				t.Error(err)
			}
		}

		if left > 4 || calls.Load() > 6 {
			t.Errorf("%d left, %d calls", left, calls.Load())
		}

		if j.turn || j.calls > 0 || len(j.queue) > 0 {
			t.Error("the joiner waits for nobody")
		}
	})
}

// TestFullCallsWaitForNoOther: what fills a call is not held up by those on their way, as far as a bucket
// takes several; what does not fill one waits for its turn.
func TestFullCallsWaitForNoOther(t *testing.T) {
	for _, tt := range []struct {
		asked, calls int
		took         time.Duration
	}{{4 * apsclient.MaxBatch, 4, time.Second}, {8 * apsclient.MaxBatch, 8, 2 * time.Second},
		{30, 2, 2 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			var j joiner[int, int]
			var calls atomic.Int32

			call := func(ctx context.Context, reqs map[string]int) (map[string]int, map[string]error) {
				calls.Add(1)
				return reqs, map[string]error{"": apsclient.Sleep(ctx, time.Second)}
			}
			began := time.Now()
			j.turn = true // of somebody who looks on until all have come
			var all sync.WaitGroup
			for i := range tt.asked {
				all.Go(func() {
					if _, err := j.do(t.Context(), fmt.Sprint(i), i, call); err != nil {
						t.Error(err)
					}
				})
			}

			synctest.Wait()
			j.mu.Lock()
			j.turn = false
			j.give()
			j.mu.Unlock()
			all.Wait()

			if took := time.Since(began); int(calls.Load()) != tt.calls || took > tt.took+2*mostCompany {
				t.Errorf("%d asked: %d calls in %v, want %d in %v", tt.asked, calls.Load(), took,
					tt.calls, tt.took)
			}
		})
	}
}
