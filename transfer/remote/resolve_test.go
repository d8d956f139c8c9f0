package remote

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
)

func TestResolve(t *testing.T) {
	w := newWorld(t)
	demo := w.srv.Demo()
	base := w.srv.DemoRemote() // aps://Demo Hub/Demo Project/Project Files
	folder := w.addFolder(demo.Project, "Project Files/Plans/Level 1")
	item, version := w.addFile(demo.Project, "Project Files/Plans/Level 1/A.dwg", "one")
	w.addFile(demo.Project, "Project Files/Plans/Level 1/A.dwg", "other")
	w.addFolder(demo.Project, "Project Files/100%")
	hub2 := w.srv.AddHub("Fusion", true)
	if _, err := w.srv.AddProject(hub2, "Twin", ""); err != nil {
		t.Fatal(err)
	}

	if _, err := w.srv.AddProject(hub2, "Twin", ""); err != nil {
		t.Fatal(err)
	}

	projectPath := strings.TrimSuffix(base, "/Project Files")
	w.srv.ResetJournal()

	for name, row := range map[string]struct {
		address string
		kind    string
		id      string
		canon   string // "" the same
		missing string // NotFoundError.Name
		near    string
		ids     int // AmbiguousError
	}{
		"root": {address: "aps://", kind: KindRoot},
		"hub":  {address: "aps://Demo Hub", kind: KindHub, id: demo.Hub},
		"hub by id": {address: "aps://" + demo.Hub, kind: KindHub, id: demo.Hub,
			canon: "aps://Demo Hub"},
		"project": {address: projectPath, kind: KindProject, id: demo.Project},
		"project by id": {address: "aps://Demo Hub/" + demo.Project, kind: KindProject, id: demo.Project,
			canon: projectPath},
		"top folder": {address: base, kind: KindFolder, id: demo.Folder},
		"folder":     {address: base + "/Plans/Level 1", kind: KindFolder, id: folder},
		"folder by id": {address: projectPath + "/" + folder, kind: KindFolder, id: folder,
			canon: base + "/Plans/Level 1"},
		"folder by id below": {address: base + "/Plans/" + folder, kind: KindFolder, id: folder,
			canon: base + "/Plans/Level 1"},
		"below an id": {address: projectPath + "/" + folder + "/A.dwg", kind: KindItem, id: item,
			canon: base + "/Plans/Level 1/A.dwg"},
		"file": {address: base + "/Plans/Level 1/A.dwg", kind: KindItem, id: item},
		"file by id": {address: projectPath + "/" + item, kind: KindItem, id: item,
			canon: base + "/Plans/Level 1/A.dwg"},
		"version by id": {address: projectPath + "/" + version, kind: KindItem, id: item,
			canon: base + "/Plans/Level 1/A.dwg"},
		"encoded":     {address: base + "/100%25", kind: KindFolder},
		"unknown hub": {address: "aps://demo hub/x", missing: "demo hub", near: "Demo Hub"},
		"unknown project": {address: "aps://Demo Hub/Demo Projekt", missing: "Demo Projekt",
			near: "Demo Project"},
		"unknown top folder": {address: projectPath + "/project files", missing: "project files",
			near: "Project Files"},
		"another case":       {address: base + "/Plans/Level 1/a.DWG", missing: "a.DWG", near: "A.dwg"},
		"file in the middle": {address: base + "/Plans/Level 1/A.dwg/x", missing: "A.dwg"},
		"unknown folder id": {address: projectPath + "/urn:adsk.wipprod:fs.folder:co.nothing",
			missing: "urn:adsk.wipprod:fs.folder:co.nothing"},
		"twins": {address: "aps://Fusion/Twin", ids: 2},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := w.resolver().Resolve(t.Context(), mustAddress(t, row.address))
			if row.missing != "" {
				nf, ok := errors.AsType[*NotFoundError](err)
				if !ok || nf.Name != row.missing {
					t.Fatalf("error %v, want that %q was not found", err, row.missing)
				}

				if row.near != "" && !slices.Contains(nf.Near, row.near) {
					t.Errorf("near %q, want %q among them", nf.Near, row.near)
				}

				return
			}

			if row.ids > 0 {
				amb, ok := errors.AsType[*AmbiguousError](err)
				if !ok || len(amb.IDs) != row.ids || !strings.Contains(err.Error(), amb.IDs[1]) {
					t.Fatalf("error %v, want one with %d ids", err, row.ids)
				}

				return
			}

			if err != nil {
				t.Fatal(err)
			}

			if p.Kind != row.kind || row.id != "" && p.Entry().ID != row.id {
				t.Errorf("kind %s id %s, want %s %s", p.Kind, p.Entry().ID, row.kind, row.id)
			}

			want := row.canon
			if want == "" {
				want = row.address
			}

			if p.Address.String() != want {
				t.Errorf("address %s, want %s", p.Address, want)
			}

			if name == "version by id" && (p.Version == nil || p.Version.Number != 1) {
				t.Errorf("version %+v, want number 1", p.Version)
			}

			if name == "file" && (p.Entry().VersionNumber != 2 || p.Entry().Size != 5) {
				t.Errorf("tip %+v, want number 2 of 5 bytes", p.Entry())
			}
		})
	}
}

func TestResolveCostsFewCalls(t *testing.T) {
	w := newWorld(t)
	demo := w.srv.Demo()
	base := w.srv.DemoRemote()
	w.addFile(demo.Project, "Project Files/a/b/one.dwg", "1")
	w.addFile(demo.Project, "Project Files/a/b/two.dwg", "2")
	w.srv.ResetJournal()
	r := w.resolver()
	resolve := func(a string) {
		t.Helper()
		if _, err := r.Resolve(t.Context(), mustAddress(t, a)); err != nil {
			t.Fatal(err)
		}
	}
	resolve(base + "/a/b/one.dwg")
	w.wantCalls(t, "a file three folders deep", "list-hubs", "list-projects", "list-top-folders",
		"list-folder-contents", "list-folder-contents", "list-folder-contents")
	resolve(base + "/a/b/two.dwg")
	w.wantCalls(t, "its neighbour")
	p, err := r.Resolve(t.Context(), mustAddress(t, base+"/a/b"))
	if err != nil {
		t.Fatal(err)
	}

	n := 0
	for e, err := range r.List(t.Context(), p) {
		if err != nil {
			t.Fatal(err)
		}

		if e.Type != "item" || e.VersionID == "" || e.StorageID == "" || e.Size != 1 {
			t.Errorf("entry %+v", e)
		}

		n++
	}

	if n != 2 {
		t.Errorf("%d entries, want 2", n)
	}

	w.wantCalls(t, "a listing that is at hand")

	// What others do is seen after forget, what we do at once.
	w.addFile(demo.Project, "Project Files/a/b/three.dwg", "3")
	if _, ok, err := r.Find(t.Context(), w.project, p.Folder.ID, "three.dwg"); ok || err != nil {
		t.Errorf("found %v, %v before forget", ok, err)
	}

	r.Note(w.project, p.Folder.ID,
		apsclient.Entry{Item: &apsclient.Item{ID: "urn:x:dm.lineage:1", Name: "four.dwg"}})
	if _, ok, _ := r.Find(t.Context(), w.project, p.Folder.ID, "four.dwg"); !ok {
		t.Error("a noted item was not found")
	}

	r.Forget(w.project, p.Folder.ID)
	if _, ok, _ := r.Find(t.Context(), w.project, p.Folder.ID, "three.dwg"); !ok {
		t.Error("not found after forget")
	}

	w.wantCalls(t, "after forget", "list-folder-contents")
}

// In a process that lives long what others did is seen, without a call for what is there.
func TestResolverNoticesWhatOthersDid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r := w.resolver()
		if _, err := r.Resolve(t.Context(), mustAddress(t, w.srv.DemoRemote())); err != nil {
			t.Fatal(err)
		}

		if _, err := w.srv.AddProject(w.srv.Demo().Hub, "Younger", "acc"); err != nil {
			t.Fatal(err)
		}

		time.Sleep(time.Minute)
		if _, err := r.Resolve(t.Context(), mustAddress(t, "aps://Demo Hub/Younger")); err != nil {
			t.Errorf("a project that was made meanwhile: %v", err)
		}

		look := func() bool {
			t.Helper()
			_, ok, err := r.Find(t.Context(), w.project, w.base, "young.dwg")
			if err != nil {
				t.Fatal(err)
			}

			return ok
		}
		look()
		w.addFile(w.srv.Demo().Project, "Project Files/young.dwg", "1")
		if look() {
			t.Error("a listing of this moment was read again")
		}

		w.addFile(w.srv.Demo().Project, "Project Files/a/old.dwg", "1")
		r.Forget(w.project, w.base)
		if _, err := r.Resolve(t.Context(), mustAddress(t, w.srv.DemoRemote()+"/a/old.dwg")); err != nil {
			t.Fatal(err)
		}

		time.Sleep(listingFor + time.Second)
		if !look() {
			t.Error("an old listing was not read again")
		}

		if n := len(r.folders); n != 1 {
			t.Errorf("%d listings are kept, of which one is not old", n)
		}

		w.addFile(w.srv.Demo().Project, "Project Files/younger.dwg", "1")
		r.Refresh()
		if _, ok, _ := r.Find(t.Context(), w.project, w.base, "younger.dwg"); !ok {
			t.Error("not found after Refresh")
		}

		for range 2 {
			w.srv.ResetJournal()
			if _, err := r.Resolve(t.Context(), mustAddress(t, w.srv.DemoRemote())); err != nil {
				t.Fatal(err)
			}

			r.Refresh()
		}

		w.wantCalls(t, "after Refresh within ten minutes")
	})
}

func TestResolveFolderTellsWhatIsMissing(t *testing.T) {
	w := newWorld(t)
	demo := w.srv.Demo()
	base := w.srv.DemoRemote()
	w.addFile(demo.Project, "Project Files/a/file.dwg", "1")
	r := w.resolver()
	p, err := r.ResolveFolder(t.Context(), mustAddress(t, base+"/a/new/newer"))
	if err != nil || p.Folder.Name != "a" || !slices.Equal(p.Missing, []string{"new", "newer"}) {
		t.Errorf("place %s missing %q, %v", p.Address, p.Missing, err)
	}

	_, err = r.ResolveFolder(t.Context(), mustAddress(t, base+"/a/file.dwg/x"))
	if _, ok := errors.AsType[*UsageError](err); !ok {
		t.Errorf("a folder below a file: %v, want a usage error", err)
	}

	_, err = r.ResolveFolder(t.Context(),
		mustAddress(t, strings.Replace(base, "Project Files", "No Such Top", 1)+"/x"))
	if nf, ok := errors.AsType[*NotFoundError](err); !ok || nf.Name != "No Such Top" {
		t.Errorf("a missing top folder: %v, want not found", err)
	}
}

func TestHiddenThingsNeverMatch(t *testing.T) {
	w := newWorld(t)
	demo := w.srv.Demo()
	item, _ := w.addFile(demo.Project, "Project Files/gone.dwg", "1")
	folder := w.addFolder(demo.Project, "Project Files/old")
	hidden := true
	if _, err := w.client.Folders.Update(t.Context(), w.project, apsclient.FolderID(folder),
		apsclient.FolderUpdate{Hidden: &hidden}); err != nil {
		t.Fatal(err)
	}

	if _, err := w.client.Versions.Create(t.Context(), w.project,
		apsclient.NewVersion{Item: apsclient.ItemID(item), Deleted: true}); err != nil {
		t.Fatal(err)
	}

	r := w.resolver()
	if _, ok, err := r.Find(t.Context(), w.project, w.base, "gone.dwg"); ok || err != nil {
		t.Errorf("a hidden file: found %v, %v", ok, err)
	}

	if _, ok, err := r.FindFolder(t.Context(), w.project, w.base, "old"); ok || err != nil {
		t.Errorf("a hidden folder: found %v, %v", ok, err)
	}

	for _, id := range []string{item, folder} {
		_, err := r.Resolve(t.Context(),
			mustAddress(t, strings.TrimSuffix(w.srv.DemoRemote(), "/Project Files")+"/"+id))
		if _, ok := errors.AsType[*NotFoundError](err); !ok {
			t.Errorf("%s by id: %v, want not found", id, err)
		}
	}
}

func TestNoHubVisibleNamesTheReason(t *testing.T) {
	w := newWorld(t)
	w.srv.SetKnobs(func(k *emulator.Knobs) { k.HideHubs = true })
	_, err := w.resolver().Resolve(t.Context(), mustAddress(t, "aps://Demo Hub"))
	nf, ok := errors.AsType[*NotFoundError](err)
	if !ok || len(nf.Warnings) == 0 || !strings.Contains(err.Error(), "not added to the account") {
		t.Errorf("error %v", err)
	}
}

func TestLargeFolderIsReadInPages(t *testing.T) {
	w := newWorld(t)
	demo := w.srv.Demo()
	for i := range 450 {
		w.addFile(demo.Project, fmt.Sprintf("Project Files/many/%03d.dwg", i), "x")
	}

	w.srv.ResetJournal()
	r := w.resolver()
	p, err := r.Resolve(t.Context(), mustAddress(t, w.srv.DemoRemote()+"/many"))
	if err != nil {
		t.Fatal(err)
	}

	w.srv.ResetJournal()

	n := 0
	for _, err := range r.List(t.Context(), p) {
		if err != nil {
			t.Fatal(err)
		}

		n++
	}

	if n != 450 {
		t.Errorf("%d entries, want 450", n)
	}

	w.wantCalls(t, "450 files", "list-folder-contents", "list-folder-contents", "list-folder-contents")
}

func TestListingIsSharedByCallersAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.addFile(w.srv.Demo().Project, "Project Files/a.dwg", "1")
		w.srv.ResetJournal()

		r := w.resolver()
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if _, ok, err := r.Find(t.Context(), w.project, w.base, "a.dwg"); !ok || err != nil {
					t.Errorf("found %v, %v", ok, err)
				}
			})
		}

		wg.Wait()
		w.wantCalls(t, "20 callers", "list-folder-contents")

		// A caller that gives up does not take the others with it.
		r.Forget(w.project, w.base)
		ctx, cancel := context.WithCancel(t.Context())
		w.srv.SetFault(func(q emulator.Request) emulator.Fault {
			return emulator.Fault{Do: sync.OnceFunc(cancel)}
		})
		wg.Go(func() { _, _, _ = r.Find(ctx, w.project, w.base, "a.dwg") })
		synctest.Wait()
		if _, ok, err := r.Find(t.Context(), w.project, w.base, "a.dwg"); !ok || err != nil {
			t.Errorf("after another caller gave up: found %v, %v", ok, err)
		}

		wg.Wait()

		// What we make while a listing is being read is in it, and a listing that was forgotten
		// meanwhile is read again.
		w.srv.ResetJournal()
		r.Forget(w.project, w.base)
		forget := false
		w.srv.SetFault(func(q emulator.Request) emulator.Fault {
			return emulator.Fault{DoAfter: sync.OnceFunc(func() {
				if forget {
					forget = false
					r.Forget(w.project, w.base)
				}

				r.Note(w.project, w.base,
					apsclient.Entry{Item: &apsclient.Item{ID: "urn:x:dm.lineage:1", Name: "noted.dwg"}})
			})}
		})
		if _, ok, err := r.Find(t.Context(), w.project, w.base, "noted.dwg"); !ok || err != nil {
			t.Errorf("noted while the listing was read: found %v, %v", ok, err)
		}

		w.wantCalls(t, "one listing", "list-folder-contents")
		r.Forget(w.project, w.base)
		forget = true
		if _, ok, err := r.Find(t.Context(), w.project, w.base, "a.dwg"); !ok || err != nil {
			t.Errorf("found %v, %v", ok, err)
		}

		w.wantCalls(t, "forgotten while it was read", "list-folder-contents", "list-folder-contents")
	})
}
