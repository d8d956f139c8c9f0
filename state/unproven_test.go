package state

import (
	"slices"
	"testing"
)

// TestUnproven: what nothing has proved is listed for as long as its record says so, and is no base.
func TestUnproven(t *testing.T) {
	s := newStore(t)
	rec := func(rel string, unproven bool) PublishedRecord {
		return PublishedRecord{Root: "w", Rel: rel, Remote: "aps://h/p/f/" + rel, Version: "v",
			Unproven: unproven}
	}
	want := func(rels ...string) {
		t.Helper()

		got, err := s.Unproven("w", "", 0)
		n, countErr := s.CountUnproven("w")
		if err != nil || countErr != nil || !slices.Equal(got, rels) || n != len(rels) {
			t.Errorf("unproven: %q, %d of them, %v %v, want %q", got, n, err, countErr, rels)
		}
	}

	if err := s.PutPublished(rec("a", true), rec("b", true), rec("c", true), rec("d", false)); err != nil {
		t.Fatal(err)
	}

	want("a", "b", "c")
	if got, err := s.Unproven("w", "a", 1); err != nil || !slices.Equal(got, []string{"b"}) {
		t.Errorf("after a: %q, %v", got, err)
	}

	got, _, err := s.Published("w", "a")
	if err != nil || !got.Unproven || got.Base(got.Remote).Known {
		t.Errorf("%+v, %v: it is a base", got, err)
	}

	if err := s.PutPublished(rec("a", false)); err != nil {
		t.Fatal(err)
	}

	want("b", "c")
	if err := s.Forget(Forgotten{Path: "/w/b", Root: "w", Rel: "b"}); err != nil {
		t.Fatal(err)
	}

	want("c")
	if err := s.DropRoot("w"); err != nil {
		t.Fatal(err)
	}

	want()
}
