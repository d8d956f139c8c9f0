package owner

import (
	"bytes"
	"io"
	"strings"
	"time"

	"hoist/state"
	"hoist/transfer"
)

// rest waits until nothing is left to do, for six hours at most. Who lets go on what waits for a person
// does so once an hour.
func (l *life) rest() {
	for i := range 6 * 60 {
		time.Sleep(time.Minute)
		if i%60 == 30 && l.look() {
			continue
		}

		if len(l.stuck()) == 0 && !l.behind() {
			break
		}
	}

	time.Sleep(2 * time.Minute)
	if l.config().Hides() {
		time.Sleep(2 * rootRests)
		for l.look() {
			time.Sleep(2 * rootRests)
		}
	}
}

// behind reports whether the newest state of some file is not in the cloud, and should be.
func (l *life) behind() bool {
	l.mu.Lock()
	defer l.mu.Unlock()

	for name, d := range l.files {
		if l.isDue(d) && !bytes.Equal(l.tip(name), d.last().data) && !l.clashes(name) {
			return true
		}
	}

	return false
}

// isDue reports whether the state that a file has is to be sent.
func (l *life) isDue(d *drawing) bool {
	s := d.last()
	return !d.gone && s != nil && !s.may && !((s.doubtful || s.newer) && l.parks)
}

// stuck lists the jobs that are not done, but for those that wait for a person for good reason.
func (l *life) stuck() (out []state.Job) {
	jobs, err := l.owner.store.OpenJobs()
	if err != nil {
		l.t.Fatal(err)
	}

	l.mu.Lock()
	defer l.mu.Unlock()

	for _, j := range jobs {
		d := l.files[j.Rel]
		switch {
		case d == nil || d.gone:
		case j.Reason == transfer.ReasonDoubtful && l.parks && (d.last().doubtful || d.last().newer):
			continue
		case j.Reason == transfer.ReasonNameClash && l.clashes(j.Rel):
			continue
		}

		out = append(out, j)
	}

	return out
}

// clashes reports whether the cloud has a name that differs in letter case alone: that of a file which was
// renamed so and could not be followed, as one that was written to as well. A person is asked.
func (l *life) clashes(name string) bool {
	for other := range l.files {
		if other != name && strings.EqualFold(other, name) && l.tip(other) != nil {
			return true
		}
	}

	return false
}

// item is what the cloud has of a file.
type item struct {
	hidden   bool
	versions [][]byte // oldest first
}

// published are the items that have a name, or had it when they were hidden.
func (l *life) published(name string) (out []item) {
	for _, f := range l.cloud.Items() {
		if f.Path != "Project Files/"+name {
			continue
		}

		one := item{hidden: f.Hidden}
		for _, v := range f.Versions {
			if data, ok := l.read(v.ID); ok && v.Storage != "" {
				one.versions = append(one.versions, data)
			}
		}

		out = append(out, one)
	}

	return out
}

// read returns the content of a version; false: it has none.
func (l *life) read(version string) ([]byte, bool) {
	r, err := l.cloud.ReadVersion(version)
	if err != nil {
		return nil, false
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		l.t.Fatal(err)
	}

	return data, true
}

// tip is the newest content of a name that is not hidden.
func (l *life) tip(name string) []byte {
	for _, i := range l.published(name) {
		if n := len(i.versions); n > 0 && !i.hidden {
			return i.versions[n-1]
		}
	}

	return nil
}

// versions counts what is in the cloud, and what of it is hidden.
func (l *life) versions() (n, hidden int) {
	for _, f := range l.cloud.Items() {
		n += len(f.Versions)
		if f.Hidden {
			hidden++
		}
	}

	return n, hidden
}
