package owner

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// historyStep is one thing that somebody does to a watched folder, to its daemon or to the service.
// A step that does not fit what is there does nothing, so that any part of a script is a script.
type historyStep struct {
	do   string // of historyDoings
	name string // of the file, "" none
	n    int    // older: how many states back; die: at this request; portal: which one
	lag  int    // seconds: what it lasts, if it lasts
	wait int    // seconds until the next step
}

// What a step may do, and how often in relation to the others.
var historyDoings = []struct {
	do     string
	weight int
	file   bool
	lag    []int
}{
	{"save", 8, true, nil},                    // beside, and renamed over it
	{"write", 4, true, nil},                   // in place
	{"slow", 4, true, []int{1, 3, 6, 14, 25}}, // half of it, a pause, the rest; it settles within 10 s
	{"touch", 3, true, nil},                   // another time, the same bytes
	{"older", 3, true, nil},                   // an earlier copy comes back, with its time
	{"away", 3, true, []int{2, 15, 40}},       // renamed out of the folder, and back
	{"delete", 1, true, nil},                  // what is published stays
	{"root", 2, false, []int{1, 4, 20, 70}},   // the whole folder is away
	{"ignore", 2, true, []int{15, 30, 60}},    // a rule leaves the file out for a while
	{"retry", 2, false, nil},                  // everything, whatever became of it
	{"die", 3, false, []int{0, 1, 30}},        // at a request; the daemon starts again after the lag
	{"portal", 2, false, []int{5, 40, 200}},   // somebody else answers
	{"pulled", 2, true, nil},                  // it is pulled elsewhere, and edited there at once
	{"flaky", 2, false, []int{10, 60}},        // every fifth call fails in one of several ways
	{"rename", 5, true, nil},                  // beside, elsewhere, in letter case, over or with another
	{"folder", 2, false, nil},                 // renamed with all that is in it
	{"calm", 1, false, []int{700}},            // for longer than what is hidden or stopped counts
	{"hide", 1, false, nil},                   // what is deleted is hidden from now on
	{"gate", 1, false, nil},                   // it warns, parks or is off
	{"zeros", 1, true, nil},                   // a file of nothing else
	{"set", 1, false, nil},                    // a set of drawings
	{"encrypt", 1, false, []int{1, 8, 20}},    // so many of them, and four, are overwritten with noise
	{"upgrade", 1, false, nil},                // all of them are saved by a newer release
	{"resume", 1, false, nil},                 // of the watch
}

var historyNames = []string{"plan.dwg", "tower.rvt", "a/section.dwg", "a/notes.txt"}

func (s historyStep) String() string {
	name := s.name
	if name == "" {
		name = "-"
	}

	return fmt.Sprintf("%s %s %d %d %d", s.do, name, s.n, s.lag, s.wait)
}

// drawHistory draws a script from a seed.
func drawHistory(seed uint64) []historyStep {
	rng := rand.New(rand.NewPCG(seed, 0x415))

	total := 0
	for _, d := range historyDoings {
		total += d.weight
	}

	steps := drawWorld(rng)
	for range 6 + rng.IntN(11) {
		k := rng.IntN(total)
		i := 0
		for ; k >= historyDoings[i].weight; i++ {
			k -= historyDoings[i].weight
		}

		d := historyDoings[i]
		s := historyStep{do: d.do, n: 1 + rng.IntN(20), wait: []int{0, 1, 2, 5, 11, 12, 13, 30}[rng.IntN(8)]}
		if d.file {
			s.name = historyNames[rng.IntN(len(historyNames))]
		}

		if d.lag != nil {
			s.lag = d.lag[rng.IntN(len(d.lag))]
		}

		steps = append(steps, s)
	}

	return steps
}

// drawWorld draws what a watch begins with.
func drawWorld(rng *rand.Rand) (steps []historyStep) {
	if rng.IntN(4) == 0 {
		// A watch that prefers the cloud's files may keep one that no history here has: that is for scripts
		// alone. It is drawn all the same, so that the other lives stay what they were.
		if rng.IntN(3) == 0 {
			rng.IntN(2)
		}

		for _, name := range historyNames {
			if rng.IntN(2) == 0 {
				steps = append(steps, historyStep{do: "adopt", name: name, n: rng.IntN(3)})
			}
		}
	}

	for _, do := range []string{"hide", "gate", "set"} {
		if rng.IntN(6) == 0 {
			steps = append(steps, historyStep{do: do, n: rng.IntN(3), wait: 30})
		}
	}

	return steps
}

// writeHistory and readHistory: a script as text, a step per line, after the seed of its world.
func writeHistory(seed uint64, steps []historyStep) string {
	var out strings.Builder
	fmt.Fprintln(&out, seed)

	for _, s := range steps {
		fmt.Fprintln(&out, s)
	}

	return out.String()
}

func readHistory(text string) (seed uint64, steps []historyStep, err error) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}

		var s historyStep
		if seed == 0 {
			_, err = fmt.Sscan(line, &seed)
		} else if _, err = fmt.Sscan(line, &s.do, &s.name, &s.n, &s.lag, &s.wait); err == nil {
			if s.name == "-" {
				s.name = ""
			}

			steps = append(steps, s)
		}

		if err != nil {
			return 0, nil, fmt.Errorf("line %q: %w", line, err)
		}
	}

	return seed, steps, nil
}

// shorter are the scripts that are tried when one fails: without a half, a quarter ... a step.
func shorter(steps []historyStep) [][]historyStep {
	var out [][]historyStep
	for size := len(steps) / 2; size >= 1; size /= 2 {
		for at := 0; at+size <= len(steps); at += size {
			cut := append([]historyStep{}, steps[:at]...)
			out = append(out, append(cut, steps[at+size:]...))
		}
	}

	return out
}

func lasts(n int) time.Duration { return time.Duration(n) * time.Second }
