package state

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	bolt "go.etcd.io/bbolt"
)

// sumSize is what the checksum adds to every value: CRC-32C, big-endian, of bucket, key and value,
// so that neither a flipped byte nor a value under another key passes for a record.
const sumSize = 4

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	errSum     = errors.New("wrong checksum")
)

func sumOf(bucket, k, v []byte) uint32 {
	return crc32.Update(crc32.Update(crc32.Checksum(bucket, castagnoli), castagnoli, k), castagnoli, v)
}

// sealed is a value as it lies in the file.
func sealed(bucket, k, v []byte) []byte {
	out := append(make([]byte, 0, len(v)+sumSize), v...)
	return binary.BigEndian.AppendUint32(out, sumOf(bucket, k, v))
}

// unsealed is the value without its checksum, or errSum. It shares the bytes of stored.
func unsealed(bucket, k, stored []byte) ([]byte, error) {
	n := len(stored) - sumSize
	if n < 0 || binary.BigEndian.Uint32(stored[n:]) != sumOf(bucket, k, stored[:n]) {
		return nil, errSum
	}

	return stored[:n:n], nil
}

// damagedValue is the *DamagedError of a value that cannot be read.
func damagedValue(tx *bolt.Tx, bucket, k []byte, err error) error {
	return &DamagedError{Path: tx.DB().Path(), Detail: fmt.Sprintf("%s: value of %q: %v", bucket, k, err),
		record: true}
}

// get returns the value of a key, nil if there is none. The bytes die with the transaction.
func get(tx *bolt.Tx, bucket, k []byte) ([]byte, error) {
	stored := tx.Bucket(bucket).Get(k)
	if stored == nil {
		return nil, nil
	}

	v, err := unsealed(bucket, k, stored)
	if err != nil {
		return nil, damagedValue(tx, bucket, k, err)
	}

	return v, nil
}

// refOf is what the texts of the record under a key may end with: the path of a file.
func refOf(bucket, k []byte) string {
	if !bytes.Equal(bucket, bucketPublished) {
		return ""
	}

	_, rel, _ := bytes.Cut(k, []byte{0})

	return string(rel)
}

// getRecord decodes the value of a key and reports whether there is one.
func getRecord(tx *bolt.Tx, bucket, k []byte, into any) (bool, error) {
	v, err := get(tx, bucket, k)
	if v == nil || err != nil {
		return false, err
	}

	if err := decodeRecord(v, into, refOf(bucket, k)); err != nil {
		return false, damagedValue(tx, bucket, k, err)
	}

	return true, nil
}

// each visits the keys that begin with prefix from a key on (nil: the first), in order, until f
// answers false. The bytes die with the transaction.
func each(tx *bolt.Tx, bucket, prefix, from []byte, f func(k, v []byte) (more bool, err error)) error {
	if from == nil {
		from = prefix
	}

	c := tx.Bucket(bucket).Cursor()
	for k, stored := c.Seek(from); k != nil && bytes.HasPrefix(k, prefix); k, stored = c.Next() {
		v, err := unsealed(bucket, k, stored)
		if err != nil {
			return damagedValue(tx, bucket, k, err)
		}

		if more, err := f(k, v); err != nil || !more {
			return err
		}
	}

	return nil
}

// eachRecord is each of records, all of a prefix.
func eachRecord[T any](tx *bolt.Tx, bucket, prefix []byte, f func(k []byte, r T)) error {
	return each(tx, bucket, prefix, nil, func(k, v []byte) (bool, error) {
		var r T
		if err := decodeRecord(v, &r, refOf(bucket, k)); err != nil {
			return false, damagedValue(tx, bucket, k, err)
		}

		f(k, r)

		return true, nil
	})
}
