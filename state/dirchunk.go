package state

import (
	"bytes"
	"slices"

	bolt "go.etcd.io/bbolt"
)

// DirChunkAt returns the one chunk of a folder that holds name or would hold it: the last whose
// First is not after name, else the first. Next is the First of the chunk that follows, "" for the
// last. It costs the same however many chunks the folder has.
func (s *Store) DirChunkAt(root, folder, name string) (c DirChunk, next string, found bool, err error) {
	err = s.view(func(tx *bolt.Tx) error {
		c, next, found = DirChunk{}, "", false
		p := joinKey(root, folder, "")
		cur := tx.Bucket(bucketDirs).Cursor()
		first := func(k []byte) string { return string(k[len(p):]) }
		k, v := cur.Seek(joinKey(root, folder, name))
		if k == nil {
			k, v = cur.Last()
			if !bytes.HasPrefix(k, p) {
				return nil
			}
		} else if !bytes.HasPrefix(k, p) || first(k) != name {
			if before, data := cur.Prev(); bytes.HasPrefix(before, p) {
				k, v = before, data
			} else if !bytes.HasPrefix(k, p) {
				return nil
			} else {
				k, v = cur.Seek(p)
			}
		}

		v, err := unsealed(bucketDirs, k, v)
		if err != nil {
			return damagedValue(tx, bucketDirs, k, err)
		}

		c, found = DirChunk{First: first(k), Data: slices.Clone(v)}, true
		if k, _ := cur.Next(); bytes.HasPrefix(k, p) {
			next = first(k)
		}

		return nil
	})

	return c, next, found, err
}
