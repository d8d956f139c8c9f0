package transfer

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
	"hoist/state"
	"hoist/transfer/plan"
)

// crashScenario is a transfer whose every step is a row of the crash table.
type crashScenario struct {
	name    string
	start   func(*world) crashRun
	options []worldOption
	only    []string // operations and commits that differ from the scenarios before; nil: all
}

// crashRun is what a scenario did before its steps begin, and what it wants in the end.
type crashRun struct {
	jobs     []state.Job
	check    func()
	receipts int // in all
	// parts that the scenario itself makes the engine send again
	repaired []int
	fault    func(emulator.Request) emulator.Fault // what makes the scenario; nil: nothing
}

func (r crashRun) faultOf(q emulator.Request) emulator.Fault {
	if r.fault == nil {
		return emulator.Fault{}
	}

	return r.fault(q)
}

// faultsAt is a fault of n requests of an operation from the given one on.
func faultsAt(op string, first, n int, f emulator.Fault) func(emulator.Request) emulator.Fault {
	var seen atomic.Int64

	return func(q emulator.Request) emulator.Fault {
		if q.Op != op {
			return emulator.Fault{}
		}

		if nth := int(seen.Add(1)); nth < first || nth >= first+n {
			return emulator.Fault{}
		}

		return f
	}
}

func crashOptions(_ *emulator.Config, _ *apsclient.Config, c *Config) { c.PartSize, c.Parts = 5*mib, 1 }

// uncompared leaves it to the completion to find parts that are not what was sent.
func uncompared(_ *emulator.Config, _ *apsclient.Config, c *Config) { c.Checksum = "never" }

func shownLate(c *emulator.Config, _ *apsclient.Config, _ *Config) { c.Visibility = 10 * time.Second }

const crashBucket = "hoist-crash-bucket"

// inBucket is the upload of a local file to a key of crashBucket, which is made first.
func (w *world) inBucket(name string) state.Job {
	w.t.Helper()
	if _, err := w.client.Buckets.Create(w.t.Context(), crashBucket, "transient", "US"); err != nil &&
		!errors.Is(err, apsclient.ErrConflict) {
		w.t.Fatal(err)
	}

	j := w.job(name)
	j.Target = state.Target{Address: "oss://" + crashBucket + "/" + name, Bucket: crashBucket, Key: name,
		Name: name}

	return j
}

var crashScenarios = []crashScenario{
	{name: "new item in a new folder", options: []worldOption{crashOptions}, start: func(w *world) crashRun {
		w.srv.SetKnobs(func(k *emulator.Knobs) { k.SecondCompleteFails = true })
		data := w.write("plan.rvt", 6*mib, 1)

		return crashRun{jobs: []state.Job{w.enqueue(w.job("plan.rvt", "new"))}, receipts: 1, check: func() {
			w.wantVersions("new/plan.rvt", data)
			if n := len(slices.DeleteFunc(w.srv.Folders(string(w.project)), func(f string) bool {
				return f != "Project Files/new"
			})); n != 1 {
				w.t.Errorf("the new folder is there %d times", n)
			}
		}}
	}},
	{name: "next version", options: []worldOption{crashOptions}, start: nextVersion},
	{name: "next version, storage rewritten", options: []worldOption{crashOptions},
		only: []string{"create-version", "Intended", "Published"}, start: func(w *world) crashRun {
			w.srv.SetKnobs(func(k *emulator.Knobs) { k.RewriteStorage, k.NoSHA1 = true, true })
			return nextVersion(w)
		}},
	{name: "next version, shown late", options: []worldOption{crashOptions, shownLate},
		only: []string{"create-version"}, start: nextVersion},
	{name: "a part the service holds otherwise", options: []worldOption{crashOptions, uncompared},
		only: []string{"PartsLost", "s3-put", "signed-s3-upload"}, start: func(w *world) crashRun {
			data := w.write("plan.rvt", 11*mib, 1)

			return crashRun{
				jobs: []state.Job{w.enqueue(w.job("plan.rvt"))}, receipts: 1, repaired: []int{2},
				check: func() { w.wantVersions("plan.rvt", data) },
				fault: faultsAt("s3-put", 2, 1, emulator.Fault{Kind: emulator.WrongETag}),
			}
		}},
	{name: "a session that ends", options: []worldOption{crashOptions}, only: []string{"SessionLost"},
		start: func(w *world) crashRun {
			data := w.write("plan.rvt", 6*mib, 1)

			return crashRun{
				jobs: []state.Job{w.enqueue(w.job("plan.rvt"))}, receipts: 1, repaired: []int{1, 2},
				check: func() { w.wantVersions("plan.rvt", data) },
				fault: faultsAt("signed-s3-upload", 1, 1, emulator.Fault{Kind: emulator.ExpireNow}),
			}
		}},
	{name: "a file that changes", options: []worldOption{crashOptions}, only: []string{"SourceChanged"},
		start: func(w *world) crashRun {
			w.write("plan.rvt", 6*mib, 1)
			var two []byte

			return crashRun{
				jobs: []state.Job{w.enqueue(w.job("plan.rvt"))}, receipts: 1,
				check: func() { w.wantVersions("plan.rvt", two) },
				fault: faultsAt("s3-put", 2, 1, emulator.Fault{Do: func() {
					two = w.write("plan.rvt", 7*mib, 2)
				}}),
			}
		}},
	{name: "a file that is saved all the time", options: []worldOption{crashOptions},
		only: []string{"Reserved", "PartStored", "Finished", "s3-put", "create-version", "copy to the spool",
			"sync the copy", "name the copy", "remove the snapshot"},
		start: func(w *world) crashRun {
			w.cfg.Spool = filepath.Join(w.home, "spool")
			saved := func(seed uint64) []byte {
				data := w.write("plan.rvt", 6*mib, seed)
				j := w.job("plan.rvt")
				j.Root, j.Rel, j.Changes = "watch", "plan.rvt", 1
				w.enqueue(j)

				return data
			}
			one := saved(1)
			var two []byte
			open, err := w.store.OpenJobs()
			if err != nil {
				w.t.Fatal(err)
			}

			return crashRun{
				jobs: open, receipts: 2, fault: faultsAt("s3-put", 1, 1, emulator.Fault{Do: func() {
					two = saved(2)
				}}),
				check: func() {
					w.wantVersions("plan.rvt", one, two)
					if left, err := os.ReadDir(w.cfg.Spool); err != nil || len(left) > 0 {
						w.t.Errorf("left in the spool: %v %v", left, err)
					}
				},
			}
		}},
	{name: "content that is there already", options: []worldOption{crashOptions},
		start: func(w *world) crashRun {
			data := w.write("plan.rvt", 6*mib, 1)
			if _, _, err := w.srv.AddFile(string(w.project), "Project Files/plan.rvt", newReader(data),
				int64(len(data))); err != nil {
				w.t.Fatal(err)
			}

			return crashRun{jobs: []state.Job{w.enqueue(w.job("plan.rvt"))}, check: func() {
				w.wantVersions("plan.rvt", data)
			}}
		}},
	{name: "next content of a key", options: []worldOption{crashOptions}, start: func(w *world) crashRun {
		w.write("plan.rvt", 6*mib, 1)
		w.enqueue(w.inBucket("plan.rvt"))
		w.runAll(w.engine())
		two := w.write("plan.rvt", 6*mib, 2)
		j := w.enqueue(w.inBucket("plan.rvt"))
		w.srv.ResetJournal()

		return crashRun{jobs: []state.Job{j}, receipts: 2, check: func() {
			w.wantObject(crashBucket, "plan.rvt", two)
		}}
	}},
	{name: "small objects in joint calls",
		only: []string{"batch-signed-s3-upload", "batch-complete-upload", "Opened", "Assembled"},
		start: func(w *world) crashRun {
			// one alone, and the others while it is on its way
			r := crashRun{receipts: 3, fault: func(q emulator.Request) emulator.Fault {
				switch q.Op {
				case "get-signed-s3-upload-urls", "batch-signed-s3-upload":
					return emulator.Fault{Delay: 50 * time.Millisecond}
				case "signed-s3-upload", "batch-complete-upload":
					return emulator.Fault{Delay: 70 * time.Millisecond}
				}

				return emulator.Fault{}
			}}
			content := map[string][]byte{}
			for i, name := range []string{"a", "b", "c"} {
				content[name] = w.write(name, 1000+i, uint64(i))
				r.jobs = append(r.jobs, w.enqueue(w.inBucket(name)))
			}

			r.check = func() {
				for name, data := range content {
					w.wantObject(crashBucket, name, data)
				}
			}
			w.srv.ResetJournal()

			return r
		}},
	// each step of each kind of rename is in renameScenarios
	{name: "a file renamed, storage rewritten and shown late",
		options: []worldOption{crashOptions, shownLate},
		only:    []string{"create-version"}, start: func(w *world) crashRun {
			w.srv.SetKnobs(func(k *emulator.Knobs) { k.RewriteStorage, k.NoSHA1 = true, true })
			return renamedFile(w)
		}},
	{name: "a file moved to another folder, shown late", options: []worldOption{crashOptions, shownLate},
		only: []string{"create-item"}, start: movedFile},
	{name: "a file renamed to a name that is taken", options: []worldOption{crashOptions},
		only: []string{"Dropped"}, start: func(w *world) crashRun {
			w.watched("a.rvt", 6*mib, 1)
			w.remote("Project Files/b.rvt", 10, 3)
			j, data := w.renamed("a.rvt", "b.rvt"), w.read("b.rvt")

			return crashRun{jobs: []state.Job{j}, receipts: 2, check: func() {
				w.wantTip("a.rvt", data)
				w.wantTip("b.rvt", data)
			}}
		}},
	{name: "a removed file hidden", options: []worldOption{crashOptions},
		only: []string{"get-item", "create-version", "FolderFound", "Hidden"}, start: hiddenFile},
	{name: "a removed file hidden, shown late", options: []worldOption{crashOptions, shownLate},
		only: []string{"create-version"}, start: hiddenFile},
	{name: "download", options: []worldOption{crashOptions}, start: func(w *world) crashRun {
		return fetchOne(w, nil)
	}},
	{name: "download over another file", options: []worldOption{crashOptions},
		start: func(w *world) crashRun {
			return fetchOne(w, w.write("a.rvt", 10, 3))
		}},
	{name: "download over what was synced", options: []worldOption{crashOptions}, only: placeEffects,
		start: fetchNext},
	{name: "download over another file, names that cannot be exchanged",
		options: []worldOption{crashOptions, plainNames}, only: placeEffects, start: func(w *world) crashRun {
			return fetchOne(w, w.write("a.rvt", 10, 3))
		}},
	{name: "download over what was synced, names that cannot be exchanged",
		options: []worldOption{crashOptions, plainNames}, only: placeEffects, start: fetchNext},
}

// placeEffects are what changes on disk when a file is placed.
var placeEffects = []string{"take the place", "name", "exchange", "move the old file away",
	"keep the old file", "remove the old file", "sync the folder", "Placed"}

func plainNames(_ *emulator.Config, _ *apsclient.Config, c *Config) { c.plainNames = true }

// fetchNext downloads a newer version over the one that was downloaded before.
func fetchNext(w *world) crashRun {
	w.remote("Project Files/a.rvt", 10, 4)
	w.pull(w.engine(), w.srv.DemoRemote()+"/a.rvt", "a.rvt")
	w.runAll(w.engine())

	return fetchOne(w, nil)
}

func nextVersion(w *world) crashRun {
	one := w.write("plan.rvt", 6*mib, 1)
	w.enqueue(w.job("plan.rvt"))
	w.runAll(w.engine())
	two := w.write("plan.rvt", 6*mib, 2)
	j := w.enqueue(w.job("plan.rvt"))
	w.srv.ResetJournal()

	return crashRun{jobs: []state.Job{j}, receipts: 2, check: func() { w.wantVersions("plan.rvt", one, two) }}
}

// fetchOne downloads a file of three ranges, one at a time. mine is the content of the file that is
// under its name, nil: none; it is kept.
func fetchOne(w *world, mine []byte) crashRun {
	const size = 2*minPartSize + 7
	data := w.remote("Project Files/a.rvt", size, 1)
	jobs := w.pull(w.engine(), w.srv.DemoRemote()+"/a.rvt", "a.rvt", func(r *plan.PullRequest) {
		r.Overwrite = mine != nil
	})
	w.srv.ResetJournal()

	return crashRun{jobs: jobs, check: func() {
		w.wantFile("a.rvt", data)
		w.wantNoLitter()
		if n, _ := w.fetched(); n > size+minPartSize {
			w.t.Errorf("%d bytes fetched of %d with one range in flight", n, size)
		}

		entries, err := os.ReadDir(w.dir)
		if err != nil {
			w.t.Fatal(err)
		}

		kept := 0
		for _, d := range entries {
			if d.Name() != "a.rvt" {
				kept++
				w.wantFile(d.Name(), mine)
			}
		}

		if want := min(len(mine), 1); kept != want {
			w.t.Errorf("%d other files, want %d: what was under the name is kept once", kept, want)
		}
	}}
}
