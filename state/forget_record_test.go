package state

import (
	"path/filepath"
	"testing"
	"time"
)

// TestForgetRecordOnly: what nobody asked to forget leaves no mark.
func TestForgetRecordOnly(t *testing.T) {
	s, err := Open(filepath.Join(t.TempDir(), "state.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()

	path := filepath.Join(t.TempDir(), "a.dwg")
	for marks, only := range []bool{true, false} {
		if err := s.PutPublished(PublishedRecord{Root: "w", Rel: "a.dwg", Item: "i",
			At: time.Now()}); err != nil {
			t.Fatal(err)
		}

		if err := s.Forget(Forgotten{Path: path, Root: "w", Rel: "a.dwg", RecordOnly: only}); err != nil {
			t.Fatal(err)
		}

		_, known, err := s.Published("w", "a.dwg")
		marked, err2 := s.ForgottenPaths()
		if err != nil || err2 != nil || known {
			t.Errorf("the record is there: %v, %v, %v", known, err, err2)
		}

		if len(marked) != marks {
			t.Errorf("marks: %v", marked)
		}
	}
}
