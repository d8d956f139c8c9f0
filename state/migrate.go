package state

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	bolt "go.etcd.io/bbolt"
)

// migration brings a file from the schema version before to its own, within the transaction it is
// given. Once released it never changes; testdata holds a file of each version.
type migration func(tx *bolt.Tx) error

// migrations[i] leads to version i+1; the newest known version is their number.
var migrations = []migration{schema1, schema2, schema3, schema4, schema5}

// migrate runs what is missing, in order, in one transaction.
func migrate(tx *bolt.Tx, path string, schema []migration) error {
	have, err := schemaVersion(tx, path)
	if err != nil {
		return err
	}

	if have > len(schema) {
		return &VersionError{Path: path, Have: have, Known: len(schema)}
	}

	for v := have; v < len(schema); v++ {
		if err := schema[v](tx); err != nil {
			return fmt.Errorf("migrate state %s from version %d to %d: %w", path, v, v+1, err)
		}

		if err := putSchema(tx.Bucket(bucketMeta), v+1); err != nil {
			return err
		}
	}

	return nil
}

func checkBuckets(tx *bolt.Tx, path string) error {
	for _, b := range allBuckets {
		if tx.Bucket(b) == nil {
			return &DamagedError{Path: path, Detail: fmt.Sprintf("bucket %s is missing", b)}
		}
	}

	return nil
}

// schemaVersion is 0 for a new file.
func schemaVersion(tx *bolt.Tx, path string) (int, error) {
	meta := tx.Bucket(bucketMeta)
	if meta == nil {
		if k, _ := tx.Cursor().First(); k != nil {
			return 0, &DamagedError{Path: path, Detail: "bucket meta is missing"}
		}

		return 0, nil
	}

	n := versionOf(meta.Get(metaSchema))
	if n < 1 {
		return 0, &DamagedError{Path: path, Detail: fmt.Sprintf("schema version %q", meta.Get(metaSchema))}
	}

	return n, nil
}

// versionOf reads a schema version, which has a checksum from sumVersion on; 0 if it is none.
func versionOf(stored []byte) int {
	text, err := unsealed(bucketMeta, metaSchema, stored)
	if err != nil {
		text = stored
	}

	n, bad := strconv.Atoi(string(text))
	if bad != nil || (err == nil) != (n >= sumVersion) && n <= len(migrations) {
		return 0
	}

	return n
}

func putSchema(meta *bolt.Bucket, version int) error {
	text := []byte(strconv.Itoa(version))
	if version >= sumVersion {
		text = sealed(bucketMeta, metaSchema, text)
	}

	return meta.Put(metaSchema, text)
}

// schema1 makes the buckets and names the home.
func schema1(tx *bolt.Tx) error {
	for _, name := range []string{
		"meta", "jobs", "progress", "parts", "history", "targets", "files",
		"ended", "unwanted", "published", "intents", "dirs", "receipts",
	} {
		if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
			return err
		}
	}

	return tx.Bucket(bucketMeta).Put(metaInstance, []byte(newInstance()))
}

func newInstance() string {
	var id [16]byte
	rand.Read(id[:])

	return hex.EncodeToString(id[:])
}

// sumVersion is the schema version from which on values carry a checksum.
const sumVersion = 2

// schema3 changes the form of records (see compactMark). What is there is read as it is and gets the
// new form when it is written again: one transaction over a large file would take its size in memory.
func schema3(*bolt.Tx) error { return nil }

// doneVersion is the schema version from which on jobs that are done are rows.
const doneVersion = 4

// schema4 makes rows of the jobs that are done, and shortens the keys of paths.
func schema4(tx *bolt.Tx) error {
	for _, b := range [][]byte{bucketDone, bucketShared} {
		if _, err := tx.CreateBucketIfNotExists(b); err != nil {
			return err
		}
	}

	paths := map[string][]byte{}
	if err := each(tx, bucketPaths, nil, nil, func(k, v []byte) (bool, error) {
		paths[string(k)] = slices.Clone(v)
		return true, nil
	}); err != nil {
		return err
	}

	if err := tx.DeleteBucket(bucketPaths); err != nil {
		return err
	}

	if _, err := tx.CreateBucket(bucketPaths); err != nil {
		return err
	}

	w := &writeTx{Tx: tx}
	for _, p := range sortedKeys(paths) {
		if err := w.put(bucketPaths, pathKey(p), paths[p]); err != nil {
			return err
		}
	}

	return doneToRows(w)
}

// schema5 brings blocks of receipts: those that are there are packed with what is published next.
func schema5(*bolt.Tx) error { return nil }

func doneToRows(w *writeTx) error {
	receipts := map[string]receiptRecord{} // by job, of those that are done
	var done [][2][]byte                   // key in ended, id
	err := eachRecord(w.Tx, bucketEnded, nil, func(k []byte, r endedRecord) {
		if id, ok := JobID(r.ID).key(); ok && r.End == EndDone {
			done = append(done, [2][]byte{slices.Clone(k), id})
			receipts[r.ID] = receiptRecord{}
		}
	})
	if err != nil {
		return err
	}

	if err := each(w.Tx, bucketReceipts, nil, nil, func(k, v []byte) (bool, error) {
		r, err := readReceipt(binary.BigEndian.Uint64(k), v)
		if _, wanted := receipts[r.Job]; wanted && err == nil {
			r.Seq = binary.BigEndian.Uint64(k)
			receipts[r.Job] = r
		}

		return true, nil
	}); err != nil {
		return err
	}

	for _, d := range done {
		j, err := readJob(w.Tx, d[1])
		if err != nil {
			continue // it stays, for a repair
		}

		var receipt *receiptRecord
		if r := receipts[string(j.ID)]; r.Seq > 0 {
			receipt = &r
		}

		if err := w.putRow(d[1], j.lasting(), receipt, nil); err != nil {
			return err
		}

		if err := w.delete(bucketEnded, d[0]); err != nil {
			return err
		}
	}

	return nil
}

// schema2 gives every value a checksum and lists the last job of each path. The uploads of a watch
// that failed are owed: version 1 forgot them.
func schema2(tx *bolt.Tx) error {
	paths, owed := map[string][]byte{}, map[string][]byte{}
	err := tx.Bucket([]byte("jobs")).ForEach(func(k, v []byte) error {
		var j struct {
			Kind string `json:"kind"`
			Root string `json:"root"`
			Rel  string `json:"rel"`
			Path string `json:"path"`
			End  string `json:"end"`
		}
		if err := json.Unmarshal(v, &j); err != nil {
			return fmt.Errorf("job %x: %w", k, err)
		}

		paths[j.Path] = slices.Clone(k) // in the order of the ids
		if j.Kind == "upload" && j.Root != "" && !strings.HasPrefix(j.Root, "path-") {
			file := j.Root + "\x00" + j.Rel
			if delete(owed, file); j.End == "failed" {
				owed[file] = nil
			}
		}

		return nil
	})
	if err != nil {
		return err
	}

	var names [][]byte
	if err := tx.ForEach(func(name []byte, _ *bolt.Bucket) error {
		names = append(names, slices.Clone(name))
		return nil
	}); err != nil {
		return err
	}

	for _, name := range names {
		b := tx.Bucket(name)
		values := map[string][]byte{}
		if err := b.ForEach(func(k, v []byte) error {
			values[string(k)] = sealed(name, k, v)
			return nil
		}); err != nil {
			return err
		}

		for _, k := range sortedKeys(values) {
			if err := b.Put([]byte(k), values[k]); err != nil {
				return err
			}
		}
	}

	for name, values := range map[string]map[string][]byte{"paths": paths, "owed": owed} {
		b, err := tx.CreateBucketIfNotExists([]byte(name))
		if err != nil {
			return err
		}

		for _, k := range sortedKeys(values) {
			if err := b.Put([]byte(k), sealed([]byte(name), []byte(k), values[k])); err != nil {
				return err
			}
		}
	}

	return nil
}
