package transfer

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
	"hoist/state"
	"hoist/transfer/plan"
)

// Killed at counted requests, again and again: nothing that was committed is fetched twice.
func TestDownloadResumes(t *testing.T) {
	const size, kills = 12*minPartSize + 12345, 4
	// dies before the file could be whole
	for _, row := range []struct{ inFlight, dieAt int }{{1, 4}, {2, 3}} {
		t.Run(fmt.Sprintf("%d in flight", row.inFlight), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func(_ *emulator.Config, _ *apsclient.Config, c *Config) {
					c.PartSize, c.Parts = minPartSize, row.inFlight
				})
				data := w.remote("Project Files/big.rvt", size, 1)
				j := w.pull(w.engine(), w.srv.DemoRemote()+"/big.rvt", "big.rvt")[0]
				w.srv.ResetJournal()

				for kill := range kills {
					ctx, cancel := context.WithCancel(t.Context())
					var mu sync.Mutex
					gets := 0
					w.srv.SetFault(func(q emulator.Request) emulator.Fault {
						mu.Lock()
						defer mu.Unlock()
						if q.Op == "s3-get" {
							if gets++; gets == row.dieAt {
								return emulator.Fault{Do: func() { w.kill(); cancel() }}
							}
						}

						return emulator.Fault{}
					})
					if err := w.engine().Run(ctx); err != nil {
						t.Fatal(err)
					}

					cancel()
					if _, err := os.Lstat(w.path("big.rvt")); err == nil {
						t.Fatalf("kill %d: a part of the file is under its name", kill)
					}

					w.revive()
				}

				w.srv.SetFault(nil)
				w.runAll(w.engine())
				w.wantDone(j.ID, state.ResultDownloaded)
				w.wantFile("big.rvt", data)
				w.wantNoLitter()
				if n, _ := w.fetched(); n > int64(size+kills*row.inFlight*minPartSize) {
					t.Errorf("%d bytes fetched of a file of %d in %d deaths with %d ranges of %d in flight",
						n, size, kills, row.inFlight, minPartSize)
				}

				rec, ok, err := w.store.Published(j.Root, j.Rel)
				if err != nil || !ok || rec.SHA1 == "" || rec.Version == "" || rec.Snapshot.Size != size {
					t.Errorf("record %+v %v %v", rec, ok, err)
				}
			})
		})
	}
}

// A file that a person saves under the name while it is fetched stays.
func TestFileAppearsDuringDownload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.remote("Project Files/a.dwg", small, 1)
		e := w.engine()
		j := w.pull(e, w.srv.DemoRemote()+"/a.dwg", "a.dwg")[0]
		var mine []byte
		w.srv.SetFault(func(q emulator.Request) emulator.Fault {
			if q.Op == "s3-get" {
				return emulator.Fault{Do: func() { mine = w.write("a.dwg", 77, 3) }}
			}

			return emulator.Fault{}
		})
		w.runAll(e)
		if got := w.get(j.ID); !got.Attention || got.Reason != ReasonLocalDiffers {
			t.Errorf("reason %q (%s), want local-differs", got.Reason, got.Error)
		}

		w.wantFile("a.dwg", mine)

		// Out of the way, it goes on without fetching again.
		if err := os.Remove(w.path("a.dwg")); err != nil {
			t.Fatal(err)
		}

		w.srv.SetFault(nil)
		w.srv.ResetJournal()
		if _, err := w.store.Commit(j.ID, state.RetryNow{}); err != nil {
			t.Fatal(err)
		}

		w.runAll(w.engine())
		w.wantDone(j.ID, state.ResultDownloaded)
		if _, n := w.fetched(); n > 0 {
			t.Errorf("%d ranges fetched again", n)
		}

		w.wantNoLitter()
	})
}

// TestSlowDiskHoldsNoSlot: small files whose bytes are there wait for the disk beside the calls, so that
// more of them than may be fetched at once can be synced side by side.
func TestSlowDiskHoldsNoSlot(t *testing.T) {
	const files = smallParts + 12
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for i := range files {
			w.remote(fmt.Sprintf("Project Files/d/%d.dwg", i), 100, uint64(i))
		}

		e, err := New(Config{Store: w.store,
			Clients: func(string) (*apsclient.Client, error) { return w.client, nil }})
		if err != nil {
			t.Fatal(err)
		}

		var syncing atomic.Int32
		together := make(chan struct{})
		e.onEffect = func(name string, after bool) error {
			if name != "sync the temporary file" || after {
				return nil
			}

			if syncing.Add(1) == files {
				close(together)
			}

			select {
			case <-together:
			case <-time.After(readPatience / 2): // a disk that is silent for longer holds none anyway
				t.Errorf("%d files at once wait for the disk, want %d", syncing.Load(), files)
			}

			return nil
		}
		w.pull(e, w.srv.DemoRemote()+"/d", "pulled")
		w.runUntil(e, func() bool { return w.store.Counts(nil, time.Now()).Queued == 0 })
	})
}

// ctxUntil ends when the job ended, or with ctx.
func ctxUntil(ctx context.Context, w *world, id state.JobID) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()

		for index := w.store.Index(); ; {
			if j, err := w.store.Job(id); err != nil || !j.Open() {
				return
			}

			var err error
			if index, err = w.store.Wait(ctx, index); err != nil {
				return
			}
		}
	}()

	return ctx
}

func TestDownloadUnderFaults(t *testing.T) {
	const size = 3*minPartSize + 99
	for name, row := range map[string]struct {
		fault func(emulator.Request) emulator.Fault
		knobs func(*emulator.Knobs)
		most  int64  // bytes fetched at most
		park  string // reason
		asks  int    // download URLs at most, 0: 1
	}{
		"broken in mid-range": {fault: faultsAt("s3-get", 2, 1,
			emulator.Fault{Kind: emulator.ResetBody, After: 3 << 20}), most: size + 3*mib},
		"broken again and again": {fault: faultsAt("s3-get", 1, 9,
			emulator.Fault{Kind: emulator.ResetBody, After: 1 << 20}), most: size + 9*mib},
		"stalled": {fault: faultsAt("s3-get", 2, 1,
			emulator.Fault{Kind: emulator.Stall, After: 1 << 20}), most: size + mib},
		"URL ended": {fault: faultsAt("s3-get", 3, 1, emulator.Fault{Kind: emulator.ExpireNow}),
			most: size, asks: 2},
		"URLs are refused": {fault: faultsAt("s3-get", 1, 1000,
			emulator.Fault{Kind: emulator.FailBefore, Status: 403}), park: ReasonURLRefused},
		"slow down": {fault: faultsAt("s3-get", 1, 2, emulator.Fault{Kind: emulator.SlowDown}),
			most: size},
		"server error at the URL": {fault: faultsAt("get-signed-s3-download-url", 1, 2,
			emulator.Fault{Kind: emulator.FailBefore, Status: 503}), most: size, asks: 3},
		"damaged on the way": {fault: faultsAt("s3-get", 2, 1,
			emulator.Fault{Kind: emulator.CorruptBytes, After: 100}), most: 2 * size, asks: 2},
		"always damaged": {fault: faultsAt("s3-get", 1, 1000,
			emulator.Fault{Kind: emulator.CorruptBytes, After: 100}), most: 9 * size, park: ReasonDamaged,
			asks: 9},
		"no SHA-1": {knobs: func(k *emulator.Knobs) { k.NoSHA1 = true }, most: size},
		"content is gone": {fault: faultsAt("s3-get", 1, 1000,
			emulator.Fault{Kind: emulator.FailBefore, Status: 404}), park: ReasonNotFound},
		"ranges ignored": {knobs: func(k *emulator.Knobs) {
			k.NoRanges = true
		}, fault: faultsAt("s3-get", 2, 1, emulator.Fault{Kind: emulator.ResetBody, After: 6 << 20}),
			most: 3 * size},
		"download not allowed": {knobs: func(k *emulator.Knobs) {
			k.DenyDownload = true
		}, park: ReasonForbidden},
		"replaced: 412 at a range": {fault: faultsAt("s3-get", 3, 1,
			emulator.Fault{Kind: emulator.FailBefore, Status: 412}), most: 2 * size, asks: 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func(_ *emulator.Config, _ *apsclient.Config, c *Config) {
					c.PartSize, c.Parts = minPartSize, 2
				})
				data := w.remote("Project Files/a.rvt", size, 1)
				e := w.engine()
				j := w.pull(e, w.srv.DemoRemote()+"/a.rvt", "a.rvt")[0]
				w.srv.ResetJournal()
				if row.knobs != nil {
					w.srv.SetKnobs(row.knobs)
				}

				w.srv.SetFault(row.fault)
				w.runAll(e)
				w.wantNoLitter()
				if row.park != "" {
					if got := w.get(j.ID); !got.Attention || got.Reason != row.park {
						t.Errorf("reason %q (%s), want %s", got.Reason, got.Error, row.park)
					} else if r, _ := ReasonByCode(row.park); r.Again == 0 && !got.NextAttempt.IsZero() {
						t.Error("it is tried again though nobody asked")
					}

					if _, err := os.Lstat(w.path("a.rvt")); err == nil {
						t.Error("something is under the name")
					}

					return
				}

				if got := w.wantDone(j.ID, state.ResultDownloaded); name == "URL ended" && got.Attempts > 0 {
					t.Errorf("a URL that ended cost the job an attempt")
				}

				w.wantFile("a.rvt", data)
				if n, _ := w.fetched(); n > row.most {
					t.Errorf("%d bytes fetched, want at most %d", n, row.most)
				}

				if n := w.calls("get-signed-s3-download-url"); n > max(row.asks, 1) {
					t.Errorf("%d URLs asked for, want at most %d", n, max(row.asks, 1))
				}
			})
		})
	}
}

// An object of a reused key that is replaced in mid-download: the new content is fetched whole,
// also when nothing but its ETag tells.
func TestObjectReplacedDuringDownload(t *testing.T) {
	for _, size := range []int{4 * minPartSize, 3 * minPartSize} {
		t.Run(fmt.Sprintf("%d bytes in place of %d", size, 3*minPartSize), func(t *testing.T) {
			replacedDuringDownload(t, size)
		})
	}
}

func replacedDuringDownload(t *testing.T, size int) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(_ *emulator.Config, _ *apsclient.Config, c *Config) {
			c.PartSize, c.Parts = minPartSize, 1
		})
		if _, err := w.client.Buckets.Create(t.Context(), "drawings", "persistent", ""); err != nil {
			t.Fatal(err)
		}

		put := func(name string, size int, seed uint64) []byte {
			data := w.write(name, size, seed)
			id := apsclient.NewObjectID("drawings", "a.rvt")
			urls, err := w.client.Objects.UploadURLs(t.Context(), id, apsclient.UploadURLsRequest{Parts: 1})
			if err != nil {
				t.Error(err)
				return nil
			}

			etag, err := w.client.Data.PutPart(t.Context(), urls.URLs[0],
				apsclient.PartBody{R: bytes.NewReader(data), Size: int64(size)})
			if err == nil {
				_, err = w.client.Objects.Complete(t.Context(), id,
					apsclient.Completion{UploadKey: urls.UploadKey, Size: int64(size), ETags: []string{etag}})
			}

			if err != nil {
				t.Error(err)
			}

			return data
		}
		w.srv.SetKnobs(func(k *emulator.Knobs) { k.NoSHA1 = true })
		put("src/one.rvt", 3*minPartSize, 1)
		e := w.engine()
		j := w.pull(e, "oss://drawings/a.rvt", "a.rvt")[0]
		var two []byte
		gets := 0
		w.srv.SetFault(func(q emulator.Request) emulator.Fault {
			if q.Op != "s3-get" {
				return emulator.Fault{}
			}

			if gets++; gets == 2 {
				return emulator.Fault{Do: func() {
					w.srv.SetFault(nil)
					two = put("src2/two.rvt", size, 2)
				}}
			}

			return emulator.Fault{}
		})

		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if err := e.Run(ctxUntil(ctx, w, j.ID)); err != nil {
			t.Fatal(err)
		}

		w.wantDone(j.ID, state.ResultDownloaded)
		w.wantFile("a.rvt", two)
		w.wantNoLitter()
	})
}

func TestDownloadOfAnObjectThatIsNotAssembled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *emulator.Config, _ *apsclient.Config, e *Config) {
			c.Assembly = time.Hour
			e.PartSize = minPartSize + mib
		})
		data := w.write("src/a.rvt", 3*minPartSize+5, 1)
		e := w.engine()
		w.start(w.push(e, plan.PushRequest{Profile: "default", Remote: mustAddress(t, w.srv.DemoRemote()),
			Sources: w.sources("src", "")}))
		w.runAll(e)
		w.cfg.PartSize = minPartSize // ranges that lie across the chunks
		e = w.engine()
		w.srv.ResetJournal()
		j := w.pull(e, w.srv.DemoRemote()+"/a.rvt", "out.rvt")[0]
		w.runAll(e)
		w.wantDone(j.ID, state.ResultDownloaded)
		w.wantFile("out.rvt", data)
		if n, _ := w.fetched(); n != int64(len(data)) {
			t.Errorf("%d bytes fetched of %d", n, len(data))
		}
	})
}

func TestDownloadWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		data := w.remote("Project Files/a.rvt", small, 1)
		e := w.engine()
		var free atomic.Int64
		free.Store(100)
		e.freeSpace = func(string) (int64, error) { return free.Load(), nil }
		j := w.pull(e, w.srv.DemoRemote()+"/a.rvt", "a.rvt")[0]
		w.runAll(e)
		got := w.get(j.ID)
		if !got.Attention || got.Reason != ReasonNoSpace || got.NextAttempt.IsZero() ||
			!strings.Contains(got.Error, fmt.Sprint(small-100)) {
			t.Fatalf("reason %q at %v: %s; want no-space with the %d bytes that are missing", got.Reason,
				got.NextAttempt, got.Error, small-100)
		}

		if _, n := w.fetched(); n > 0 {
			t.Errorf("%d ranges fetched though there is no room", n)
		}

		free.Store(1 << 30)
		w.runUntil(e, func() bool { j := w.get(j.ID); return !j.Open() })
		w.wantDone(j.ID, state.ResultDownloaded)
		w.wantFile("a.rvt", data)
	})
}

// What a cancelled download has fetched is removed, whether it runs or rests.
func TestCancelledDownloadLeavesNothing(t *testing.T) {
	for _, running := range []bool{true, false} {
		t.Run(fmt.Sprintf("running=%v", running), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func(_ *emulator.Config, _ *apsclient.Config, c *Config) {
					c.PartSize, c.Parts = minPartSize, 1
				})
				w.remote("Project Files/a.rvt", 3*minPartSize, 1)
				e := w.engine()
				j := w.pull(e, w.srv.DemoRemote()+"/a.rvt", "a.rvt")[0]
				event := state.Event(state.Cancel{})
				if !running {
					event = state.Pause{}
				}

				gets := 0
				w.srv.SetFault(func(q emulator.Request) emulator.Fault {
					if q.Op == "s3-get" {
						if gets++; gets == 2 {
							return emulator.Fault{Kind: emulator.Stall, After: 1 << 20, Do: func() {
								if _, err := w.store.Commit(j.ID, event); err != nil {
									t.Error(err)
								}
							}}
						}
					}

					return emulator.Fault{}
				})

				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()

				ended := make(chan error, 1)
				go func() { ended <- e.Run(ctx) }()
				time.Sleep(5 * time.Second)
				if !running {
					if _, err := os.Lstat(w.get(j.ID).Temp); err != nil {
						t.Fatalf("a paused download lost what it has: %v", err)
					}

					cancelled, err := w.store.Commit(j.ID, state.Cancel{})
					if err != nil {
						t.Fatal(err)
					}

					if err := e.Discard(cancelled); err != nil {
						t.Fatal(err)
					}
				}

				w.wantNoLitter()
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// A process that died before its record told of the temporary file: a cancel finds it all the same,
// and makes no folder to look for it.
func TestCancelFindsWhatNoRecordTellsOf(t *testing.T) {
	for _, kept := range []bool{true, false} {
		w := newWorld(t)
		e := w.engine()
		job := state.Job{ID: "00", Kind: state.Download, Phase: state.PhaseResolved,
			Path: w.path("sub/a.rvt"), End: state.EndCancelled}
		if kept {
			at, err := openTarget(job)
			if err != nil {
				t.Fatal(err)
			}

			f, err := at.createTemp(100)
			if err != nil {
				t.Fatal(err)
			}

			f.Close()
			at.Close()
		}

		if err := e.Discard(job); err != nil {
			t.Error(err)
		}

		w.wantNoLitter()
		if _, err := os.Lstat(w.path("sub")); (err == nil) != kept {
			t.Errorf("folder there before: %v; after: %v", kept, err)
		}
	}
}

// A disk that fills up while ranges are written: the job waits and says how much is missing.
func TestDiskFullWhileWriting(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no device that is always full: %v", err)
	}
	defer full.Close()
	w := newWorld(t)
	e := w.engine()
	e.freeSpace = func(string) (int64, error) { return 300, nil }
	f := &fetching{e: e, r: &run{meter: newMeter()}, d: &download{size: 1000}, f: full,
		job: state.Job{Size: 1000, Path: w.path("a.rvt")}}
	_, err = f.copy(t.Context(), strings.NewReader(strings.Repeat("x", 1000)), 0, 999)
	err = f.explain(&target{dir: w.dir}, err)
	v := classify(err, state.Job{Phase: state.PhaseFetching})
	if v.Class != classPerson || v.Reason != ReasonNoSpace || v.After == 0 ||
		!strings.Contains(err.Error(), "700 bytes are missing") {
		t.Errorf("verdict %+v of %v, want no-space, looked at again by itself, with 700 bytes missing", v,
			err)
	}

	e.freeSpace = func(string) (int64, error) { return 5000, nil } // out of inodes
	err = f.explain(&target{dir: w.dir}, fmt.Errorf("make a file: %w", syscall.ENOSPC))
	v = classify(err, state.Job{Phase: state.PhaseFetching})
	if v.Reason != ReasonNoSpace || v.After == 0 || !strings.Contains(err.Error(), "takes no more files") {
		t.Errorf("verdict %+v of %v, want no-space, looked at again by itself, without an amount", v, err)
	}
}
