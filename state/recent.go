package state

import "slices"

// keptRecent bounds the jobs that are kept decoded, and keptEnded those of them that ended: who follows
// them asks once more.
const (
	keptRecent = 2048
	keptEnded  = 256
)

// recent keeps jobs decoded: one that runs is asked for at each of its steps. It holds what was
// committed, guarded by Store.mu.
type recent struct {
	jobs  map[JobID]Job
	ended []JobID // those of jobs that ended, the oldest first
}

// keep takes what a commit made of a job. Jobs that only queue have half of the room: their turn is
// far.
func (r *recent) keep(j Job) {
	_, held := r.jobs[j.ID]
	switch {
	case !j.Open():
		r.end(j.ID)
	case held:
	case j.Phase == PhaseQueued && len(r.jobs) >= keptRecent/2:
		return
	case len(r.jobs) >= keptRecent:
		for id := range r.jobs { // any: who is asked for again comes back with its next commit
			r.drop(id)
			break
		}
	}

	r.jobs[j.ID] = j.asStored()
}

// end notes that a job ended, and drops the one that did so the longest ago.
func (r *recent) end(id JobID) {
	if len(r.ended) == keptEnded {
		r.drop(r.ended[0])
	}

	r.ended = append(r.ended, id)
}

func (r *recent) drop(id JobID) {
	delete(r.jobs, id)
	if i := slices.Index(r.ended, id); i >= 0 {
		r.ended = slices.Delete(r.ended, i, i+1)
	}
}

// listed keeps, as far as there is room, jobs whose turn comes, as they were read from the file.
func (r *recent) listed(jobs []Job) {
	for _, j := range jobs {
		if len(r.jobs) >= keptRecent {
			return
		}

		if _, held := r.jobs[j.ID]; !held && j.Open() && j.NextAttempt.IsZero() {
			r.jobs[j.ID] = j
		}
	}
}

// recentJob returns a job if it is kept decoded.
func (s *Store) recentJob(id JobID) (Job, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j, ok := s.recent.jobs[id]

	return j, ok && !s.closed
}

// asStored is the job as it comes back from the file.
func (j Job) asStored() Job {
	j.Snapshot = Snapshot(fromSnapshot(j.Snapshot))
	if j.Pending != nil {
		p := Snapshot(fromSnapshot(*j.Pending))
		j.Pending = &p
	}

	if j.Intent != nil {
		i := *j.Intent
		i.Time = stored(i.Time)
		j.Intent = &i
	}

	if len(j.Target.Dirs) == 0 {
		j.Target.Dirs = nil
	}

	j.UploadExpires, j.NextAttempt, j.Since = stored(j.UploadExpires), stored(j.NextAttempt), stored(j.Since)
	j.Created, j.Updated, j.Ended = stored(j.Created), stored(j.Updated), stored(j.Ended)

	return j
}
