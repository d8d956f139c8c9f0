package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"hoist/apsclient/emulator"
)

// What people do to a folder, beside saving: it is away, a save has pauses, an older copy comes back.

// soakRules is the rule file of a soak. Whoever edits it leaves this line.
const (
	soakRules  = "secret*\n"
	soakSecret = "secret.xlsx"
)

// people does the steps that take a while. It answers false for those that it does not know.
func (d *soakDisk) people(step int, s soakStep) (known bool, err error) {
	path := filepath.Join(d.dir, filepath.FromSlash(s.name))
	away := d.dir + ".away"
	switch s.do {
	case "slow":
		data := d.fresh(step, s.size)
		took, err := writeSlowly(path, data, s.gap)
		if took > d.slow {
			d.note(s.name, step, data[:len(data)/2])
		}

		d.became(s.name, step, data)

		return true, err
	case "older":
		data, long := d.before[s.name], time.Now().Add(-time.Hour)
		temp := path + ".tmp"
		d.became(s.name, step, data)

		return true, errors.Join(os.WriteFile(temp, data, 0o644), os.Chtimes(temp, long, long),
			os.Rename(temp, path))
	case "away":
		if err := os.Rename(path, away); err != nil {
			return true, err
		}

		time.Sleep(s.gap)
		d.again(s.name, step)

		return true, os.Rename(away, path)
	case "root":
		if err := os.Rename(d.dir, away); err != nil {
			return true, err
		}

		time.Sleep(s.gap)

		return true, os.Rename(away, d.dir)
	case "rules":
		if err := os.WriteFile(filepath.Join(d.dir, soakSecret), d.fresh(step, 5000), 0o644); err != nil {
			return true, err
		}

		text := fmt.Appendf(nil, "# edition %d of the rules of this folder\n%s", step, soakRules)
		took, err := writeSlowly(filepath.Join(d.dir, ".hoistignore"), text, s.gap)
		if took > d.slow { // it may have counted as it was
			d.spilled = true
		}

		return true, err
	}

	return false, nil
}

// writeSlowly truncates a file and writes it in two halves with a pause between.
func writeSlowly(path string, data []byte, gap time.Duration) (took time.Duration, err error) {
	began := time.Now()
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}

	_, err = f.Write(data[:len(data)/2])
	time.Sleep(gap)
	_, more := f.Write(data[len(data)/2:])

	return time.Since(began), errors.Join(err, more, f.Close())
}

// again notes that a file is another by its times alone: without SHA-1 its bytes cannot be told
// from others of that size, and may be sent again.
func (d *soakDisk) again(name string, step int) {
	if d.blind {
		d.past[name] = append(d.past[name], soakState{sha256.Sum256(d.now[name]), step})
	}
}

// oddSoak makes the service odd in some of the ways it may be, as the seed has it: 420 in all of
// them.
func (s *soak) oddSoak(seed uint64) {
	s.cloud.SetKnobs(func(k *emulator.Knobs) {
		k.NoSHA1, k.CaseInsensitiveNames = seed%3 == 0, seed%2 == 0
		k.RewriteStorage, k.SecondCompleteFails = seed%5 == 0, seed%7 == 0
		if seed%4 == 0 {
			k.EmptyEvery, k.CutEvery = 17, 23
		}

		s.disk.blind = k.NoSHA1
	})
}

// soakLate is how late the service shows what was made, as the seed has it: within the settle time
// or past several of them.
func soakLate(seed uint64) time.Duration {
	if seed/2%3 > 0 {
		return 0
	}

	return []time.Duration{2500 * time.Millisecond, 300 * time.Millisecond}[seed%2]
}

// retryAll asks for every job again, whatever became of it, if somebody is there to ask.
func (s *soak) retryAll() { s.start("retry", "--all").wait() }

// pull lets another home pull a file and edits it there as soon as it appears.
func (s *soak) pull(i int, name string) {
	s.t.Helper()

	dir := filepath.Join(s.dir, fmt.Sprintf("pulled%d", i))
	if err := os.Mkdir(dir, 0o755); err != nil {
		s.t.Fatal(err)
	}

	path := filepath.Join(dir, filepath.Base(name))
	p := s.other.start("pull", "--max-duration", "3s", s.remote+"/soak/"+name, dir)
	for {
		if data, err := os.ReadFile(path); err == nil {
			edit := append(data, "an edit"...)
			if err := os.WriteFile(path, edit, 0o644); err != nil {
				s.t.Fatal(err)
			}

			s.edits[path] = edit

			break
		}

		select {
		case <-p.ended:
			return // it is not there, or the service does not say so in time
		case <-time.After(time.Millisecond):
		}
	}

	p.wait()
}

// judgeEdits: what was edited just after it was pulled is as it was edited.
func (s *soak) judgeEdits(t *testing.T) {
	t.Helper()
	for path, edit := range s.edits {
		if data, err := os.ReadFile(path); err != nil || !bytes.Equal(data, edit) {
			t.Errorf("%s: the edit of %s, just pulled, is lost: %v", s.again, path, err)
		}
	}
}
