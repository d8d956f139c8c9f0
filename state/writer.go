package state

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// maxGroup bounds how many requests share one commit, so that one commit does not hold the memory
// of a whole burst.
const maxGroup = 1024

// request is a piece of work for the writer. f may run more than once, each time on a transaction
// that holds nothing of the run before, and must not write after it found that it must fail: else
// the whole group is rolled back and runs again without it.
type request struct {
	f    func(*writeTx) error
	err  error
	done chan struct{}
}

// writeTx is a write transaction with what it will change in memory.
type writeTx struct {
	*bolt.Tx
	store   *Store
	now     time.Time
	touched map[JobID]*Job // after the commit; a pruned one has no ID but its End
	order   []JobID
	wrote   bool

	doneRows int // put less pruned

	empty map[string]bool // buckets that hold nothing, and those that do, as far as was asked

	cursors map[string]*bolt.Cursor // of stored, by bucket: each Get of bbolt would make its own
}

// get is the get of the transaction; it knows what was written in it before. The bytes die with the
// transaction, or with the next write under the key.
func (tx *writeTx) get(bucket, k []byte) ([]byte, error) {
	stored := tx.stored(bucket, k)
	if stored == nil {
		return nil, nil
	}

	v, err := unsealed(bucket, k, stored)
	if err != nil {
		return nil, damagedValue(tx.Tx, bucket, k, err)
	}

	return v, nil
}

// stored is the value of a key with its checksum, nil if there is none.
func (tx *writeTx) stored(bucket, k []byte) []byte {
	c := tx.cursors[string(bucket)]
	if c == nil {
		if tx.cursors == nil {
			tx.cursors = map[string]*bolt.Cursor{}
		}

		c = tx.Bucket(bucket).Cursor()
		tx.cursors[string(bucket)] = c
	}

	found, v := c.Seek(k)
	if !bytes.Equal(found, k) {
		return nil
	}

	return v
}

func (tx *writeTx) put(bucket, k, v []byte) error {
	tx.wrote = true
	delete(tx.empty, string(bucket))
	b := tx.Bucket(bucket)
	b.FillPercent = fillOf(bucket)

	return b.Put(k, sealed(bucket, k, v))
}

// fillOf is how full the pages of a bucket become: most keys come in order, and what lies under them
// stays. An open job grows, but few of many run at a time, and what is queued makes the file as large as
// it is.
func fillOf(bucket []byte) float64 {
	if bytes.Equal(bucket, bucketReceipts) { // by number, and written again only as a block
		return 1
	}

	return 0.9
}

func (tx *writeTx) has(bucket, k []byte) bool {
	return !tx.isEmpty(bucket) && tx.stored(bucket, k) != nil
}

// isEmpty reports whether a bucket holds nothing: what is rare is not looked for in vain.
func (tx *writeTx) isEmpty(bucket []byte) bool {
	empty, known := tx.empty[string(bucket)]
	if !known {
		if tx.empty == nil {
			tx.empty = map[string]bool{}
		}

		k, _ := tx.Bucket(bucket).Cursor().First()
		empty = k == nil
		tx.empty[string(bucket)] = empty
	}

	return empty
}

func (tx *writeTx) delete(bucket, k []byte) error {
	tx.wrote = true
	return tx.Bucket(bucket).Delete(k)
}

func (tx *writeTx) touch(j Job) {
	tx.touched[j.ID] = &j
	tx.order = append(tx.order, j.ID)
}

// update hands f to the writer and waits until it is durable.
func (s *Store) update(f func(*writeTx) error) error {
	r := &request{f: f, done: make(chan struct{})}
	select {
	case s.reqs <- r:
	case <-s.stop:
		return ErrClosed
	}

	<-r.done

	return r.err
}

// write is the one writer: it commits whatever waits as soon as the last commit ended. It ends when
// the store closes.
func (s *Store) write() {
	var mapped resident
	for {
		var group []*request
		select {
		case r := <-s.reqs:
			group = append(group, r)
		case <-s.stop:
			return
		}

		runtime.Gosched() // let those whose commit just ended, and all who are ready, join
	more:
		for len(group) < maxGroup {
			select {
			case r := <-s.reqs:
				group = append(group, r)
			default:
				break more
			}
		}

		s.commit(group)

		for _, r := range group {
			close(r.done)
		}

		s.saved.afterCommit()
		mapped.used(s.db, time.Now())
	}
}

// commit runs the group in one transaction. A request that fails after it wrote something is taken
// out, and the rest runs again.
func (s *Store) commit(group []*request) {
	for len(group) > 0 {
		s.mu.Lock()
		broken := s.broken
		s.mu.Unlock()
		if broken != nil {
			fail(group, broken)
			return
		}

		var bad *request
		err := s.guard(func() error {
			var err error
			bad, err = s.try(group)
			return err
		})
		if err == nil {
			return
		}

		if bad == nil {
			s.commitFailed(group, err)
			return
		}

		rest := group[:0:0]
		for _, r := range group {
			if r != bad {
				rest = append(rest, r)
			}
		}

		group = rest
	}
}

// try runs the group once. The request that made it fail, if one did, is returned with its error
// set.
func (s *Store) try(group []*request) (bad *request, err error) {
	btx, err := s.db.Begin(true)
	if err != nil {
		return nil, err
	}

	defer func() { _ = btx.Rollback() }() // no effect after a commit

	tx := &writeTx{Tx: btx, store: s, now: stored(time.Now()), touched: map[JobID]*Job{}}
	wrote := false
	for _, r := range group {
		tx.wrote = false
		r.err = r.f(tx)
		if r.err != nil && tx.wrote {
			return r, r.err
		}

		wrote = wrote || tx.wrote
	}

	if !wrote {
		return nil, nil
	}

	index, began := s.indexOf(btx), time.Now()
	if err := btx.Commit(); err != nil {
		return nil, err
	}

	s.committed(index, tx, time.Since(began))
	s.tell(tx)

	return nil, nil
}

// tell calls told once for each job that a commit changed.
func (s *Store) tell(tx *writeTx) {
	if s.told == nil {
		return
	}

	for _, id := range tx.order {
		if j := tx.touched[id]; j != nil && j.ID != "" {
			s.told(*j)
		}

		delete(tx.touched, id)
	}
}

// committed brings what is in memory up to date and wakes the waiters.
func (s *Store) committed(index uint64, tx *writeTx, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()

	s.commits.Number++
	s.commits.Took += took
	s.index, s.full = index, nil
	for id, j := range tx.touched {
		s.jobs.set(id, *j)
		if j.ID == "" {
			s.recent.drop(id) // pruned
		} else {
			s.recent.keep(*j)
		}
	}

	for _, id := range tx.order {
		if tx.touched[id].ID != "" {
			s.changes = append(s.changes, change{index, id})
		}
	}

	if over := len(s.changes) - keptChanges; over > keptChanges/2 {
		s.lostAt = s.changes[over-1].index
		s.changes = slices.Clone(s.changes[over:])
	}

	if s.wake != nil {
		close(s.wake)
		s.wake = make(chan struct{})
	}
}

func (s *Store) commitFailed(group []*request, err error) {
	_, damaged := errors.AsType[*DamagedError](err)
	switch {
	case errors.Is(err, berrors.ErrDatabaseNotOpen):
		err = ErrClosed
	case damaged: // guard broke the store already
	default:
		err = &WriteError{Path: s.path, Err: err}
		if IsFull(err) {
			s.noteFull(err)
		} else {
			s.breakWith(err)
		}
	}

	fail(group, err)
}

func (s *Store) noteFull(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.full == nil {
		s.log.Error("the disk of the state is full: what has to be written waits for room", "error", err)
	}

	s.full = err
}

// Full is why writes fail while the disk is full; nil: the last one did not.
func (s *Store) Full() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.full
}

// Patiently repeats write, after waits of up to 30 s, as long as the disk is full and ctx has not
// ended. It is for work that nobody waits for: somebody who asked should rather be told.
func Patiently(ctx context.Context, write func() error) error {
	for wait := time.Second; ; wait = min(2*wait, 30*time.Second) {
		err := write()
		if !IsFull(err) || ctx.Err() != nil {
			return err
		}

		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

func fail(group []*request, err error) {
	for _, r := range group {
		r.err = err
	}
}

// damage reports a value that cannot be decoded.
func (s *Store) damage(format string, args ...any) error {
	return &DamagedError{Path: s.path, Detail: fmt.Sprintf(format, args...)}
}

// CommitTimes is how often the file was written since it was opened, and how long the disk took for
// it in all.
type CommitTimes struct {
	Number int64
	Took   time.Duration
}

// CommitTimes of this process.
func (s *Store) CommitTimes() CommitTimes {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.commits
}
