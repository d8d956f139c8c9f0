package state

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"hoist/state/compare"

	bolt "go.etcd.io/bbolt"
)

// Base is the record as what both ends once had in common, for a file that goes to address; a
// record of another address does not count, nor one that nothing has proved.
func (r PublishedRecord) Base(address string) compare.Base {
	if r.Remote == "" || r.Remote != address || r.Unproven {
		return compare.Base{}
	}

	return compare.Base{Known: true, Snapshot: r.Snapshot, SHA1: r.SHA1, Item: r.Item, Version: r.Version,
		Number: r.Number, Storage: r.Storage}
}

// Published returns what was last published for a file. For a push outside a watch root is "" and
// rel the remote address, unless the job said otherwise.
func (s *Store) Published(root, rel string) (PublishedRecord, bool, error) {
	var r PublishedRecord
	found := false
	err := s.view(func(tx *bolt.Tx) error {
		var err error
		r, found, err = published(tx, root, rel)

		return err
	})

	return r, found, err
}

func published(tx *bolt.Tx, root, rel string) (PublishedRecord, bool, error) {
	var stored publishedRecord
	found, err := getRecord(tx, bucketPublished, joinKey(root, rel), &stored)

	return stored.record(root, rel), found, err
}

// PutPublished records files as published without a job, in one commit: what was found there
// already.
func (s *Store) PutPublished(recs ...PublishedRecord) error {
	for _, r := range recs {
		if err := checkNames(r.Root, r.Rel); err != nil {
			return err
		}
	}

	return s.update(func(tx *writeTx) error {
		for _, r := range recs {
			if r.At.IsZero() {
				r.At = tx.now
			}

			if err := tx.putPublished(r); err != nil {
				return err
			}
		}

		return nil
	})
}

func (tx *writeTx) putPublished(r PublishedRecord) error {
	if err := checkNames(r.Root, r.Rel); err != nil {
		return err
	}

	k, v := joinKey(r.Root, r.Rel), encodePublished(r)
	if old, err := tx.get(bucketPublished, k); err != nil || !bytes.Equal(old, v) {
		if err := tx.put(bucketPublished, k, v); err != nil {
			return err
		}
	}

	if err := tx.noteUnproven(k, r.Unproven); err != nil {
		return err
	}

	return tx.clearUnwanted(k, r.Snapshot)
}

// clearUnwanted drops a cancelled mark of content that is published now.
func (tx *writeTx) clearUnwanted(k []byte, snap Snapshot) error {
	if tx.isEmpty(bucketUnwanted) {
		return nil
	}

	var r snapshotRecord
	if found, err := getRecord(tx.Tx, bucketUnwanted, k, &r); err != nil || !found ||
		!Snapshot(r).Same(snap) {
		return err
	}

	return tx.delete(bucketUnwanted, k)
}

// UnwantedIn returns the contents of a root that a user cancelled and that are not wanted until
// they change, by path.
func (s *Store) UnwantedIn(root string) (map[string]Snapshot, error) {
	out := map[string]Snapshot{}
	err := s.view(func(tx *bolt.Tx) error {
		clear(out)

		prefix := joinKey(root, "")

		return eachRecord(tx, bucketUnwanted, prefix, func(k []byte, r snapshotRecord) {
			out[string(k[len(prefix):])] = Snapshot(r)
		})
	})

	return out, err
}

// PublishedIn lists at most limit (0: all) records of a root after the given path, in the order of
// their paths as bytes.
func (s *Store) PublishedIn(root, after string, limit int) (out []PublishedRecord, err error) {
	err = s.view(func(tx *bolt.Tx) (err error) {
		out, err = publishedIn(tx, root, "", after, limit)
		return err
	})

	return out, err
}

// publishedAtOnce is how many records EachPublished holds in memory.
const publishedAtOnce = 1000

// EachPublished calls f with every record of a root, in the order of their paths as bytes, and ends at its
// first error. What is published meanwhile may be among them.
func (s *Store) EachPublished(root string, f func(PublishedRecord) error) error {
	for after := ""; ; {
		records, err := s.PublishedIn(root, after, publishedAtOnce)
		if err != nil {
			return err
		}

		for _, r := range records {
			if err := f(r); err != nil {
				return err
			}
		}

		if len(records) < publishedAtOnce {
			return nil
		}

		after = records[len(records)-1].Rel
	}
}

// publishedIn lists the records whose path begins so.
func publishedIn(tx *bolt.Tx, root, begin, after string, limit int) (out []PublishedRecord, err error) {
	base, prefix, start := joinKey(root, ""), joinKey(root, begin), joinKey(root, after)
	if after == "" {
		start = nil
	}

	err = each(tx, bucketPublished, prefix, start, func(k, v []byte) (bool, error) {
		if after != "" && bytes.Equal(k, start) {
			return true, nil
		}

		var r publishedRecord
		if err := decodeRecord(v, &r, refOf(bucketPublished, k)); err != nil {
			return false, damagedValue(tx, bucketPublished, k, err)
		}

		out = append(out, r.record(root, string(k[len(base):])))

		return limit <= 0 || len(out) < limit, nil
	})

	return out, err
}

// Intent returns what PutIntent stored: a call that belongs to no job and must not happen twice was
// about to be made.
func (s *Store) Intent(key string) ([]byte, bool, error) {
	var out []byte
	found := false
	err := s.view(func(tx *bolt.Tx) error {
		v, err := get(tx, bucketIntents, []byte(key))
		out, found = slices.Clone(v), v != nil
		return err
	})

	return out, found, err
}

// PutIntent is durable on return. The key is not empty; data holds no secret.
func (s *Store) PutIntent(key string, data []byte) error {
	if key == "" {
		return errors.New("intent: the key is empty")
	}

	if err := checkNames(key); err != nil {
		return fmt.Errorf("intent: %w", err)
	}

	return s.update(func(tx *writeTx) error { return tx.put(bucketIntents, []byte(key), data) })
}

// DeleteIntent says that the call's outcome is known. The key may be absent.
func (s *Store) DeleteIntent(key string) error {
	return s.update(func(tx *writeTx) error { return tx.delete(bucketIntents, []byte(key)) })
}

// Meta returns a text that SetMeta stored.
func (s *Store) Meta(key string) (string, bool, error) {
	var out string
	found := false
	err := s.view(func(tx *bolt.Tx) error {
		v, err := get(tx, bucketMeta, []byte(metaUser+key))
		out, found = string(v), v != nil
		return err
	})

	return out, found, err
}

// SetMeta stores a small text; never a secret.
func (s *Store) SetMeta(key, value string) error {
	if err := checkNames(key); err != nil {
		return err
	}

	return s.update(func(tx *writeTx) error {
		return tx.put(bucketMeta, []byte(metaUser+key), []byte(value))
	})
}

// DirChunk is a run of a folder's scan records, at most 64 KiB. First is the name of its first
// entry; state does not look into Data.
type DirChunk struct {
	First string
	Data  []byte
}

// DirChange replaces parts of what is stored of one folder.
type DirChange struct {
	Folder string     // slash path below the root, "" the root itself
	Delete []string   // Firsts of chunks to forget
	Put    []DirChunk // chunks to store
}

// maxChunk bounds a chunk; the watcher splits at 64 KiB, and a name may come on top.
const maxChunk = 80 << 10

// DirChunks returns the chunks of one folder in the order of First.
func (s *Store) DirChunks(root, folder string) ([]DirChunk, error) {
	var out []DirChunk
	err := s.view(func(tx *bolt.Tx) error {
		out = nil

		p := joinKey(root, folder, "")

		return each(tx, bucketDirs, p, nil, func(k, v []byte) (bool, error) {
			out = append(out, DirChunk{First: string(k[len(p):]), Data: slices.Clone(v)})
			return true, nil
		})
	})

	return out, err
}

// UpdateDirs applies the changes in one commit. It costs what it writes, not what the folders hold.
func (s *Store) UpdateDirs(root string, changes []DirChange) error {
	for _, ch := range changes {
		if err := checkNames(root, ch.Folder); err != nil {
			return err
		}

		for _, p := range ch.Put {
			if len(p.Data) > maxChunk {
				return fmt.Errorf("scan records of %q at %q: chunk of %d bytes, at most %d", ch.Folder,
					p.First, len(p.Data), maxChunk)
			}

			if err := checkNames(p.First); err != nil {
				return err
			}
		}
	}

	return s.update(func(tx *writeTx) error {
		for _, ch := range changes {
			for _, first := range ch.Delete {
				if err := tx.delete(bucketDirs, joinKey(root, ch.Folder, first)); err != nil {
					return err
				}
			}

			for _, p := range ch.Put {
				if err := tx.put(bucketDirs, joinKey(root, ch.Folder, p.First), p.Data); err != nil {
					return err
				}
			}
		}

		return nil
	})
}

// DropRoot forgets the scan records, published records and cancelled marks of a root, as when its
// watch is removed. Jobs stay: cancel them first.
func (s *Store) DropRoot(root string) error {
	if root == "" {
		return errors.New("drop records: no root")
	}

	return s.update(func(tx *writeTx) error {
		for _, b := range [][]byte{bucketDirs, bucketPublished, bucketUnwanted, bucketOwed} {
			if err := tx.dropPrefix(b, joinKey(root, "")); err != nil {
				return err
			}
		}

		return tx.dropPrefix(bucketMeta, unprovenKey(joinKey(root, "")))
	})
}
