package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Receipt is one line of the proof of what was published. A line's "prev" is the SHA-256, hex, of
// the line before it without its newline; the first has 64 zeros.
type Receipt struct {
	Seq  uint64 // from 1, without gaps
	Line []byte // one JSON object, no newline
}

// StreamPath is the path in a receipt of what came from standard input.
const StreamPath = "-"

// receiptRecord gives the fields their order; the caller's own come after.
type receiptRecord struct {
	Seq       uint64    `json:"seq"`
	Prev      string    `json:"prev" n:"2"`
	Instance  string    `json:"instance" n:"3"`
	Job       string    `json:"job" n:"4"`
	Path      string    `json:"path" n:"5,ref"`
	Remote    string    `json:"remote" n:"6"`
	Size      int64     `json:"size" n:"7"`
	ModTime   time.Time `json:"mtime" n:"8"`
	PartSize  int64     `json:"part_size" n:"9"`
	PartETags []string  `json:"part_etags" n:"10"`
	Storage   string    `json:"storage,omitempty" n:"11"`
	Item      string    `json:"item,omitempty" n:"12"`
	Version   string    `json:"version,omitempty" n:"13"`
	Number    int       `json:"number,omitempty" n:"14"`
	Queued    time.Time `json:"queued" n:"15"`
	Published time.Time `json:"published" n:"16"`
	Attempts  int       `json:"attempts" n:"17"`
	SHA256    string    `json:"sha256,omitempty" n:"18"` // as a further field puts it
}

var noReceipt = strings.Repeat("0", sha256.Size*2)

// publish writes what a finished job leaves: the published record, and for uploads the receipt, which
// is returned.
func (tx *writeTx) publish(k []byte, j Job, rec *PublishedRecord, extra []byte) (*receiptRecord, error) {
	parts, err := readParts(tx.Tx, k)
	if err != nil {
		return nil, err
	}

	etags := make([]string, len(parts))
	for i, p := range parts {
		etags[i] = p.ETag
	}

	if rec != nil {
		if err := tx.putPublished(fill(*rec, j, etags, tx.now)); err != nil {
			return nil, err
		}
	}

	if j.Kind != Upload || j.Result == ResultUnchanged {
		return nil, nil
	}

	r := receiptRecord{
		Job: string(j.ID), Path: j.Path, Remote: j.Target.Address, Size: j.Size,
		ModTime:  stored(j.Snapshot.ModTime),
		PartSize: j.PartSize, PartETags: etags, Storage: j.Object, Item: j.Item, Version: j.Version,
		Number: j.VersionNumber,
		Queued: stored(j.Created), Published: tx.now, Attempts: j.Attempts + 1,
	}

	return &r, tx.putReceipt(&r, extra)
}

// fill completes a record with what the job knows.
func fill(r PublishedRecord, j Job, etags []string, now time.Time) PublishedRecord {
	if r.Root == "" && r.Rel == "" {
		r.Root, r.Rel = j.Root, j.Rel
	}

	if r.Remote == "" {
		r.Remote = j.Target.Address
	}

	if r.Item == "" {
		r.Item = j.Item
	}

	if r.Version == "" {
		r.Version, r.Number = j.Version, j.VersionNumber
	}

	if r.Snapshot == (Snapshot{}) {
		r.Snapshot = j.Snapshot
	}

	if len(etags) > 0 && len(r.ETags) == 0 {
		r.ETags, r.PartSize, r.Storage = etags, j.PartSize, j.Object
	}

	if r.At.IsZero() {
		r.At = now
	}

	return r
}

// putReceipt also gives the receipt its number.
func (tx *writeTx) putReceipt(r *receiptRecord, extra []byte) error {
	seq, prev, err := tx.receiptHead()
	if err != nil {
		return err
	}

	r.Seq, r.Prev = seq+1, prev
	instance, err := tx.get(bucketMeta, metaInstance)
	if err != nil {
		return err
	}

	r.Instance = string(instance)
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}

	if line, err = merge(line, extra); err != nil {
		return fmt.Errorf("further fields of a receipt: %w", err)
	}

	kept := line
	if len(extra) == 0 {
		b := encodeRecord(r, "")
		if again, err := receiptOf(r.Seq, b); err == nil && reflect.DeepEqual(again, *r) {
			kept = b // the line comes back from it
		}
	}

	if err := tx.put(bucketReceipts, seqKey(r.Seq), kept); err != nil {
		return err
	}

	head := headOf(Receipt{r.Seq, line})
	tx.store.lines.note(r.Seq, kept, string(head[len(head)-len(noReceipt):]))
	if err := tx.put(bucketMeta, metaReceiptHead, head); err != nil {
		return err
	}

	return tx.packReceipts(r.Seq)
}

// receiptLine is the line of a receipt as it was made: what lies in the file is the line itself, or a
// record from which it comes to the byte.
func receiptLine(k, v []byte) ([]byte, error) {
	if len(v) == 0 || v[0] != compactMark || len(k) != 8 {
		return slices.Clone(v), nil
	}

	r, err := receiptOf(binary.BigEndian.Uint64(k), v)
	if err != nil {
		return nil, err
	}

	return json.Marshal(r)
}

// receiptOf is the receipt of a compact record.
func receiptOf(seq uint64, v []byte) (receiptRecord, error) {
	r := receiptRecord{PartETags: []string{}}
	err := decodeRecord(v, &r, "")
	r.Seq = seq

	return r, err
}

// headOf is what the next receipt builds on: the number of the newest one and the hash of its line.
func headOf(r Receipt) []byte {
	sum := sha256.Sum256(r.Line)
	b := append(strconv.AppendUint(make([]byte, 0, 20+1+2*len(sum)), r.Seq, 10), ' ')

	return hex.AppendEncode(b, sum[:])
}

// parseHead reads what headOf wrote; "" is the head of no receipts.
func parseHead(head string) (seq uint64, hash string, err error) {
	if head == "" {
		return 0, noReceipt, nil
	}

	number, hash, _ := strings.Cut(head, " ")
	if seq, err = strconv.ParseUint(number, 10, 64); err != nil || len(hash) != len(noReceipt) {
		return 0, "", fmt.Errorf("head of the receipts: %q", head)
	}

	return seq, hash, nil
}

// receiptHead is the head as the transaction sees it.
func (tx *writeTx) receiptHead() (seq uint64, hash string, err error) {
	head, err := tx.get(bucketMeta, metaReceiptHead)
	if err == nil {
		if seq, hash, err = parseHead(string(head)); err != nil {
			err = damagedValue(tx.Tx, bucketMeta, metaReceiptHead, err)
		}
	}

	if err == nil {
		return seq, hash, nil
	}

	// The newest receipt says the same.
	k, stored := tx.Bucket(bucketReceipts).Cursor().Last()
	v, bad := unsealed(bucketReceipts, k, stored)
	if bad != nil {
		return 0, "", err
	}

	receipts, bad := receiptsAt(k, v)
	if bad != nil {
		return 0, "", err
	}

	return parseHead(string(headOf(receipts[len(receipts)-1])))
}

// merge appends the fields of the object extra that line does not have.
func merge(line, extra []byte) ([]byte, error) {
	if len(extra) == 0 {
		return line, nil
	}

	var have, more map[string]json.RawMessage
	if err := json.Unmarshal(extra, &more); err != nil {
		return nil, err
	}

	if err := json.Unmarshal(line, &have); err != nil {
		return nil, err
	}

	var names []string
	for name := range more {
		if _, ok := have[name]; !ok {
			names = append(names, name)
		}
	}

	slices.Sort(names)

	out := bytes.NewBuffer(line[:len(line)-1])
	for _, name := range names {
		k, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}

		out.WriteByte(',')
		out.Write(k)
		out.WriteByte(':')
		if err := json.Compact(out, more[name]); err != nil {
			return nil, err
		}
	}

	out.WriteByte('}')

	return out.Bytes(), nil
}

// Receipts returns at most limit (0: 1000) receipts after the given number.
func (s *Store) Receipts(after uint64, limit int) ([]Receipt, error) {
	if limit <= 0 {
		limit = 1000
	}

	var out []Receipt
	err := s.view(func(tx *bolt.Tx) error {
		out = nil

		return each(tx, bucketReceipts, nil, seqKey(after+1), func(k, v []byte) (bool, error) {
			receipts, err := receiptsAt(k, v)
			if err != nil {
				return false, damagedValue(tx, bucketReceipts, k, err)
			}

			start := slices.IndexFunc(receipts, func(r Receipt) bool { return r.Seq > after })
			out = append(out, receipts[start:min(len(receipts), start+limit-len(out))]...)

			return len(out) < limit, nil
		})
	})

	return out, err
}

// CheckReceipts verifies that lines follow one another: numbers without gaps and every prev the
// hash of the line before. prev is the hash of the line before the first, "" when that is not
// known; nothing comes before receipt 1.
func CheckReceipts(lines []Receipt, prev string) error {
	for i, r := range lines {
		var f struct {
			Seq  uint64 `json:"seq"`
			Prev string `json:"prev"`
		}
		if err := json.Unmarshal(r.Line, &f); err != nil {
			return fmt.Errorf("receipt %d: %w", r.Seq, err)
		}

		if f.Seq != r.Seq {
			return fmt.Errorf("receipt %d: its line says number %d", r.Seq, f.Seq)
		}

		if i > 0 && r.Seq != lines[i-1].Seq+1 { //nolint:gosec // i is not 0
			return fmt.Errorf("receipt %d follows receipt %d: those between are missing", r.Seq,
				lines[i-1].Seq) //nolint:gosec // i is not 0
		}

		if r.Seq == 1 {
			prev = noReceipt
		}

		if prev != "" && f.Prev != prev {
			return fmt.Errorf("receipt %d: the line before it was altered", r.Seq)
		}

		sum := sha256.Sum256(r.Line)
		prev = hex.EncodeToString(sum[:])
	}

	return nil
}
