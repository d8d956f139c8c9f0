package state

import (
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
	Reason string
	Path   string // a part of the local path, in any letter case
	Open   bool   // only jobs that have not ended; much cheaper if most have
	Newest bool   // the newest first
	After  JobID  // only jobs that come after this one in that order: the last of the page before
	Limit  int    // at most so many, 0: all
}

func (f Filter) takes(j Job, now time.Time) bool {
	if f.Open && !j.Open() || f.Kind != "" && j.Kind != f.Kind || f.Batch != "" && j.Batch != f.Batch ||
		f.Root != "" && j.Root != f.Root || f.Reason != "" && j.Reason != f.Reason ||
		f.Path != "" && !strings.Contains(strings.ToLower(j.Path), strings.ToLower(f.Path)) {
		return false
	}

	return len(f.Status) == 0 || slices.Contains(f.Status, j.Status(f.Active != nil && f.Active(j.ID), now))
}

// places are where the jobs lie that can be chosen.
func (f Filter) places() places {
	return places{
		jobs: len(f.Status) == 0 ||
			slices.ContainsFunc(f.Status, func(s Status) bool { return s != StatusDone }),
		done: len(f.Status) == 0 || slices.Contains(f.Status, StatusDone),
	}
}

// onlyOpen reports whether no ended job can be chosen.
func (f Filter) onlyOpen() bool {
	if f.Open {
		return true
	}

	return len(f.Status) > 0 && !slices.ContainsFunc(f.Status, Status.ended)
}

// onlyEnded reports whether no open job can be chosen.
func (f Filter) onlyEnded() bool {
	return len(f.Status) > 0 && !slices.ContainsFunc(f.Status, func(s Status) bool { return !s.ended() })
}

func (s Status) ended() bool { return s == StatusDone || s == StatusFailed || s == StatusCancelled }

// isOpen reports whether the job of a key has not ended.
func (s *Store) isOpen(k []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.jobs.open[idOf(k)] != nil
}

// mayTake reports whether an open job can be chosen, by what the index knows of it.
func (f Filter) mayTake(o *openJob) bool {
	if f.Root != "" && o.root != f.Root || f.Reason != "" && o.reason.Value() != f.Reason {
		return false
	}

	return len(f.Status) == 0 || slices.ContainsFunc(f.Status, o.mayBe)
}

// mayBe reports whether an open job can be in a status, by what the index knows of it.
func (o *openJob) mayBe(s Status) bool {
	switch s {
	case StatusPaused:
		return o.paused
	case StatusAttention:
		return o.attention && !o.paused
	case StatusWaiting:
		return !o.nextAttempt.IsZero() && !o.attention && !o.paused
	case StatusQueued:
		return !o.attention && !o.paused
	case StatusActive, StatusDone, StatusFailed, StatusCancelled:
	}

	return true
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

// Jobs lists jobs, the oldest first unless the filter says otherwise.
func (s *Store) Jobs(f Filter) ([]Job, error) {
	now := time.Now()
	var out []Job
	if f.onlyOpen() {
		return s.listOpen(f, now)
	}

	var after []byte
	if f.After != "" {
		k, ok := f.After.key()
		if !ok {
			return nil, fmt.Errorf("job %q: %w", f.After, ErrNotFound)
		}

		if after = k; !f.Newest {
			after = append(k, 0) // the first key that sorts behind
		}
	}

	err := s.view(func(tx *bolt.Tx) error {
		out = nil
		paths := newSearch(tx, f.Path)

		return eachOf(tx, f.places(), after, f.Newest, func(k, done []byte) (bool, error) {
			if done != nil && f.Path != "" && !paths.mayTake(k, done) {
				return true, nil
			}

			if done == nil && f.onlyEnded() && s.isOpen(k) {
				return true, nil
			}

			j, err := readJob(tx, k)
			if err != nil {
				return false, err
			}

			if j = s.timed(j); f.takes(j, now) {
				out = append(out, j)
			}

			return f.Limit <= 0 || len(out) < f.Limit, nil
		})
	})

	return out, err
}

// listOpen lists jobs that have not ended. One that is queued while the newest are listed, in place of
// one that ended, is for the next time.
func (s *Store) listOpen(f Filter, now time.Time) (out []Job, err error) {
	full := func() bool { return f.Limit > 0 && len(out) >= f.Limit }
	for after := f.After; !full(); {
		s.mu.Lock()
		ids := s.jobs.page(f, after, f.Limit-len(out))
		s.mu.Unlock()
		if len(ids) == 0 {
			break
		}

		jobs, at, err := s.readAll(ids)
		if err != nil {
			return nil, err
		}

		after = ids[len(ids)-1]
		ended := len(jobs) < len(ids) || slices.ContainsFunc(jobs, func(j Job) bool { return !j.Open() })
		jobs = slices.DeleteFunc(jobs, func(j Job) bool { return !f.takes(j, now) })
		if out == nil {
			out = jobs // one page is the usual case
		} else {
			out = append(out, jobs...)
		}

		if full() {
			out = out[:f.Limit]
		}

		if ended && !f.Newest {
			// One ended since the ids were listed: its successor, which sorts behind, is listed
			// as soon as the index has come to that commit.
			if _, err := s.Wait(context.Background(), at-1); err != nil {
				return nil, err
			}
		}
	}

	return out, nil
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
		jobs, at = jobs[:0], s.indexOf(tx)
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

// Parts lists the parts of a job that are stored, by number: of an open one as they are, of an upload
// that is done as its receipt has them. Another job that ended has none.
func (s *Store) Parts(id JobID) ([]Part, error) {
	k, ok := id.key()
	if !ok {
		return nil, fmt.Errorf("job %q: %w", id, ErrNotFound)
	}

	var out []Part
	err := s.view(func(tx *bolt.Tx) error {
		var err error
		if out, err = readParts(tx, k); err != nil || len(out) > 0 {
			return err
		}

		_, row, err := readDone(tx, k)
		switch {
		case errors.Is(err, ErrNotFound):
			return nil
		case err != nil || row.receipt == 0:
			return err
		}

		r, err := archiveOf(tx).receipt(row.receipt)
		out = partsOf(r)

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
		if j, row, err := readDone(tx, p); err == nil {
			out, err = unpackLines(j, row.lines)
			return err
		} else if !errors.Is(err, ErrNotFound) {
			return err
		}

		lines, err := allLines(tx, p)
		for _, l := range lines {
			out = append(out, HistoryLine(l))
		}

		return err
	})

	return out, err
}
