package state

import (
	"slices"

	bolt "go.etcd.io/bbolt"
)

// A file of a watch is owed when it was reported and may differ from its published record while no
// open job is of it: its job failed, or another file's job goes to its target. Who watches looks at
// it again; whatever Enqueue makes of that look settles the debt or renews it.

// owe notes what became of a look at a watched file. blocker is the open job of another file that
// is in the way, nil: none.
func (tx *writeTx) owe(j Job, blocker []byte) error {
	return tx.put(bucketOwed, fileKey(j), blocker)
}

// settle says that a watched file needs no further look.
func (tx *writeTx) settle(j Job) error {
	if k := fileKey(j); tx.has(bucketOwed, k) {
		return tx.delete(bucketOwed, k)
	}

	return nil
}

// Owed lists at most limit (0: all) paths of a root that are to be looked at again, in the order of
// their bytes. A file waits while the job that is in its way is open.
func (s *Store) Owed(root string, limit int) ([]string, error) {
	var out []string
	err := s.view(func(tx *bolt.Tx) error {
		out = nil
		prefix := joinKey(root, "")

		return each(tx, bucketOwed, prefix, nil, func(k, blocker []byte) (bool, error) {
			if len(blocker) > 0 {
				if j, err := readJob(tx, blocker); err == nil && j.Open() {
					return true, nil
				}
			}

			out = append(out, string(k[len(prefix):]))

			return limit <= 0 || len(out) < limit, nil
		})
	})

	return out, err
}

// Unowe says that the watch forgot what it knew of these paths, so that its next look reports them
// as new.
func (s *Store) Unowe(root string, rels []string) error {
	return s.update(func(tx *writeTx) error {
		for _, rel := range slices.Compact(slices.Sorted(slices.Values(rels))) {
			if err := tx.settle(Job{Root: root, Rel: rel}); err != nil {
				return err
			}
		}

		return nil
	})
}

// CountOwed counts the files of a root that are owed.
func (s *Store) CountOwed(root string) (n int, err error) {
	err = s.view(func(tx *bolt.Tx) error {
		n = 0

		return each(tx, bucketOwed, joinKey(root, ""), nil, func(_, _ []byte) (bool, error) {
			n++
			return true, nil
		})
	})

	return n, err
}
