package state

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Commit applies the events to the job in order, all or none, and returns the job as it is then. It
// is durable on return. Concurrent callers share a commit. Errors: ErrNotFound, *TransitionError
// (nothing changed), *WriteError, *DamagedError, ErrClosed.
func (s *Store) Commit(id JobID, events ...Event) (Job, error) {
	return s.CommitOn(Job{ID: id}, events...)
}

// CommitOn is Commit for a job as the caller saw it. An upload that waits in the queue takes up newer
// states of its file: what was decided about another one is ErrOvertaken, and nothing changed.
func (s *Store) CommitOn(seen Job, events ...Event) (Job, error) {
	if len(events) == 0 {
		return s.Job(seen.ID)
	}

	var out Job
	err := s.update(func(tx *writeTx) error {
		if seen.Phase == PhaseQueued {
			if now, err := tx.job(seen.ID); err != nil || seen.overtaken(now) {
				return cmp.Or(err, ErrOvertaken)
			}
		}

		var err error
		out, err = tx.apply(seen.ID, events)

		return err
	})
	if err != nil {
		return Job{}, err
	}

	return out, nil
}

// overtaken reports whether an upload, as somebody saw it in the queue, is of another state of its file now.
func (j Job) overtaken(now Job) bool {
	return j.Kind == Upload && now.Phase == PhaseQueued && now.Open() && !j.Snapshot.Same(now.Snapshot)
}

// apply plans every event before it writes anything, so that an event that does not fit costs the
// group nothing.
func (tx *writeTx) apply(id JobID, events []Event) (Job, error) {
	old, err := tx.job(id)
	if err != nil {
		return Job{}, err
	}

	k, _ := id.key()

	parts := &partEdits{tx: tx, job: k, set: map[int]*partRecord{}}
	j := old
	for _, e := range events {
		if e, err = parts.prepare(e); err != nil {
			return Job{}, err
		}

		if j, err = j.Next(e); err != nil {
			return Job{}, err
		}

		parts.take(e)
	}

	j.Updated = tx.now
	j.setWait(old.NextAttempt)
	if j.Reason != old.Reason || j.Attention != old.Attention {
		j.Since = tx.now
		if j.Reason == "" {
			j.Since = zeroTime
		}
	}

	// From here on it writes.
	if err := parts.write(); err != nil {
		return Job{}, err
	}

	if j.End != "" {
		return tx.endJob(k, j, events)
	}

	if onlyProgress(old, events) {
		if err := tx.putProgress(k, j); err != nil {
			return Job{}, err
		}
	} else if err := tx.putJob(k, j); err != nil {
		return Job{}, err
	}

	tx.touch(j)

	return j, tx.putHistory(k, events)
}

func (tx *writeTx) job(id JobID) (Job, error) {
	k, ok := id.key()
	if !ok {
		return Job{}, fmt.Errorf("job %q: %w", id, ErrNotFound)
	}

	switch j, ok := tx.touched[id]; {
	case ok && j.ID == "":
		return Job{}, fmt.Errorf("job %q: %w", id, ErrNotFound) // pruned by this very commit
	case ok:
		return *j, nil
	}

	if j, ok := tx.store.recentJob(id); ok {
		return j, nil
	}

	return readJob(tx.Tx, k)
}

// onlyProgress reports whether the events can have changed nothing but the counters, so that the
// record need not be written again.
func onlyProgress(old Job, events []Event) bool {
	for _, e := range events {
		if _, ok := e.(PartStored); !ok {
			return false
		}
	}

	return !old.Attention && old.NextAttempt.IsZero() && old.Streak == 0 && old.Reason == "" &&
		old.Error == ""
}

// putJob writes the record; the counters are in it, so progress goes.
func (tx *writeTx) putJob(k []byte, j Job) error {
	if tx.has(bucketProgress, k) {
		if err := tx.delete(bucketProgress, k); err != nil {
			return err
		}
	}

	return tx.put(bucketJobs, k, encodeJob(j))
}

func (tx *writeTx) putProgress(k []byte, j Job) error {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 24), uint64(j.PartsDone))
	b = binary.BigEndian.AppendUint64(b, uint64(j.BytesDone))
	b = binary.BigEndian.AppendUint64(b, uint64(j.Updated.UnixNano()))

	return tx.put(bucketProgress, k, b)
}

// endJob writes a job that ended with all that belongs to its end: index, record, receipt,
// cancelled mark, successor, pruning.
func (tx *writeTx) endJob(k []byte, j Job, events []Event) (Job, error) {
	j.Ended = tx.now
	var changed *SourceChanged
	var receipt *receiptRecord
	for _, e := range events {
		switch e := e.(type) {
		case Finished:
			var err error
			if receipt, err = tx.publish(k, j, e.Record, e.Receipt); err != nil {
				return Job{}, err
			}
		case Unchanged:
			if e.Record != nil {
				if err := tx.putPublished(fill(*e.Record, j, nil, tx.now)); err != nil {
					return Job{}, err
				}
			}
		case Renamed:
			if err := tx.moveRecords(j, e); err != nil {
				return Job{}, err
			}
		case Hidden:
			if err := tx.dropPublished(fileKey(j)); err != nil {
				return Job{}, err
			}
		case Dropped:
			if err := tx.oweBelow(j); err != nil {
				return Job{}, err
			}

			if j.Kind == Hide && !e.Again {
				if err := tx.markUnwanted(j); err != nil {
					return Job{}, err
				}
			}
		case Cancel:
			if err := tx.markUnwanted(j); err != nil {
				return Job{}, err
			}
		case SourceChanged:
			changed = &e
		}
	}

	if err := tx.dropParts(k); err != nil {
		return Job{}, err
	}

	if err := tx.unlist(k, j); err != nil {
		return Job{}, err
	}

	if next, ok := successor(j, changed); ok {
		next.ID = NewJobID()
		j.Successor = next.ID
		if err := tx.add(next); err != nil {
			return Job{}, err
		}
	} else if j.End == EndFailed && watched(j) {
		if err := tx.owe(j, nil); err != nil {
			return Job{}, err
		}
	}

	if j.End == EndDone {
		return tx.putDone(k, j.lasting(), receipt, events)
	}

	if err := tx.putJob(k, j); err != nil {
		return Job{}, err
	}

	tx.touch(j)
	if err := tx.putHistory(k, events); err != nil {
		return Job{}, err
	}

	return j, tx.listEnded(j)
}

// lasting is what is kept of a job that is done: nothing that only a further step would need.
func (j Job) lasting() Job {
	if j.Kind == Upload { // who compares asks for the published record
		j.Snapshot.ChangeTime, j.Snapshot.FileID = zeroTime, ""
	}

	j.Target.Base, j.Target.BasePath, j.Target.Dirs, j.Target.Seen = "", "", nil, ""
	j.UploadKey, j.UploadExpires, j.Temp, j.Intent = "", zeroTime, "", nil
	j.Walked, j.Rival, j.Seen, j.Unrest, j.Batch = "", "", zeroTime, zeroTime, ""

	return j
}

// successor is the job that goes on where j ended: for the content that the engine saw, or for the
// one that was enqueued meanwhile.
func successor(j Job, changed *SourceChanged) (Job, bool) {
	next := Job{
		Kind: j.Kind, Profile: j.Profile, Root: j.Root, Path: j.Path, Rel: j.Rel, Target: j.Target,
		Force: j.Force && j.Result == "", Batch: j.Batch, Doubt: j.Doubt, Priority: j.Priority,
	}
	next.Target.Seen = ""
	switch {
	case j.Kind != Upload, j.End == EndCancelled:
		return Job{}, false
	case changed != nil && !changed.Gone:
		next.Snapshot = changed.Snapshot
		next.Changes = j.Changes + 1
		if j.Pending == nil || !j.Pending.Same(next.Snapshot) {
			next.Seen, next.Unrest = changed.Seen, changed.Unrest
		}

		if !changed.NotBefore.IsZero() {
			next.NextAttempt, next.Reason = changed.NotBefore, ReasonSourceChanged
		}
	case j.Pending != nil && !j.Pending.Same(j.Snapshot):
		next.Snapshot, next.Changes, next.Unrest = *j.Pending, j.Changes, j.Unrest
	default:
		return Job{}, false
	}

	return next, true
}

// add writes a new job with its indexes and its first line of history.
func (tx *writeTx) add(j Job) error {
	k, ok := j.ID.key()
	if !ok {
		return fmt.Errorf("job id %q is not 32 hex digits", j.ID)
	}

	j.Phase, j.End = PhaseQueued, ""
	j.Created, j.Updated = tx.now, tx.now
	j.setWait(zeroTime)
	if j.Kind == Upload {
		j.Size = j.Snapshot.Size
	}

	if j.Reason != "" {
		j.Since = tx.now
	}

	if err := tx.putJob(k, j); err != nil {
		return err
	}

	if err := tx.put(bucketTargets, targetKey(j), k); err != nil {
		return err
	}

	if err := tx.put(bucketPaths, pathKey(j.Path), k); err != nil {
		return err
	}

	if watched(j) {
		if err := tx.put(bucketFiles, fileKey(j), k); err != nil {
			return err
		}
	}

	tx.touch(j)

	return tx.addHistory(k, historyRecord{Time: tx.now, Event: "queued"})
}

// watched reports whether only one open job may be of j's file.
func watched(j Job) bool { return j.Kind == Upload && j.Watched() }

// unlist takes an ended job out of the indexes of open ones.
func (tx *writeTx) unlist(k []byte, j Job) error {
	if err := tx.deleteIf(bucketTargets, targetKey(j), k); err != nil || !watched(j) {
		return err
	}

	return tx.deleteIf(bucketFiles, fileKey(j), k)
}

// deleteIf deletes a key that has this value.
func (tx *writeTx) deleteIf(bucket, k, value []byte) error {
	if v, err := tx.get(bucket, k); err != nil || !bytes.Equal(v, value) {
		return err
	}

	return tx.delete(bucket, k)
}

// prunedPerCommit bounds what one end prunes; an end adds one, so this catches up.
const prunedPerCommit = 10

// keptFor bounds the jobs that ended: how many are kept, and how long.
type keptFor struct {
	jobs int
	age  time.Duration
}

// over reports whether a job that ended so long ago goes, when it and those after it are count.
func (k keptFor) over(count int, age time.Duration) bool {
	return age >= keptForAsking && (count > k.jobs || age >= k.age)
}

// listEnded notes the end of a job that is not done, and prunes such jobs that are too many or too
// old.
func (tx *writeTx) listEnded(j Job) error {
	c := tx.Bucket(bucketEnded).Cursor()
	seq := uint64(1)
	if k, _ := c.Last(); k != nil {
		seq = binary.BigEndian.Uint64(k) + 1
	}

	v := encodeRecord(endedRecord{ID: string(j.ID), End: j.End, Time: tx.now}, "")
	if err := tx.put(bucketEnded, seqKey(seq), v); err != nil {
		return err
	}

	for range prunedPerCommit {
		k, _ := c.First()
		count := seq + 1 - binary.BigEndian.Uint64(k)

		var r endedRecord
		if _, err := getRecord(tx.Tx, bucketEnded, k, &r); err != nil {
			return err
		}

		if !tx.store.kept.over(int(count), tx.now.Sub(r.Time)) {
			return nil
		}

		if err := tx.prune(k, r); err != nil {
			return err
		}
	}

	return nil
}

func (tx *writeTx) prune(k []byte, r endedRecord) error {
	if err := tx.delete(bucketEnded, slices.Clone(k)); err != nil {
		return err
	}

	id, ok := JobID(r.ID).key()
	if !ok {
		return fmt.Errorf("ended job id %q", r.ID)
	}

	if err := tx.dropPrefix(bucketHistory, id); err != nil {
		return err
	}

	j, err := readJob(tx.Tx, id)
	if err != nil {
		return err
	}

	if err := tx.deleteIf(bucketPaths, pathKey(j.Path), id); err != nil {
		return err
	}

	j.End = r.End
	tx.forgotten(j)

	return tx.delete(bucketJobs, id)
}

// forgotten notes that a job that ended is not kept any more.
func (tx *writeTx) forgotten(j Job) { tx.touched[j.ID] = &Job{End: j.End} }

func (tx *writeTx) dropParts(k []byte) error { return tx.dropPrefix(bucketParts, k) }

// dropPrefix deletes all keys that begin with p.
func (tx *writeTx) dropPrefix(bucket, p []byte) error {
	var keys [][]byte
	c := tx.Bucket(bucket).Cursor()
	for k, _ := c.Seek(p); bytes.HasPrefix(k, p); k, _ = c.Next() {
		keys = append(keys, slices.Clone(k))
	}

	for _, k := range keys {
		if err := tx.delete(bucket, k); err != nil {
			return err
		}
	}

	return nil
}

// markUnwanted remembers the newest content a user did not want. Only a watch asks: who pushes a
// file again wants it.
func (tx *writeTx) markUnwanted(j Job) error {
	if !watched(j) && (j.Kind != Hide || !j.Watched()) {
		return nil
	}

	if r, _, err := published(tx.Tx, j.Root, j.Rel); err != nil {
		return err
	} else if r.Unproven { // it says nothing that anybody still wants to know
		if err := tx.dropPublished(fileKey(j)); err != nil {
			return err
		}
	}

	snap := j.Snapshot
	if j.Pending != nil {
		snap = *j.Pending
	}

	return tx.put(bucketUnwanted, fileKey(j), encodeRecord(fromSnapshot(snap), ""))
}

// readJob returns the job under k with its newest counters.
func readJob(tx *bolt.Tx, k []byte) (Job, error) {
	id := idOf(k)
	v, err := get(tx, bucketJobs, k)
	if err != nil {
		return Job{}, err
	}

	if v == nil {
		j, _, err := readDone(tx, k)
		return j, err
	}

	j, err := decodeJob(id, v)
	if err != nil {
		return Job{}, damagedValue(tx, bucketJobs, k, err)
	}

	p, err := get(tx, bucketProgress, k)
	if err != nil {
		return Job{}, err
	}

	if len(p) == 24 {
		j.PartsDone = int(binary.BigEndian.Uint64(p))
		j.BytesDone = int64(binary.BigEndian.Uint64(p[8:]))
		j.Updated = time.Unix(0, int64(binary.BigEndian.Uint64(p[16:]))).UTC()
	}

	return j, nil
}
