package owner

import (
	"bytes"
	"os"
	"slices"
	"time"

	"hoist/state"
)

// judge compares the histories of disk and cloud, a promise at a time.
func (l *life) judge() {
	for _, name := range l.names() {
		visible := 0
		for _, i := range l.published(name) {
			if !i.hidden {
				visible++
			}

			l.judgeHalves(name, i)
			l.judgeOnce(name, i)
			l.judgeHidden(name, i)
		}

		if visible > 1 {
			l.say("%s: %d items have the name", name, visible)
		}

		l.judgeLast(name)
		l.judgeLocal(name)
	}

	for path, edit := range l.edits {
		if data, err := os.ReadFile(path); err != nil || !bytes.Equal(data, edit) {
			l.say("the edit of %s, just pulled, is lost: %v", path, err)
		}
	}

	for _, j := range l.stuck() {
		l.say("%s is stuck as %s: %s %s", j.Rel, j.Phase, j.Reason, j.Error)
	}

	l.judgeNoise()
	l.judgeBound()
}

// histories are those that the item of a name may have.
func (d *drawing) histories() [][]*diskState { return append([][]*diskState{d.past}, d.lines...) }

// judgeHalves: nothing half-written is published, and nothing that a rule or the gate left out.
func (l *life) judgeHalves(name string, i item) {
	for n, data := range i.versions {
		known, half, secret := false, true, true
		for _, s := range slices.Concat(l.files[name].histories()...) {
			if bytes.Equal(s.data, data) {
				known, half, secret = true, half && s.half, secret && s.secret
			}
		}

		switch {
		case !known:
			l.say("%s: version %d is no state that the file had", name, n+1)
		case half:
			l.say("%s: version %d is half of a save", name, n+1)
		case secret:
			l.say("%s: version %d was left out by a rule or the gate", name, n+1)
		}
	}
}

// judgeOnce: each state is published once at most, and in order.
func (l *life) judgeOnce(name string, i item) {
	if !slices.ContainsFunc(l.files[name].histories(), i.follows) {
		l.say("%s: of %d versions one is there twice, or out of order", name, len(i.versions))
	}
}

// follows reports whether the versions of an item are states of a history, in order. A name that was
// changed in letter case alone, with a save that is not sent yet, is one more version of what was there.
func (i item) follows(past []*diskState) bool {
	at, renamed := 0, false
	for n, data := range i.versions {
		if n > 0 && !renamed && bytes.Equal(i.versions[n-1], data) &&
			!(at < len(past) && bytes.Equal(past[at].data, data)) {
			renamed = true
			continue
		}

		for at < len(past) && !bytes.Equal(past[at].data, data) {
			at++
		}

		if at++; at > len(past) {
			return false
		}
	}

	return true
}

// judgeHidden: what never left the folder is not hidden, and nothing is where that was not asked for.
func (l *life) judgeHidden(name string, i item) {
	if i.hidden && (!l.files[name].left || !l.config().Hides()) {
		l.say("%s is hidden, and nobody removed it", name)
	}
}

// judgeLast: the last state of a file is in the cloud.
func (l *life) judgeLast(name string) {
	d := l.files[name]
	if tip := l.tip(name); l.isDue(d) && !bytes.Equal(tip, d.last().data) && !l.clashes(name) {
		l.say("%s: its last state, of %d, is not in the cloud: %d bytes in place of %d", name, len(d.past),
			len(tip), len(d.last().data))
	}
}

// judgeLocal: nothing local is damaged or deleted.
func (l *life) judgeLocal(name string) {
	d := l.files[name]
	data, err := os.ReadFile(l.path(name))
	switch {
	case d.gone && err == nil:
		l.say("%s: it was deleted, and is there again", name)
	case !d.gone && len(d.past) > 0 && (err != nil || !bytes.Equal(data, d.last().data)):
		l.say("%s: it is not what was saved: %v", name, err)
	}
}

// judgeBound: no more is hidden within ten minutes than a tenth of the files, or one.
func (l *life) judgeBound() {
	if l.freed {
		return
	}

	jobs, err := l.owner.store.Jobs(state.Filter{})
	if err != nil {
		l.t.Fatal(err)
	}

	var hid []time.Time
	for _, j := range jobs {
		if j.Kind != state.Hide || j.Result != state.ResultHidden {
			continue
		}

		hid = append(hid, j.Created)
		recent := 0
		for _, at := range hid {
			if j.Created.Sub(at) < goneWithin {
				recent++
			}
		}

		// a name that was hidden and made again is two files
		if most := max((len(l.files)+recent-1)/gonePart, 1); recent > most {
			l.say("%s is hidden as one of %d", j.Rel, recent)
		}
	}
}
