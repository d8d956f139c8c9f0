package transfer

import (
	"net/http"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
	"hoist/state"
)

const small = 100 << 10

func TestUploadNewAndNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		one := w.write("plan.rvt", 12*mib+5, 1)
		j := w.enqueue(w.job("plan.rvt", "a", "b"))
		w.runAll(w.engine())
		done := w.wantDone(j.ID, state.ResultCreated)
		w.wantVersions("a/b/plan.rvt", one)
		if n := w.calls("get-signed-s3-upload-urls"); n != 1 {
			t.Errorf("%d URL calls for a file of two parts, want 1", n)
		}

		if n := w.calls("list-item-versions"); n != 0 {
			t.Errorf("%d looks at versions in a run without trouble, want none", n)
		}

		rec, ok, err := w.store.Published("", w.path("plan.rvt"))
		if err != nil || !ok || rec.Version != done.Version || len(rec.ETags) != 2 ||
			rec.Storage != done.Object {
			t.Errorf("published record %+v %v %v does not agree with the job %+v", rec, ok, err, done)
		}

		two := w.write("plan.rvt", 9*mib, 2)
		j = w.enqueue(w.job("plan.rvt", "a", "b"))
		w.runAll(w.engine())
		if done = w.wantDone(j.ID, state.ResultVersioned); done.VersionNumber != 2 {
			t.Errorf("version number %d, want 2", done.VersionNumber)
		}

		w.wantVersions("a/b/plan.rvt", one, two)
	})
}

func TestUploadUnchangedInAFreshHome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		data := w.write("plan.rvt", small, 1)
		w.enqueue(w.job("plan.rvt"))
		w.runAll(w.engine())

		w.store.Close()
		os.RemoveAll(w.home)
		os.MkdirAll(w.home, 0o700)
		w.open()
		w.srv.ResetJournal()
		j := w.enqueue(w.job("plan.rvt"))
		w.runAll(w.engine())
		done := w.wantDone(j.ID, state.ResultUnchanged)
		w.wantVersions("plan.rvt", data)
		if done.Item == "" || done.Version == "" {
			t.Errorf("the job does not name what is there: %+v", done)
		}

		for _, op := range []string{"create-storage", "get-signed-s3-upload-urls", "s3-put"} {
			if n := w.calls(op); n != 0 {
				t.Errorf("%d calls of %s for an unchanged file", n, op)
			}
		}

		forced := w.job("plan.rvt")
		forced.Force = true
		j = w.enqueue(forced)
		w.runAll(w.engine())
		w.wantDone(j.ID, state.ResultVersioned)
		w.wantVersions("plan.rvt", data, data)

		w.write("plan.rvt", small, 2) // the same size, other content
		j = w.enqueue(w.job("plan.rvt"))
		w.runAll(w.engine())
		w.wantDone(j.ID, state.ResultVersioned)
	})
}

func TestUploadToBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		if _, err := w.client.Buckets.Create(t.Context(), "hoist-test-bucket", "transient",
			"US"); err != nil {
			t.Fatal(err)
		}

		data := w.write("model.ifc", 6*mib, 1)
		job := func() state.Job {
			j := w.job("model.ifc")
			j.Target = state.Target{Address: "oss://hoist-test-bucket/in/model.ifc",
				Bucket: "hoist-test-bucket", Key: "in/model.ifc", Name: "model.ifc"}

			return j
		}
		j := w.enqueue(job())
		w.runAll(w.engine())
		w.wantDone(j.ID, state.ResultCreated)
		o, err := w.client.Objects.Details(t.Context(),
			apsclient.NewObjectID("hoist-test-bucket", "in/model.ifc"))
		if err != nil || o.Size != int64(len(data)) {
			t.Fatalf("object %+v: %v", o, err)
		}

		j = w.enqueue(job())
		w.runAll(w.engine())
		w.wantDone(j.ID, state.ResultUnchanged)

		// A lost reply to the completion is settled by the job's marker, not by the size: here the
		// old object has the same size.
		w.write("model.ifc", 6*mib, 2)
		j = w.enqueue(job())
		w.faultOnce("signed-s3-upload", emulator.Fault{Kind: emulator.LoseReply})
		w.srv.ResetJournal()
		w.runAll(w.engine())
		w.wantDone(j.ID, state.ResultVersioned)
		if n := w.calls("signed-s3-upload"); n != 1 {
			t.Errorf("%d completions, want 1 and a look", n)
		}

		j = w.enqueue(func() state.Job { w.write("model.ifc", 6*mib, 3); return job() }())
		w.faultOnce("signed-s3-upload", emulator.Fault{Kind: emulator.FailBefore, Status: 500})
		w.srv.ResetJournal()
		w.runAll(w.engine())
		w.wantDone(j.ID, state.ResultVersioned)
		if n := w.calls("signed-s3-upload"); n != 2 {
			t.Errorf("%d completions, want 2: the first had no effect", n)
		}
	})
}

// faultOnce lets a fault befall the next request of an operation.
func (w *world) faultOnce(op string, f emulator.Fault) {
	var used atomic.Bool
	w.srv.SetFault(func(r emulator.Request) emulator.Fault {
		if r.Op == op && used.CompareAndSwap(false, true) {
			return f
		}

		return emulator.Fault{}
	})
}

func TestUploadEmptyFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("empty.txt", 0, 0)
		j := w.enqueue(w.job("empty.txt"))
		w.runAll(w.engine())
		w.wantDone(j.ID, state.ResultCreated)
		w.wantVersions("empty.txt", []byte{})

		w.srv.SetKnobs(func(k *emulator.Knobs) { k.RefuseEmptyPart = true })
		w.write("refused.txt", 0, 0)
		j = w.enqueue(w.job("refused.txt"))
		w.runAll(w.engine())
		w.wantParked(j.ID, ReasonEmptyFile)
	})
}

func (w *world) wantParked(id state.JobID, reason string) {
	w.t.Helper()
	if j := w.get(id); !j.Attention || j.Reason != reason {
		w.t.Errorf("job %s: attention %v reason %q error %q end %q, want %q", j.Path, j.Attention, j.Reason,
			j.Error, j.End, reason)
	}
}

// TestUploadFaults: each fault befalls one call of a run that must still end with exactly one
// version and no more than the repeated call.
func TestUploadFaults(t *testing.T) {
	tests := []struct {
		name string
		op   string
		f    emulator.Fault
		knob func(*emulator.Knobs)
		max  map[string]int // most calls allowed
	}{
		{"part: connection reset", "s3-put", emulator.Fault{Kind: emulator.ResetBody, After: 100 << 10}, nil,
			map[string]int{"s3-put": 4}},
		{"part: reply lost", "s3-put", emulator.Fault{Kind: emulator.LoseReply}, nil,
			map[string]int{"s3-put": 4}},
		{"part: slow down", "s3-put", emulator.Fault{Kind: emulator.SlowDown}, nil,
			map[string]int{"s3-put": 4}},
		{"part: URL ended", "s3-put", emulator.Fault{Kind: emulator.ExpireNow}, nil,
			map[string]int{"s3-put": 4, "get-signed-s3-upload-urls": 2}},
		{"part: stored another", "s3-put", emulator.Fault{Kind: emulator.CorruptBytes, After: 3}, nil,
			map[string]int{"s3-put": 4}},
		{"part: wrong ETag", "s3-put", emulator.Fault{Kind: emulator.WrongETag}, nil,
			map[string]int{"s3-put": 4, "signed-s3-upload": 2}},
		{"part: stalls", "s3-put", emulator.Fault{Kind: emulator.Stall, After: 1000}, nil,
			map[string]int{"s3-put": 4}},
		{"storage: reply lost", "create-storage", emulator.Fault{Kind: emulator.LoseReply}, nil, nil},
		{"session: reply lost", "get-signed-s3-upload-urls", emulator.Fault{Kind: emulator.LoseReply}, nil,
			nil},
		{"complete: reply lost", "signed-s3-upload", emulator.Fault{Kind: emulator.LoseReply}, nil,
			map[string]int{"signed-s3-upload": 1, "s3-put": 3}},
		{"complete: reply lost, second refused", "signed-s3-upload", emulator.Fault{Kind: emulator.LoseReply},
			func(k *emulator.Knobs) {
				k.SecondCompleteFails = true
			}, map[string]int{"s3-put": 3}},
		{"complete: fails before", "signed-s3-upload", emulator.Fault{Kind: emulator.FailBefore, Status: 503},
			nil, map[string]int{"signed-s3-upload": 2, "s3-put": 3}},
		{"complete: session dead", "signed-s3-upload", emulator.Fault{Kind: emulator.ExpireNow}, nil,
			map[string]int{"s3-put": 6, "signed-s3-upload": 2}},
		{"item: reply lost", "create-item", emulator.Fault{Kind: emulator.LoseReply}, nil,
			map[string]int{"create-item": 1}},
		{"item: reply lost, storage rewritten", "create-item", emulator.Fault{Kind: emulator.LoseReply},
			func(k *emulator.Knobs) {
				k.RewriteStorage = true
			}, map[string]int{"create-item": 1}},
		{"item: 500 without effect", "create-item", emulator.Fault{Kind: emulator.FailBefore, Status: 500},
			nil, map[string]int{"create-item": 2}},
		{"item: 409 in flight", "create-item", emulator.Fault{Kind: emulator.FailBefore, Status: 409}, nil,
			map[string]int{"create-item": 2}},
		{"item: 423", "create-item", emulator.Fault{Kind: emulator.FailBefore, Status: 423}, nil,
			map[string]int{"create-item": 2}},
		{"item: token ended", "create-item", emulator.Fault{Kind: emulator.ExpireNow}, nil,
			map[string]int{"create-item": 2}},
		{"item: throttled", "create-item", emulator.Fault{Kind: emulator.SlowDown}, nil,
			map[string]int{"create-item": 2}},
		{"folder: reply lost", "create-folder", emulator.Fault{Kind: emulator.LoseReply}, nil,
			map[string]int{"create-folder": 1}},
		{"folder: 500 without effect", "create-folder",
			emulator.Fault{Kind: emulator.FailBefore, Status: 500}, nil, map[string]int{"create-folder": 2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func(_ *emulator.Config, _ *apsclient.Config, c *Config) {
					c.PartSize, c.Checksum = 5*mib, "always"
				})
				if tt.knob != nil {
					w.srv.SetKnobs(tt.knob)
				}

				data := w.write("plan.rvt", 11*mib, 7)
				j := w.enqueue(w.job("plan.rvt", "new folder"))
				w.faultOnce(tt.op, tt.f)
				w.runAll(w.engine())
				if done := w.wantDone(j.ID, state.ResultCreated); tt.f.Kind == emulator.ExpireNow &&
					tt.op == "s3-put" && done.Attempts > 0 {
					t.Errorf("a URL that ended cost the job an attempt")
				}

				w.wantVersions("new folder/plan.rvt", data)

				for op, most := range tt.max {
					if n := w.calls(op); n > most || n == 0 {
						t.Errorf("%d calls of %s, want 1 to %d", n, op, most)
					}
				}
			})
		})
	}
}

// TestVersionFaults is the same for the next version of an item.
func TestVersionFaults(t *testing.T) {
	for _, tt := range []struct {
		name string
		f    emulator.Fault
		knob func(*emulator.Knobs)
		most int
	}{
		{"reply lost", emulator.Fault{Kind: emulator.LoseReply}, nil, 1},
		{"reply lost, storage rewritten", emulator.Fault{Kind: emulator.LoseReply}, func(k *emulator.Knobs) {
			k.RewriteStorage = true
		}, 1},
		{"reply lost, storage rewritten, no sha1", emulator.Fault{Kind: emulator.LoseReply},
			func(k *emulator.Knobs) {
				k.RewriteStorage, k.NoSHA1 = true, true
			}, 1},
		{"502 without effect", emulator.Fault{Kind: emulator.FailBefore, Status: 502}, nil, 2},
		{"409", emulator.Fault{Kind: emulator.FailBefore, Status: 409}, nil, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func(_ *emulator.Config, _ *apsclient.Config, c *Config) {
					c.UserID = func(string) string { return "" }
				})
				one := w.write("plan.rvt", small, 1)
				w.enqueue(w.job("plan.rvt"))
				w.runAll(w.engine())
				if tt.knob != nil {
					w.srv.SetKnobs(tt.knob)
				}

				two := w.write("plan.rvt", small, 2)
				j := w.enqueue(w.job("plan.rvt"))
				w.faultOnce("create-version", tt.f)
				w.srv.ResetJournal()
				w.runAll(w.engine())
				w.wantDone(j.ID, state.ResultVersioned)
				w.wantVersions("plan.rvt", one, two)
				if n := w.calls("create-version"); n > tt.most {
					t.Errorf("%d creates, want at most %d", n, tt.most)
				}
			})
		})
	}
}

// TestLateVisibility: a create whose reply is lost shows in listings only after a while.
func TestLateVisibility(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *emulator.Config, _ *apsclient.Config, _ *Config) {
			c.Visibility = 3 * time.Second
		})
		data := w.write("plan.rvt", small, 1)
		j := w.enqueue(w.job("plan.rvt"))
		w.faultOnce("create-item", emulator.Fault{Kind: emulator.LoseReply})
		w.runAll(w.engine())
		w.wantDone(j.ID, state.ResultCreated)
		w.wantVersions("plan.rvt", data)
	})
}

// TestHundredTwentyFiles: documented limits at both ends, simulated time. Items are the bottleneck,
// a large file is not held up by it, and no request is refused.
func TestHundredTwentyFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(ec *emulator.Config, cc *apsclient.Config, _ *Config) {
			ec.Limits = true
			cc.Limits = apsclient.DocumentedLimits()
		})
		var names []string
		for i := range 120 {
			name := "f" + string(rune('a'+i/26)) + string(rune('a'+i%26)) + ".dwg"
			names = append(names, name)
			w.write(name, 1000+i, uint64(i))
			w.enqueue(w.job(name))
		}

		sparse(t, w.path("zz large.rvt"), 300*mib)
		w.enqueue(w.job("zz large.rvt"))
		names = append(names, "zz large.rvt")
		old := w.write("old.dwg", small, 1) // a next version is not held up by the creates of items either
		if _, _, err := w.srv.AddFile(string(w.project), "Project Files/old.dwg", newReader([]byte("before")),
			6); err != nil {
			t.Fatal(err)
		}

		w.enqueue(w.job("old.dwg"))
		e := w.engine()
		began := time.Now()
		decided := map[string]bool{}
		w.runUntil(e, func() bool {
			by := e.Estimate().DecidedBy
			decided[by] = true
			return w.settled()
		})
		if took := time.Since(began); took < 2*time.Minute || took > 2*time.Minute+30*time.Second {
			t.Errorf("took %v, want two minutes and a little", took)
		}

		if !decided["post-items"] {
			t.Errorf("the estimate was decided by %v, want post-items", decided)
		}

		for _, r := range w.srv.Requests() {
			if r.Status == http.StatusTooManyRequests {
				t.Errorf("refused: %s %s", r.Op, r.Path)
			}
		}

		if got := len(w.srv.Items()); got != len(names)+1 {
			t.Errorf("%d items, want %d", got, len(names)+1)
		}

		w.wantVersions("old.dwg", []byte("before"), old)

		for _, r := range w.srv.Requests() {
			late := r.Time.Sub(began)
			if r.Op == "signed-s3-upload" && r.Bytes > 0 && late > 10*time.Second {
				t.Errorf("a completion came after %v: files wait for the creates of others", late)
			}

			if r.Op == "create-version" && late > 10*time.Second {
				t.Errorf("the version was created after %v: it waited for the creates of items", late)
			}
		}
	})
}

func TestSessionThatEndsIsOpenedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *emulator.Config, _ *apsclient.Config, ec *Config) {
			c.UploadLifetime = time.Hour
			ec.PartSize = 5 * mib
		})
		data := w.write("plan.rvt", 15*mib, 3)
		j := w.enqueue(w.job("plan.rvt"))
		e := w.engine()
		w.runUntil(e, func() bool { return w.get(j.ID).PartsDone >= 1 })
		time.Sleep(55 * time.Minute) // less than the margin is left
		w.runAll(w.engine())
		w.wantDone(j.ID, state.ResultCreated)
		w.wantVersions("plan.rvt", data)
	})
}

func TestResumeSendsNoStoredPartAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(_ *emulator.Config, _ *apsclient.Config, c *Config) {
			c.PartSize, c.Parts = 5*mib, 2
		})
		data := w.write("plan.rvt", 50*mib, 4)

		j := w.enqueue(w.job("plan.rvt"))
		var again []int
		for stop := 1; stop <= 9; stop += 2 {
			w.runUntil(w.engine(), func() bool { return w.get(j.ID).PartsDone >= stop })
			stored, err := w.store.Parts(j.ID)
			if err != nil {
				t.Fatal(err)
			}

			w.srv.ResetJournal()

			have := map[int]bool{}
			for _, p := range stored {
				have[p.Number] = true
			}

			w.runUntil(w.engine(), func() bool { return w.get(j.ID).PartsDone > stop || !w.get(j.ID).Open() })

			for _, n := range w.storedParts() {
				if have[n] {
					again = append(again, n)
				}
			}
		}

		w.runAll(w.engine())
		w.wantDone(j.ID, state.ResultCreated)
		w.wantVersions("plan.rvt", data)
		if len(again) > 0 {
			t.Errorf("parts %v were sent again after their commit", again)
		}
	})
}

func TestURLsComeInRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(_ *emulator.Config, _ *apsclient.Config, c *Config) {
			c.PartSize, c.Parts = 5*mib, 8
		})
		sparse(t, w.path("big.bin"), 60*5*mib)
		w.enqueue(w.job("big.bin"))
		w.runAll(w.engine())
		if n := w.calls("get-signed-s3-upload-urls"); n != 3 {
			t.Errorf("%d URL calls for 60 parts, want 3", n)
		}

		parts := w.storedParts()
		slices.Sort(parts)
		if len(parts) != 60 || parts[0] != 1 || parts[59] != 60 {
			t.Errorf("parts sent: %v", parts)
		}
	})
}

// sparse makes a file of zeros that takes no room.
func sparse(t *testing.T, path string, size int64) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
}
