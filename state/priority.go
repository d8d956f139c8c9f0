package state

import (
	"errors"
	"slices"
)

// Prioritize gives the open uploads of a root the priorities that are asked for by their paths.
func (s *Store) Prioritize(root string, of func(rel string) int) error {
	jobs, err := s.Jobs(Filter{Root: root, Open: true})
	if err != nil {
		return err
	}

	jobs = slices.DeleteFunc(jobs, func(j Job) bool { return j.Kind != Upload || j.Priority == of(j.Rel) })
	for group := range slices.Chunk(jobs, enqueueGroup) {
		err := s.update(func(tx *writeTx) error {
			for _, j := range group {
				if err := tx.prioritize(j.ID, of(j.Rel)); err != nil {
					return err
				}
			}

			return nil
		})
		if err != nil {
			return err
		}
	}

	return nil
}

func (tx *writeTx) prioritize(id JobID, priority int) error {
	j, err := tx.job(id)
	if errors.Is(err, ErrNotFound) || err == nil && !j.Open() {
		return nil // it ended meanwhile
	} else if err != nil {
		return err
	}

	k, _ := id.key()
	j.Priority = priority
	if err := tx.putJob(k, j); err != nil {
		return err
	}

	tx.touch(j)

	return nil
}

// Prioritized reports whether an open job of a root has a priority, without reading the file.
func (s *Store) Prioritized(root string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()

	return slices.ContainsFunc(s.jobs.order, func(o *openJob) bool {
		return o.root == root && o.priority != 0
	})
}
