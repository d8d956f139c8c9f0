package audit

import (
	"errors"
	"strings"
	"testing"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/state"
)

// TestExplainRemoved: what becomes in the cloud of a file that was removed is as its watch has it.
func TestExplainRemoved(t *testing.T) {
	for _, row := range []struct {
		name  string
		watch *config.Watch
		says  string
	}{
		{"in no watch", nil, "nothing is removed in the cloud"},
		{"kept", &config.Watch{Delete: config.DeleteKeep}, "nothing is removed in the cloud"},
		{"by default", &config.Watch{}, "nothing is removed in the cloud"},
		{"hidden", &config.Watch{Delete: config.DeleteHide}, "its watch hides what is removed"},
	} {
		s := stand{Question: Question{Watch: row.watch, Job: &state.Job{}}, err: errors.New("it is gone")}
		var e control.Explanation
		if err := s.missing(&e); err != nil || !strings.Contains(e.Detail, row.says) {
			t.Errorf("%s: %q, %v", row.name, e.Detail, err)
		}
	}
}
