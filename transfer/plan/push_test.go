package plan

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hoist/apsclient"
	"hoist/state"
	"hoist/transfer/remote"
)

func mustAddress(t *testing.T, text string) remote.Address {
	t.Helper()
	a, err := remote.ParseAddress(text)
	if err != nil {
		t.Fatal(err)
	}

	return a
}

func TestLand(t *testing.T) {
	folder := remote.Place{Kind: remote.KindFolder, Address: mustAddress(t, "aps://H/P/Files"),
		Missing: []string{"new"}}

	prefix := remote.Place{Kind: remote.KindPrefix, Address: mustAddress(t, "oss://bkt/p/"), Key: "p/",
		Bucket: "b"}
	src := func(pairs ...string) (out []Source) {
		for i := 0; i < len(pairs); i += 2 {
			out = append(out, Source{Path: pairs[i], Rel: pairs[i+1]})
		}

		return out
	}
	for name, row := range map[string]struct {
		place     remote.Place
		req       PushRequest
		at        []string
		collision string // remote
		refused   bool
	}{
		"files": {place: folder, req: PushRequest{Sources: src("/x/a", "a", "/x/d/b", "d/b")},
			at: []string{"aps://H/P/Files/new/a", "aps://H/P/Files/new/d/b"}},
		"another name": {place: folder, req: PushRequest{Sources: src("/x/a", "a"), As: "z"},
			at: []string{"aps://H/P/Files/new/z"}},
		"two on one": {place: folder, req: PushRequest{Sources: src("/x/a", "a", "/y/a", "a")},
			collision: "aps://H/P/Files/new/a"},
		"the same file twice": {place: folder, req: PushRequest{Sources: src("/x/a", "a", "/x/a", "a")},
			at: []string{"aps://H/P/Files/new/a"}},
		"file and folder": {place: folder, req: PushRequest{Sources: src("/x/a", "a", "/y/a/b", "a/b")},
			collision: "aps://H/P/Files/new/a"},
		"key below a prefix": {place: prefix, req: PushRequest{Sources: src("/x/a", "d/a")},
			at: []string{"oss://bkt/p/d/a"}},
		"two on one key": {place: prefix, req: PushRequest{Sources: src("/x/a", "a", "/y/a", "a")},
			collision: "oss://bkt/p/a"},
		"refused name": {place: folder, req: PushRequest{Sources: src("/x/a:b", "a:b")},
			at: []string{"aps://H/P/Files/new/a:b"}, refused: true},
		"refused folder": {place: folder, req: PushRequest{Sources: src("/x/d/a", "d?/a")},
			at: []string{"aps://H/P/Files/new/d?/a"}, refused: true},
		"mapped name": {place: folder,
			req: PushRequest{Sources: src("/x/a:b", "a:b"), MapNames: true},
			at:  []string{"aps://H/P/Files/new/a%253Ab"}},
		"any name in oss": {place: prefix, req: PushRequest{Sources: src("/x/a:b", "a:b")},
			at: []string{"oss://bkt/p/a:b"}},
		"mapped onto another": {place: folder,
			req:       PushRequest{Sources: src("/x/a:b", "a:b", "/x/a%3Ab", "a%3Ab"), MapNames: true},
			collision: "aps://H/P/Files/new/a%253Ab"},
		"too long, though mapped": {place: folder,
			req: PushRequest{Sources: src("/x/a", strings.Repeat(":", 200)), MapNames: true},
			at:  []string{"aps://H/P/Files/new/" + strings.Repeat("%253A", 200)}, refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := land(row.place, row.req)
			if row.collision != "" {
				c, ok := errors.AsType[*CollisionError](err)
				if !ok || c.Remote != row.collision || len(c.Sources) != 2 {
					t.Fatalf("error %v, want a collision on %s", err, row.collision)
				}

				return
			}

			if err != nil {
				t.Fatal(err)
			}

			var at []string
			refused := false
			for i := range row.req.Sources {
				l, ok := got.landing(i)
				if !ok {
					continue
				}

				at = append(at, address(row.place, l.names).String())
				refused = refused || l.refused != ""
			}

			if !slices.Equal(at, row.at) || refused != row.refused {
				t.Errorf("lands on %q refused %v, want %q %v", at, refused, row.at, row.refused)
			}
		})
	}
}

func TestRecordRootTellsPlacesApart(t *testing.T) {
	p := remote.Place{Hub: apsclient.Hub{ID: "h"}, Project: apsclient.Project{ID: "p"}}
	base := RecordRoot("default", p, filepath.Join("x", "a.dwg"))
	if got := RecordRoot("default", p, filepath.Join("x", "b.dwg")); got != base {
		t.Error("files of one folder have different roots")
	}

	q := p
	q.Project.ID = "q"
	for name, other := range map[string]string{
		"profile": RecordRoot("other", p, filepath.Join("x", "a.dwg")),
		"project": RecordRoot("default", q, filepath.Join("x", "a.dwg")),
		"folder":  RecordRoot("default", p, filepath.Join("y", "a.dwg")),
	} {
		if other == base {
			t.Errorf("another %s has the same root", name)
		}
	}

	if !strings.HasPrefix(base, state.PathRoot) {
		t.Errorf("root %q does not begin with state.PathRoot", base)
	}
}

// TestLandClashes: what is spelled in two ways clashes on the way of both, and nothing else does.
func TestLandClashes(t *testing.T) {
	folder := remote.Place{Kind: remote.KindFolder, Address: mustAddress(t, "aps://H/P/Files")}
	bucket := remote.Place{Kind: remote.KindBucket, Address: mustAddress(t, "oss://bkt"), Bucket: "bkt"}
	for name, row := range map[string]struct {
		place remote.Place
		rels  string
		want  string // what clashes, and with what, by rel
	}{
		"files":               {folder, "d/a.txt d/b.txt d/A.txt", "d/a.txt:d/A.txt - d/A.txt:d/a.txt"},
		"folders":             {folder, "d/x D/y d/z", "d:D D:d d:D"},
		"folders above":       {folder, "d/e/x D/e/x d/E/x", "d:D D:d d:D"},
		"folders below":       {folder, "d/e/x d/E/y", "d/e:d/E d/E:d/e"},
		"a file and a folder": {folder, "d D/x e", "d:D D:d -"},
		"three":               {folder, "ab Ab AB", "ab:Ab Ab:ab AB:ab"},
		"in other folders":    {folder, "d/a e/A", "- -"},
		"keys":                {bucket, "d/a d/A D/a", "- - -"},
	} {
		t.Run(name, func(t *testing.T) {
			var req PushRequest
			for rel := range strings.FieldsSeq(row.rels) {
				req.Sources = append(req.Sources,
					Source{Rel: rel, Path: filepath.Join("x", filepath.FromSlash(rel))})
			}

			got, err := land(row.place, req)
			if err != nil {
				t.Fatal(err)
			}

			below := func(path string) string { return strings.TrimPrefix(filepath.ToSlash(path), "x/") }
			var out []string
			for i := range req.Sources {
				l, _ := got.landing(i)
				if l.clash == nil {
					out = append(out, "-")
				} else {
					out = append(out, below(l.clash.Path)+":"+below(l.clash.Other))
				}
			}

			if text := strings.Join(out, " "); text != row.want {
				t.Errorf("%s, want %s", text, row.want)
			}
		})
	}

	// the third is the second one's name, which is not the first one's
	req := PushRequest{Sources: []Source{{Rel: "ab", Path: "1"}, {Rel: "AB", Path: "2"},
		{Rel: "AB", Path: "3"}}}
	if _, err := land(folder, req); err == nil {
		t.Error("two files land on one name beside one that is spelled otherwise")
	}
}
