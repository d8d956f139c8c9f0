package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"hoist/apsclient/emulator"
)

// soakDisk is the watched folder of a soak, with all that was ever in it.
type soakDisk struct {
	dir  string
	seed uint64
	now  map[string][]byte      // what is there
	past map[string][]soakState // what was there, oldest first; each content once for as long as it stayed
	slow time.Duration          // a write that takes longer may show an intermediate state as one at rest

	before  map[string][]byte // what was there before the last change
	copies  map[string]int    // how many renames led to a file
	renames int
	blind   bool // the service tells no SHA-1
	spilled bool // half a rule file may have counted
}

// soakState is one content that a file had.
type soakState struct {
	sum  [32]byte
	step int
}

func newSoakDisk(dir string, seed uint64, slow time.Duration) *soakDisk {
	return &soakDisk{dir: dir, seed: seed, now: map[string][]byte{}, past: map[string][]soakState{},
		slow: slow, before: map[string][]byte{}, copies: map[string]int{}}
}

// fresh makes content that no other step makes.
func (d *soakDisk) fresh(step int, size int64) []byte {
	key := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, d.seed), uint64(step))
	data := make([]byte, size)
	_, _ = rand.NewChaCha8(sha256.Sum256(key)).Read(data) // never fails

	return data
}

// became notes what a file holds after a step.
func (d *soakDisk) became(name string, step int, data []byte) {
	d.before[name], d.now[name] = d.now[name], data
	d.note(name, step, data)
}

func (d *soakDisk) note(name string, step int, data []byte) {
	sum := sha256.Sum256(data)
	if p := d.past[name]; len(p) == 0 || p[len(p)-1].sum != sum {
		d.past[name] = append(p, soakState{sum, step})
	}
}

// fits reports whether a step can be done to what is there.
func (d *soakDisk) fits(s soakStep) bool {
	data, there := d.now[s.name]
	switch s.do {
	case "grow":
		return there && s.size > int64(len(data))
	case "shrink":
		return there && s.size < int64(len(data))
	case "older":
		return there && len(d.before[s.name]) > 0
	case "touch", "rename", "delete", "away":
		return there
	}

	return true
}

// do makes one step of the plan true on disk.
func (d *soakDisk) do(step int, s soakStep) error {
	if !d.fits(s) {
		return nil
	}

	path := filepath.Join(d.dir, filepath.FromSlash(s.name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}

	if known, err := d.people(step, s); known || err != nil {
		return err
	}

	switch s.do {
	case "write":
		data := d.fresh(step, s.size)
		began := time.Now()
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return err
		}

		if time.Since(began) > d.slow {
			d.note(s.name, step, nil)
		}

		d.became(s.name, step, data)
	case "save":
		data := d.fresh(step, s.size)
		temp := path + ".tmp"
		if err := errors.Join(os.WriteFile(temp, data, 0o644), os.Rename(temp, path)); err != nil {
			return err
		}

		d.became(s.name, step, data)
	case "grow":
		more := d.fresh(step, s.size-int64(len(d.now[s.name])))
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			return err
		}

		_, err = f.Write(more)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}

		d.became(s.name, step, append(bytes.Clone(d.now[s.name]), more...))
	case "shrink":
		if err := os.Truncate(path, s.size); err != nil {
			return err
		}

		d.became(s.name, step, d.now[s.name][:s.size:s.size])
	case "touch":
		d.again(s.name, step)
		return os.Chtimes(path, time.Time{}, time.Now())
	case "rename":
		to := filepath.Join(d.dir, filepath.FromSlash(s.to))
		if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.Rename(path, to)); err != nil {
			return err
		}

		// The item keeps its history when the rename is followed, and has a copy of the same bytes more.
		d.past[s.to] = append(d.past[s.to], d.past[s.name]...)
		d.copies[s.to] += d.copies[s.name] + 1
		d.renames++
		d.became(s.to, step, d.now[s.name])
		delete(d.now, s.name)
	case "delete":
		delete(d.now, s.name)
		return os.Remove(path)
	default:
		return fmt.Errorf("the plan says %q, which nobody knows how to do", s.do)
	}

	return nil
}

// cloudTree reads the versions of every visible item below a folder, oldest first, as digests of
// their bytes. An item that is there twice is told as a fault, and a storage that two versions share
// unless a rename was followed so, copies times at most.
func cloudTree(cloud *emulator.Server, folder string, copies int) (tree map[string][][32]byte,
	faults []string,
	err error) {
	tree = map[string][][32]byte{}
	var shared []string
	prefix, owners := folder+"/", map[string]string{}
	for _, f := range cloud.Items() {
		if f.Hidden || len(f.Path) <= len(prefix) || f.Path[:len(prefix)] != prefix {
			continue
		}

		name := f.Path[len(prefix):]
		if tree[name] != nil {
			faults = append(faults, name+": two items have this name")
		}

		for _, v := range f.Versions {
			where := fmt.Sprintf("%s version %d", name, v.Number)
			if other := owners[v.Storage]; other != "" {
				shared = append(shared, where+" has the storage of "+other)
			}

			owners[v.Storage] = where
			sum, err := objectDigest(cloud, v.Storage)
			if err != nil {
				return nil, nil, fmt.Errorf("read %s: %w", where, err)
			}

			tree[name] = append(tree[name], sum)
		}
	}

	if len(shared) > copies {
		faults = append(faults, shared...)
	}

	return tree, faults, nil
}

func objectDigest(cloud *emulator.Server, storage string) ([32]byte, error) {
	r, err := cloud.ReadObject(storage)
	if err != nil {
		return [32]byte{}, err
	}
	defer r.Close()
	h := sha256.New()
	_, err = io.Copy(h, r)

	return [32]byte(h.Sum(nil)), err
}

// compare judges a tree of the cloud by what was on disk: the newest version of a file that exists
// is what it holds now, and the versions of any file are contents it had, in their order, each at
// most once for each time it had them, and once more for each rename. lagging are the files whose
// newest state is not there; wrong is what time cannot mend.
func (d *soakDisk) compare(tree map[string][][32]byte) (lagging, wrong []string) {
	for name, data := range d.now {
		if v := tree[name]; len(v) == 0 || v[len(v)-1] != sha256.Sum256(data) {
			lagging = append(lagging, name)
		}
	}

	for name, versions := range tree {
		if name == soakSecret && d.spilled {
			continue
		}

		past, at, copies := d.past[name], 0, d.copies[name]
		for i, sum := range versions {
			from := at
			for at < len(past) && past[at].sum != sum {
				at++
			}

			if at == len(past) && copies > 0 && i > 0 && versions[i-1] == sum {
				at, copies = from, copies-1
				continue
			}

			if at == len(past) {
				wrong = append(wrong, fmt.Sprintf("%s: version %d %s", name, i+1, whatIsIt(past, sum, from)))
				break
			}

			at++
		}
	}

	return lagging, wrong
}

func whatIsIt(past []soakState, sum [32]byte, from int) string {
	for i, p := range past {
		if p.sum == sum && i < from {
			return fmt.Sprintf("is the state of step %d, which an earlier version is or follows", p.step)
		}
	}

	if sum == sha256.Sum256(nil) {
		return "is empty, which the file never was"
	}

	return "is no content that the file ever had"
}
