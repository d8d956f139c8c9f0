package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"hoist/apsclient/emulator"
)

// TestSoak lets a daemon keep a folder in sync while everything goes wrong that can be made to: the
// files, the rules and the folder itself change by a plan, the service is odd in the way of the seed
// (see oddSoak), another home pulls and edits, the process is ended by SIGKILL at counted requests
// and started again, one call in ten fails in one of the ways of soakFaults, and the service's clock
// jumps over the ends of tokens, URLs and sessions. When it is quiet at last, the cloud holds the
// last state of every file, every version is a state that the file had, in their order, none is
// there twice, nothing that the rules leave out is there, and a daemon that starts again finds
// nothing to do.
//
// HOIST_SOAK_SEED, HOIST_SOAK_STEPS and HOIST_SOAK_KILLS choose another plan than the short one of
// every test run; "make soak" does. HOIST_NIGHTLY=1 runs four at once at a service that is odd in
// every way, with a thousand kills and, one call in five, ten thousand faults in all, and bounds the
// calls by three times those of a run without faults, for as many versions and starts. A seed repeats
// the plan and the kinds of faults, not the timing. A plan that fails is shortened and printed as a
// script.
func TestSoak(t *testing.T) {
	t.Parallel()
	plans, first, steps, kills, faultOf := 1, 1, 60, 8, 10
	nightly := os.Getenv("HOIST_NIGHTLY") != ""
	if nightly {
		plans, first, steps, kills, faultOf = 4, 420, 2400, 250, 5
	}

	begin := uint64(soakEnv(t, "HOIST_SOAK_SEED", first))
	steps, kills = soakEnv(t, "HOIST_SOAK_STEPS", steps), soakEnv(t, "HOIST_SOAK_KILLS", kills)
	var all soakFigures
	var mu sync.Mutex
	t.Run("plans", func(t *testing.T) {
		for i := range uint64(plans) {
			seed := begin + 420*i // odd in the same ways, see oddSoak
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				plan := soakPlan(seed, max(steps, 3*kills), kills)
				again := fmt.Sprintf("HOIST_SOAK_SEED=%d HOIST_SOAK_STEPS=%d HOIST_SOAK_KILLS=%d", seed, steps,
					kills)
				if !t.Run("plan", func(t *testing.T) {
					f := runSoak(t, seed, plan, again, faultOf)

					mu.Lock()
					defer mu.Unlock()
					all.add(f)
				}) {
					shortest := shortenSoak(plan, soakTries, func(plan []soakStep) bool {
						return !t.Run("shorter", func(t *testing.T) { runSoak(t, seed, plan, again, faultOf) })
					})
					t.Errorf("as a script, for testdata/soaks:\n%s", writeSoak(seed, shortest))
				}
			})
		}
	})
	if !nightly || t.Failed() {
		return
	}

	clean := runSoak(t, begin, soakPlan(begin, 300, 0), "a run without kills", 0)
	const start = 3 // calls of a process that begins: token, top folder, folder
	bound := 3 * (clean.calls*all.versions/clean.versions + start*all.kills)
	t.Logf("in all: %+v; without faults: %+v; at most %d calls", all, clean, bound)
	if all.calls > bound {
		t.Errorf("%d calls, and three times those without faults are %d", all.calls, bound)
	}
}

// soakFigures are what soaks took.
type soakFigures struct{ calls, faults, kills, versions int }

func (f *soakFigures) add(o soakFigures) {
	f.calls, f.faults = f.calls+o.calls, f.faults+o.faults
	f.kills, f.versions = f.kills+o.kills, f.versions+o.versions
}

// TestPastSoaks lets happen again what once went wrong, or was made up beside it.
func TestPastSoaks(t *testing.T) {
	if os.Getenv("HOIST_LONG") == "" {
		t.Skip("takes minutes; HOIST_LONG=1 runs it")
	}

	files, err := filepath.Glob(filepath.Join("testdata", "soaks", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no soaks: %v", err)
	}

	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}

		seed, plan, err := readSoak(string(text))
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}

		t.Run(filepath.Base(f), func(t *testing.T) { runSoak(t, seed, plan, f, 10) })
	}
}

// runSoak runs a plan; one call in so many fails (0: none).
func runSoak(t *testing.T, seed uint64, plan []soakStep, again string, faultOf int) soakFigures {
	t.Helper()
	s := &soak{
		lab: newLateLab(t, soakLate(seed)), plan: plan, again: again,
		rng: rand.New(rand.NewPCG(seed, 0xfa07)), faultOf: faultOf, ops: map[string]int{},
	}
	const settle = 400 * time.Millisecond
	dir := filepath.Join(s.dir, "drawings")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}

	s.disk = newSoakDisk(dir, seed, settle/2)
	s.other, s.edits = s.second(), map[string][]byte{}
	s.oddSoak(seed)
	if err := os.WriteFile(filepath.Join(dir, ".hoistignore"), []byte(soakRules), 0o644); err != nil {
		t.Fatal(err)
	}

	s.extra = []string{"HOIST_LIMITS=server"}
	// else a lost reply here, settled by looks over 15 s, would hold up the whole of a short run
	s.run(0, "mkdir", s.remote+"/soak")
	s.run(0, "watch", "add", dir, s.remote+"/soak", "--settle", settle.String())

	began := time.Now()
	s.cloud.SetFault(s.fault)
	s.revive()

	for i, step := range s.plan {
		s.step(i, step)
	}

	s.finishKill()
	s.revive()
	s.cloud.SetFault(nil)
	faulty := time.Since(began)
	s.settled()
	before := s.tree()
	t.Logf("%s: %d steps and %d kills (%d of them at a counted request) in %v, quiet %v later; %d calls, "+
		"%d of them with a fault; %d files, %d versions",
		s.again, len(s.plan)-killsIn(plan), s.kills, s.counted, faulty.Round(time.Second),
		(time.Since(began) - faulty).Round(time.Second),
		s.calls, s.faults, len(s.disk.now), versionsIn(before))
	t.Logf("calls by kind: %v", s.ops)
	if code := s.daemon.interrupt(); code != 0 {
		t.Errorf("daemon: exit code %d\n%s", code, s.daemon.errs.String())
	}

	s.judgeEdits(t)
	s.daemon = nil
	s.revive()
	s.settled()
	if after := s.tree(); !reflect.DeepEqual(before, after) {
		t.Errorf("%s: a daemon that starts when all is quiet publishes again: %d versions became %d", s.again,
			versionsIn(before), versionsIn(after))
	}

	return soakFigures{s.calls, s.faults, s.kills, versionsIn(before)}
}

func TestSoakPlanFollowsFromItsSeed(t *testing.T) {
	a, b, c := soakPlan(7, 300, 40), soakPlan(7, 300, 40), soakPlan(8, 300, 40)
	if !slices.Equal(a, b) || slices.Equal(a, c) {
		t.Error("a plan does not follow from its seed")
	}

	if kills := killsIn(a); kills != 40 || len(a) != 340 {
		t.Errorf("%d kills in %d steps", kills, len(a))
	}

	seed, read, err := readSoak("# a comment\n" + writeSoak(7, a))
	if err != nil || seed != 7 || !slices.Equal(read, a) {
		t.Errorf("what was written as a script reads as another: %v", err)
	}
}

// TestSoakIsShortened: of a plan that fails, the steps stay that it fails for.
func TestSoakIsShortened(t *testing.T) {
	plan := soakPlan(7, 60, 5)
	first, second := plan[11], plan[42]
	got := shortenSoak(plan, 1000, func(p []soakStep) bool {
		return slices.Contains(p, first) && slices.Contains(p, second)
	})
	if !slices.Equal(got, []soakStep{first, second}) {
		t.Errorf("got %v, want %v and %v", got, first, second)
	}

	tries := 0
	shortenSoak(plan, 3, func([]soakStep) bool { tries++; return false })
	if tries != 3 {
		t.Errorf("%d tries, want 3", tries)
	}
}

// TestSoakWouldNotice: the judge of a soak sees each thing it is there for.
func TestSoakWouldNotice(t *testing.T) {
	d := newSoakDisk(t.TempDir(), 1, time.Hour)
	for i, s := range []soakStep{
		{do: "write", name: "f", size: 10}, {do: "save", name: "f", size: 20},
		{do: "grow", name: "f", size: 30}, {do: "touch", name: "f"},
		{do: "write", name: "g", size: 5}, {do: "rename", name: "g", to: "h"},
	} {
		if err := d.do(i, s); err != nil {
			t.Fatal(err)
		}
	}

	f, g, other := d.past["f"], d.past["g"], [32]byte{1}
	for _, c := range []struct {
		name           string
		f              [][32]byte
		lagging, wrong int
	}{
		{"all states", [][32]byte{f[0].sum, f[1].sum, f[2].sum}, 0, 0},
		{"only the last", [][32]byte{f[2].sum}, 0, 0},
		{"the last is missing", [][32]byte{f[0].sum}, 1, 0},
		{"nothing", nil, 1, 0},
		{"the last twice", [][32]byte{f[2].sum, f[2].sum}, 0, 1},
		{"in another order", [][32]byte{f[1].sum, f[0].sum, f[2].sum}, 0, 1},
		{"a state that never was", [][32]byte{other, f[2].sum}, 0, 1},
	} {
		lagging, wrong := d.compare(map[string][][32]byte{"f": c.f, "h": {g[0].sum}})
		if len(lagging) != c.lagging || len(wrong) != c.wrong {
			t.Errorf("%s: lagging %v, wrong %v", c.name, lagging, wrong)
		}
	}

	if _, wrong := d.compare(map[string][][32]byte{"x": {other}}); len(wrong) != 1 {
		t.Errorf("a file that never was: %v", wrong)
	}

	for copies, want := range []int{0, 0, 1} { // g became h once
		again := slices.Repeat([][32]byte{g[0].sum}, 1+copies)
		if _, wrong := d.compare(map[string][][32]byte{"h": again}); len(wrong) != want {
			t.Errorf("%d copies of a file that was renamed once: %v", copies, wrong)
		}
	}
}

func soakEnv(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}

	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		t.Fatalf("%s=%q is no number", name, text)
	}

	return n
}

func versionsIn(tree map[string][][32]byte) int {
	n := 0
	for _, v := range tree {
		n += len(v)
	}

	return n
}

// soak is one run of TestSoak.
type soak struct {
	*lab
	plan   []soakStep
	disk   *soakDisk
	again  string            // what repeats it
	other  *lab              // another home
	edits  map[string][]byte // of what it pulled, by path
	daemon *process          // nil or ended: it is down
	down   int               // steps that pass before it is started again

	mu      sync.Mutex // guards the rest, which the fault hook reads and writes
	rng     *rand.Rand
	faultOf int      // one call in so many fails; 0: none
	left    int      // requests until the kill; 0: none is due
	when    string   // of the kill that is due
	victim  *process // of the kill that is due
	kills   int
	counted int
	calls   int
	ops     map[string]int // calls by what they ask for
	faults  int
}

// soakFaults are what befalls one call in faultOf.
var soakFaults = []emulator.Fault{
	{Kind: emulator.FailBefore, Status: 500},
	{Kind: emulator.FailBefore, Status: 503},
	{Kind: emulator.LoseReply},
	{Kind: emulator.ResetBody, After: 100},
	{Kind: emulator.SlowDown, Header: http.Header{"Retry-After": {"1"}}},
}

// fault is the emulator's hook.
func (s *soak) fault(r emulator.Request) emulator.Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	s.ops[r.Op]++
	if s.left > 0 {
		if s.left--; s.left == 0 {
			victim := s.victim
			kill := func() { victim.kill(); <-victim.ended }

			s.kills++
			s.counted++
			switch s.when {
			case "before":
				return emulator.Fault{Kind: emulator.FailBefore, Do: kill}
			case "after":
				return emulator.Fault{DoAfter: kill}
			}

			return emulator.Fault{Do: kill}
		}
	}

	if s.faultOf == 0 || s.rng.IntN(s.faultOf) > 0 {
		return emulator.Fault{}
	}

	s.faults++

	return soakFaults[s.rng.IntN(len(soakFaults))]
}

// step lets one step of the plan happen.
func (s *soak) step(i int, step soakStep) {
	s.t.Helper()

	switch step.do {
	case "kill":
		s.finishKill()
		s.revive()
		s.down = step.down
		s.mu.Lock()
		s.left, s.when, s.victim = step.at, step.when, s.daemon
		s.mu.Unlock()
	case "clock":
		s.cloud.Advance(step.jump)
	case "retry":
		s.retryAll()
	case "pull":
		s.pull(i, step.name)
	default:
		if err := s.disk.do(i, step); err != nil {
			s.t.Fatalf("%s: step %d: %v: %v", s.again, i, step, err)
		}
	}

	if s.isDown() {
		if s.down--; s.down < 0 {
			s.revive()
		}
	}

	time.Sleep(step.pause) // the plan's own pace; nothing is waited for
}

func (s *soak) isDown() bool {
	if s.daemon == nil {
		return true
	}

	select {
	case <-s.daemon.ended:
		return true
	default:
		return false
	}
}

// finishKill waits for the kill that is due; where requests do not come, it ends the process
// without one.
func (s *soak) finishKill() {
	s.mu.Lock()
	victim := s.victim
	s.mu.Unlock()
	if victim == nil {
		return
	}

	patience := time.NewTimer(4 * time.Second)
	defer patience.Stop()

	select {
	case <-victim.ended:
	case <-patience.C:
		s.mu.Lock()
		if s.left > 0 {
			s.left = 0
			s.kills++
		}

		s.mu.Unlock()
		victim.kill()
		<-victim.ended
	}

	s.mu.Lock()
	s.victim = nil
	s.mu.Unlock()
}

// revive starts the daemon when it is down, and checks that it was a kill that ended it.
func (s *soak) revive() {
	s.t.Helper()
	if !s.isDown() {
		return
	}

	if s.daemon != nil {
		if code := s.daemon.wait(); code != -1 {
			s.t.Fatalf("%s: the daemon ended by itself: exit code %d\n%s", s.again, code,
				tail(s.daemon.errs.String()))
		}
	}

	s.daemon = s.start("daemon", "--part-size", "5M")
}

// tree reads the cloud, and fails the test when something is there twice.
func (s *soak) tree() map[string][][32]byte {
	s.t.Helper()
	tree, faults, err := cloudTree(s.cloud, s.remote[strings.LastIndexByte(s.remote, '/')+1:]+"/soak",
		s.disk.renames)
	if err != nil {
		s.t.Fatal(err)
	}

	for _, f := range faults {
		s.t.Errorf("%s: %s", s.again, f)
	}

	return tree
}

// settled waits until the daemon has nothing left to do and the cloud holds what is on disk, and
// judges the whole.
func (s *soak) settled() {
	s.t.Helper()

	deadline := time.Now().Add(4 * time.Minute)
	for {
		st := s.status()
		idle := len(st.Watches) == 1 && st.Watches[0].State == "watching" && st.Watches[0].Pending != nil &&
			*st.Watches[0].Pending == 0 &&
			st.Jobs.Queued+st.Jobs.Active+st.Jobs.Waiting+st.Jobs.Attention == 0
		var lagging, wrong []string
		if idle || time.Now().After(deadline) {
			lagging, wrong = s.disk.compare(s.tree())
		}

		if idle && len(lagging) == 0 || len(wrong) > 0 || time.Now().After(deadline) {
			if !idle {
				s.t.Errorf("%s: not quiet after minutes without faults: %+v", s.again, st)
			}

			for _, name := range slices.Sorted(slices.Values(lagging)) {
				s.t.Errorf("%s: the newest state of %s is not in the cloud\n%s", s.again, name,
					planOf(s.plan, name))
			}

			for _, text := range wrong {
				s.t.Errorf("%s: %s\n%s", s.again, text, planOf(s.plan, strings.Split(text, ":")[0]))
			}

			if s.t.Failed() {
				s.t.Fatalf("files on disk: %v", slices.Sorted(maps.Keys(s.disk.now)))
			}

			return
		}

		time.Sleep(250 * time.Millisecond) // between two looks at a condition
	}
}

// tail is the end of a long text.
func tail(text string) string {
	if len(text) > 4000 {
		return "…" + text[len(text)-4000:]
	}

	return text
}
