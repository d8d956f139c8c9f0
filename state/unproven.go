package state

import bolt "go.etcd.io/bbolt"

// metaUnproven is before the keys of published records that are unproven, among the names of
// SetMeta.
const metaUnproven = metaUser + "unproven/"

func unprovenKey(k []byte) []byte { return append([]byte(metaUnproven), k...) }

// noteUnproven keeps the list of unproven records in step with the record of a key.
func (tx *writeTx) noteUnproven(k []byte, unproven bool) error {
	listed := unprovenKey(k)
	switch has := tx.has(bucketMeta, listed); {
	case unproven && !has:
		return tx.put(bucketMeta, listed, []byte{1})
	case !unproven && has:
		return tx.delete(bucketMeta, listed)
	}

	return nil
}

// Unproven lists at most limit (0: all) paths of a root whose records nothing has proved, after the
// given one, in the order of their bytes.
func (s *Store) Unproven(root, after string, limit int) ([]string, error) {
	var out []string
	err := s.view(func(tx *bolt.Tx) error {
		out = nil
		prefix, start := unprovenKey(joinKey(root, "")), unprovenKey(joinKey(root, after))

		return each(tx, bucketMeta, prefix, start, func(k, _ []byte) (bool, error) {
			if rel := string(k[len(prefix):]); rel != after {
				out = append(out, rel)
			}

			return limit <= 0 || len(out) < limit, nil
		})
	})

	return out, err
}

// CountUnproven counts the unproven records of a root.
func (s *Store) CountUnproven(root string) (n int, err error) {
	err = s.view(func(tx *bolt.Tx) error {
		n = 0

		return each(tx, bucketMeta, unprovenKey(joinKey(root, "")), nil, func(_, _ []byte) (bool, error) {
			n++
			return true, nil
		})
	})

	return n, err
}
