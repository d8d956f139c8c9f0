package transfer

import (
	"fmt"
	"slices"
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

// Services that the documentation allows and that are not kind: late, silent, or wrong.

// TestETagsThatLookLikeAnMD5: under KMS encryption they are none. One part goes twice to find that
// out, no other.
func TestETagsThatLookLikeAnMD5(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(ec *emulator.Config, _ *apsclient.Config, c *Config) {
			ec.OpaqueETags, c.PartSize, c.Parts, c.Checksum = true, 5*mib, 1, "always"
		})
		data := w.write("plan.rvt", 11*mib, 7)
		j := w.enqueue(w.job("plan.rvt"))
		w.runAll(w.engine())
		w.wantDone(j.ID, state.ResultCreated)
		w.wantVersions("plan.rvt", data)
		if n := w.calls("s3-put"); n != 4 {
			t.Errorf("%d parts sent, want 4", n)
		}
	})
}

// TestDamagedForEver: what arrives damaged each time is never published.
func TestDamagedForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(_ *emulator.Config, _ *apsclient.Config, c *Config) { c.Checksum = "always" })
		w.write("plan.rvt", small, 7)
		j := w.enqueue(w.job("plan.rvt"))
		var nth atomic.Int64
		w.srv.SetFault(func(r emulator.Request) emulator.Fault {
			if r.Op == "s3-put" {
				return emulator.Fault{Kind: emulator.CorruptBytes, After: nth.Add(1)}
			}

			return emulator.Fault{}
		})
		w.runAll(w.engine())
		w.wantParked(j.ID, ReasonDamaged)
		if n := w.calls("signed-s3-upload"); n != 0 {
			t.Errorf("%d completions", n)
		}
	})
}

// TestURLsAreRefused: the storage refuses each signed URL, also new ones. The file is not tried
// without end.
func TestURLsAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("plan.rvt", small, 7)
		j := w.enqueue(w.job("plan.rvt"))
		w.srv.SetFault(faultsAt("s3-put", 1, 1000, emulator.Fault{Kind: emulator.FailBefore, Status: 403}))
		w.runAll(w.engine())
		w.wantParked(j.ID, ReasonURLRefused)
		if got := w.get(j.ID); !got.NextAttempt.IsZero() {
			t.Errorf("it is tried again at %s though nobody asked", got.NextAttempt)
		}

		if n, most := w.calls("s3-put"), (maxURLRefused+1)*(urlRefreshes+1); n > most {
			t.Errorf("%d parts sent, want at most %d", n, most)
		}
	})
}

// TestRefusedURLsInOtherWords: the storage refuses a signed URL as ended in several ways. A new one
// is asked for; where each is refused, that is the reason, and no sign-in helps.
func TestRefusedURLsInOtherWords(t *testing.T) {
	xml := func(code string) []byte { return []byte("<Error><Code>" + code + "</Code></Error>") }
	for _, row := range []struct {
		status int
		body   []byte
	}{
		{401, xml("InvalidToken")}, {401, []byte(`{"message":"Unauthorized"}`)}, {400, xml("ExpiredToken")},
		{400, xml("AuthorizationQueryParametersError")}, {403, xml("RequestTimeTooSkewed")},
		{403, []byte(`{"message":"Missing Key-Pair-Id"}`)},
	} {
		refuse := emulator.Fault{Kind: emulator.FailBefore, Status: row.status, Body: row.body}
		for name, first := range map[string]int{"once": 1, "for ever": 1000} {
			t.Run(fmt.Sprintf("%d %s/%s", row.status, row.body, name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					data := w.write("plan.rvt", small, 7)
					j := w.enqueue(w.job("plan.rvt"))
					w.srv.SetFault(faultsAt("s3-put", 1, first, refuse))
					w.runAll(w.engine())
					if first > 1 {
						w.wantParked(j.ID, ReasonURLRefused)
						return
					}

					w.wantDone(j.ID, state.ResultCreated)
					w.wantVersions("plan.rvt", data)
				})
			})
		}
	}
}

// TestClockAheadOfTheService: sessions that have ended by the local clock are used until the
// service ends them.
func TestClockAheadOfTheService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(ec *emulator.Config, _ *apsclient.Config, _ *Config) {
			ec.Now = func() time.Time { return time.Now().Add(-48 * time.Hour) }
		})
		data := w.write("plan.rvt", small, 7)
		j := w.enqueue(w.job("plan.rvt"))
		w.runAll(w.engine())
		w.wantDone(j.ID, state.ResultCreated)
		w.wantVersions("plan.rvt", data)
	})
}

// TestTipShownLate: what we published ourselves a moment ago, and the service does not show yet, is
// nobody else's change.
func TestTipShownLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *emulator.Config, _ *apsclient.Config, _ *Config) {
			c.Visibility = 10 * time.Second
		})
		var want [][]byte
		for seed := range uint64(4) {
			if seed == 1 {
				time.Sleep(time.Minute) // the item shows
			}

			data := w.write("plan.rvt", small, seed%2) // every other time what the old tip has
			want = append(want, data)
			j := w.enqueue(w.job("plan.rvt"))
			w.runAll(w.engine())
			if done := w.get(j.ID); done.End != state.EndDone || done.VersionNumber != int(seed)+1 {
				t.Fatalf("save %d: %s, version %d, reason %q: %s", seed+1, done.End, done.VersionNumber,
					done.Reason, done.Error)
			}
		}

		w.wantVersions("plan.rvt", want...)
	})
}

// TestAnswersThatCannotBe: an answer without what it must hold is a failure, which is repeated with
// waits and then left to a person.
func TestAnswersThatCannotBe(t *testing.T) {
	for op, body := range map[string]string{
		"create-storage":            `{"data":{"type":"objects"}}`,
		"get-signed-s3-upload-urls": `{"uploadKey":"","urls":[]}`,
		// of no version:
		"create-item": `{"data":{"type":"items","id":"urn:adsk.wipprod:dm.lineage:x"}}`,
	} {
		t.Run(op, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.write("plan.rvt", small, 7)
				j := w.enqueue(w.job("plan.rvt"))
				w.srv.SetFault(func(r emulator.Request) emulator.Fault {
					if r.Op == op {
						return emulator.Fault{Kind: emulator.FailBefore, Status: 201, Body: []byte(body)}
					}

					return emulator.Fault{}
				})
				w.runAll(w.engine())
				w.wantParked(j.ID, ReasonUnexpected)
				if n := w.calls(op); n != maxUnforeseen+1 {
					t.Errorf("%d calls, want %d", n, maxUnforeseen+1)
				}
			})
		})
	}
}

// TestEffectThatDoesNotFit: what the state refuses is a failure like any other, and no loop without
// a reason.
func TestEffectThatDoesNotFit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("plan.rvt", small, 7)
		j := w.enqueue(w.job("plan.rvt"))
		e := w.engine()
		var tries atomic.Int64
		e.onCommit = func(id state.JobID, after bool, ev []state.Event) error {
			if _, ok := ev[len(ev)-1].(state.Reserved); !ok || after || tries.Add(1) > 50 {
				return nil
			}

			return &state.TransitionError{Job: id, Phase: state.PhaseQueued, Event: "reserved",
				Why: "of a test"}
		}
		w.runAll(e)
		w.wantParked(j.ID, ReasonUnexpected)
		if n := tries.Load(); n != maxUnforeseen+1 {
			t.Errorf("%d tries, want %d", n, maxUnforeseen+1)
		}
	})
}

// TestPartsRefusedForEver: the parts that every completion names go again, then in a new session.
// That makes two whole repeats; more is a user's decision, who gets them by a retry.
func TestPartsRefusedForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(_ *emulator.Config, _ *apsclient.Config, c *Config) { c.PartSize = 5 * mib })
		w.write("plan.rvt", small, 7)
		j := w.enqueue(w.job("plan.rvt"))
		w.srv.SetFault(func(r emulator.Request) emulator.Fault {
			if r.Op == "signed-s3-upload" && w.calls(r.Op) < 20 {
				return emulator.Fault{Kind: emulator.FailBefore, Status: 200,
					Body: []byte(`{"status":"error","parts":[{"part":1,"status":"Unexpected"}]}`)}
			}

			return emulator.Fault{}
		})
		for n := range maxWholeRepeats { // a process does not begin to count again
			w.runUntil(w.engine(), func() bool { return w.get(j.ID).Repeats > n || w.allDone() })
			if err := w.store.Close(); err != nil {
				t.Fatal(err)
			}

			w.open()
		}

		w.runAll(w.engine())
		w.wantParked(j.ID, ReasonDamaged)
		if n := w.calls("signed-s3-upload"); n != 1+maxWholeRepeats {
			t.Errorf("%d completions", n)
		}

		w.runAll(w.engine())
		if n := w.calls("signed-s3-upload"); n != 1+maxWholeRepeats {
			t.Errorf("%d completions, though it is parked", n)
		}

		w.commit(j.ID, state.RetryNow{}) // a user does
		w.runAll(w.engine())
		w.wantParked(j.ID, ReasonDamaged)
		if n := w.calls("signed-s3-upload"); n != 2*(1+maxWholeRepeats) {
			t.Errorf("%d completions after a retry", n)
		}
	})
}

// TestDeadKeys: a completion whose key the service does not know is no damage of the bytes, however
// it is said. The file goes again, twice at most.
func TestDeadKeys(t *testing.T) {
	for name, fault := range map[string]emulator.Fault{
		"200 with the reason": {Status: 200,
			Body: []byte(`{"uploadKey":"k","status":"error","reason":"InvalidUploadKey"}`)},
		"200 in other words": {Status: 200,
			Body: []byte(`{"status":"error","reason":"Invalid upload key"}`)},
		"200 of the session": {Status: 200,
			Body: []byte(`{"status":"Error","reason":"upload_session expired"}`)},
		"200 of the gateway": {Status: 200,
			Body: []byte(`{"developerMessage":"The upload key is not valid","errorCode":"OSS-7"}`)},
		"403":                {Status: 403, Body: []byte(`{"reason":"Field uploadKey not found"}`)},
		"403 in other words": {Status: 403, Body: []byte(`{"reason":"Unknown upload key"}`)},
		"404":                {Status: 404, Body: []byte(`{"reason":"Upload not found"}`)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(
					t,
					func(_ *emulator.Config, _ *apsclient.Config, c *Config) { c.PartSize = 5 * mib },
				)
				w.write("plan.rvt", small, 7)
				j := w.enqueue(w.job("plan.rvt"))
				fault.Kind = emulator.FailBefore
				w.srv.SetFault(func(r emulator.Request) emulator.Fault {
					if r.Op == "signed-s3-upload" {
						return fault
					}

					return emulator.Fault{}
				})
				w.runAll(w.engine())
				w.wantParked(j.ID, ReasonSessionLost)
				if n := w.calls("signed-s3-upload"); n != 1+maxWholeRepeats {
					t.Errorf("%d completions", n)
				}
			})
		})
	}
}

// TestAssembledShownLate: a completion whose reply is lost took effect, but the object shows late
// and the service takes no second completion. No part goes again.
func TestAssembledShownLate(t *testing.T) {
	pending := []byte(
		`{"status":"error","reason":"MissingOrInvalidParts","size":{"expected":1,"detected":0},"parts":[
		{"part":1,"size":0,"status":"Pending"},{"part":2,"size":0,"status":"Pending"},
		{"part":3,"size":0,"status":"Pending"}]}`,
	)
	for _, tt := range []struct {
		name   string
		second emulator.Fault
	}{
		{"400", emulator.Fault{Kind: emulator.FailBefore, Status: 400}},
		{"404", emulator.Fault{Kind: emulator.FailBefore, Status: 404}},
		{"no such parts", emulator.Fault{Kind: emulator.FailBefore, Status: 200, Body: pending}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func(_ *emulator.Config, _ *apsclient.Config, c *Config) {
					c.PartSize = 5 * mib
				})
				data := w.write("plan.rvt", 11*mib, 7)
				j := w.enqueue(w.job("plan.rvt"))
				var mu sync.Mutex
				completed := time.Time{}
				w.srv.SetFault(func(r emulator.Request) emulator.Fault {
					mu.Lock()
					defer mu.Unlock()

					switch {
					case r.Op == "signed-s3-upload" && completed.IsZero():
						completed = time.Now()
						return emulator.Fault{Kind: emulator.LoseReply}
					case r.Op == "signed-s3-upload":
						return tt.second
					case r.Op == "get-object-details" && time.Since(completed) < 8*time.Second:
						return emulator.Fault{Kind: emulator.FailBefore, Status: 404}
					}

					return emulator.Fault{}
				})
				w.runAll(w.engine())
				w.wantDone(j.ID, state.ResultCreated)
				w.wantVersions("plan.rvt", data)
				if n := w.calls("s3-put"); n != 3 {
					t.Errorf("%d parts sent, want 3", n)
				}
			})
		})
	}
}

// TestOursByWhatIsKnown: a version after a lost reply that has not our storage is ours by what the
// service tells of it.
func TestOursByWhatIsKnown(t *testing.T) {
	const mine, theirs = "urn:adsk.objects:os.object:wip.dm.prod/mine.rvt",
		"urn:adsk.objects:os.object:wip.dm.prod/theirs.rvt"
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

	job := state.Job{Object: mine, Snapshot: state.Snapshot{Size: 100},
		Intent: &state.Intent{Name: "plan.rvt", User: "me", Time: began}}
	like := func(change func(*apsclient.Version)) apsclient.Version {
		v := apsclient.Version{Name: "plan.rvt", Size: 100, Storage: theirs, CreatedBy: "me", Created: began}
		change(&v)
		return v
	}
	for _, tt := range []struct {
		name    string
		v       apsclient.Version
		isNew   bool
		details int // status of a look at a content
		want    bool
	}{
		{"our storage, whatever else", apsclient.Version{Storage: mine}, false, 500, true},
		{"gone over into another storage", like(func(*apsclient.Version) {}), true, 404, true},
		{"a storage that is not for us to see", like(func(*apsclient.Version) {}), true, 403, true},
		{"no storage yet", like(func(v *apsclient.Version) { v.Storage = "" }), true, 500, true},
		{"no size yet", like(func(v *apsclient.Version) { v.Size = -1 }), true, 404, true},
		{"another size", like(func(v *apsclient.Version) { v.Size = 101 }), true, 404, false},
		{"another name", like(func(v *apsclient.Version) { v.Name = "other.rvt" }), true, 404, false},
		{"another user", like(func(v *apsclient.Version) { v.CreatedBy = "you" }), true, 404, false},
		{"a deletion", like(func(v *apsclient.Version) {
			v.Storage, v.Type = "", "versions:autodesk.core:Deleted"
		}), true, 404, false},
		{"new by its number, at a service whose clock is behind", like(func(v *apsclient.Version) {
			v.Created = began.Add(-time.Hour)
		}), true, 404, true},
		{"old by its time", like(func(v *apsclient.Version) {
			v.Created = began.Add(-time.Hour)
		}), false, 404, false},
		{"without a time", like(func(v *apsclient.Version) { v.Created = time.Time{} }), false, 404, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.srv.SetFault(func(r emulator.Request) emulator.Fault {
					if r.Op == "get-object-details" {
						return emulator.Fault{Kind: emulator.FailBefore, Status: tt.details}
					}

					return emulator.Fault{}
				})
				if got, err := w.engine().isOurs(t.Context(), w.client, job, tt.v,
					tt.isNew); got != tt.want || err != nil {
					t.Errorf("ours: %v, %v, want %v", got, err, tt.want)
				}
			})
		})
	}
}

// TestAnotherHomeWasFirst: when no marker keeps two homes apart, the one that comes second finds
// its content in the tip and makes no version.
func TestAnotherHomeWasFirst(t *testing.T) {
	for _, when := range []string{"", "signed-s3-upload"} { // before the job began; while it sent
		t.Run("at "+when, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				one := w.write("plan.rvt", small, 1)
				w.enqueue(w.job("plan.rvt"))
				w.runAll(w.engine())
				two := w.write("plan.rvt", small, 2)
				j := w.enqueue(w.job("plan.rvt"))
				other := func() {
					if _, _, err := w.srv.AddFile(string(w.project), "Project Files/plan.rvt", newReader(two),
						int64(len(two))); err != nil {
						t.Error(err)
					}
				}
				if when == "" {
					other()
				} else {
					w.faultOnce(when, emulator.Fault{Do: other})
				}

				w.runAll(w.engine())
				w.wantDone(j.ID, state.ResultUnchanged)
				w.wantVersions("plan.rvt", one, two)
			})
		})
	}
}

// TestTipWithTheContentOfTheBase: a newer version with the content that this file is based on is
// nobody's work that could be lost.
func TestTipWithTheContentOfTheBase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		one := w.write("plan.rvt", small, 1)
		w.enqueue(w.job("plan.rvt"))
		w.runAll(w.engine())
		if _, _, err := w.srv.AddFile(string(w.project), "Project Files/plan.rvt", newReader(one),
			int64(len(one))); err != nil {
			t.Fatal(err)
		}

		two := w.write("plan.rvt", small, 2)
		j := w.enqueue(w.job("plan.rvt"))
		w.runAll(w.engine())
		w.wantDone(j.ID, state.ResultVersioned)
		w.wantVersions("plan.rvt", one, one, two)
	})
}

// TestOwnEarlierVersionShownLate: a name that is taken by what this home published a moment ago,
// for another state of the file with the same size, at a service without SHA-1: that version is not
// taken for the one of the new state.
func TestOwnEarlierVersionShownLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *emulator.Config, _ *apsclient.Config, _ *Config) {
			c.Visibility = 10 * time.Second
		})
		w.srv.SetKnobs(func(k *emulator.Knobs) { k.NoSHA1 = true })
		one := w.write("plan.rvt", small, 1)
		w.enqueue(w.job("plan.rvt"))
		w.runAll(w.engine())
		two := w.write("plan.rvt", small, 2)
		j := w.enqueue(w.job("plan.rvt"))
		w.runAll(w.engine()) // a new process, whose listing does not show the item
		w.wantDone(j.ID, state.ResultVersioned)
		w.wantVersions("plan.rvt", one, two)
	})
}

// TestSameAgainBeforeItShows: a state that is sent again before anything of its version shows makes
// neither a second version nor a second receipt.
func TestSameAgainBeforeItShows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *emulator.Config, _ *apsclient.Config, _ *Config) {
			c.Visibility = 10 * time.Second
		})
		data := w.write("plan.rvt", small, 1)
		first := w.enqueue(w.job("plan.rvt"))
		w.runAll(w.engine())
		j := w.enqueue(w.job("plan.rvt"))
		w.faultOnce("get-item", emulator.Fault{Kind: emulator.FailBefore, Status: 404}) // not even by its id
		w.runAll(w.engine())
		done := w.wantDone(j.ID, state.ResultUnchanged)
		if done.Version != w.get(first.ID).Version {
			t.Errorf("version %s", done.Version)
		}

		w.wantVersions("plan.rvt", data)
		if rec, _, err := w.store.Published(j.Root, j.Rel); err != nil ||
			rec.Storage != w.get(first.ID).Object {
			t.Errorf("record %+v, %v", rec, err)
		}
	})
}

// TestNamesTakenByTheOtherKind: a folder where a file is, a file where a folder is. Nobody waits
// for what waiting does not change.
func TestNamesTakenByTheOtherKind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.addFile(w.srv.Demo().Project, "Project Files/a.dwg", "one")
		w.addFolder(w.srv.Demo().Project, "Project Files/b.dwg")
		w.write("d/a.dwg/1.dwg", 10, 1)
		w.write("d/a.dwg/2.dwg", 10, 2)
		w.write("d/b.dwg", 10, 3)
		good := w.write("d/c.dwg", 10, 4)
		e := w.engine()
		w.start(w.push(e, plan.PushRequest{Profile: "default", Remote: mustAddress(t, w.srv.DemoRemote()),
			Sources: w.sources("d", "")}))
		began := time.Now()
		w.runUntil(e, func() bool {
			open, err := w.store.OpenJobs()

			return err == nil && len(open) == 3 && !slices.ContainsFunc(open, func(j state.Job) bool {
				return !j.Attention
			})
		})
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("it took %v to see that the names are taken", took)
		}

		open, err := w.store.OpenJobs()
		if err != nil {
			t.Fatal(err)
		}

		for _, j := range open {
			if j.Reason != ReasonNameClash {
				t.Errorf("%s: %s, %s", j.Path, j.Reason, j.Error)
			}
		}

		w.wantVersions("c.dwg", good)
	})
}

// TestDamagedFromTheFirstPart: by itself the engine compares from the first part on, however soon a
// file is through; only a link that is known to be fast is spared.
func TestDamagedFromTheFirstPart(t *testing.T) {
	for _, size := range []int{small, 11 * mib} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, onePartAtATime)
				want := w.write("plan.rvt", size, 1)
				w.enqueue(w.job("plan.rvt"))
				sent := map[int]bool{}
				var mu sync.Mutex
				w.srv.SetFault(func(r emulator.Request) emulator.Fault {
					mu.Lock()
					defer mu.Unlock()
					if r.Op != "s3-put" || sent[r.Part] {
						return emulator.Fault{}
					}

					sent[r.Part] = true

					return emulator.Fault{Kind: emulator.CorruptBytes, After: 3}
				})
				w.runAll(w.engine())
				w.wantVersions("plan.rvt", want)
			})
		})
	}

	synctest.Test(t, func(t *testing.T) {
		e := newWorld(t).engine()
		seemFast(e)
		if e.wantsMD5() {
			t.Error("the parts of a link of a GiB/s are summed")
		}
	})
}

// seemFast has the engine take its link for a fast one.
func seemFast(e *Engine) {
	for range 10 {
		e.meter.add(slowLink, time.Now())
		time.Sleep(100 * time.Millisecond)
	}
}

// TestDamagedAfterAFastStart: a part that was not summed, since the first bytes had gone fast, is read
// again when the link has turned out to be slow.
func TestDamagedAfterAFastStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		want := w.write("plan.rvt", small, 1)
		w.enqueue(w.job("plan.rvt"))
		sent := 0
		w.srv.SetFault(func(r emulator.Request) emulator.Fault {
			if r.Op != "s3-put" {
				return emulator.Fault{}
			}

			if sent++; sent > 1 {
				return emulator.Fault{}
			}

			return emulator.Fault{Kind: emulator.CorruptBytes, After: 3,
				DoAfter: func() { time.Sleep(2 * meterSeconds * time.Second) }}
		})

		e := w.engine()
		seemFast(e)
		w.runAll(e)
		w.wantVersions("plan.rvt", want)
		if sent != 2 {
			t.Errorf("the part was sent %d times, want 2", sent)
		}
	})
}

// TestFewURLs: a service that refuses to sign many URLs at once, or gives fewer than were asked for, or
// for a shorter time, still gets every part once. What it refused is not asked for again and again.
func TestFewURLs(t *testing.T) {
	for _, row := range []struct {
		name  string
		knobs func(*emulator.Knobs)
		calls int // for URLs, at most
	}{
		{"all", func(*emulator.Knobs) {}, 1},
		{"one", func(k *emulator.Knobs) { k.MaxURLs = 1 }, 7 + 2},
		{"two", func(k *emulator.Knobs) { k.MaxURLs = 2 }, 5 + 2 + 2},
		{"fewer than asked for", func(k *emulator.Knobs) { k.FewURLs = 3 }, 3},
		{"a minute", func(k *emulator.Knobs) { k.URLMinutes = 1 }, 7},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func(ec *emulator.Config, _ *apsclient.Config, c *Config) {
					row.knobs(&ec.Knobs)
					c.PartSize, c.Parts = 5*mib, 1
				})
				if row.name == "a minute" {
					w.srv.SetFault(func(r emulator.Request) emulator.Fault {
						if r.Op == "s3-put" {
							return emulator.Fault{Delay: 25 * time.Second}
						}

						return emulator.Fault{}
					})
				}

				data := w.write("plan.rvt", 33*mib, 7)
				j := w.enqueue(w.job("plan.rvt"))
				w.runAll(w.engine())
				w.wantDone(j.ID, state.ResultCreated)
				w.wantVersions("plan.rvt", data)
				if n := w.calls("s3-put"); n != 7 {
					t.Errorf("%d parts sent, want 7", n)
				}

				if n := w.calls("get-signed-s3-upload-urls"); n > row.calls {
					t.Errorf("%d calls for URLs, want at most %d", n, row.calls)
				}
			})
		})
	}
}
