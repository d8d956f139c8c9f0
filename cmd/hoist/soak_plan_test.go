package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// soakStep is one thing that happens in a soak. Everything about it is drawn beforehand, so that a
// seed and the number of a step name it. One that does not fit what is there does nothing, so that
// any part of a plan is a plan.
type soakStep struct {
	do    string // of the list below
	name  string // of the file
	to    string // rename: its new name
	size  int64  // of the file afterwards
	pause time.Duration
	gap   time.Duration // slow, away, root, rules: in the middle of it

	at   int    // kill: at this request, counted from now on
	when string // kill: "before" the effect of the request, "during", or "after" it and before its answer
	down int    // kill: steps that pass before it is started again

	jump time.Duration // clock: how far the service's clock moves
}

func (s soakStep) String() string {
	switch s.do {
	case "kill":
		return fmt.Sprintf("kill %s the effect of request %d, start again after %d steps", s.when, s.at,
			s.down)
	case "clock":
		return fmt.Sprintf("the service's clock jumps by %v", s.jump)
	case "rename":
		return fmt.Sprintf("rename %s to %s", s.name, s.to)
	}

	return fmt.Sprintf("%s %s (%d bytes)", s.do, s.name, s.size)
}

// What a step may do, and how often in relation to the others.
var soakDoings = []struct {
	do     string
	weight int
}{
	{"write", 6},  // truncate and write in place
	{"save", 6},   // write beside, rename over: what editors and CAD programs do
	{"grow", 3},   // append
	{"shrink", 2}, // truncate, not to nothing
	{"touch", 1},  // another time, the same content
	{"rename", 2}, // onto a new name or over another file
	{"delete", 1},
	{"clock", 1},
	{"slow", 2},  // half of it, a pause, the rest
	{"older", 2}, // an earlier copy comes back, with its time
	{"away", 2},  // renamed out of the folder, and back
	{"root", 1},  // the whole folder is away
	{"rules", 2}, // the rule file is saved in place, beside a file that it leaves out
	{"retry", 1}, // every job, whatever became of it
	{"pull", 1},  // by another home; it is edited there at once
}

var soakNames = []string{
	"plan.dwg", "tower.rvt", "notes.txt", "roof ä.dwg", "a/plan.dwg", "a/section.dwg", "a/model.rvt",
	"b/detail 1.dwg", "b/detail 2.dwg",
	"b/c/site.ifc", "b/c/list.xlsx", "b/c/plan.dwg",
}

// soakPlan draws a plan from a seed: the same seed, steps and kills give the same plan. It knows
// which files exist at each step, since nothing but the plan changes them.
func soakPlan(seed uint64, steps, kills int) []soakStep {
	rng := rand.New(rand.NewPCG(seed, 0x50a4))
	sizes, earlier := map[string]int64{}, map[string]int64{} // of each file, and before its last change
	existing := func() []string {
		var out []string
		for _, n := range soakNames {
			if _, ok := sizes[n]; ok {
				out = append(out, n)
			}
		}

		return out
	}

	total := 0
	for _, d := range soakDoings {
		total += d.weight
	}

	plan := make([]soakStep, 0, steps+kills)
	for n, killed := 0, 0; n < steps; n++ {
		if killed < kills && n > 0 && n*kills/steps > killed-1 {
			killed++
			plan = append(plan, soakStep{do: "kill", at: 1 + rng.IntN(25),
				when: []string{"before", "during", "after"}[rng.IntN(3)], down: rng.IntN(3)})
		}

		s := soakStep{pause: time.Duration(rng.IntN(300)) * time.Millisecond,
			gap: []time.Duration{20, 80, 150, 600, 1200}[rng.IntN(5)] * time.Millisecond}
		for k := rng.IntN(total); s.do == ""; {
			for _, d := range soakDoings {
				if k -= d.weight; k < 0 {
					s.do = d.do
					break
				}
			}
		}

		there := existing()
		if s.do == "clock" {
			s.jump = []time.Duration{30 * time.Minute, 61 * time.Minute, 25 * time.Hour}[rng.IntN(3)]
		}

		if slices.Contains([]string{"clock", "root", "rules", "retry"}, s.do) {
			if s.do == "rules" {
				s.gap = min(s.gap, 80*time.Millisecond)
			}

			plan = append(plan, s)

			continue
		}

		if len(there) < 3 {
			s.do = "write"
		}

		s.name = soakNames[rng.IntN(len(soakNames))]
		if s.do != "write" && s.do != "save" && s.do != "slow" {
			s.name = there[rng.IntN(len(there))]
		}

		fresh := 1 + rng.Int64N(200<<10)
		if rng.IntN(8) == 0 {
			fresh = 5<<20 + rng.Int64N(6<<20) // two parts or three
		}

		switch s.do {
		case "write", "save", "slow":
			s.size = fresh
		case "older":
			s.size = earlier[s.name]
			if s.size == 0 {
				s.do, s.size = "touch", sizes[s.name]
			}
		case "grow":
			s.size = sizes[s.name] + 1 + rng.Int64N(100<<10)
		case "shrink":
			s.size = 1 + rng.Int64N(sizes[s.name])
		case "touch", "away", "pull":
			s.size = sizes[s.name]
		case "rename":
			others := slices.DeleteFunc(slices.Clone(soakNames), func(n string) bool { return n == s.name })
			s.to, s.size = others[rng.IntN(len(others))], sizes[s.name]
			earlier[s.to], sizes[s.to] = sizes[s.to], s.size
		}

		switch s.do {
		case "rename", "delete":
			delete(sizes, s.name)
		case "touch", "away", "pull":
		default:
			earlier[s.name], sizes[s.name] = sizes[s.name], s.size
		}

		plan = append(plan, s)
	}

	return plan
}

// planOf is what a plan does to one file, for the message of a failure.
func planOf(plan []soakStep, name string) string {
	var out strings.Builder
	for i, s := range plan {
		if s.name == name || s.to == name || s.do == "kill" || s.do == "clock" {
			fmt.Fprintf(&out, "  step %d: %v\n", i, s)
		}
	}

	return out.String()
}

func killsIn(plan []soakStep) (n int) {
	for _, s := range plan {
		if s.do == "kill" {
			n++
		}
	}

	return n
}

// soakTries is how many shorter plans are tried when one fails; each takes a while.
const soakTries = 12

// shortenSoak looks for a part of a plan that fails too: without a half, a quarter ... a step.
func shortenSoak(plan []soakStep, tries int, fails func([]soakStep) bool) []soakStep {
	for size := (len(plan) + 1) / 2; size >= 1; {
		smaller := false
		for at := 0; at+size <= len(plan) && !smaller; at += size {
			if tries--; tries < 0 {
				return plan
			}

			cut := slices.Concat(plan[:at], plan[at+size:])
			if smaller = fails(cut); smaller {
				plan = cut
			}
		}

		switch {
		case !smaller:
			size /= 2
		case size > len(plan)/2:
			size = max(len(plan)/2, 1)
		}

		if len(plan) == 0 {
			break
		}
	}

	return plan
}

// soakForm is a step as a line of a script; times are milliseconds.
const soakForm = "%s %q %q %d %d %d %d %q %d %d\n"

// writeSoak and readSoak: a plan as text, a step per line, after its seed.
func writeSoak(seed uint64, plan []soakStep) string {
	var out strings.Builder
	fmt.Fprintln(&out, seed)

	for _, s := range plan {
		fmt.Fprintf(&out, soakForm, s.do, s.name, s.to, s.size, s.pause.Milliseconds(), s.gap.Milliseconds(),
			s.at, s.when, s.down, s.jump.Milliseconds())
	}

	return out.String()
}

func readSoak(text string) (seed uint64, plan []soakStep, err error) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}

		var s soakStep
		if seed == 0 {
			_, err = fmt.Sscan(line, &seed)
		} else {
			_, err = fmt.Sscanf(line, soakForm, &s.do, &s.name, &s.to, &s.size, &s.pause,
				&s.gap, &s.at, &s.when, &s.down, &s.jump)
			s.pause, s.gap, s.jump = s.pause*time.Millisecond, s.gap*time.Millisecond, s.jump*time.Millisecond
			plan = append(plan, s)
		}

		if err != nil {
			return 0, nil, fmt.Errorf("line %q: %w", line, err)
		}
	}

	return seed, plan, nil
}
