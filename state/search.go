package state

import (
	"bytes"
	"encoding/binary"
	"strings"

	bolt "go.etcd.io/bbolt"
)

// search finds jobs that are done by a part of their path. It may pass a million of them, so it reads of each
// its path alone, and receipts, where most paths are, in the order of the file.
type search struct {
	tx   *bolt.Tx
	part string // in small letters

	runs  [2][]string // the paths of receipts in a row, of those read last
	first [2]uint64   // the number of the first receipt of each
	older int         // the run that makes way for the next
}

const searchRun = 4096

func newSearch(tx *bolt.Tx, part string) *search { return &search{tx: tx, part: strings.ToLower(part)} }

// mayTake reports whether the path of a job that is done has the part. What cannot be read is for readJob,
// which says so.
func (s *search) mayTake(k, sealed []byte) bool {
	v, err := unsealed(bucketDone, k, sealed)
	if err != nil {
		return true
	}

	path, ok := s.path(v)
	if !ok {
		j, _, err := archiveOf(s.tx).job(idOf(k), v)
		if err != nil {
			return true
		}

		path = j.Path
	}

	return strings.Contains(strings.ToLower(path), s.part)
}

// The fields of a jobRecord that hold a path.
const (
	fieldRel  = 5
	fieldPath = 6
)

// path is the path of a row whose receipt alone tells it; ok is false for the few others.
func (s *search) path(row []byte) (path string, ok bool) {
	r, err := readRow(row)
	if err != nil || r.receipt == 0 {
		return "", false
	}

	for _, own := range []uint64{fieldRel, fieldPath} {
		if _, found, err := findText(r.rest, own); found || err != nil {
			return "", false
		}
	}

	path = s.ofReceipt(r.receipt)

	return path, path != ""
}

// ofReceipt is the path of a receipt, "" if it is not told. Jobs that were queued one after the other have
// receipts near each other, so a whole run is read at once.
func (s *search) ofReceipt(number uint64) string {
	first := number - number%searchRun
	for i, run := range s.runs {
		if run != nil && s.first[i] == first {
			return run[number-first]
		}
	}

	run := make([]string, searchRun)
	c := s.tx.Bucket(bucketReceipts).Cursor()
	for k, stored := c.Seek(seqKey(first)); len(k) == 8; k, stored = c.Next() {
		begins, paths := pathsAt(k, stored)
		if begins >= first+searchRun {
			break
		}

		for i, path := range paths {
			if n := begins + uint64(i) - first; n < searchRun {
				run[n] = string(path)
			}
		}
	}

	s.runs[s.older], s.first[s.older] = run, first
	s.older = 1 - s.older

	return run[number-first]
}

// pathsAt are the number of the first receipt under a key and the paths that can be read.
func pathsAt(k, stored []byte) (first uint64, paths [][]byte) {
	last := binary.BigEndian.Uint64(k)
	v, err := unsealed(bucketReceipts, k, stored)
	if isBlock(v) {
		paths, _, _ = blockPaths(v)
		return firstOf(last), paths
	}

	if path, ok, bad := findText(v, fieldReceiptPath); err == nil && bad == nil && ok {
		paths = [][]byte{[]byte(path)}
	}

	return last, paths
}

// findText reads one text of a record and skips what comes before it. The text is the first that others
// may end with.
func findText(record []byte, number uint64) (text string, found bool, err error) {
	if !bytes.HasPrefix(record, []byte{compactMark}) {
		return "", false, errRecord
	}

	c := coder{b: record[1:]}
	for len(c.b) > 0 {
		tag, err := c.uvarint()
		if err != nil {
			return "", false, err
		}

		if tag == number<<2|wireText {
			text, err = c.readText()
			return text, true, err
		}

		if err := c.skip(tag & 3); err != nil {
			return "", false, err
		}
	}

	return "", false, nil
}

// skip passes a value unread.
func (c *coder) skip(wire uint64) error {
	switch wire {
	case wireNumber, wireTime:
		if _, err := c.varint(); err != nil || wire == wireNumber {
			return err
		}

		_, err := c.uvarint()

		return err
	}

	_, err := c.chunk()

	return err
}
