package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
)

// A job that is done is a row: its receipt tells most of it, a sharedRecord what it has in common
// with its neighbours, and the row the rest with the lines of its history.
//
//	mark, number of the receipt (0: none), key of the sharedRecord, lines, jobRecord
//
// The jobRecord is without what rowBase makes of receipt and sharedRecord.
const rowMark = 0x01

// sharedRecord is what the jobs of a folder have in common. There is one for each such folder, for
// good, as there are published records of its files.
type sharedRecord struct {
	Profile string `n:"1"`
	Root    string `n:"2"`
	Project string `n:"3"`
	Core    bool   `n:"4"`
	Folder  string `n:"5"`
	Bucket  string `n:"6"`
}

// sharedKey is the key of a sharedRecord, from its bytes.
func sharedKey(record []byte) []byte {
	sum := sha256.Sum256(record)
	return sum[:6]
}

// doneRow is a row of the bucket done, taken apart.
type doneRow struct {
	receipt uint64
	shared  []byte // key, empty: none
	lines   []byte
	rest    []byte
}

func (r doneRow) encode() []byte {
	b := binary.AppendUvarint([]byte{rowMark}, r.receipt)
	for _, part := range [][]byte{r.shared, r.lines} {
		b = append(binary.AppendUvarint(b, uint64(len(part))), part...)
	}

	return append(b, r.rest...)
}

func readRow(v []byte) (r doneRow, err error) {
	if len(v) == 0 || v[0] != rowMark {
		return r, errRecord
	}

	c := coder{b: v[1:]}
	if r.receipt, err = c.uvarint(); err == nil {
		if r.shared, err = c.chunk(); err == nil {
			r.lines, err = c.chunk()
		}
	}

	r.rest = c.b

	return r, err
}

// rowBase is the job as its receipt (nil: none) and its sharedRecord tell it.
func rowBase(r *receiptRecord, sh sharedRecord) jobRecord {
	j := jobRecord{Kind: string(Upload), Phase: string(PhaseDone), End: EndDone,
		Profile: sh.Profile, Root: sh.Root,
		Target: targetRecord{Project: sh.Project, Core: sh.Core, Folder: sh.Folder, Bucket: sh.Bucket}}
	if r == nil {
		return j
	}

	j.Path, j.Target.Address, j.Target.Name = r.Path, r.Remote, path.Base(r.Remote)
	if sh.Bucket != "" {
		j.Target.Key = strings.TrimPrefix(r.Remote, "oss://"+sh.Bucket+"/")
		j.Rel = j.Target.Key
	}

	j.Size, j.BytesDone = r.Size, r.Size
	j.Snapshot = snapshotRecord{Size: r.Size, ModTime: r.ModTime}
	j.PartSize, j.PartsTotal, j.PartsDone = r.PartSize, len(r.PartETags), len(r.PartETags)
	j.Object, j.Item, j.Version, j.VersionNumber = r.Storage, r.Item, r.Version, r.Number
	j.Created, j.Updated, j.Ended, j.Attempts = r.Queued, r.Published, r.Published, r.Attempts-1
	j.Result = ResultCreated
	if r.Number > 1 {
		j.Result = ResultVersioned
	}

	return j
}

// rowRef is what the texts of a row may end with.
func rowRef(r *receiptRecord) string {
	if r == nil {
		return ""
	}

	return r.Remote
}

// without clears what base says too: that comes back from there. It reports whether the rest does:
// what is empty is not written, and base must not say something.
func without(r, base reflect.Value) bool {
	ok := true
	for i := range r.NumField() {
		f, b := r.Field(i), base.Field(i)
		switch {
		case f.Kind() == reflect.Struct && f.Type() != timeType:
			ok = without(f, b) && ok
		case equal(f, b):
			f.SetZero()
		case f.IsZero():
			ok = ok && b.IsZero()
		}
	}

	return ok
}

// equal compares two fields; those that have no plain values are not equal.
func equal(f, b reflect.Value) bool {
	switch {
	case f.Kind() == reflect.String:
		return f.String() == b.String()
	case f.CanInt():
		return f.Int() == b.Int()
	case f.Kind() == reflect.Bool:
		return f.Bool() == b.Bool()
	case f.Kind() == reflect.Pointer:
		return f.UnsafePointer() == b.UnsafePointer()
	}

	at, ok := reflect.TypeAssert[time.Time](f)
	as, _ := reflect.TypeAssert[time.Time](b)

	return ok && at == as
}

// rowOf makes the row of a job and says what its sharedRecord is. One that receipt and sharedRecord
// do not bring back as it is has the whole record.
func rowOf(j Job, receipt *receiptRecord, lines []historyRecord) (row doneRow, shared []byte) {
	r := recordOfJob(j)
	sh := sharedRecord{Profile: r.Profile, Root: r.Root, Project: r.Target.Project, Core: r.Target.Core,
		Folder: r.Target.Folder, Bucket: r.Target.Bucket}
	shared = encodeRecord(sh, "")
	base := rowBase(receipt, sh)
	if !without(reflect.ValueOf(&r).Elem(), reflect.ValueOf(&base).Elem()) {
		if receipt != nil {
			return rowOf(j, nil, lines)
		}

		return wholeRow(j, lines), nil
	}

	row = doneRow{shared: sharedKey(shared), lines: packLines(j, lines),
		rest: encodeRecord(&r, rowRef(receipt))}
	if receipt != nil {
		row.receipt = receipt.Seq
	}

	return row, shared
}

// wholeRow is a row that needs nothing else.
func wholeRow(j Job, lines []historyRecord) doneRow {
	return doneRow{lines: packLines(j, lines), rest: encodeJob(j)}
}

// archive is where the rows of jobs that are done, and what they refer to, are found.
type archive struct {
	receipt func(number uint64) (receiptRecord, error)
	shared  func(key []byte) (sharedRecord, error)
}

// job makes a job and its history of a row.
func (a archive) job(id JobID, v []byte) (Job, doneRow, error) {
	fail := func(err error) (Job, doneRow, error) {
		return Job{}, doneRow{}, fmt.Errorf("row of job %s: %w", id, err)
	}

	row, err := readRow(v)
	if err != nil {
		return fail(err)
	}

	var receipt *receiptRecord
	if row.receipt > 0 {
		r, err := a.receipt(row.receipt)
		if err == nil && r.Job != string(id) {
			err = fmt.Errorf("receipt %d is of job %s", row.receipt, r.Job)
		}

		if err != nil {
			return fail(err)
		}

		receipt = &r
	}

	r := jobRecord{}
	if len(row.shared) > 0 {
		sh, err := a.shared(row.shared)
		if err != nil {
			return fail(err)
		}

		r = rowBase(receipt, sh)
	}

	if err := decodeRecord(row.rest, &r, rowRef(receipt)); err != nil {
		return fail(err)
	}

	return r.job(id), row, nil
}

// archiveOf reads from a transaction.
func archiveOf(tx *bolt.Tx) archive {
	return archive{
		receipt: func(number uint64) (receiptRecord, error) { return findReceipt(tx, number) },
		shared: func(key []byte) (sh sharedRecord, err error) {
			found, err := getRecord(tx, bucketShared, key, &sh)
			if err == nil && !found {
				err = errors.New("what it shares with others is missing")
			}

			return sh, err
		},
	}
}

// readReceipt decodes what lies under the number of a receipt.
func readReceipt(number uint64, v []byte) (r receiptRecord, err error) {
	switch {
	case len(v) == 0:
		err = fmt.Errorf("receipt %d is missing", number)
	case v[0] == compactMark:
		err = decodeRecord(v, &r, "")
	default:
		err = json.Unmarshal(v, &r)
	}

	return r, err
}

// readDone returns the job of a row, ErrNotFound if there is none.
func readDone(tx *bolt.Tx, k []byte) (Job, doneRow, error) {
	v, err := get(tx, bucketDone, k)
	if err != nil {
		return Job{}, doneRow{}, err
	}

	if v == nil {
		return Job{}, doneRow{}, fmt.Errorf("job %s: %w", idOf(k), ErrNotFound)
	}

	j, row, err := archiveOf(tx).job(idOf(k), v)
	if err != nil {
		return Job{}, doneRow{}, damagedValue(tx, bucketDone, k, err)
	}

	return j, row, nil
}

// putDone makes a row of a job that ended as done, in place of all that an open one has.
func (tx *writeTx) putDone(k []byte, j Job, receipt *receiptRecord, events []Event) (Job, error) {
	var lines []historyRecord
	for _, e := range events {
		if _, part := e.(PartStored); !part {
			lines = append(lines, historyRecord{Time: tx.now, Event: e.event(), Detail: clipped(e.detail())})
		}
	}

	if err := tx.putRow(k, j, receipt, lines); err != nil {
		return Job{}, err
	}

	tx.touch(j)
	tx.doneRows++

	return j, tx.pruneDone()
}

// putRow puts the row of a job in place of its records; more are lines of history that are not among
// these.
func (tx *writeTx) putRow(k []byte, j Job, receipt *receiptRecord, more []historyRecord) error {
	lines, err := allLines(tx.Tx, k)
	if err != nil {
		return err
	}

	lines = append(lines, more...)
	row, shared := rowOf(j, receipt, lines)
	if len(row.shared) > 0 {
		switch there, err := tx.get(bucketShared, row.shared); {
		case err != nil:
			return err
		case there == nil:
			if err := tx.put(bucketShared, row.shared, shared); err != nil {
				return err
			}
		case !bytes.Equal(there, shared): // the same key by chance
			row = wholeRow(j, lines)
		}
	}

	for _, b := range [][]byte{bucketJobs, bucketProgress} {
		if tx.has(b, k) {
			if err := tx.delete(b, k); err != nil {
				return err
			}
		}
	}

	if err := tx.dropPrefix(bucketHistory, k); err != nil {
		return err
	}

	return tx.put(bucketDone, k, row.encode())
}

// pruneDone drops the oldest rows that are too many or too old.
func (tx *writeTx) pruneDone() error {
	for range prunedPerCommit {
		k, _ := tx.Bucket(bucketDone).Cursor().First()
		if k == nil {
			return nil
		}

		count := tx.store.ended(EndDone) + tx.doneRows
		made := time.Unix(0, int64(binary.BigEndian.Uint64(k)))
		if !tx.store.kept.over(count, tx.now.Sub(made)) { // it ended later still
			return nil
		}

		k = slices.Clone(k)
		j, _, err := readDone(tx.Tx, k)
		if err != nil || !tx.store.kept.over(count, tx.now.Sub(j.Ended)) {
			return nil //nolint:nilerr // one that cannot be read is for a repair; another job must not fail
		}

		if err := tx.deleteIf(bucketPaths, pathKey(j.Path), k); err != nil {
			return err
		}

		if err := tx.delete(bucketDone, k); err != nil {
			return err
		}

		tx.forgotten(j)
		tx.doneRows--
	}

	return nil
}

// lineEvents are the events by their number in a row, and lineDetails further details beside those
// that the job tells; only ever appended to.
var (
	lineEvents = []string{"", "queued", "folder-found", "reserved", "opened", "all-stored",
		"assembled", "intended", "published", "finished", "unchanged", "resolved", "fetch-started",
		"verified", "placed", "retry", "retry-now", "parked", "pause", "resume", "parts-lost", "session-lost"}
	lineDetails = []string{"item", "version"}
)

// detailsOf are what the details of a job's history may be, by their number in a row.
func detailsOf(j Job) []string {
	return append([]string{"", j.Object, j.Target.Folder, j.Version, j.Result, j.SHA1,
		Opened{Parts: j.PartsTotal, PartSize: j.PartSize}.detail(),
		FetchStarted{Parts: j.PartsTotal, PartSize: j.PartSize}.detail()}, lineDetails...)
}

// packLines writes history: of each line its event, its detail, and the milliseconds since the line
// before, first since the job was made.
func packLines(j Job, lines []historyRecord) (b []byte) {
	details := detailsOf(j)
	last := int64(0)
	text := func(s string) { b = append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	for _, l := range lines[max(0, len(lines)-keptHistory):] {
		event, detail := max(slices.Index(lineEvents, l.Event), 0), slices.Index(details, l.Detail)+1
		b = binary.AppendUvarint(b, uint64(event)<<4|uint64(detail))
		if event == 0 {
			text(l.Event)
		}

		if detail == 0 {
			text(l.Detail)
		}

		at := l.Time.Sub(j.Created).Milliseconds()
		b = binary.AppendVarint(b, at-last)
		last = at
	}

	return b
}

// unpackLines is the history that packLines wrote.
func unpackLines(j Job, b []byte) (out []HistoryLine, err error) {
	details := detailsOf(j)
	at := int64(0)
	ended := j.Ended.Sub(j.Created).Milliseconds()
	for c := (coder{b: b}); len(c.b) > 0; {
		n, err := c.uvarint()
		event, detail := int(n>>4), int(n&15)
		if err != nil || event >= len(lineEvents) || detail > len(details) {
			return nil, errRecord
		}

		l := HistoryLine{Event: lineEvents[event]}
		if event == 0 {
			s, err := c.chunk()
			if err != nil {
				return nil, err
			}

			l.Event = string(s)
		}

		if detail > 0 {
			l.Detail = details[detail-1]
		} else if s, err := c.chunk(); err != nil {
			return nil, err
		} else {
			l.Detail = string(s)
		}

		since, err := c.varint()
		if err != nil {
			return nil, err
		}

		at += since
		l.Time = j.Created.Add(time.Duration(at) * time.Millisecond)
		if at == ended {
			l.Time = j.Ended // to the nanosecond
		}

		out = append(out, l)
	}

	return out, nil
}

// partsOf are the parts that a receipt lists.
func partsOf(r receiptRecord) []Part {
	out := make([]Part, len(r.PartETags))
	for i, etag := range r.PartETags {
		out[i] = Part{Number: i + 1, Size: min(r.PartSize, r.Size-int64(i)*r.PartSize), ETag: etag}
	}

	return out
}
