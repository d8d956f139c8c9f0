package owner

import (
	"path/filepath"
	"testing"

	"hoist/cmd/hoist/internal/control"
)

// TestPlotsStay: what an owner did in its last minute is in the plots of the next one.
func TestPlotsStay(t *testing.T) {
	options, cloud := newOptions(t)
	o := open(t, Working, options)
	path := write(t, filepath.Join(t.TempDir(), "plan.dwg"), make([]byte, 7000))
	push(t, o, control.PushRequest{Paths: []string{path}, Remote: cloud.DemoRemote()})
	shut(t, o)

	o = open(t, Working, options)
	got, err := o.Plots(t.Context(), "day")
	if err != nil {
		t.Fatal(err)
	}

	published, calls := 0, 0
	sent := int64(0)
	for _, p := range got.Points {
		published, calls, sent = published+p.Published, calls+p.Calls["post-items"], sent+p.Sent
	}

	if published != 1 || calls != 1 || sent == 0 || got.StepSeconds != 300 {
		t.Errorf("%+v", got)
	}

	if _, err := o.Plots(t.Context(), "year"); err == nil {
		t.Error("a year is a span")
	}
}
