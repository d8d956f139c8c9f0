package state

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

const architecturePage = "../cmd/hoist/docs/architecture.md"

// everyKind are the ways a job can go: their name on the page and a job in a phase.
var everyKind = []struct {
	name   string
	phases []Phase
	at     func(*testing.T, Phase) Job
}{
	{"upload", []Phase{PhaseQueued, PhaseReserved, PhaseUploading, PhaseUploaded, PhaseCompleted,
		PhasePublishing, PhasePublished}, func(t *testing.T, p Phase) Job { return at(t, Upload, p) }},
	{"download", []Phase{PhaseQueued, PhaseResolved, PhaseFetching, PhaseVerified, PhasePlaced},
		func(t *testing.T, p Phase) Job { return at(t, Download, p) }},
	{"file's rename", []Phase{PhaseRenaming}, func(t *testing.T, p Phase) Job { return at(t, Upload, p) }},
	{"folder's rename", []Phase{PhaseQueued, PhaseRenaming},
		func(t *testing.T, p Phase) Job { return at(t, Rename, p) }},
	{"hide", []Phase{PhaseQueued, PhaseHiding}, func(t *testing.T, p Phase) Job { return at(t, Hide, p) }},
}

// edges asks Next where each event leads from each phase. Events that fit every phase (a failure, a
// cancel) would only clutter the drawing; the page states them in a sentence.
func edges(t *testing.T, phases []Phase, in func(*testing.T, Phase) Job) []string {
	t.Helper()

	labels := map[string][]string{}
	for _, p := range phases {
		j := in(t, p)
		for _, e := range sampleEvents() {
			switch e.(type) {
			case Failed, Cancel:
				continue
			case AllStored, Verified: // need every part
				j.PartsDone, j.BytesDone = j.PartsTotal, j.Size
			}

			n, err := j.Next(e)
			if err != nil || n.Phase == p && n.Open() {
				continue
			}

			to := string(n.Phase)
			if !n.Open() && n.Phase != PhaseDone {
				to = "[*]"
			}

			arrow := fmt.Sprintf("%s --> %s", p, to)
			labels[arrow] = append(labels[arrow], e.event())
		}
	}

	var out []string
	for arrow, events := range labels {
		slices.Sort(events)
		out = append(out, arrow+": "+strings.Join(events, ", "))
	}

	slices.SortFunc(out, cmp.Compare[string])

	return out
}

// drawn reads the arrows of the Mermaid block under the heading "## NAME".
func drawn(page, name string) []string {
	_, rest, _ := strings.Cut(page, "\n## "+name+"\n")
	_, rest, _ = strings.Cut(rest, "```mermaid\n")

	block, _, _ := strings.Cut(rest, "```")
	arrows := map[string]bool{}
	for line := range strings.Lines(block) {
		if line = strings.TrimSpace(line); strings.Contains(line, "-->") && !strings.HasPrefix(line, "[*]") {
			arrows[line] = true
		}
	}

	return slices.Sorted(maps.Keys(arrows))
}

// TestArchitecturePageDrawsNext keeps the drawn state machines and Job.Next the same.
func TestArchitecturePageDrawsNext(t *testing.T) {
	page, err := os.ReadFile(architecturePage)
	if err != nil {
		t.Fatal(err)
	}

	for _, k := range everyKind {
		got, want := drawn(string(page), "The phases of an "+k.name), edges(t, k.phases, k.at)
		if k.name != "upload" {
			got = drawn(string(page), "The phases of a "+k.name)
		}

		for _, line := range want {
			if !slices.Contains(got, line) {
				t.Errorf("%s: the page lacks %q", k.name, line)
			}
		}

		for _, line := range got {
			if !slices.Contains(want, line) {
				t.Errorf("%s: Next knows no %q", k.name, line)
			}
		}
	}
}
