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

	blocks [2][][]byte // of receipts: of those read last, as they lie in the file
	first  [2]uint64   // the number of the first receipt of each
	older  int         // the block that makes way for the next
}

const receiptBlock = 4096

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

// The fields of a jobRecord and of a receiptRecord that hold a path.
const (
	fieldRel  = 5
	fieldPath = 6

	fieldReceiptPath = 5
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

	sealed := s.receipt(r.receipt)
	v, err := unsealed(bucketReceipts, seqKey(r.receipt), sealed)
	if sealed == nil || err != nil {
		return "", false
	}

	path, ok, err = findText(v, fieldReceiptPath)

	return path, ok && err == nil
}

// receipt is what lies under a number, nil if nothing does. Jobs that were queued one after the other
// have receipts near each other, so a whole block is read at once.
func (s *search) receipt(number uint64) []byte {
	first := number - number%receiptBlock
	for i, block := range s.blocks {
		if block != nil && s.first[i] == first {
			return block[number-first]
		}
	}

	block := make([][]byte, receiptBlock)
	c := s.tx.Bucket(bucketReceipts).Cursor()
	for k, v := c.Seek(seqKey(first)); len(k) == 8; k, v = c.Next() {
		n := binary.BigEndian.Uint64(k) - first
		if n >= uint64(len(block)) {
			break
		}

		block[n] = v
	}

	s.blocks[s.older], s.first[s.older] = block, first
	s.older = 1 - s.older

	return block[number-first]
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
