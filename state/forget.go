package state

import (
	"time"

	bolt "go.etcd.io/bbolt"
)

// metaForgotten is before the paths that Forget was told, among the names of SetMeta.
const metaForgotten = metaUser + "forgotten/"

// Forgotten says which records of a file go. The file itself is not touched.
type Forgotten struct {
	Path      string // absolute
	Root, Rel string // of its published record; Root "": it has none
	Again     bool   // its watch looks at it again
	// nothing but its published record goes: nobody asked for more
	RecordOnly bool
}

// Forget drops the published records of files, and notes that what receipts and ended jobs tell of
// their paths up to now does not count any more. The receipts stay: each builds on the one before.
func (s *Store) Forget(files ...Forgotten) error {
	for _, f := range files {
		if err := checkNames(f.Path, f.Root, f.Rel); err != nil {
			return err
		}
	}

	return s.update(func(tx *writeTx) error {
		for _, f := range files {
			if err := tx.forget(f); err != nil {
				return err
			}
		}

		return nil
	})
}

func (tx *writeTx) forget(f Forgotten) error {
	if !f.RecordOnly {
		now := []byte(tx.now.UTC().Format(time.RFC3339Nano))
		if err := tx.put(bucketMeta, []byte(metaForgotten+f.Path), now); err != nil {
			return err
		}
	}

	if f.Root == "" {
		return nil
	}

	if err := tx.dropPublished(joinKey(f.Root, f.Rel)); err != nil {
		return err
	}

	if f.Again {
		return tx.owe(Job{Root: f.Root, Rel: f.Rel}, nil)
	}

	return nil
}

func (tx *writeTx) dropPublished(k []byte) error {
	if !tx.has(bucketPublished, k) {
		return nil
	}

	if err := tx.noteUnproven(k, false); err != nil {
		return err
	}

	return tx.delete(bucketPublished, k)
}

// ForgottenPaths tells since when which absolute paths are forgotten: what was recorded of one
// until then does not count.
func (s *Store) ForgottenPaths() (map[string]time.Time, error) {
	out := map[string]time.Time{}
	err := s.view(func(tx *bolt.Tx) error {
		clear(out)

		return each(tx, bucketMeta, []byte(metaForgotten), nil, func(k, v []byte) (bool, error) {
			at, err := time.Parse(time.RFC3339Nano, string(v))
			out[string(k[len(metaForgotten):])] = at

			return true, err
		})
	})

	return out, err
}
