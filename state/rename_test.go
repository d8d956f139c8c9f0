package state

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"
)

func renamedJob(n, from int) Job {
	j := uploadJob(n)
	j.From = uploadJob(from).Rel

	return j
}

// TestRenamedAgain: what waits under the old name has nothing left to send, and a rename of a rename
// is one from where it began.
func TestRenamedAgain(t *testing.T) {
	s := newStore(t)
	one := enqueue(t, s, renamedJob(2, 1), Queued)
	two := enqueue(t, s, renamedJob(3, 2), Queued)
	if two.From != "1.dwg" {
		t.Errorf("from %q", two.From)
	}

	ended, err := s.Job(one.ID)
	if err != nil || ended.End != EndSuperseded {
		t.Errorf("the one before: %+v %v", ended, err)
	}

	if back := enqueue(t, s, renamedJob(1, 3), Queued); back.From != "" {
		t.Errorf("away and back is from %q", back.From)
	}

	if open, err := s.OpenJobs(); err != nil || len(open) != 1 {
		t.Errorf("open: %+v %v", open, err)
	}

	// what has begun is not ended
	begun := enqueue(t, s, uploadJob(5), Queued)
	commit(t, s, begun.ID, Reserved{Object: "o"})
	enqueue(t, s, renamedJob(6, 5), Queued)
	if j, found, err := s.JobOf("w1", "5.dwg"); err != nil || !found || j.ID != begun.ID {
		t.Errorf("the job that has begun: %+v %v %v", j, found, err)
	}

	// an edit of what waits keeps where it was renamed from
	edited := uploadJob(6)
	edited.Snapshot = snap(30, 1)
	if j := enqueue(t, s, edited, Merged); j.From != "5.dwg" {
		t.Errorf("after an edit: from %q", j.From)
	}
}

func publishedFile(t *testing.T, s *Store, rel string) PublishedRecord {
	t.Helper()
	r := PublishedRecord{Root: "w1", Rel: rel, Remote: "aps://Hub/Project/Files/" + rel, Item: "i " + rel,
		Version: "v " + rel, Number: 3, Storage: "s " + rel, Snapshot: snap(25, 0), PartSize: 10,
		ETags: []string{"a", "b", "c"}, SHA1: "sum", At: epoch}
	if err := s.PutPublished(r); err != nil {
		t.Fatal(err)
	}

	return r
}

// TestRecordsFollowAFile: the record of a renamed file is under its new name alone, that of a copied
// one under both.
func TestRecordsFollowAFile(t *testing.T) {
	for _, copied := range []bool{false, true} {
		s := newStore(t)
		was := publishedFile(t, s, "1.dwg")
		was.Unproven = true
		if err := s.PutPublished(was); err != nil {
			t.Fatal(err)
		}

		j := renamedJob(2, 1)
		j.Snapshot.ChangeTime = epoch.Add(5)
		j = enqueue(t, s, j, Queued)
		j = run(t, s, j.ID, Intended{Intent: Intent{Kind: "rename"}},
			Renamed{Item: "i", Version: "v4", Number: 4, Storage: was.Storage, Copied: copied})
		if j.Result != ResultRenamed || j.Object != was.Storage || j.From != "1.dwg" {
			t.Errorf("the job: %+v", j)
		}

		got, ok, err := s.Published("w1", "2.dwg")
		if err != nil || !ok || got.Version != "v4" || got.Number != 4 || got.Item != "i" ||
			!got.Snapshot.Same(j.Snapshot) || got.SHA1 != "sum" || !slices.Equal(got.ETags, was.ETags) ||
			got.Remote != j.Target.Address {
			t.Errorf("the record: %+v %v %v", got, ok, err)
		}

		old, ok, err := s.Published("w1", "1.dwg")
		if ok != copied || err != nil {
			t.Errorf("copied %v: the old record is there: %v %v", copied, ok, err)
		}

		if got.Unproven || old.Unproven { // what is renamed was compared
			t.Errorf("copied %v: unproven under the new name %v, the old one %v", copied,
				got.Unproven, old.Unproven)
		}

		receipts, err := s.Receipts(0, 0)
		if err != nil || len(receipts) != 1 || CheckReceipts(receipts, "") != nil {
			t.Errorf("receipts %+v %v", receipts, err)
		}
	}
}

func folderRename() Job {
	return Job{Kind: Rename, Root: "w1", Rel: "new/I", From: "D", Path: filepath.FromSlash("/plans/new/I"),
		Target: Target{Address: "aps://Hub/Project/Files/new/I", Name: "I"}}
}

// TestRecordsFollowAFolder: all below it, and nothing beside it.
func TestRecordsFollowAFolder(t *testing.T) {
	s := newStore(t)
	for _, rel := range []string{"D/a", "D/x/b", "D2/c", "D"} {
		publishedFile(t, s, rel)
	}

	j := enqueue(t, s, folderRename(), Queued)
	if list, err := s.FolderRenames("w1"); err != nil || len(list) != 1 || list[0].ID != j.ID {
		t.Errorf("open renames: %+v %v", list, err)
	}

	run(t, s, j.ID, Intended{Intent: Intent{Kind: "folder"}}, Renamed{From: "aps://Hub/Project/Files/D"})
	var rels []string
	list, err := s.PublishedIn("w1", "", 0)
	for _, r := range list {
		rels = append(rels, r.Rel)
	}

	if want := []string{"D", "D2/c", "new/I/a", "new/I/x/b"}; err != nil || !slices.Equal(rels, want) {
		t.Errorf("records %q, want %q, %v", rels, want, err)
	}

	moved, _, err := s.Published("w1", "new/I/x/b")
	if err != nil || moved.Remote != "aps://Hub/Project/Files/new/I/x/b" || moved.Item != "i D/x/b" ||
		moved.Number != 3 {
		t.Errorf("the record: %+v %v", moved, err)
	}

	if list, err := s.FolderRenames("w1"); err != nil || len(list) != 0 {
		t.Errorf("open renames: %+v %v", list, err)
	}
}

// TestDroppedFolder: what was published below it is looked at under its new name.
func TestDroppedFolder(t *testing.T) {
	s := newStore(t)
	publishedFile(t, s, "D/a")
	publishedFile(t, s, "E")
	j := enqueue(t, s, folderRename(), Queued)
	if j = commit(t, s, j.ID, Dropped{Why: "taken"}); j.End != EndSuperseded || j.Reason != ReasonNotCarried {
		t.Errorf("the job: %+v", j)
	}

	if owed, err := s.Owed("w1", 0); err != nil || !slices.Equal(owed, []string{"new/I/a"}) {
		t.Errorf("owed %q %v", owed, err)
	}

	if _, ok, err := s.Published("w1", "D/a"); !ok || err != nil {
		t.Errorf("the record went: %v", err)
	}
}

// TestHideAndUpload: only one job goes to an address, so a file that is there again takes the place of a
// hide that has not begun, and waits for one that has.
func TestHideAndUpload(t *testing.T) {
	s := newStore(t)
	publishedFile(t, s, "1.dwg")
	hide := uploadJob(1)
	hide.Kind, hide.Snapshot = Hide, Snapshot{}
	first := enqueue(t, s, hide, Queued)
	again := uploadJob(1)
	again.Snapshot = snap(30, 9)
	up := enqueue(t, s, again, Queued)
	first, err := s.Job(first.ID)
	if err != nil || first.End != EndSuperseded || first.Reason != ReasonSourceChanged {
		t.Errorf("the hide, though the file is there again: %+v", first)
	}

	commit(t, s, up.ID, SourceChanged{Gone: true})
	hide = enqueue(t, s, hide, Queued)
	commit(t, s, hide.ID, Intended{Intent: Intent{Kind: "hide"}})
	enqueue(t, s, again, Busy)
	if owed, err := s.Owed("w1", 0); err != nil || len(owed) != 0 {
		t.Errorf("owed before its time: %q %v", owed, err)
	}

	hide = run(t, s, hide.ID, Hidden{})
	if hide.Result != ResultHidden {
		t.Errorf("the hide: %+v", hide)
	}

	if _, ok, err := s.Published("w1", "1.dwg"); ok || err != nil {
		t.Errorf("the record is there: %v", err)
	}

	if owed, err := s.Owed("w1", 0); err != nil || !slices.Equal(owed, []string{"1.dwg"}) {
		t.Errorf("owed %q %v", owed, err)
	}
}

// TestRefusedHide: what spoke against a hide is remembered with the content that was published, unless it
// may be asked for again.
func TestRefusedHide(t *testing.T) {
	for _, again := range []bool{false, true} {
		s := newStore(t)
		publishedFile(t, s, "1.dwg")
		hide := uploadJob(1)
		hide.Kind = Hide
		hide = enqueue(t, s, hide, Queued)
		commit(t, s, hide.ID, Dropped{Why: "because", Again: again})
		marks, err := s.UnwantedIn("w1")
		if mark, ok := marks["1.dwg"]; err != nil || ok == again || ok && !mark.Same(hide.Snapshot) {
			t.Errorf("again %v: %+v %v", again, marks, err)
		}
	}
}

// TestRenamesOfWatchesAlone: what no watch asked for is neither renamed nor hidden.
func TestRenamesOfWatchesAlone(t *testing.T) {
	s := newStore(t)
	for _, kind := range []Kind{Rename, Hide} {
		j := folderRename()
		j.Kind, j.Root = kind, ""
		if _, _, err := s.Enqueue(j); err == nil || errors.Is(err, ErrNotFound) {
			t.Errorf("%s without a watch: %v", kind, err)
		}
	}
}
