package state

import (
	"encoding/binary"
	"slices"

	bolt "go.etcd.io/bbolt"
)

// putHistory adds a line for each event but stored parts, which the parts themselves tell, and
// keeps the newest lines.
func (tx *writeTx) putHistory(k []byte, events []Event) error {
	var added []historyRecord
	for _, e := range events {
		if _, part := e.(PartStored); !part {
			added = append(added, historyRecord{Time: tx.now, Event: e.event(), Detail: clipped(e.detail())})
		}
	}

	return tx.addHistory(k, added...)
}

func (tx *writeTx) addHistory(k []byte, added ...historyRecord) error {
	if len(added) == 0 {
		return nil
	}

	lines, err := tx.get(bucketHistory, k)
	if err != nil {
		return err
	}

	for i := range added {
		lines = appendLine(lines, encodeRecord(&added[i], ""))
	}

	return tx.put(bucketHistory, k, lines)
}

func clipped(detail string) string {
	const maxDetail = 2000
	if len(detail) > maxDetail {
		detail = detail[:maxDetail] + "…"
	}

	return detail
}

// allLines are the newest lines of a job that is no row, oldest first.
func allLines(tx *bolt.Tx, job []byte) ([]historyRecord, error) {
	var out, newest []historyRecord // the key of the newest sorts before those of the lines before schema 3
	err := each(tx, bucketHistory, job, nil, func(k, v []byte) (bool, error) {
		lines, err := historyLines(k, v)
		if err != nil {
			return false, damagedValue(tx, bucketHistory, k, err)
		}

		if len(k) == 16 {
			newest = lines
		} else {
			out = append(out, lines...)
		}

		return true, nil
	})
	out = append(out, newest...)

	return out[max(0, len(out)-keptHistory):], err
}

// appendLine adds a line to those of a job, each after its length, and keeps the newest of them.
func appendLine(lines, line []byte) []byte {
	count, first := 0, 0 // lines; where the second begins
	for rest := (coder{b: lines}); len(rest.b) > 0; count++ {
		if _, err := rest.chunk(); err != nil {
			break
		}

		if count == 0 {
			first = len(lines) - len(rest.b)
		}
	}

	if count >= keptHistory {
		lines = lines[first:]
	}

	out := binary.AppendUvarint(slices.Grow(slices.Clone(lines), len(line)+2), uint64(len(line)))

	return append(out, line...)
}

// historyLines decodes what lies under a key of history: a line of up to schema 2, or all lines of
// a job.
func historyLines(k, v []byte) (out []historyRecord, err error) {
	if len(k) != 16 {
		var r historyRecord
		err := decodeRecord(v, &r, "")

		return []historyRecord{r}, err
	}

	for c := (coder{b: v}); len(c.b) > 0; {
		var r historyRecord
		line, err := c.chunk()
		if err == nil {
			err = decodeRecord(line, &r, "")
		}

		if err != nil {
			return nil, err
		}

		out = append(out, r)
	}

	return out, nil
}
