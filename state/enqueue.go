package state

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	"hoist/state/compare"
)

// Verdict says what Enqueue did.
type Verdict string

// The verdicts. With Same and Unwanted the returned job is the one given, with no ID.
const (
	Queued   Verdict = "queued"   // a new job
	Merged   Verdict = "merged"   // an open job of this file and target took it; that one is returned
	Same     Verdict = "same"     // the snapshot is the published one
	Unwanted Verdict = "unwanted" // a user cancelled this snapshot in this watch
	// another file's open job goes to this target; that one is returned, nothing was queued
	Busy Verdict = "busy"
)

// enqueueGroup bounds the jobs of one commit of EnqueueAll and with it the memory that a commit
// takes.
const enqueueGroup = 1000

// Enqueue makes a job unless there is nothing to do or an open one can take it: see Verdict. A
// given ID is used when a job is made. Upload needs Path and Target.Address, and in a watch Rel;
// Download needs Path and Target.Address.
//
// An open job of the same file that is still queued takes the new snapshot, and loses its wait or
// parking when the snapshot is another. One that has begun keeps it as Pending and becomes
// runnable: the engine looks at the file and commits SourceChanged, or gets the old content
// published first; either way a successor is queued in that commit. Force is passed on; Batch is
// not. In a watch and without Force, what equals the published record of the same remote address is
// Same.
func (s *Store) Enqueue(j Job) (Job, Verdict, error) {
	jobs, verdicts, err := s.EnqueueAll([]Job{j})
	if err != nil {
		return j, "", err
	}

	return jobs[0], verdicts[0], nil
}

// EnqueueAll is Enqueue of many in one commit up to 1000, and in several beyond that; a repeat
// after an error merges what was queued already.
func (s *Store) EnqueueAll(jobs []Job) ([]Job, []Verdict, error) {
	out := make([]Job, 0, len(jobs))
	verdicts := make([]Verdict, 0, len(jobs))
	for _, j := range jobs { // all, before anything is queued
		if _, err := normal(j); err != nil {
			return nil, nil, fmt.Errorf("enqueue %s: %w", j.Path, err)
		}
	}

	for group := range slices.Chunk(jobs, enqueueGroup) {
		queued := len(out)
		err := s.update(func(tx *writeTx) error {
			out, verdicts = out[:queued], verdicts[:queued]
			for _, j := range group {
				j, err := normal(j)
				if err != nil {
					return err
				}

				j, v, err := tx.enqueue(j)
				if err != nil {
					return err
				}

				out, verdicts = append(out, j), append(verdicts, v)
			}

			return nil
		})
		if err != nil {
			return nil, nil, err
		}
	}

	return out, verdicts, nil
}

// normal checks a job to be and clears what only events may set.
func normal(j Job) (Job, error) {
	if j.Kind == "" {
		j.Kind = Upload
	}

	if !slices.Contains([]Kind{Upload, Download, Rename, Hide}, j.Kind) {
		return j, fmt.Errorf("kind %q", j.Kind)
	}

	if j.Path == "" || j.Target.Address == "" {
		return j, errors.New("a job needs a path and a remote address")
	}

	if j.Kind == Upload && j.Root == "" && j.Rel == "" {
		j.Rel = j.Target.Address
	}

	if (j.Kind == Rename || j.Kind == Hide) && !j.Watched() || j.Kind == Rename && j.From == "" {
		return j, fmt.Errorf("a %s is of a watch", j.Kind)
	}

	if j.Watched() && j.Kind != Download && j.Rel == "" {
		return j, fmt.Errorf("a job of watch %s needs the path below it", j.Root)
	}

	if err := checkNames(j.Root, j.Rel, j.From, j.Path, j.Target.Address); err != nil {
		return j, err
	}

	if _, ok := j.ID.key(); j.ID != "" && !ok {
		return j, fmt.Errorf("job id %q is not 32 hex digits", j.ID)
	}

	return Job{
		ID: j.ID, Kind: j.Kind, Phase: PhaseQueued, Profile: j.Profile, Root: j.Root, Path: j.Path,
		Rel:    j.Rel,
		From:   j.From,
		Target: j.Target, Snapshot: j.Snapshot, Force: j.Force, Overwrite: j.Overwrite, Batch: j.Batch,
		FileTime: j.FileTime, Walked: j.Walked, Rival: j.Rival,
		Size: j.Size, SHA1: j.SHA1, Object: objectOf(j), Item: j.Item, Version: j.Version,
		VersionNumber: j.VersionNumber,
		Paused:        j.Paused, Attention: j.Attention, NextAttempt: j.NextAttempt, Reason: j.Reason,
		Error:   j.Error,
		Changes: j.Changes, Seen: j.Seen, Unrest: j.Unrest, Priority: j.Priority,
	}, nil
}

// objectOf keeps the storage id of a download, which its planner may know; an upload gets its own
// by an event.
func objectOf(j Job) string {
	if j.Kind == Download {
		return j.Object
	}

	return ""
}

// enqueue also says of a watched file whether a further look is owed.
func (tx *writeTx) enqueue(j Job) (Job, Verdict, error) {
	if watched(j) && j.From != "" {
		return tx.enqueueRenamed(j)
	}

	return tx.enqueueOne(j)
}

func (tx *writeTx) enqueueOne(j Job) (Job, Verdict, error) {
	out, v, err := tx.merge(j)
	switch {
	case err != nil || !watched(j):
		return out, v, err
	case v == Busy:
		k, _ := out.ID.key()
		return out, v, tx.owe(j, k)
	}

	return out, v, tx.settle(j)
}

// merge gives a job to the open one that can take it, or adds it.
func (tx *writeTx) merge(j Job) (Job, Verdict, error) {
	other, k, err := tx.rival(j)
	if err != nil {
		return j, "", err
	}

	if k != nil && other.Kind == Hide && j.Kind == Upload && other.Phase == PhaseQueued &&
		other.Root == j.Root && other.Rel == j.Rel {
		other.end(EndSuperseded, ReasonSourceChanged, "the file is there again")
		if _, err := tx.endJob(k, other, nil); err != nil {
			return j, "", err
		}

		k = nil
	}

	if k != nil {
		return tx.mergeInto(k, other, j)
	}

	if j.Kind == Upload && !j.Force {
		v, err := tx.needless(j)
		if err != nil || v != "" {
			return j, v, err
		}
	}

	return tx.addWanted(j)
}

// addWanted adds a job and takes back the cancelled mark of its file.
func (tx *writeTx) addWanted(j Job) (Job, Verdict, error) {
	if watched(j) && tx.has(bucketUnwanted, fileKey(j)) {
		if err := tx.delete(bucketUnwanted, fileKey(j)); err != nil {
			return j, "", err
		}
	}

	if j.ID == "" {
		j.ID = NewJobID()
	} else if id, _ := j.ID.key(); tx.has(bucketJobs, id) || tx.has(bucketDone, id) {
		return j, "", fmt.Errorf("enqueue %s: job %s exists already", j.Path, j.ID)
	}

	if err := tx.add(j); err != nil {
		return j, "", err
	}

	return *tx.touched[j.ID], Queued, nil
}

// rival finds the open job of the same target, else that of the same file.
func (tx *writeTx) rival(j Job) (Job, []byte, error) {
	k, err := tx.get(bucketTargets, targetKey(j))
	if k == nil && err == nil && watched(j) {
		k, err = tx.get(bucketFiles, fileKey(j))
	}

	if k == nil || err != nil {
		return Job{}, nil, err
	}

	k = slices.Clone(k)
	other, err := readJob(tx.Tx, k)

	return other, k, err
}

// needless says why an upload need not be, if so.
func (tx *writeTx) needless(j Job) (Verdict, error) {
	if !watched(j) {
		return "", nil // a push looks at the cloud first: what was published may be hidden or replaced by now
	}

	r, _, err := published(tx.Tx, j.Root, j.Rel)
	if err != nil {
		return "", err
	}

	judged := compare.Judge(compare.Here(j.Snapshot), r.Base(j.Target.Address), compare.Tip{})
	if judged.Here == compare.SideSame {
		return Same, nil
	}

	var cancelled snapshotRecord
	found, err := getRecord(tx.Tx, bucketUnwanted, fileKey(j), &cancelled)
	if found && Snapshot(cancelled).Same(j.Snapshot) {
		return Unwanted, nil
	}

	return "", err
}

// mergeInto gives what j asks to the open job if that is of the same file.
func (tx *writeTx) mergeInto(k []byte, open, j Job) (Job, Verdict, error) {
	sameFile := open.Kind == j.Kind && open.Path == j.Path
	if watched(j) && !watched(open) && sameFile && !tx.has(bucketFiles, fileKey(j)) {
		open.Root, open.Rel = j.Root, j.Rel // the push of a watched file is the watch's own
	}

	if watched(j) && !bytes.Equal(fileKey(j), fileKey(open)) {
		sameFile = false
	}

	sameTarget := open.Target.Address == j.Target.Address
	if !sameFile || !sameTarget && (j.Kind == Download || open.Phase != PhaseQueued) {
		return open, Busy, nil
	}

	merged := open
	if !sameTarget { // the watch was mapped elsewhere before anything was sent
		if err := tx.unlist(k, open); err != nil {
			return j, "", err
		}

		merged.Target = j.Target
		if err := tx.put(bucketTargets, targetKey(merged), k); err != nil {
			return j, "", err
		}
	}

	merged.Force = merged.Force || j.Force
	merged.Overwrite = merged.Overwrite || j.Overwrite
	if watched(j) {
		merged.Priority = j.Priority
	}

	switch {
	case j.Kind == Download:
	case open.Phase == PhaseQueued:
		if !open.Snapshot.Same(j.Snapshot) {
			merged.progress()
		}

		merged.Snapshot, merged.Size, merged.Pending = j.Snapshot, j.Snapshot.Size, nil
		merged.Changes = max(open.Changes, j.Changes)
		merged.Seen, merged.Unrest, merged.Rival = j.Seen, j.Unrest, j.Rival
		merged.Target.Seen = j.Target.Seen
		merged.From = cmp.Or(j.From, open.From)
	case open.Snapshot.Same(j.Snapshot):
		merged.Pending = nil
	case open.Pending == nil || !open.Pending.Same(j.Snapshot):
		merged.Pending, merged.Unrest = &j.Snapshot, j.Unrest
		merged.progress()
	}

	if watched(merged) {
		if err := tx.put(bucketFiles, fileKey(merged), k); err != nil {
			return j, "", err
		}
	}

	merged.Updated = tx.now
	if err := tx.putJob(k, merged); err != nil {
		return j, "", err
	}

	tx.touch(merged)

	return merged, Merged, nil
}

// Requeue makes a new job of one that failed or was cancelled, without Force: it compares before it
// sends. The cancelled mark of its content is taken back. If the file has an open job, that one is
// returned as Merged, as it is.
func (s *Store) Requeue(id JobID) (next Job, v Verdict, err error) {
	err = s.update(func(tx *writeTx) error {
		old, err := tx.job(id)
		if err != nil {
			return err
		}

		if next, v = old, Merged; old.Open() {
			return nil
		}

		j, err := normal(old)
		if err != nil {
			return err
		}

		j.ID, j.Force, j.Doubt = NewJobID(), false, old.Doubt
		j.Target.Seen = ""
		j.Paused, j.Attention, j.NextAttempt, j.Reason, j.Error, j.Changes = false, false, zeroTime, "", "", 0
		if old.Pending != nil {
			j.Snapshot = *old.Pending
		}

		other, k, err := tx.rival(j)
		if err != nil {
			return err
		}

		if k != nil {
			if next = other; other.Kind != j.Kind || other.Path != j.Path {
				v = Busy
			}

			return nil
		}

		next, v, err = tx.addWanted(j)

		return err
	})

	return next, v, err
}
