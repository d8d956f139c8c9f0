package state

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strconv"

	bolt "go.etcd.io/bbolt"
)

// migration brings a file from the schema version before to its own, within the transaction it is
// given. Once released it never changes; testdata holds a file of each version.
type migration func(tx *bolt.Tx) error

// migrations[i] leads to version i+1; the newest known version is their number.
var migrations = []migration{schema1}

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

		if err := tx.Bucket(bucketMeta).Put(metaSchema, []byte(strconv.Itoa(v+1))); err != nil {
			return err
		}
	}

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

	v := meta.Get(metaSchema)
	n, err := strconv.Atoi(string(v))
	if err != nil || n < 1 {
		return 0, &DamagedError{Path: path, Detail: fmt.Sprintf("schema version %q", v)}
	}

	return n, nil
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

	var id [16]byte
	rand.Read(id[:])

	return tx.Bucket(bucketMeta).Put(metaInstance, []byte(hex.EncodeToString(id[:])))
}
