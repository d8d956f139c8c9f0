package transfer

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
	"hoist/state"
)

const watchRoot = "watch"

// ofWatch describes the upload of a file of a watch whose folder is w.dir.
func (w *world) ofWatch(rel string) state.Job {
	w.t.Helper()
	names := strings.Split(rel, "/")
	j := w.job(rel, names[:len(names)-1]...)
	j.Root, j.Rel, j.Path = watchRoot, rel, w.path(rel)

	return j
}

// watched writes and publishes a file of the watch.
func (w *world) watched(rel string, size int, seed uint64) (published state.PublishedRecord) {
	w.t.Helper()
	w.write(rel, size, seed)
	w.enqueue(w.ofWatch(rel))
	w.runAll(w.engine())
	rec, ok, err := w.store.Published(watchRoot, rel)
	if err != nil || !ok {
		w.t.Fatalf("%s is not published: %v", rel, err)
	}

	w.srv.ResetJournal()

	return rec
}

// renamed renames a file of the watch and enqueues what a watch tells of it.
func (w *world) renamed(from, to string) state.Job {
	w.t.Helper()
	w.move(from, to)
	j := w.ofWatch(to)
	j.From = from

	return w.enqueue(j)
}

func (w *world) move(from, to string) {
	w.t.Helper()
	if err := os.MkdirAll(filepath.Dir(w.path(to)), 0o755); err != nil {
		w.t.Fatal(err)
	}

	if err := os.Rename(w.path(from), w.path(to)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) read(rel string) []byte {
	w.t.Helper()
	data, err := os.ReadFile(w.path(rel))
	if err != nil {
		w.t.Fatal(err)
	}

	return data
}

// wantTip checks the content of the newest version of a visible file.
func (w *world) wantTip(rel string, want []byte) {
	w.t.Helper()
	all := w.versions(rel)
	if len(all) == 0 || !bytes.Equal(all[len(all)-1], want) {
		w.t.Errorf("%s has %d versions, and the last is not the %d bytes that it should be", rel, len(all),
			len(want))
	}
}

// wantMoved checks that an item is where it should be, with so many versions, and that the record of
// the file is of its tip.
func (w *world) wantMoved(was state.PublishedRecord, rel string, versions int) {
	w.t.Helper()
	f, ok := w.srv.File("Project Files/" + rel)
	rec, known, err := w.store.Published(watchRoot, rel)
	switch {
	case !ok || f.ItemID != was.Item || len(f.Versions) != versions:
		w.t.Errorf("%s in the cloud: %+v %v, want item %s with %d versions", rel, f, ok, was.Item, versions)
	case err != nil || !known || rec.Version != f.Versions[versions-1].ID || rec.Item != f.ItemID ||
		was.SHA1 != "" && rec.SHA1 != was.SHA1 || rec.Remote != w.srv.DemoRemote()+"/"+rel:
		w.t.Errorf("the record of %s: %+v %v %v", rel, rec, known, err)
	}

	if now, err := state.SnapshotPath(w.path(rel)); err != nil || !now.Same(rec.Snapshot) {
		w.t.Errorf("the record of %s is of %+v, the file is %+v %v", rel, rec.Snapshot, now, err)
	}
}

// wantNothingOf checks that neither cloud nor state have a file.
func (w *world) wantNothingOf(rel string) {
	w.t.Helper()
	if f, ok := w.srv.File("Project Files/" + rel); ok {
		w.t.Errorf("%s is in the cloud: %+v", rel, f)
	}

	if rec, ok, err := w.store.Published(watchRoot, rel); ok || err != nil {
		w.t.Errorf("%s has the record %+v %v", rel, rec, err)
	}
}

// wantNoBytes checks that nothing was sent since the journal was begun.
func (w *world) wantNoBytes() {
	w.t.Helper()
	for _, q := range w.srv.Requests() {
		if q.Op == "s3-put" || q.Op == "create-storage" {
			w.t.Errorf("%s: bytes went again", q.Op)
		}
	}
}

func renamedFile(w *world) crashRun {
	was := w.watched("a.rvt", 10, 1)
	j := w.renamed("a.rvt", "b.rvt")

	return crashRun{jobs: []state.Job{j}, receipts: 2, check: func() {
		w.wantMoved(was, "b.rvt", 2)
		w.wantNothingOf("a.rvt")
		w.wantNoBytes()
	}}
}

func movedFile(w *world) crashRun {
	was := w.watched("a.rvt", 10, 1)
	j, data := w.renamed("a.rvt", "new/a.rvt"), w.read("new/a.rvt")

	return crashRun{jobs: []state.Job{j}, receipts: 2, check: func() {
		w.wantVersions("new/a.rvt", data)
		w.wantNoBytes()
		if f, ok := w.srv.File("Project Files/a.rvt"); !ok || f.ItemID != was.Item || len(f.Versions) != 1 {
			w.t.Errorf("what was moved away from: %+v %v", f, ok)
		}
	}}
}

// folderJob is the rename of a folder of the watch, as it is on disk already.
func (w *world) folderJob(from, to string) state.Job {
	names := strings.Split(to, "/")
	n := len(names) - 1

	return state.Job{Kind: state.Rename, Profile: "default", Root: watchRoot, Rel: to, From: from,
		Path: w.path(to), Target: state.Target{Address: w.srv.DemoRemote() + "/" + to,
			Project: string(w.project), Base: string(w.base), Dirs: names[:n], Name: names[n]}}
}

func renamedFolder(to string) func(*world) crashRun {
	return func(w *world) crashRun {
		one, two := w.watched("Draft/a.rvt", 10, 1), w.watched("Draft/x/b.rvt", 20, 2)
		w.move("Draft", to)
		w.enqueue(w.folderJob("Draft", to))

		return crashRun{receipts: 4, check: func() {
			w.wantMoved(one, to+"/a.rvt", 1)
			w.wantMoved(two, to+"/x/b.rvt", 1)
			w.wantNothingOf("Draft/a.rvt")
			w.wantNothingOf("Draft/x/b.rvt")
			w.wantNoBytes()
			if open, err := w.store.FolderRenames(watchRoot); err != nil || len(open) > 0 {
				w.t.Errorf("open renames: %+v %v", open, err)
			}
		}}
	}
}

// TestRenameTable: what becomes of a rename that meets something else. Nothing is lost, whatever it
// is.
func TestRenameTable(t *testing.T) {
	for _, c := range []struct {
		name    string
		options []worldOption
		play    func(w *world) (check func())
	}{
		{"letter case alone", nil, func(w *world) func() {
			was := w.watched("a.rvt", 10, 1)
			w.renamed("a.rvt", "A.rvt")
			return func() { w.wantMoved(was, "A.rvt", 2); w.wantNoBytes() }
		}},
		{"letter case alone, at a service that does not tell it", []worldOption{foldsNames},
			func(w *world) func() {
				was := w.watched("a.rvt", 10, 1)
				w.renamed("a.rvt", "A.rvt")
				return func() { w.wantMoved(was, "A.rvt", 2); w.wantNoBytes() }
			}},
		{"letter case alone, and written", []worldOption{foldsNames}, func(w *world) func() {
			was := w.watched("a.rvt", 10, 1)
			w.move("a.rvt", "A.rvt")
			data := w.write("A.rvt", 20, 2)
			w.enqueue(w.ofWatch("A.rvt"))
			return w.followed(was, "A.rvt", data)
		}},
		{"letter case alone, and written a moment later", nil, func(w *world) func() {
			was := w.watched("a.rvt", 10, 1)
			w.move("a.rvt", "A.rvt")
			data := w.write("A.rvt", 20, 2)
			j := w.ofWatch("A.rvt")
			j.From = "a.rvt"
			w.enqueue(j)
			return w.followed(was, "A.rvt", data)
		}},
		{"renamed and written", nil, func(w *world) func() {
			w.watched("a.rvt", 10, 1)
			old := w.read("a.rvt")
			w.move("a.rvt", "b.rvt")
			data := w.write("b.rvt", 20, 2)
			j := w.ofWatch("b.rvt")
			j.From = "a.rvt"
			w.enqueue(j)
			return func() { w.wantVersions("a.rvt", old); w.wantVersions("b.rvt", data) }
		}},
		{"somebody else made a version", nil, func(w *world) func() {
			w.watched("a.rvt", 10, 1)
			w.remote("Project Files/a.rvt", 30, 3)
			w.renamed("a.rvt", "b.rvt")
			data := w.read("b.rvt")
			return func() {
				w.wantVersions("b.rvt", data)
				if all := w.versions("a.rvt"); len(all) != 2 || len(all[1]) != 30 {
					w.t.Errorf("the other's version: %d versions", len(all))
				}
			}
		}},
		{"the old name is there again", nil, func(w *world) func() {
			w.watched("a.rvt", 10, 1)
			w.renamed("a.rvt", "b.rvt")
			data := w.read("b.rvt")
			other := w.write("a.rvt", 15, 4)
			w.enqueue(w.ofWatch("a.rvt"))
			return func() { w.wantVersions("b.rvt", data); w.wantTip("a.rvt", other) }
		}},
		{"no copies at this service", nil, func(w *world) func() {
			w.srv.SetKnobs(func(k *emulator.Knobs) { k.Facts.RefuseCopy = true })
			w.watched("a.rvt", 10, 1)
			w.renamed("a.rvt", "b.rvt")
			data := w.read("b.rvt")
			return func() { w.wantVersions("b.rvt", data); w.wantTip("a.rvt", data) }
		}},
		{"again before it was carried", nil, func(w *world) func() {
			was := w.watched("a.rvt", 10, 1)
			w.renamed("a.rvt", "b.rvt")
			w.renamed("b.rvt", "c.rvt")
			return func() { w.wantMoved(was, "c.rvt", 2); w.wantNothingOf("b.rvt"); w.wantNoBytes() }
		}},
		{"away and back before it was carried", nil, func(w *world) func() {
			was := w.watched("a.rvt", 10, 1)
			w.renamed("a.rvt", "b.rvt")
			w.renamed("b.rvt", "a.rvt")
			return func() { w.wantMoved(was, "a.rvt", 1); w.wantNothingOf("b.rvt") }
		}},
		{"away and back", nil, func(w *world) func() {
			was := w.watched("a.rvt", 10, 1)
			w.renamed("a.rvt", "b.rvt")
			w.runAll(w.engine())
			w.renamed("b.rvt", "a.rvt")
			return func() { w.wantMoved(was, "a.rvt", 3); w.wantNothingOf("b.rvt"); w.wantNoBytes() }
		}},
		{"while the first upload waits", nil, func(w *world) func() {
			w.write("a.rvt", 10, 1)
			w.enqueue(w.ofWatch("a.rvt"))
			w.renamed("a.rvt", "b.rvt")
			data := w.read("b.rvt")
			return func() { w.wantVersions("b.rvt", data); w.wantNothingOf("a.rvt") }
		}},
		{"while the first upload runs", nil, func(w *world) func() {
			w.write("a.rvt", 10, 1)
			w.enqueue(w.ofWatch("a.rvt"))
			data := w.read("a.rvt")
			w.srv.SetFault(faultsAt("s3-put", 1, 1,
				emulator.Fault{DoAfter: func() { w.renamed("a.rvt", "b.rvt") }}))
			return func() { w.wantTip("b.rvt", data); w.wantNothingOf("a.rvt") }
		}},
		{"while the version is made", nil, func(w *world) func() {
			w.write("a.rvt", 10, 1)
			w.enqueue(w.ofWatch("a.rvt"))
			data := w.read("a.rvt")
			w.srv.SetFault(faultsAt("create-item", 1, 1,
				emulator.Fault{DoAfter: func() { w.renamed("a.rvt", "b.rvt") }}))
			return func() { w.wantVersions("b.rvt", data, data); w.wantNothingOf("a.rvt") }
		}},
		{"a folder, and something has its new name", nil, func(w *world) func() {
			w.watched("Draft/a.rvt", 10, 1)
			w.remote("Project Files/Issued/z.rvt", 30, 3)
			w.move("Draft", "Issued")
			w.enqueue(w.folderJob("Draft", "Issued"))
			return func() {
				if owed, err := w.store.Owed(watchRoot, 0); err != nil ||
					strings.Join(owed, " ") != "Issued/a.rvt" {
					w.t.Errorf("owed %q %v", owed, err)
				}
			}
		}},
		{"a folder, and a new file in it", nil, func(w *world) func() {
			was := w.watched("Draft/a.rvt", 10, 1)
			w.move("Draft", "Issued")
			data := w.write("Issued/new.rvt", 20, 2)
			w.enqueue(w.ofWatch("Issued/new.rvt"))
			w.enqueue(w.folderJob("Draft", "Issued"))
			return func() { w.wantMoved(was, "Issued/a.rvt", 1); w.wantVersions("Issued/new.rvt", data) }
		}},
		{"a folder, and letter case alone", []worldOption{foldsNames}, func(w *world) func() {
			was := w.watched("Draft/a.rvt", 10, 1)
			w.move("Draft", "DRAFT")
			w.enqueue(w.folderJob("Draft", "DRAFT"))
			return func() { w.wantMoved(was, "DRAFT/a.rvt", 1) }
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if strings.Contains(c.name, "letter case alone") {
				renamesLetters(t)
			}

			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, c.options...)
				check := c.play(w)
				w.runAll(w.engine())
				check()
				w.noParked()
			})
		})
	}
}

// followed is what becomes of a file that was renamed in letter case alone and written to: its item has the
// new name, its record is of what was there, and when it is looked at again its new content is a version.
func (w *world) followed(was state.PublishedRecord, rel string, data []byte) (check func()) {
	return func() {
		rec, _, err := w.store.Published(was.Root, rel)
		if f, ok := w.srv.File("Project Files/" + rel); !ok || f.ItemID != was.Item || err != nil ||
			rec.Item != was.Item || !rec.Snapshot.Same(was.Snapshot) {
			w.t.Errorf("renamed to %+v, the record is %+v %v", f, rec, err)
		}

		if owed, err := w.store.Owed(watchRoot, 0); err != nil || strings.Join(owed, " ") != rel {
			w.t.Errorf("owed %q %v", owed, err)
		}

		w.wantNothingOf(was.Rel)
		w.enqueue(w.ofWatch(rel))
		w.runAll(w.engine())
		w.wantMoved(was, rel, 3)
		w.wantTip(rel, data)
	}
}

func (w *world) noParked() {
	w.t.Helper()
	if open, err := w.store.OpenJobs(); err != nil || len(open) > 0 {
		w.dump()
		w.t.Errorf("jobs are open: %v", err)
	}
}

func foldsNames(c *emulator.Config, _ *apsclient.Config, _ *Config) {
	c.Knobs.CaseInsensitiveNames = true
}
