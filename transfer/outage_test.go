package transfer

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
	"hoist/state"
)

// TestSomebodyElseAnswers: for 40 s something answers in the service's place on one plane, while
// jobs are new, in the midst of their parts, and about to be published. Nothing is parked, and
// afterwards all goes on by itself: one version each.
func TestSomebodyElseAnswers(t *testing.T) {
	n := 0
	const page = "<html><head><title>Please sign in</title></head></html>"
	planes := []struct {
		name string
		is   func(*http.Request) bool
	}{
		{"token", func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/authentication/") }},
		{"api", func(r *http.Request) bool {
			return !strings.HasPrefix(r.URL.Path, "/authentication/") &&
				!strings.HasPrefix(r.URL.Path, "/s3/")
		}},
		{"storage", func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/s3/") }},
	}
	for _, plane := range planes {
		for _, status := range []int{200, 302, 401, 403, 404, 407, 411, 413, 451, 503} {
			for _, body := range []string{page, ""} {
				if n++; !tried(n) {
					continue
				}

				what := "nothing"
				if body != "" {
					what = "a page"
				}

				t.Run(fmt.Sprintf("%s/%d with %s", plane.name, status, what), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						w := newWorld(t, func(_ *emulator.Config, _ *apsclient.Config, c *Config) {
							c.PartSize = 5 * mib
						})
						began := time.Now()
						w.instead = func(r *http.Request) *http.Response {
							since := time.Since(began)
							if !plane.is(r) || since < 400*time.Millisecond || since > 41*time.Second {
								return nil
							}

							if r.Body != nil {
								_, _ = io.Copy(io.Discard, r.Body)
								_ = r.Body.Close()
							}

							resp := &http.Response{
								StatusCode:    status,
								Header:        http.Header{"Location": {"https://portal/"}},
								ContentLength: int64(len(body)),
								ProtoMajor:    1,
								ProtoMinor:    1,
								Body:          io.NopCloser(strings.NewReader(body)),
							}
							if body != "" {
								resp.Header.Set("Content-Type", "text/html")
							}

							return resp
						}
						w.srv.SetFault(
							func(r emulator.Request) emulator.Fault { // spreads the jobs over their phases
								return emulator.Fault{Delay: 100 * time.Millisecond}
							},
						)

						want := map[string][]byte{}
						for i, size := range []int{100, 6 * mib, 2000} {
							name := fmt.Sprintf("f%d.dwg", i)
							want[name] = w.write(name, size, uint64(i))
							w.enqueue(w.job(name, fmt.Sprintf("dir %d", i%2)))
						}

						if plane.name == "token" { // a new one is needed in the outage
							time.AfterFunc(350*time.Millisecond, func() { w.srv.ExpireTokens() })
						}

						w.runUntil(w.engine(), func() bool {
							jobs, err := w.store.OpenJobs()
							for _, j := range jobs {
								if j.Attention {
									t.Fatalf("%s is parked: %s %s", j.Path, j.Reason, j.Error)
								}
							}

							return err == nil && len(jobs) == 0
						})
						if took := time.Since(began); took < 41*time.Second || took > 5*time.Minute {
							t.Errorf("done after %v", took)
						}

						for i := range len(want) {
							name := fmt.Sprintf("f%d.dwg", i)
							w.wantVersions(fmt.Sprintf("dir %d/%s", i%2, name), want[name])
						}
					})
				})
			}
		}
	}
}

// TestOneJobProbes: a network that comes back is noticed within seconds, though the one job there
// is would wait for its own time much longer.
func TestOneJobProbes(t *testing.T) {
	for _, outage := range []time.Duration{70 * time.Second, 3 * time.Minute, 10 * time.Minute} {
		t.Run(outage.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				want := w.write("f.dwg", 1000, 1)
				w.enqueue(w.job("f.dwg", "dir"))
				w.kill()

				began := time.Now()
				time.AfterFunc(outage, w.revive)
				w.runUntil(w.engine(), func() bool {
					jobs, err := w.store.OpenJobs()
					return err == nil && len(jobs) == 0
				})
				if late := time.Since(began) - outage; late > probeCap+5*time.Second {
					t.Errorf("done %v after the network was back", late)
				}

				w.wantVersions("dir/f.dwg", want)
			})
		})
	}
}

// TestFailsAsTheNetworkComesBack: a file fails for the network at the very moment at which another
// one's success ends the outage. No probe comes for it any more; its own next attempt does.
func TestFailsAsTheNetworkComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("plan.dwg", 500, 1)
		j := w.enqueue(w.job("plan.dwg"))
		publishing := func() bool { job, err := w.store.Job(j.ID); return err == nil && isPublishing(job) }
		w.srv.SetFault(faultsAt("create-item", 1, 1, emulator.Fault{Kind: emulator.FailBefore, Status: 503}))
		w.runUntil(w.engine(), publishing)

		began := time.Now()
		e := w.engine()
		e.api.failed(io.ErrUnexpectedEOF, began)
		if _, err := w.store.Commit(j.ID,
			state.Retry{At: began.Add(9 * time.Second), Reason: ReasonOffline}); err != nil {
			t.Fatal(err)
		}

		e.api.succeeded(began)
		w.runAll(e) // within the hour
	})
}

// TestRetryAfterHours: a service that asks for hours gets them, the job says so meanwhile, and goes
// on by itself.
func TestRetryAfterHours(t *testing.T) {
	for _, op := range []string{"list-folder-contents", "create-storage",
		"get-signed-s3-upload-urls", "s3-put",
		"signed-s3-upload", "create-item"} {
		t.Run(op, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				want := w.write("f.dwg", 1000, 1)
				j := w.enqueue(w.job("f.dwg", "dir"))

				const hours = 5 * time.Hour

				began, asked := time.Now(), 0
				w.srv.SetFault(func(r emulator.Request) emulator.Fault {
					if r.Op != op || time.Since(began) > hours {
						return emulator.Fault{}
					}

					asked++

					return emulator.Fault{Kind: emulator.FailBefore, Status: 503, Header: http.Header{
						"Retry-After": {fmt.Sprint(int((hours - time.Since(began)).Seconds()) + 1)}}}
				})

				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- w.engine().Run(ctx) }()

				time.Sleep(hours / 2)
				if j := w.get(j.ID); j.Attention || j.Reason == "" || j.NextAttempt.Before(time.Now()) {
					t.Errorf("half way: attention %t, reason %q, next attempt %v", j.Attention, j.Reason,
						j.NextAttempt)
				}

				for !w.allDone() && time.Since(began) < 2*hours {
					time.Sleep(time.Second)
				}

				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}

				w.wantDone(j.ID, state.ResultCreated)
				w.wantVersions("dir/f.dwg", want)
				if took := time.Since(began); took > hours+2*time.Minute || asked > 20 {
					t.Errorf("done after %v, asked %d times", took, asked)
				}
			})
		})
	}
}
