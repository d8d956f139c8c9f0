package plan

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

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

	w := puller{store: store, req: PullRequest{Profile: "default"}, rules: remote.LocalRules{Folds: true},
		into: "x", taken: map[string]string{}, dirs: map[string]string{}}
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
	w.refuseFilesInTheWay()

	var got []string
	for _, p := range w.out {
		got = append(got, p.Reason)
	}

	if want := []string{"", state.ReasonAmbiguous, state.ReasonAmbiguous, ""}; !slices.Equal(got, want) {
		t.Errorf("reasons %q, want %q", got, want)
	}
}
