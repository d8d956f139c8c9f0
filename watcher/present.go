package watcher

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"hoist/watcher/disk"
)

// A folder that holds a file of this name, with this beginning, says of itself that it is a cache.
const (
	cacheTag  = "CACHEDIR.TAG"
	cacheSign = "Signature: 8a477f597d28d172789f06886806bc55"
)

// outMark is what is known of a folder that left itself out, or that may be about to.
type outMark struct {
	why   string    // the rule by which it left itself out when that was last seen; "": it never did
	tag   fileState // of a CACHEDIR.TAG that does not say so: it may be half written
	until time.Time // until when neither counts; zero: nothing is waited for
}

// leavesOut adds to the rules of a folder whether it leaves itself out. As with a rule file, what
// says so counts at once and holds until it has been gone for the settle time, and what may be half
// written or cannot be read lets nothing through.
func (b *Book) leavesOut(r *Rules, folder string) *Rules {
	asked := len(r.opts.IfPresent) > 0 || r.opts.Caches || r.opts.OneFileSystem
	if !asked || r.out != "" || below(folder, r.named) { // what was named, and what is above, is taken
		return r
	}

	why, tag, err := b.excluded(r, folder)
	now := time.Now()

	b.mu.Lock()
	defer b.mu.Unlock()

	m := b.marks[folder]
	switch {
	case why != "":
		b.dirty = b.dirty || m.why != why
		m = outMark{why: why}
	case err != nil:
		m.until = now.Add(retryRule)
	case tag.exists && tag != m.tag:
		m.tag, m.until = tag, tag.changed(now).Add(b.settle)
		if tag.changed(now).IsZero() {
			m.until = now.Add(b.settle)
		}
	case m.why != "" && m.until.IsZero():
		m.until = now.Add(b.settle)
	}

	if why == "" && err == nil && !m.until.After(now) {
		b.release(folder, m)
		return r
	}

	b.marks[folder] = m
	out := *r
	if m.why != "" {
		out.out = m.why
	} else {
		held := &HeldError{File: join2(folder, cacheTag), Err: err}
		if err == nil {
			held.Until = m.until
		}

		out.held = strongerHold(r.held, held)
	}

	return &out
}

// release notes that nothing leaves a folder out any more. It is called with mu held.
func (b *Book) release(folder string, m outMark) {
	b.dirty = b.dirty || m.why != ""
	if m.why, m.until = "", (time.Time{}); m.tag.exists {
		b.marks[folder] = m
	} else {
		delete(b.marks, folder)
	}
}

// ripe lets go of the folders whose time has come: they are to be looked at. It is called with mu
// held.
func (b *Book) ripe(now time.Time) {
	for folder, m := range b.marks {
		if !m.until.IsZero() && !m.until.After(now) {
			b.release(folder, m)
			b.turned[folder] = true
		}
	}
}

// excluded is the rule by which a folder below the root leaves itself out, by what lies in it or by
// the file system that it is on; "": none. A tag that says nothing of it is told, and an error that
// it cannot be read.
func (b *Book) excluded(r *Rules, folder string) (why string, tag fileState, err error) {
	for _, name := range r.opts.IfPresent {
		if b.holds(folder, name) {
			return "exclude-if-present " + name, tag, nil
		}
	}

	if r.opts.OneFileSystem {
		if id, err := idOf(join(b.root, folder)); err == nil && id.dev != b.device(r.named) {
			return "one-file-system", tag, nil
		}
	}

	if !r.opts.Caches {
		return "", tag, nil
	}

	name := join(b.root, join2(folder, cacheTag))
	cache, err := disk.Ask(name, disk.Patience, func() (bool, error) { return isCacheTag(name) })

	switch {
	case cache:
		return "exclude-caches", tag, nil
	case errors.Is(err, fs.ErrNotExist), isNotDir(err), errors.Is(err, errIrregular):
		return "", tag, nil
	case err == nil:
		tag, err = disk.Ask(name, disk.Patience, func() (fileState, error) { return statRuleFile(name) })
	}

	return "", tag, err
}

// holds reports whether a folder holds a name, in whichever of its forms.
func (b *Book) holds(folder, name string) bool {
	for _, form := range slices.Compact([]string{norm.NFC.String(name), norm.NFD.String(name)}) {
		if _, _, there, _ := lookAt(b.root, join2(folder, form)); there {
			return true
		}
	}

	return false
}

// isCacheTag reports whether a file says that its folder is a cache.
func isCacheTag(name string) (bool, error) {
	f, err := OpenRegular(name)
	if err != nil {
		return false, err
	}
	defer f.Close()

	head := make([]byte, len(cacheSign))
	_, err = io.ReadFull(f, head)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return false, nil
	}

	return err == nil && bytes.Equal(head, []byte(cacheSign)), err
}

// device is that of the folder that was named.
func (b *Book) device(named string) uint64 {
	id, _ := idOf(join(b.root, named))
	return id.dev
}

// speaksOfFolder reports whether a name in a folder may leave the folder out.
func (r *Rules) speaksOfFolder(name string) bool {
	return r.opts.Caches && strings.EqualFold(name, cacheTag) ||
		slices.ContainsFunc(r.opts.IfPresent, func(mark string) bool {
			return strings.EqualFold(norm.NFC.String(mark), norm.NFC.String(name))
		})
}
