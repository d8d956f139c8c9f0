package state

import (
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"
)

// loadSlab is how many open jobs of the index are made at once.
const loadSlab = 256

// loadIndex looks at all open jobs once, at the start, in the order of the file. Ones that cannot be
// read count only if a target leads to them.
func loadIndex(tx *bolt.Tx) (*jobIndex, error) {
	x := &jobIndex{ended: map[string]int{}}

	var slab []openJob
	var r glancer
	now := time.Now()
	jobs := tx.Bucket(bucketJobs).Cursor()
	for k, stored := jobs.First(); k != nil; k, stored = jobs.Next() {
		var g jobGlance
		v, err := unsealed(bucketJobs, k, stored)
		if err == nil {
			g, err = r.glance(v)
		}

		if err != nil || len(k) != 16 || g.End != "" {
			continue
		}

		if len(slab) == 0 {
			slab = make([]openJob, loadSlab)
		}

		o := &slab[0]
		slab = slab[1:]
		*o = mirror(g.job(idOf(k)))
		if most := now.Add(time.Duration(g.Wait)); o.nextAttempt.After(most) {
			o.nextAttempt = most // the clock was set back
		}

		x.order = append(x.order, o) // by id, as the keys are
	}

	x.open = make(map[JobID]*openJob, len(x.order))
	for _, o := range x.order {
		x.open[o.id] = o
	}

	if err := x.keepListed(tx); err != nil {
		return nil, err
	}

	var timed, ready []*openJob
	for _, o := range x.order {
		if o.nextAttempt.IsZero() {
			ready = append(ready, o)
		} else {
			timed = append(timed, o)
		}
	}

	slices.SortFunc(ready, byTurn) // so each goes to the end of its list
	slices.SortFunc(timed, byAttempt)

	for _, list := range [][]*openJob{ready, timed} {
		for _, o := range list {
			x.file(o, true)
		}
	}

	done := tx.Bucket(bucketDone).Cursor()
	for k, _ := done.First(); k != nil; k, _ = done.Next() {
		x.ended[EndDone]++
	}

	return x, eachRecord(tx, bucketEnded, nil, func(_ []byte, r endedRecord) { x.ended[r.End]++ })
}

// keepListed drops the jobs that no target leads to.
func (x *jobIndex) keepListed(tx *bolt.Tx) error {
	listed := 0
	err := each(tx, bucketTargets, nil, nil, func(target, k []byte) (bool, error) {
		var id [32]byte
		if len(k) == 16 {
			hex.Encode(id[:], k)
			if o := x.open[JobID(id[:])]; o != nil {
				if !o.listed {
					o.listed = true
					listed++
				}

				return true, nil
			}
		}

		_, err := readJob(tx, k)
		if errors.Is(err, ErrNotFound) || err == nil {
			err = damagedValue(tx, bucketTargets, target,
				fmt.Errorf("it leads to job %x, which is not open", k))
		}

		return false, err
	})
	if err != nil || listed == len(x.order) {
		return err
	}

	x.order = slices.DeleteFunc(x.order, func(o *openJob) bool { return !o.listed })
	maps.DeleteFunc(x.open, func(_ JobID, o *openJob) bool { return !o.listed })

	return nil
}
