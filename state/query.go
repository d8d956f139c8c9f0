package state

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Filter chooses jobs; its zero value chooses all.
type Filter struct {
	Status []Status         // any of these, empty: all
	Active func(JobID) bool // what the engine runs now, for Status; nil: nothing
	Kind   Kind
	Batch  string
	Root   string
	Path   string // a part of the local path, in any letter case
	Open   bool   // only jobs that have not ended; much cheaper if most have
	Newest bool   // the newest first; without After
	After  JobID  // only jobs after this one: the last of the page before
	Limit  int    // at most so many, 0: all
}

func (f Filter) takes(j Job, now time.Time) bool {
	if f.Open && !j.Open() || f.Kind != "" && j.Kind != f.Kind || f.Batch != "" && j.Batch != f.Batch ||
		f.Root != "" && j.Root != f.Root ||
		f.Path != "" && !strings.Contains(strings.ToLower(j.Path), strings.ToLower(f.Path)) {
		return false
	}

	return len(f.Status) == 0 || slices.Contains(f.Status, j.Status(f.Active != nil && f.Active(j.ID), now))
}

// onlyOpen reports whether no ended job can be chosen.
func (f Filter) onlyOpen() bool {
	if f.Open {
		return true
	}

	return len(f.Status) > 0 && !slices.ContainsFunc(f.Status, func(s Status) bool {
		return s == StatusDone || s == StatusFailed || s == StatusCancelled
	})
}

// mayTake reports whether an open job can be chosen, by what the index knows of it.
func (f Filter) mayTake(o *openJob) bool {
	if f.Root != "" && o.root != f.Root {
		return false
	}

	parkedOnly := len(f.Status) == 1 && f.Status[0] == StatusAttention

	return !parkedOnly || o.attention && !o.paused
}

// Job returns one job, or ErrNotFound.
func (s *Store) Job(id JobID) (Job, error) {
	k, ok := id.key()
	if !ok {
		return Job{}, fmt.Errorf("job %q: %w", id, ErrNotFound)
	}

	j, ok := s.recentJob(id)
	if ok {
		return s.timed(j), nil
	}

	err := s.view(func(tx *bolt.Tx) error {
		var err error
		j, err = readJob(tx, k)
		return err
	})

	return s.timed(j), err
}

// timed gives a job its next attempt by the clock as it is now, if that was set since.
func (s *Store) timed(j Job) Job {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.jobs.open[j.ID]; o != nil && !j.NextAttempt.IsZero() && !o.nextAttempt.IsZero() {
		at := stored(monotonic(o.nextAttempt))
		if at.Sub(j.NextAttempt).Abs() > clockSlack {
			j.NextAttempt = at
		}
	}

	return j
}

// clockSlack is what the clock may be put right by without anybody being told.
const clockSlack = time.Second

// LastJob returns the newest job of a local path, if one is kept.
func (s *Store) LastJob(path string) (j Job, found bool, err error) {
	err = s.view(func(tx *bolt.Tx) error {
		k, err := get(tx, bucketPaths, []byte(path))
		if k == nil || err != nil {
			return err
		}

		found = true
		j, err = readJob(tx, k)

		return err
	})

	return s.timed(j), found && err == nil, err
}

// FindJob returns the job whose id begins with part, or ends with it when none begins so:
// ErrNotFound for none, *PrefixError for several.
func (s *Store) FindJob(part string) (Job, error) {
	j, err := s.findByStart(part)
	if !errors.Is(err, ErrNotFound) || part == "" {
		return j, err
	}

	tail := strings.ToLower(part)
	err = s.view(func(tx *bolt.Tx) error {
		var ids []JobID
		c := tx.Bucket(bucketJobs).Cursor()
		for k, _ := c.First(); k != nil && len(ids) < 5; k, _ = c.Next() {
			if id := idOf(k); strings.HasSuffix(string(id), tail) {
				ids = append(ids, id)
			}
		}

		switch len(ids) {
		case 0:
			return fmt.Errorf("job %q: %w", part, ErrNotFound)
		case 1:
			var err error
			k, _ := ids[0].key()
			j, err = readJob(tx, k)

			return err
		}

		return &PrefixError{Prefix: part, IDs: ids}
	})

	return s.timed(j), err
}

func (s *Store) findByStart(prefix string) (Job, error) {
	prefix = strings.ToLower(prefix)
	first, ok := JobID(prefix + strings.Repeat("0", max(32-len(prefix), 0))).key()
	if prefix == "" || !ok {
		return Job{}, fmt.Errorf("job %q: %w", prefix, ErrNotFound)
	}

	var j Job
	var ids []JobID
	err := s.view(func(tx *bolt.Tx) error {
		ids = nil
		c := tx.Bucket(bucketJobs).Cursor()
		for k, _ := c.Seek(first); k != nil && strings.HasPrefix(string(idOf(k)), prefix) && len(ids) < 5; k,
			_ = c.Next() {
			ids = append(ids, idOf(k))
		}

		switch len(ids) {
		case 0:
			return fmt.Errorf("job %q: %w", prefix, ErrNotFound)
		case 1:
			var err error
			k, _ := ids[0].key()
			j, err = readJob(tx, k)

			return err
		}

		return &PrefixError{Prefix: prefix, IDs: ids}
	})

	return s.timed(j), err
}

// Jobs lists jobs, oldest first.
func (s *Store) Jobs(f Filter) ([]Job, error) {
	now := time.Now()
	var out []Job
	full := func() bool { return f.Limit > 0 && len(out) >= f.Limit }
	if f.onlyOpen() && f.Newest {
		all := f
		all.Newest, all.Limit = false, 0
		out, err := s.Jobs(all)
		slices.Reverse(out)
		if f.Limit > 0 {
			out = out[:min(f.Limit, len(out))]
		}

		return out, err
	}

	if f.onlyOpen() {
		for after := f.After; !full(); {
			s.mu.Lock()
			ids := s.jobs.page(f, after)
			s.mu.Unlock()
			if len(ids) == 0 {
				break
			}

			jobs, at, err := s.readAll(ids)
			if err != nil {
				return nil, err
			}

			for _, j := range jobs {
				if f.takes(j, now) && !full() {
					out = append(out, j)
				}
			}

			after = ids[len(ids)-1]
			if len(jobs) < len(ids) || slices.ContainsFunc(jobs, func(j Job) bool { return !j.Open() }) {
				// One ended since the ids were listed: its successor, which sorts behind, is listed
				// as soon as the index has come to that commit.
				if _, err := s.Wait(context.Background(), at-1); err != nil {
					return nil, err
				}
			}
		}

		return out, nil
	}

	var after []byte
	if f.After != "" {
		k, ok := f.After.key()
		if !ok {
			return nil, fmt.Errorf("job %q: %w", f.After, ErrNotFound)
		}

		after = k
	}

	err := s.view(func(tx *bolt.Tx) error {
		out = nil
		c := tx.Bucket(bucketJobs).Cursor()
		k, _ := c.Seek(after)
		if after != nil && bytes.Equal(k, after) {
			k, _ = c.Next()
		}

		next := c.Next
		if f.Newest {
			k, _ = c.Last()
			next = c.Prev
		}

		for ; k != nil && !full(); k, _ = next() {
			j, err := readJob(tx, k)
			if err != nil {
				return err
			}

			if j = s.timed(j); f.takes(j, now) {
				out = append(out, j)
			}
		}

		return nil
	})

	return out, err
}

// OpenJobs lists the jobs that have not ended, oldest first.
func (s *Store) OpenJobs() ([]Job, error) { return s.Jobs(Filter{Open: true}) }

// readAll reads jobs in one transaction, and says which commit it saw; those that are gone are left
// out.
func (s *Store) readAll(ids []JobID) (jobs []Job, at uint64, err error) {
	if len(ids) == 0 {
		return nil, 0, nil
	}

	jobs = make([]Job, 0, len(ids))
	err = s.view(func(tx *bolt.Tx) error {
		jobs, at = jobs[:0], uint64(tx.ID())
		for _, id := range ids {
			if j, ok := s.recentJob(id); ok {
				jobs = append(jobs, s.timed(j))
				continue
			}

			k, _ := id.key()
			j, err := readJob(tx, k)
			if errors.Is(err, ErrNotFound) {
				continue
			}

			if err != nil {
				return err
			}

			jobs = append(jobs, s.timed(j))
		}

		return nil
	})

	return jobs, at, err
}

// Parts lists the parts of an open job that are stored, by number. An ended job has none.
func (s *Store) Parts(id JobID) ([]Part, error) {
	k, ok := id.key()
	if !ok {
		return nil, fmt.Errorf("job %q: %w", id, ErrNotFound)
	}

	var out []Part
	err := s.view(func(tx *bolt.Tx) error {
		var err error
		out, err = readParts(tx, k)
		return err
	})

	return out, err
}

func readParts(tx *bolt.Tx, job []byte) ([]Part, error) {
	var out []Part
	err := eachRecord(tx, bucketParts, job, func(k []byte, r partRecord) {
		out = append(out, Part{Number: int(binary.BigEndian.Uint32(k[16:])), Size: r.Size, ETag: r.ETag,
			MD5: r.MD5})
	})

	return out, err
}

// History lists the newest 200 events of a job, oldest first. Stored parts are not among them:
// Parts tells those.
func (s *Store) History(id JobID) ([]HistoryLine, error) {
	p, ok := id.key()
	if !ok {
		return nil, fmt.Errorf("job %q: %w", id, ErrNotFound)
	}

	var out []HistoryLine
	err := s.view(func(tx *bolt.Tx) error {
		out = nil

		var newest []HistoryLine // their key sorts before those of the lines before schema 3
		err := each(tx, bucketHistory, p, nil, func(k, v []byte) (bool, error) {
			lines, err := historyLines(k, v)
			if err != nil {
				return false, damagedValue(tx, bucketHistory, k, err)
			}

			for _, r := range lines {
				if len(k) == 16 {
					newest = append(newest, HistoryLine(r))
				} else {
					out = append(out, HistoryLine(r))
				}
			}

			return true, nil
		})
		out = append(out, newest...)
		out = out[max(0, len(out)-keptHistory):]

		return err
	})

	return out, err
}
