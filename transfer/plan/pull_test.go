package plan

import (
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"hoist/apsclient"
	"hoist/state"
	"hoist/transfer/remote"
)

func TestVersionWithoutContent(t *testing.T) {
	q := remote.Place{Kind: remote.KindItem, Address: mustAddress(t, "aps://H/P/Files/a.dwg"),
		Version: &apsclient.Version{Number: 2}}
	if f := newFetch(PullRequest{}, q, "x", nil, "a.dwg"); f.Result != Attention ||
		f.Reason != state.ReasonNoContent {
		t.Errorf("plan %+v; want no-content", f)
	}
}

func TestFilesThatFallTogetherLocally(t *testing.T) {
	store, err := state.Open(filepath.Join(t.TempDir(), "state.db"), state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()

	w := Pulling{store: store, req: PullRequest{Profile: "default"}, rules: remote.LocalRules{Folds: true},
		into: "x", found: newList(t.TempDir(), listedForm), dirs: map[string]int{}}
	defer w.Close()
	add := func(name string) {
		t.Helper()
		v := apsclient.Version{Name: name, Storage: "urn:adsk.objects:os.object:b/k", Size: 1}
		q := remote.Place{Kind: remote.KindItem, Address: mustAddress(t, "aps://H/P/Files").Join(name),
			Item: apsclient.Item{Name: name, Tip: &v}}
		if err := w.add(t.Context(), q, nil, strings.Split(name, "/"), ""); err != nil {
			t.Fatal(err)
		}
	}
	add("A.dwg")
	add("a.DWG")
	add("b")
	add("B/c")
	w.names.sort()
	files, err := w.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	var got []string
	for _, p := range files {
		got = append(got, p.Reason)
	}

	if want := []string{"", state.ReasonAmbiguous, state.ReasonAmbiguous, ""}; !slices.Equal(got, want) {
		t.Errorf("reasons %q, want %q", got, want)
	}
}

// TestListedFiles: what a list holds of a remote file says all that its plan needs.
func TestListedFiles(t *testing.T) {
	made := time.Date(2026, 3, 1, 10, 0, 0, 5, time.UTC)
	project := remote.Place{Kind: remote.KindFolder, Address: mustAddress(t, "aps://H/P/Files/a%2Fb"),
		Core: true, Hub: apsclient.Hub{ID: "b.hub"}, Project: apsclient.Project{ID: "b.project"}}
	bucket := remote.Place{Kind: remote.KindBucket, Address: mustAddress(t, "oss://bucket"), Bucket: "bucket"}
	list := newList(t.TempDir(), listedForm)
	defer list.Close()

	var want []File
	for i := range 3 * blockSize {
		q := project
		name := fmt.Sprintf("plan %d%%.dwg", i)
		q.Kind, q.Address, q.Folder.ID = remote.KindItem, project.Address.Join(name), "urn:folder"
		q.Item = apsclient.Item{ID: apsclient.ItemID(fmt.Sprint("urn:item:", i)), Name: name}
		q.Version = &apsclient.Version{ID: apsclient.VersionID(fmt.Sprint("urn:version:", i)), Number: i,
			Size: int64(i), Storage: "urn:adsk.objects:os.object:b/k", Modified: made}
		if i%2 > 0 {
			q = bucket
			key := fmt.Sprintf("set//\x00%d", i)
			q.Kind, q.Key, q.Address = remote.KindObject, key, bucket.Address.Join(strings.Split(key, "/")...)
			q.Object = &apsclient.Object{ID: "urn:adsk.objects:os.object:bucket/set", Key: key,
				SHA1: strings.Repeat("ab", 20), Size: -1}
		}

		want = append(want, newFetch(PullRequest{Profile: "p"}, q, "into", []string{"x"}, name))
		if err := list.Add(listedOf(q, "x/"+name, "")); err != nil {
			t.Fatal(err)
		}
	}

	for i := range want {
		below := project
		if i%2 > 0 {
			below = bucket
		}

		l := list.At(i)
		name := strings.TrimPrefix(l.local, "x/")
		f := newFetch(PullRequest{Profile: "p"}, l.place(below), "into", []string{"x"}, name)
		if !reflect.DeepEqual(f, want[i]) {
			t.Fatalf("number %d:\n%+v\nwant\n%+v", i, f, want[i])
		}
	}
}
