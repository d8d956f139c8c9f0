package state

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"
	"sync"

	bolt "go.etcd.io/bbolt"
)

// Receipts lie singly at first. Once blockOf of them are there in a row, up to a number that blockOf
// divides, a block takes their place, under the number of the last of them:
//
//	mark, prev of the first (32 bytes), length of the paths, paths, receiptRecords without them
//
// Paths and records are deflated, each after its length. Paths lie apart, as a search reads no more; the
// other prevs are the hashes of the lines before.
const (
	blockMark = 0x02
	blockOf   = 64
	blockMax  = 256 << 10 // bytes of its records; long lists of parts stay single

	// packedAtOnce is how many blocks one more receipt may make: one is enough to keep up, and what an
	// older schema, an import or a repair left single is packed with it.
	packedAtOnce = 4
)

// firstOf is the number of the first receipt in the block under a number.
func firstOf(last uint64) uint64 { return last - (blockOf - 1) }

// packReceipts packs what lies singly, up to the newest receipt; metaPacked says how far that went. What
// makes no block stays as it is.
func (tx *writeTx) packReceipts(newest uint64) error {
	if newest%blockOf > 0 {
		return nil
	}

	v, err := tx.get(bucketMeta, metaPacked)
	if err != nil {
		v = nil // damaged: from the first on
	}

	done, _ := strconv.ParseUint(string(v), 10, 64)
	if k, _ := tx.Bucket(bucketReceipts).Cursor().First(); len(k) == 8 {
		done = max(done, binary.BigEndian.Uint64(k)/blockOf*blockOf)
	}

	for n := 0; n < packedAtOnce && done+blockOf <= newest; n++ {
		done += blockOf
		if err := tx.packBlock(done); err != nil {
			return err
		}
	}

	return tx.put(bucketMeta, metaPacked, strconv.AppendUint(nil, done, 10))
}

// packBlock puts a block in place of the receipts up to a number, if they come back from it to the byte.
func (tx *writeTx) packBlock(last uint64) error {
	var paths, records []byte
	first, prev, seq := "", "", firstOf(last)
	c := tx.Bucket(bucketReceipts).Cursor()
	for k, stored := c.Seek(seqKey(seq)); seq <= last; k, stored = c.Next() {
		v, err := unsealed(bucketReceipts, k, stored)
		if err != nil || !bytes.Equal(k, seqKey(seq)) {
			return nil //nolint:nilerr // damage is for a repair
		}

		p, ok := packable(seq, v)
		if seq == firstOf(last) {
			first, prev = p.prev, p.prev
		}

		if !ok || p.prev != prev {
			return nil
		}

		paths, records = appendChunk(paths, []byte(p.path)), appendChunk(records, p.rest)
		prev, seq = tx.store.lines.hash(seq, v), seq+1
	}

	if prev == "" {
		return nil
	}

	if max(len(paths), len(records)) > blockMax {
		return nil
	}

	for seq := firstOf(last); seq < last; seq++ {
		if err := tx.delete(bucketReceipts, seqKey(seq)); err != nil {
			return err
		}
	}

	return tx.put(bucketReceipts, seqKey(last), encodeBlock(first, paths, records))
}

// packedReceipt is what a block holds of a receipt.
type packedReceipt struct {
	prev, path string
	rest       []byte // the record without these
}

// The fields of a receiptRecord that lie apart in a block, and by which a search reads it.
const (
	fieldReceiptPrev = 2
	fieldReceiptPath = 5
)

// packable takes a receipt that lies singly apart, if its line comes back from that.
func packable(seq uint64, v []byte) (p packedReceipt, ok bool) {
	if len(v) > 0 && v[0] != compactMark {
		var r receiptRecord
		if json.Unmarshal(v, &r) != nil {
			return p, false
		}

		record := encodeRecord(&r, "")
		if line, err := receiptLine(seqKey(seq), record); err != nil || !bytes.Equal(line, v) {
			return p, false
		}

		v = record
	}

	var errs [3]error
	p.prev, _, errs[0] = findText(v, fieldReceiptPrev)
	p.path, _, errs[1] = findText(v, fieldReceiptPath)
	p.rest, errs[2] = cutFields(v, fieldReceiptPrev, fieldReceiptPath)

	return p, errors.Join(errs[:]...) == nil && isHex(p.prev) && len(p.prev) == len(noReceipt)
}

// cutFields is a record without some of its fields.
func cutFields(record []byte, numbers ...uint64) ([]byte, error) {
	out := make([]byte, 1, len(record))
	out[0] = compactMark
	for c := (coder{b: record[1:]}); len(c.b) > 0; {
		field := c.b
		tag, err := c.uvarint()
		if err == nil {
			err = c.skip(tag & 3)
		}

		if err != nil {
			return nil, err
		}

		if !slices.Contains(numbers, tag>>2) {
			out = append(out, field[:len(field)-len(c.b)]...)
		}
	}

	return out, nil
}

func hashOf(line []byte) string {
	sum := sha256.Sum256(line)
	return hex.EncodeToString(sum[:])
}

// lineHashes are the hashes of the lines that were written last, by what lies in the file, so that no line
// is made again for its block. Only the writer uses them.
type lineHashes [blockOf]struct {
	v    []byte
	hash string
}

func (h *lineHashes) note(seq uint64, v []byte, hash string) {
	h[seq%blockOf].v, h[seq%blockOf].hash = v, hash
}

// hash is that of the line of a receipt that lies singly; "" is that of none.
func (h *lineHashes) hash(seq uint64, v []byte) string {
	if known := h[seq%blockOf]; bytes.Equal(known.v, v) {
		return known.hash
	}

	line, err := receiptLine(seqKey(seq), v)
	if err != nil {
		return ""
	}

	return hashOf(line)
}

var deflaters = sync.Pool{New: func() any {
	w, _ := flate.NewWriter(nil, flate.BestSpeed) // a higher level saves a fiftieth
	return w
}}

func encodeBlock(prev string, paths, records []byte) []byte {
	b, _ := hex.AppendDecode([]byte{blockMark}, []byte(prev)) // packable has seen that it is hex

	return append(appendChunk(b, deflated(paths)), deflated(records)...)
}

func appendChunk(to, b []byte) []byte {
	return append(binary.AppendUvarint(to, uint64(len(b))), b...)
}

func deflated(b []byte) []byte {
	var out bytes.Buffer
	w := deflaters.Get().(*flate.Writer)
	defer deflaters.Put(w)
	w.Reset(&out)
	_, _ = w.Write(b) // a buffer takes all
	_ = w.Close()

	return out.Bytes()
}

var inflaters = sync.Pool{New: func() any { return flate.NewReader(nil) }}

// inflated are the texts of a block.
func inflated(b []byte) ([][]byte, error) {
	in := inflaters.Get().(io.ReadCloser)
	defer inflaters.Put(in)
	if err := in.(flate.Resetter).Reset(bytes.NewReader(b), nil); err != nil {
		return nil, err
	}

	all, err := io.ReadAll(io.LimitReader(in, blockMax+1))
	if err != nil || len(all) > blockMax {
		return nil, errRecord
	}

	texts := make([][]byte, 0, blockOf)
	for c := (coder{b: all}); len(c.b) > 0; {
		text, err := c.chunk()
		if err != nil {
			return nil, err
		}

		texts = append(texts, text)
	}

	if len(texts) != blockOf {
		return nil, errRecord
	}

	return texts, nil
}

// isBlock reports whether what lies under a number is a block.
func isBlock(v []byte) bool { return len(v) > 0 && v[0] == blockMark }

// block is what lies under the number of its last receipt, taken apart.
type block struct {
	prev           string // of the first
	paths, records [][]byte
}

// blockPaths are the paths of a block, and what follows them.
func blockPaths(v []byte) (paths [][]byte, rest []byte, err error) {
	if !isBlock(v) || len(v) < 1+sha256.Size {
		return nil, nil, errRecord
	}

	c := coder{b: v[1+sha256.Size:]}
	b, err := c.chunk()
	if err == nil {
		paths, err = inflated(b)
	}

	return paths, c.b, err
}

func readBlock(v []byte) (b block, err error) {
	paths, rest, err := blockPaths(v)
	if err != nil {
		return block{}, err
	}

	records, err := inflated(rest)

	return block{hex.EncodeToString(v[1 : 1+sha256.Size]), paths, records}, err
}

// receipt is one of a block, without its prev.
func (b block) receipt(last uint64, i int) (receiptRecord, error) {
	r := receiptRecord{Path: string(b.paths[i]), PartETags: []string{}}
	err := decodeRecord(b.records[i], &r, r.Path)
	r.Seq = firstOf(last) + uint64(i)

	return r, err
}

// recentBlocks keeps the blocks that were read last: jobs that are read one after the other have receipts
// near each other.
type recentBlocks struct {
	mu   sync.Mutex
	kept [8]struct {
		v []byte
		b block
	}
	older int // makes way for the next
}

var blocksRead recentBlocks

func (r *recentBlocks) read(v []byte) (block, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.kept {
		if bytes.Equal(r.kept[i].v, v) {
			return r.kept[i].b, nil
		}
	}

	b, err := readBlock(v)
	if err != nil {
		return block{}, err
	}

	r.kept[r.older].v, r.kept[r.older].b = slices.Clone(v), b
	r.older = (r.older + 1) % len(r.kept)

	return b, nil
}

// receiptsAt are the receipts under a key, one or those of a block, with their lines as they were made.
func receiptsAt(k, v []byte) ([]Receipt, error) {
	if len(k) != 8 {
		return nil, errRecord
	}

	last := binary.BigEndian.Uint64(k)
	if !isBlock(v) {
		line, err := receiptLine(k, v)
		return []Receipt{{last, line}}, err
	}

	b, err := readBlock(v)
	if err != nil {
		return nil, err
	}

	out, prev := make([]Receipt, blockOf), b.prev
	for i := range out {
		r, err := b.receipt(last, i)
		if err != nil {
			return nil, err
		}

		r.Prev = prev
		line, err := json.Marshal(&r)
		if err != nil {
			return nil, err
		}

		out[i], prev = Receipt{r.Seq, line}, hashOf(line)
	}

	return out, nil
}

// findReceipt is a receipt, wherever it lies; one of a block is without its prev.
func findReceipt(tx *bolt.Tx, number uint64) (receiptRecord, error) {
	k, stored := tx.Bucket(bucketReceipts).Cursor().Seek(seqKey(number))
	if len(k) != 8 {
		return readReceipt(number, nil)
	}

	v, err := unsealed(bucketReceipts, k, stored)
	last := binary.BigEndian.Uint64(k)
	switch {
	case err != nil:
		return receiptRecord{}, damagedValue(tx, bucketReceipts, k, err)
	case isBlock(v) && firstOf(last) <= number:
		b, err := blocksRead.read(v)
		if err != nil {
			return receiptRecord{}, damagedValue(tx, bucketReceipts, k, err)
		}

		return b.receipt(last, int(number-firstOf(last)))
	case last != number:
		v = nil
	}

	return readReceipt(number, v)
}
