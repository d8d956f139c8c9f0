package owner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/state"
)

const historySettle = 10 * time.Second

// historyLogs: a single seed shows what its process logs and asks.
var historyLogs = os.Getenv("HOIST_HISTORY_SEED") != "" && os.Getenv("HOIST_HISTORIES") == ""

// diskState is a state of a file that somebody made.
type diskState struct {
	data     []byte
	half     bool // of a save that went on before it could settle
	secret   bool // a rule, or the gate, left the file out for as long as the state was there
	doubtful bool // by its first bytes
	newer    bool // of the newer release: doubtful where a version before is of the older one
	may      bool // whether it is sent is a matter of what the watch prefers
}

// drawing is a file of a life, with its history.
type drawing struct {
	past  []*diskState
	lines [][]*diskState // histories with those of files that were renamed to it
	time  time.Time      // of the last state
	busy  bool           // half saved, or renamed out of the folder
	rule  bool           // a rule leaves it out
	gone  bool
	left  bool // it was not there once, though the root was
}

// last is the state that a file has, or had when it went; nil: it never was there.
func (d *drawing) last() *diskState {
	if len(d.past) == 0 {
		return nil
	}

	return d.past[len(d.past)-1]
}

// add is for a state that was made now.
func (d *drawing) add(s *diskState) {
	d.past = append(d.past, s)
	for i := range d.lines {
		d.lines[i] = append(d.lines[i], s)
	}
}

// life is one history under way: people, a disk, a daemon and a service.
type life struct {
	t       *testing.T
	root    string
	away    string // for what is not in the folder
	cloud   *emulator.Server
	options Options
	blind   bool // the service gives no SHA-1
	limits  apsclient.Limits
	owner   *Owner
	lasting sync.WaitGroup

	mu     sync.Mutex // guards what follows
	rng    *rand.Rand
	dead   bool // nothing of the process reaches the service any more
	dieAt  int  // requests until it dies; 0: it does not
	files  map[string]*drawing
	absent bool // the root is away
	parks  bool // the gate of the watch does
	freed  bool // somebody let a mass change go on
	serial int
	edits  map[string][]byte // of pulled files, by path
	wrong  []string
}

func newLife(t *testing.T, dir string, seed uint64) *life {
	t.Helper()

	l := &life{t: t, root: filepath.Join(dir, "root"), away: filepath.Join(dir, "away"),
		rng: rand.New(rand.NewPCG(seed, 0x11fe)), files: map[string]*drawing{}, edits: map[string][]byte{}}
	for _, n := range historyNames {
		l.files[n] = &drawing{gone: true}
	}

	for _, d := range []string{filepath.Join(l.root, "a"), l.away, filepath.Join(dir, "home")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}

	odd := l.oddKnobs()
	l.blind = odd.NoSHA1
	c := emulator.Config{Dir: filepath.Join(dir, "cloud"), Knobs: odd}
	if l.rng.IntN(3) == 0 {
		c.Visibility = lasts(1 + l.rng.IntN(4))
	}

	var err error
	if l.cloud, err = emulator.New(c); err != nil {
		t.Fatal(err)
	}

	home := config.Home{Config: filepath.Join(dir, "home"), State: filepath.Join(dir, "home")}
	w := config.Watch{Path: l.root, Remote: l.cloud.DemoRemote(), Settle: historySettle.String()}
	w.ID = config.NewWatchID(w.Path, w.Remote, "default")
	if err := config.AppendWatch(home, w); err != nil {
		t.Fatal(err)
	}

	const base = "http://127.0.0.1:1"
	l.options = Options{Home: home, Command: "test", Version: "v", Profile: "default",
		Logger: slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Engine: config.Engine{Checksum: "always"}, // no link is faster than one without time
		apart:  true, poll: 2 * time.Second,
		Clients: func(_ string, bandwidth apsclient.Bandwidth) (*apsclient.Client, error) {
			return apsclient.New(apsclient.Config{BaseURL: base, Transport: l, Bandwidth: bandwidth,
				Limits: l.limits, Tokens: apsclient.ClientCredentials(base, emulator.DefaultClientID,
					emulator.DefaultClientSecret)})
		},
		Reload: func() (config.Settings, []config.Watch, error) {
			f, err := config.Load(home)
			return config.Settings{}, f.Watch, err
		}}

	return l
}

// oddKnobs are about two of the ways in which the service may be odd.
func (l *life) oddKnobs() emulator.Knobs {
	var k emulator.Knobs
	for _, odd := range []func(){
		func() { k.NoSHA1 = true }, func() { k.RewriteStorage = true }, func() { k.EmptyEvery = 7 },
		func() { k.CutEvery = 11 }, func() { k.TextErrors = true },
		func() { k.CaseInsensitiveNames = true }, func() { k.RegionWarnings, k.ShortNextLinks = true, true },
		func() { k.SecondCompleteFails, k.CloseOnFailedCheck = true, true },
	} {
		if l.rng.IntN(4) == 0 {
			odd()
		}
	}

	return k
}

// Write takes the log of the process: it shows with the failures of single seeds.
func (l *life) Write(p []byte) (int, error) {
	if historyLogs {
		l.t.Output().Write(p)
	}

	return len(p), nil
}

func (l *life) say(format string, args ...any) {
	l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
}

var errLifeless = errors.New("this process is dead")

// RoundTrip is the network of the process.
func (l *life) RoundTrip(r *http.Request) (*http.Response, error) {
	l.mu.Lock()
	before := l.dead // the effect of the request is lost, not only its answer
	if l.dieAt == 1 {
		l.dead, before = true, l.rng.IntN(2) == 0
	}

	l.dieAt = max(l.dieAt-1, 0)

	l.mu.Unlock()

	if historyLogs {
		l.t.Logf("%s %s %s before=%v", time.Now().Format(time.StampMilli), r.Method, r.URL.Path, before)
	}

	if before {
		return nil, errLifeless
	}

	resp, err := l.cloud.Transport().RoundTrip(r)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead && err == nil {
		resp.Body.Close()
		return nil, errLifeless
	}

	return resp, err
}

func (l *life) open() {
	l.mu.Lock()
	l.dead, l.dieAt = false, 0
	l.mu.Unlock()

	var err error
	if l.owner, err = Open(context.Background(), Full, l.options); err != nil {
		l.t.Fatal(err)
	}
}

func (l *life) close() {
	if err := l.owner.Close(); err != nil && !errors.Is(err, state.ErrClosed) {
		l.t.Errorf("close: %v", err)
	}
}

// ends does what ends a step that lasts.
func (l *life) ends(after int, fn func()) {
	l.lasting.Go(func() {
		time.Sleep(lasts(after))
		l.mu.Lock()
		defer l.mu.Unlock()
		fn()
	})
}

// step does one thing of a script.
func (l *life) step(s historyStep) {
	switch s.do {
	case "die":
		l.die(s)
		return
	case "retry":
		l.retry()
		return
	case "pulled":
		l.pull(s)
		return
	case "hide", "gate", "resume":
		l.set(s)
		return
	case "calm":
		time.Sleep(lasts(s.lag))
		return
	}

	l.mu.Lock()
	defer l.mu.Unlock()
	if s.name != "" {
		if !l.absent {
			s.name = l.current(s.name)
			if d := l.file(s.name); !d.busy {
				l.change(s, d)
			}
		}

		return
	}

	if l.toMany(s) {
		return
	}

	switch s.do {
	case "root":
		if elsewhere := filepath.Join(l.away, "root"); !l.absent && l.move(l.root, elsewhere) {
			l.absent = true
			l.ends(s.lag, func() { l.absent = !l.move(elsewhere, l.root) })
		}
	case "portal":
		p := emulator.Portal{Status: []int{200, 302, 401, 403, 404, 407, 411, 413, 451, 500, 503}[s.n%11],
			Blank: s.n%2 == 0}
		if s.n%3 == 0 {
			p.Only = [][]string{{"token"}, {"api"}, {"s3"}}[s.lag%3]
		}

		l.cloud.SetKnobs(func(k *emulator.Knobs) { k.Portal = p })
		l.ends(s.lag, func() { l.cloud.SetKnobs(func(k *emulator.Knobs) { k.Portal = emulator.Portal{} }) })
	case "flaky":
		l.cloud.SetFault(l.fault)
		l.ends(s.lag, func() { l.cloud.SetFault(nil) })
	}
}

// fault strikes every fifth request.
func (l *life) fault(emulator.Request) emulator.Fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rng.IntN(5) > 0 {
		return emulator.Fault{}
	}

	return []emulator.Fault{{Kind: emulator.LoseReply}, {Kind: emulator.FailBefore, Status: 503},
		{Kind: emulator.ResetBody, After: 10}, {Kind: emulator.SlowDown}, {Kind: emulator.ExpireNow},
		{Kind: emulator.CorruptBytes}}[l.rng.IntN(6)]
}

func (l *life) move(from, to string) bool {
	if err := os.Rename(from, to); err != nil {
		l.t.Errorf("a step: %v", err)
		return false
	}

	return true
}

func (l *life) path(name string) string { return filepath.Join(l.root, filepath.FromSlash(name)) }

// content is new content, its length one of its own.
func (l *life) content() []byte {
	l.serial++
	data := make([]byte, 20+3*l.serial)
	for i := range data {
		data[i] = byte(l.rng.Uint32())
	}

	return data
}

// stamp gives a file a time of the simulated clock; zero: now.
func (l *life) stamp(path string, at time.Time) time.Time {
	l.serial++
	if at.IsZero() {
		at = time.Now().Add(time.Duration(l.serial) * 1003)
	}

	if err := os.Chtimes(path, at, at); err != nil {
		l.t.Errorf("a step: %v", err)
	}

	return at
}

// put makes a state of a file: beside it and renamed over it, or in place.
func (l *life) put(name string, data []byte, at time.Time, inPlace bool) {
	d, target := l.files[name], l.path(name)
	temp := target
	if !inPlace {
		temp = filepath.Join(filepath.Dir(target), fmt.Sprintf("~%d.tmp", l.serial))
	}

	if err := os.WriteFile(temp, data, 0o600); err != nil {
		l.t.Errorf("a step: %v", err)
		return
	}

	d.time = l.stamp(temp, at)
	if inPlace || l.move(temp, target) {
		if d.gone {
			l.letters(name, d)
		}

		d.gone = false
		d.add(l.state(name, data))
	}
}

// change does a step to a file.
func (l *life) change(s historyStep, d *drawing) {
	last := len(d.past) - 1
	switch {
	case s.do == "save" || s.do == "write":
		l.put(s.name, l.content(), time.Time{}, s.do == "write")
	case s.do == "zeros":
		l.serial++
		l.put(s.name, make([]byte, 20+3*l.serial), time.Time{}, false)
	case s.do == "slow":
		l.slow(s, d)
	case s.do == "ignore":
		l.ignore(s, d)
	case d.gone:
	case s.do == "rename":
		l.renameStep(s, d)
	case s.do == "touch":
		d.time = l.stamp(l.path(s.name), time.Time{})
		l.sameAgain(d)
	case s.do == "older" && last > 0:
		l.put(s.name, d.past[max(last-s.n, 0)].data, d.time.Add(-time.Hour), false)
	case s.do == "delete":
		if err := os.Remove(l.path(s.name)); err != nil {
			l.t.Errorf("a step: %v", err)
		}

		d.gone, d.left = true, true
	case s.do == "away":
		elsewhere := filepath.Join(l.away, strings.ReplaceAll(s.name, "/", "_"))
		if d.busy = l.move(l.path(s.name), elsewhere); d.busy {
			d.left = true
			l.back(s.name, elsewhere, s.lag)
		}
	}
}

// sameAgain is for a file that is another by its times alone: without SHA-1 its bytes cannot be
// told from others of that size, and it is sent again.
func (l *life) sameAgain(d *drawing) {
	if last := len(d.past) - 1; last >= 0 && l.blind {
		d.add(d.past[last])
	}
}

// back brings a file back once the root is there.
func (l *life) back(name, elsewhere string, lag int) {
	l.ends(lag, func() {
		if l.absent {
			l.back(name, elsewhere, 1)
			return
		}

		l.files[name].busy = !l.move(elsewhere, l.path(name))
		l.sameAgain(l.files[name])
	})
}

// slow saves in two halves with a pause.
func (l *life) slow(s historyStep, d *drawing) {
	data := l.content()
	f, err := os.OpenFile(l.path(s.name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		l.t.Errorf("a step: %v", err)
		return
	}

	half := data[:len(data)/2]
	if _, err := f.Write(half); err != nil {
		l.t.Errorf("a step: %v", err)
	}

	d.busy, d.gone = true, false
	state := l.state(s.name, half)
	state.half = lasts(s.lag) < historySettle
	d.add(state)
	l.ends(s.lag, func() {
		if _, err := f.Write(data[len(half):]); err != nil {
			l.t.Errorf("a step: %v", err)
		}

		f.Close()
		d.busy, d.time = false, time.Now()
		d.add(l.state(s.name, data))
	})
}

// ignore leaves a file out for a while.
func (l *life) ignore(s historyStep, d *drawing) {
	for _, other := range l.files {
		if other.rule {
			return // one rule at a time
		}
	}

	d.rule = true
	l.rules("/" + s.name + "\n")
	l.endRule(s.lag, d)
}

func (l *life) endRule(lag int, d *drawing) {
	l.ends(lag, func() {
		if l.absent {
			l.endRule(1, d)
			return
		}

		l.rules("")
		d.rule = false
		l.mayGo(d) // from now on
	})
}

func (l *life) rules(text string) {
	path := filepath.Join(l.root, ".hoistignore")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		l.t.Errorf("a step: %v", err)
	}

	l.stamp(path, time.Time{})
}

// die lets the process die at a request to come, if there is one soon, and starts it again.
func (l *life) die(s historyStep) {
	l.mu.Lock()
	l.dieAt = s.n
	l.mu.Unlock()
	time.Sleep(15 * time.Second)
	l.mu.Lock()
	l.dead = true
	l.mu.Unlock()
	l.close()
	time.Sleep(lasts(s.lag))
	l.open()
}

func (l *life) retry() {
	jobs, err := l.owner.store.Jobs(state.Filter{})
	if err != nil {
		l.t.Fatal(err)
	}

	for _, j := range jobs {
		_, _ = l.owner.Act(l.t.Context(), string(j.ID), control.Retry) // some cannot be retried
	}
}

// pull pulls a file elsewhere and edits it there as soon as it appears.
func (l *life) pull(s historyStep) {
	l.serial++
	dir := filepath.Join(l.away, fmt.Sprintf("pulled%d", l.serial))
	if err := os.Mkdir(dir, 0o700); err != nil {
		l.t.Fatal(err)
	}

	ctx, cancel := context.WithTimeout(l.t.Context(), 20*time.Second)
	defer cancel()

	if _, err := l.owner.Pull(ctx, control.PullRequest{Remote: l.cloud.DemoRemote() + "/" + s.name,
		Path: dir}); err != nil {
		return // it is not there, or the service is not
	}

	for range 200 {
		path := filepath.Join(dir, filepath.Base(s.name))
		if _, err := os.Stat(path); err == nil {
			l.mu.Lock()
			l.edits[path] = l.content()
			if err := os.WriteFile(path, l.edits[path], 0o600); err != nil {
				l.t.Fatal(err)
			}

			l.stamp(path, time.Time{})
			l.mu.Unlock()

			return
		}

		time.Sleep(100 * time.Millisecond)
	}
}
