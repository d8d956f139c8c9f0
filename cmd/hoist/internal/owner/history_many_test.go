package owner

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"time"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/watcher/content"
)

// setFiles is how many drawings a set has, of which a mass change may be made.
const setFiles = 24

func setName(i int) string { return fmt.Sprintf("set/%d.dwg", i) }

// state is one of a file that was made now.
func (l *life) state(name string, data []byte) *diskState {
	report, err := content.Judge(name, int64(len(data)), bytes.NewReader(data))
	if err != nil {
		l.t.Fatal(err)
	}

	doubtful := report.Sign != ""

	return &diskState{data: data, doubtful: doubtful, newer: bytes.HasPrefix(data, []byte("AC1032")),
		secret: l.file(name).rule || doubtful && l.parks}
}

// mayGo: the state that a file has may be sent from now on.
func (l *life) mayGo(d *drawing) {
	if s := d.last(); s != nil && !d.rule && !(s.doubtful && l.parks) {
		s.secret = false
	}
}

// toMany does a step that is about no file alone; false: it is none of these.
func (l *life) toMany(s historyStep) bool {
	switch s.do {
	case "folder":
		if !l.absent {
			l.moveFolder()
		}
	case "set":
		if d := l.file(setName(0)); l.absent || !d.gone || len(d.past) > 0 {
			break
		}

		if err := os.MkdirAll(l.path("set"), 0o700); err != nil {
			l.t.Errorf("a step: %v", err)
		}

		l.overSet(0, setFiles, func() []byte { return dwg("AC1027", fmt.Sprint("drawing ", l.serial)) })
	case "upgrade":
		l.overSet(0, setFiles, func() []byte { return dwg("AC1032", fmt.Sprint("drawing ", l.serial)) })
	case "encrypt":
		l.overSet(s.n, s.n+4+s.lag, l.encrypted)
	default:
		return false
	}

	return true
}

// encrypted is what an encryptor leaves, of a length of its own.
func (l *life) encrypted() []byte { return append([]byte("!"), l.content()...) }

// overSet rewrites some drawings of the set.
func (l *life) overSet(from, to int, data func() []byte) {
	if _, err := os.Stat(l.path("set")); err != nil {
		return
	}

	for i := from; i < to; i++ {
		l.serial++
		l.file(setName(i % setFiles))
		l.put(setName(i%setFiles), data(), time.Time{}, false)
	}
}

// set changes the settings of the watch while it runs, or lets go on what waits for a person.
func (l *life) set(s historyStep) {
	change := map[string][]string{}
	switch s.do {
	case "resume":
		l.resume()
		return
	case "hide":
		change["delete"] = []string{config.DeleteHide}
	case "gate":
		change["gate"] = []string{[]string{config.GateWarn, config.GatePark, config.GateOff}[s.n%3]}
	}

	if s.do == "gate" {
		l.gated(false) // meanwhile a file may go by the old or by the new setting
	}

	if _, err := l.owner.SetWatch(l.t.Context(), l.config().ID,
		control.WatchSettings{Set: change}); err != nil {
		return // the service is asked whether it hides, and does not answer
	}

	l.gated(l.config().Gate == config.GatePark)
}

// gated is for a gate that parks, or does not, from now on.
func (l *life) gated(parks bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.parks = parks
	for _, n := range l.names() {
		l.mayGo(l.files[n])
	}
}

func (l *life) resume() {
	if _, err := l.owner.ChangeWatch(l.t.Context(), l.config().ID, control.Resume); err != nil {
		l.t.Fatal(err)
	}

	l.freed = true
}

// beforeAll does the steps that stand before all others, while no daemon runs yet: what lies on both
// sides, and what is preferred.
func (l *life) beforeAll(steps []historyStep) []historyStep {
	for len(steps) > 0 && (steps[0].do == "adopt" || steps[0].do == "prefer") {
		switch s := steps[0]; s.do {
		case "adopt":
			l.adopt(s)
		case "prefer":
			l.reconfigure(func(w *config.Watch) { w.Prefer = []string{"cloud", "newer"}[s.n%2] })
		}

		steps = steps[1:]
	}

	return steps
}

// adopt puts a file to both sides: the same, one of the same size, or one of another size.
func (l *life) adopt(s historyStep) {
	d := l.file(s.name)
	if len(d.past) > 0 {
		return
	}

	theirs := l.content()
	ours := bytes.Clone(theirs)
	switch s.n % 3 {
	case 1:
		ours[len(ours)-1]++
	case 2:
		ours = l.content()
	}

	l.there(s.name, theirs)
	d.add(l.state(s.name, theirs))
	l.put(s.name, ours, time.Now().Add(-time.Hour), false)
	if bytes.Equal(ours, theirs) {
		d.past = d.past[:1]
	} else {
		d.past[1].may = l.config().Prefer != ""
	}
}

// look judges a watch that is stopped, or that holds back what it may not hide, and lets it go on as
// somebody would who looked at it; false: there is nothing of it.
func (l *life) look() bool {
	id := l.config().ID
	rec, braked, err := l.owner.watches.braked(id)
	if err != nil {
		l.t.Fatal(err)
	}

	gone, err := l.owner.watches.gone(id)
	if err != nil {
		l.t.Fatal(err)
	}

	if !braked && gone.Held == nil {
		return false
	}

	if braked {
		l.judgeBrake(rec)
	}

	l.resume()

	return true
}

// judgeBrake: a watch stops for a reason, and in time.
func (l *life) judgeBrake(rec brakeRecord) {
	broken := 0
	for _, n := range l.names() {
		for _, s := range l.files[n].past {
			if content.Judged(n) && s.doubtful {
				broken++
				break
			}
		}
	}

	if rec.Blind || rec.Files <= brakeFiles || broken <= brakeFiles {
		l.say("the watch is stopped for %d files, of which %d were rewritten: %v", rec.Files,
			broken, rec.Paths)
	}
}

// judgeNoise: of files that were overwritten with noise no more than twenty are sent within ten minutes.
func (l *life) judgeNoise() {
	if l.freed {
		return
	}

	var at []time.Time
	for _, f := range l.cloud.Items() {
		if !strings.Contains(f.Path, "/set/") {
			continue
		}

		for n, v := range f.Versions {
			data, ok := l.read(v.ID)
			if ok && !bytes.HasPrefix(data, []byte("AC10")) {
				if n > 0 { // else it was never known as a drawing
					at = append(at, v.Created)
				}

				break
			}
		}
	}

	for _, begin := range at {
		n := 0
		for _, t := range at {
			if d := t.Sub(begin); d >= 0 && d < brakeWindow {
				n++
			}
		}

		if n > 20 {
			l.say("%d files of noise were sent from %s on", n, begin.Format(time.TimeOnly))
			return
		}
	}
}
