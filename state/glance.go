package state

import (
	"bytes"
	"encoding/binary"
)

// glancer reads of many records of jobs what the index needs. Of jobs to which nothing has happened, which
// are by far the most when there are many, it reads no more than that: a home of a million opens with it.
type glancer struct{ kind, phase, root glanced }

// glanced is a text that was read before, and that the next record mostly has too.
type glanced struct {
	written []byte
	text    string
}

// glance reads a record.
func (r *glancer) glance(v []byte) (jobGlance, error) {
	if g, ok := r.plain(v); ok {
		return g, nil
	}

	var g jobGlance
	err := decodeRecord(v, &g, "")

	return g, err
}

// plain reads a record without what tells that something has happened; false: it has that, or is damaged.
func (r *glancer) plain(v []byte) (g jobGlance, ok bool) {
	if len(v) == 0 || v[0] != compactMark {
		return g, false
	}

	c := coder{b: v[1:]}
	for len(c.b) > 0 {
		tag, err := c.uvarint()
		if err != nil {
			return g, false
		}

		number := tag >> 2
		switch number {
		case 31, 32, 34, 35, 39, 41, 46: // as the tags of jobGlance have them
			return g, false
		}

		var n int64
		var text []byte
		switch tag & 3 {
		case wireNumber:
			n, err = c.varint()
		case wireText, wireNested:
			text, err = c.chunk()
		case wireTime:
			if _, err = c.varint(); err == nil {
				_, err = c.uvarint()
			}
		}

		switch number {
		case 1:
			g.Kind, ok = r.kind.read(text)
		case 2:
			g.Phase, ok = r.phase.read(text)
		case 4:
			g.Root, ok = r.root.read(text)
		case 18:
			g.Size, ok = n, true
		case 56:
			g.Priority, ok = int(n), true
		default:
			ok = true
		}

		if err != nil || !ok {
			return g, false
		}
	}

	return g, true
}

// read is a text as it is written, which nothing before it in its record says the end of.
func (t *glanced) read(written []byte) (string, bool) {
	if len(written) > 0 && bytes.Equal(written, t.written) {
		return t.text, true
	}

	c := coder{b: append(binary.AppendUvarint(nil, uint64(len(written))), written...)}
	text, err := c.readText()
	if err != nil {
		return "", false
	}

	t.written, t.text = bytes.Clone(written), text

	return text, true
}
