package state

// keptRecent bounds the jobs that are kept decoded.
const keptRecent = 2048

// recent keeps open jobs decoded: a job that runs is asked for at each of its steps. It holds what
// was committed, guarded by Store.mu.
type recent map[JobID]Job

// keep takes what a commit made of a job. A full one has no room for jobs that only queue.
func (r recent) keep(j Job) {
	if !j.Open() {
		delete(r, j.ID)
		return
	}

	if _, held := r[j.ID]; !held && len(r) >= keptRecent {
		if j.Phase == PhaseQueued {
			return
		}

		for id := range r { // any: who is asked for again comes back with its next commit
			delete(r, id)
			break
		}
	}

	r[j.ID] = j.asStored()
}

// recentJob returns an open job if it is kept decoded.
func (s *Store) recentJob(id JobID) (Job, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j, ok := s.recent[id]

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
