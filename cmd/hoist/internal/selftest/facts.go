package selftest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"time"
)

// Known is what the last run found in one kind of hub and region.
type Known struct {
	Date time.Time         `json:"date"`
	Seen map[string]string `json:"seen"` // by fact; what was not tried is absent
	// Differs are the facts that were not as expected, sorted as they were tried.
	Differs []string `json:"differs,omitempty"`
}

// Facts is what is kept of all runs, by kind of hub and region: "account/EMEA".
type Facts map[string]Known

// LoadFacts reads what is kept; nothing when there was no run.
func LoadFacts(path string) (Facts, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Facts{}, nil
	}

	if err != nil {
		return nil, fmt.Errorf("read what selftest found: %w", err)
	}

	f := Facts{}
	if err := json.Unmarshal(raw, &f); err != nil {
		return nil, fmt.Errorf("read what selftest found in %s: %w", path, err)
	}

	return f, nil
}

// Add takes a run over. What it did not try stays as an earlier one found it.
func (f Facts) Add(r Report) {
	key := r.Hub + "/" + r.Region
	k := Known{Date: r.Date, Seen: map[string]string{}}
	maps.Copy(k.Seen, f[key].Seen)

	for _, x := range r.Facts {
		if x.Verdict != Untried {
			k.Seen[x.Fact] = x.Seen
		}

		if x.Verdict == Differs {
			k.Differs = append(k.Differs, x.Fact)
		}
	}

	f[key] = k
}
