package state

import (
	"bytes"
	"fmt"
	"strings"

	bolt "go.etcd.io/bbolt"
)

// eachJob visits the keys of all jobs, rows among them, in the order of their ids from a key on (nil:
// all), or with newest from the last one before that key back, until f answers false.
func eachJob(tx *bolt.Tx, from []byte, newest bool, f func(k []byte) (more bool, err error)) error {
	return eachOf(tx, places{true, true}, from, newest, func(k, _ []byte) (bool, error) { return f(k) })
}

// places are where jobs lie: those that are done apart from all others.
type places struct{ jobs, done bool }

// eachOf is eachJob of the jobs of some places. It tells of those that are done what lies there, nil of
// the others.
func eachOf(tx *bolt.Tx, in places, from []byte, newest bool, f func(k, done []byte) (bool, error)) error {
	cursors := [2]*bolt.Cursor{tx.Bucket(bucketJobs).Cursor(), tx.Bucket(bucketDone).Cursor()}
	var at, there [2][]byte
	for i, c := range cursors {
		if !in.jobs && i == 0 || !in.done && i == 1 {
			continue
		}

		at[i], there[i] = c.Seek(from)
		switch {
		case newest && (from == nil || at[i] == nil):
			at[i], there[i] = c.Last()
		case newest:
			at[i], there[i] = c.Prev()
		}
	}

	for at[0] != nil || at[1] != nil {
		i := 0
		if at[0] == nil || at[1] != nil && bytes.Compare(at[1], at[0]) < 0 != newest {
			i = 1
		}

		there[0] = nil // of that bucket it does not tell all
		if more, err := f(at[i], there[i]); err != nil || !more {
			return err
		}

		if newest {
			at[i], there[i] = cursors[i].Prev()
		} else {
			at[i], there[i] = cursors[i].Next()
		}
	}

	return nil
}

// LastJob returns the newest job of a local path, if one is kept.
func (s *Store) LastJob(path string) (j Job, found bool, err error) {
	err = s.view(func(tx *bolt.Tx) error {
		k, err := get(tx, bucketPaths, pathKey(path))
		if k == nil || err != nil {
			return err
		}

		j, err = readJob(tx, k)
		found = err == nil && j.Path == path

		return err
	})
	if !found {
		return Job{}, false, err
	}

	return s.timed(j), true, nil
}

// FindJob returns the job whose id begins with part, or ends with it when none begins so:
// ErrNotFound for none, *PrefixError for several.
func (s *Store) FindJob(part string) (Job, error) {
	text := strings.ToLower(part)
	first, ok := JobID(text + strings.Repeat("0", max(32-len(text), 0))).key()
	if text == "" || !ok {
		first = nil
	}

	var j Job
	err := s.view(func(tx *bolt.Tx) error {
		var ids []JobID
		if first != nil {
			err := eachJob(tx, first, false, func(k []byte) (bool, error) {
				begins := strings.HasPrefix(string(idOf(k)), text)
				if begins {
					ids = append(ids, idOf(k))
				}

				return begins && len(ids) < 5, nil
			})
			if err != nil {
				return err
			}
		}

		if len(ids) == 0 && text != "" {
			err := eachJob(tx, nil, false, func(k []byte) (bool, error) {
				if id := idOf(k); strings.HasSuffix(string(id), text) {
					ids = append(ids, id)
				}

				return len(ids) < 5, nil
			})
			if err != nil {
				return err
			}
		}

		switch len(ids) {
		case 0:
			return fmt.Errorf("job %q: %w", part, ErrNotFound)
		case 1:
			var err error
			k, _ := ids[0].key()
			j, err = readJob(tx, k)

			return err
		}

		return &PrefixError{Prefix: part, IDs: ids}
	})
	if err != nil {
		return Job{}, err
	}

	return s.timed(j), nil
}
