package owner

import (
	"bytes"
	"os"
)

// judge compares the histories of disk and cloud, a promise at a time.
func (l *life) judge() {
	for _, name := range historyNames {
		all, items := l.published(name)
		if items > 1 {
			l.say("%s: %d items have the name", name, items)
		}

		l.judgeHalves(name, all)
		l.judgeOnce(name, all)
		l.judgeLocal(name)
	}

	for path, edit := range l.edits {
		if data, err := os.ReadFile(path); err != nil || !bytes.Equal(data, edit) {
			l.say("the edit of %s, just pulled, is lost: %v", path, err)
		}
	}

	jobs, err := l.owner.store.OpenJobs()
	if err != nil {
		l.t.Fatal(err)
	}

	for _, j := range jobs {
		l.say("%s is stuck as %s: %s %s", j.Rel, j.Phase, j.Reason, j.Error)
	}
}

// judgeHalves: nothing half-written is published, and nothing that a rule left out.
func (l *life) judgeHalves(name string, all [][]byte) {
	for n, data := range all {
		known, half, secret := false, true, true
		for _, s := range l.files[name].past {
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
			l.say("%s: version %d was left out by a rule", name, n+1)
		}
	}
}

// judgeOnce: each state is published once at most, in order, and the last one is.
func (l *life) judgeOnce(name string, all [][]byte) {
	past, at := l.files[name].past, 0
	for n, data := range all {
		for at < len(past) && !bytes.Equal(past[at].data, data) {
			at++
		}

		if at++; at > len(past) {
			l.say("%s: version %d is there twice, or out of order", name, n+1)
			break
		}
	}

	if len(past) > 0 && !l.files[name].gone && !bytes.Equal(l.tip(name), past[len(past)-1].data) {
		l.say("%s: its last state is not in the cloud (%d versions of %d states)", name, len(all), len(past))
	}
}

// judgeLocal: nothing local is damaged or deleted.
func (l *life) judgeLocal(name string) {
	d := l.files[name]
	data, err := os.ReadFile(l.path(name))
	switch {
	case d.gone && err == nil:
		l.say("%s: it was deleted, and is there again", name)
	case !d.gone && len(d.past) > 0 && (err != nil || !bytes.Equal(data, d.past[len(d.past)-1].data)):
		l.say("%s: it is not what was saved: %v", name, err)
	}
}
