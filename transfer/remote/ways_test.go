package remote

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient/emulator"
)

// note is a Memory.
type note struct {
	text string
	err  error
}

func (n *note) Recall() (string, error) { return n.text, n.err }

func (n *note) Keep(text string) error {
	n.text = text
	return n.err
}

// born is a resolver of a process that begins with a memory.
func (w *world) born(m Memory) *Resolver {
	r := w.resolver()
	r.Remember(m)

	return r
}

// TestWaysOutliveTheProcess: a process that begins asks for what is in the folder and no more.
func TestWaysOutliveTheProcess(t *testing.T) {
	w := newWorld(t)
	base := w.srv.DemoRemote()
	w.addFile(w.srv.Demo().Project, "Project Files/a/one.dwg", "1")
	w.srv.ResetJournal()
	m := &note{}
	first, err := w.born(m).ResolveFolder(t.Context(), mustAddress(t, base+"/a"))
	if err != nil {
		t.Fatal(err)
	}

	w.wantCalls(t, "the first process", "list-hubs", "list-projects", "list-top-folders",
		"list-folder-contents")
	for range 2 {
		r := w.born(m)
		for range 2 {
			again, err := r.ResolveFolder(t.Context(), mustAddress(t, base+"/a"))
			if err != nil || again.Folder.ID != first.Folder.ID || again.Project.ID != first.Project.ID ||
				again.Core != first.Core || again.Address.String() != first.Address.String() {
				t.Errorf("got %+v, %v, want %+v", again, err, first)
			}
		}

		w.wantCalls(t, "a later process", "list-folder-contents")
	}

	if _, err := w.born(m).EnsureFolder(t.Context(), first.Project.ID, w.base, []string{"new"},
		w.store); err != nil {
		t.Errorf("a folder below a known one: %v", err)
	}

	r := w.born(m)
	top, err := r.ResolveFolder(t.Context(), mustAddress(t, base))
	if err == nil {
		_, err = r.EnsureFolder(t.Context(), top.Project.ID, top.Folder.ID, []string{"newer"}, w.store)
	}

	if err != nil || w.foldersNamed("newer") != 1 {
		t.Errorf("a folder below a way: %v", err)
	}
}

// elsewhere is a folder that has what is looked for, under another name.
func elsewhere(w *world) string {
	w.addFolder(w.srv.Demo().Project, "Plans/a")
	return w.addFolder(w.srv.Demo().Project, "Plans")
}

// TestWaysAreBelievedUntilTheServiceContradicts: whatever became of the ids, the place that a
// process finds is the one that a process without memory finds.
func TestWaysAreBelievedUntilTheServiceContradicts(t *testing.T) {
	for _, c := range []struct {
		name   string
		exists bool // and nothing in it is asked for: the way is believed for as long as it may be
		spoil  func(w *world, ways []way) []way
	}{
		{"another folder", false, func(_ *world, ways []way) []way {
			ways[0].Folder.ID = "urn:adsk.wipprod:fs.folder:co.gone"
			return ways
		}},
		{"another project", false, func(_ *world, ways []way) []way {
			ways[0].Project.ID = "b.6e1f0a52-0000-0000-0000-000000000000"
			return ways
		}},
		{"a folder that is refused", false, func(w *world, ways []way) []way {
			ways[0].Folder.ID = "urn:adsk.wipprod:fs.folder:co.refused"
			w.srv.SetFault(func(r emulator.Request) emulator.Fault {
				if strings.Contains(r.Path, "co.refused") {
					return emulator.Fault{Kind: emulator.FailBefore, Status: http.StatusForbidden}
				}

				return emulator.Fault{}
			})

			return ways
		}},
		{"one in which the name is missing", true, func(w *world, ways []way) []way {
			ways[0].Folder.ID = w.addFolder(w.srv.Demo().Project, "Plans")
			return ways
		}},
		{"long ago", false, func(w *world, ways []way) []way {
			ways[0].Asked = ways[0].Asked.Add(-wayFor)
			ways[0].Folder.ID = elsewhere(w)

			return ways
		}},
		{"to come", false, func(w *world, ways []way) []way {
			ways[0].Asked = ways[0].Asked.Add(time.Hour)
			ways[0].Folder.ID = elsewhere(w)

			return ways
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			a := mustAddress(t, w.srv.DemoRemote()+"/a")
			w.addFolder(w.srv.Demo().Project, "Project Files/a")
			m := &note{}
			want, err := w.born(m).ResolveFolder(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}

			var ways []way
			if err := json.Unmarshal([]byte(m.text), &ways); err != nil || len(ways) != 1 {
				t.Fatalf("kept %q: %v", m.text, err)
			}

			text, err := json.Marshal(c.spoil(w, ways))
			if err != nil {
				t.Fatal(err)
			}

			m.text = string(text)
			top, err := w.born(&note{text: m.text}).ResolveFolder(t.Context(),
				mustAddress(t, w.srv.DemoRemote()))
			if wrong := err != nil || top.Folder.ID != w.base; wrong != c.exists {
				t.Errorf("the top folder is %s, %v, want %s", top.Folder.ID, err, w.base)
			}

			got, err := w.born(m).ResolveFolder(t.Context(), a)
			if err != nil || got.Folder.ID != want.Folder.ID || len(got.Missing) > 0 {
				t.Errorf("got %s %v, %v, want %s", got.Folder.ID, got.Missing, err, want.Folder.ID)
			}

			w.srv.ResetJournal()
			if _, err := w.born(m).ResolveFolder(t.Context(), a); err != nil {
				t.Error(err)
			}

			w.wantCalls(t, "once it is learned again", "list-folder-contents")
		})
	}
}

// A memory that fails, or holds something else, costs calls.
func TestMemoryThatFails(t *testing.T) {
	w := newWorld(t)
	for _, m := range []*note{
		{err: errors.New("no disk")}, {text: "{"}, {text: "[{}]"}, {text: `["x"]`},
		{text: `[{"address":"` + w.srv.DemoRemote() + `"}]`},
	} {
		if _, err := w.born(m).ResolveFolder(t.Context(), mustAddress(t, w.srv.DemoRemote())); err != nil {
			t.Errorf("%q: %v", m.text, err)
		}
	}
}

// TestWaysAreBoundedAndAskedAgain: as many are kept as there is room for; and a process that lives
// for days asks for them once a day.
func TestWaysAreBoundedAndAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		m := &note{}
		r := w.born(m)
		for i := range waysKept + 4 {
			project, err := w.srv.AddProject(w.srv.Demo().Hub, fmt.Sprintf("P%d", i), "acc")
			if err != nil {
				t.Fatal(err)
			}

			w.addFolder(project, "Plans")
		}

		for i := range waysKept + 4 {
			a := mustAddress(t, fmt.Sprintf("aps://Demo Hub/P%d/Plans", i))
			if _, err := r.ResolveFolder(t.Context(), a); err != nil {
				t.Fatal(err)
			}
		}

		var ways []way
		if err := json.Unmarshal([]byte(m.text), &ways); err != nil || len(ways) != waysKept {
			t.Errorf("%d ways are kept: %v", len(ways), err)
		}

		last := mustAddress(t, "aps://Demo Hub/P0/Plans")
		for range 3 {
			time.Sleep(wayFor)
			w.srv.ResetJournal()
			for range 2 {
				if _, err := r.ResolveFolder(t.Context(), last); err != nil {
					t.Fatal(err)
				}
			}

			w.wantCalls(t, "after a day", "list-hubs", "list-projects", "list-top-folders")
		}
	})
}
