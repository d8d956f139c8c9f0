package watcher

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"
)

// record is what the baseline knows of one name. A folder has a record in its parent exactly when
// something below it has one.
type record struct {
	name  string
	dir   bool
	size  int64
	mtime int64  // ns since 1970
	ctime int64  // ns since 1970; 0 unknown
	ino   uint64 // 0 unknown
	dev   uint64 // not kept: device numbers change from one mount to the next
}

// same reports whether the file is taken as not having changed from o to r; what one of them does not
// know is not compared.
func (r record) same(o record) bool {
	if r.dir || o.dir {
		return r.dir == o.dir
	}

	return r.size == o.size && r.mtime == o.mtime &&
		(r.ctime == 0 || o.ctime == 0 || r.ctime == o.ctime) &&
		(r.ino == 0 || o.ino == 0 || r.ino == o.ino)
}

// changed is when a file changed last by its own times. That of its content is what a copier sets back to
// the original's; that of its entry tells of it all the same, unless it lies in the future, as after the
// clock was set back.
func (r record) changed(now time.Time) time.Time {
	content, entry := unixTime(r.mtime), unixTime(r.ctime)
	if r.ctime == 0 || entry.After(now) {
		return content
	}

	return laterOf(content, entry)
}

// knownAs is r with the file id of a look before when that tells more.
func (r record) knownAs(before record) record {
	if r.ino == 0 {
		r.ino, r.dev = before.ino, before.dev
	}

	return r
}

func (r record) snapshot() Snapshot {
	s := Snapshot{Size: r.size, ModTime: unixTime(r.mtime)}
	if r.ctime != 0 {
		s.ChangeTime = unixTime(r.ctime)
	}

	if r.ino != 0 {
		s.FileID = fmt.Sprintf("%x:%x", r.dev, r.ino)
	}

	return s
}

// The form of a chunk: one byte of version, then the records in byte order of name. A record is
//
//	uvarint length of the prefix shared with the name before, uvarint length of the rest, the rest,
//	one byte of flags, and for a file: uvarint size, varint mtime less the mtime before,
//	with flagCtime: varint ctime less mtime, with flagIno: varint ino less the ino before.
const (
	chunkVersion = 1
	chunkMax     = 64 << 10 // bytes; a rule of the keeper
	chunkSplit   = 48 << 10 // a chunk that outgrew chunkMax is written again in pieces of this size

	flagDir   = 1
	flagCtime = 2
	flagIno   = 4
)

var errChunk = errors.New("baseline chunk is damaged")

// encoder appends records, which must come in order of name, to chunks of at most limit bytes.
type encoder struct {
	limit  int
	chunks []Chunk
	buf    []byte
	first  string
	prev   record
}

func (e *encoder) add(r record) {
	n := len(e.buf)
	if n > 0 {
		e.put(r)
		if len(e.buf) <= e.limit {
			e.prev = r
			return
		}

		e.buf = e.buf[:n]
		e.finish()
	}

	e.buf = append(make([]byte, 0, 4096), chunkVersion)
	e.first, e.prev = r.name, record{}
	e.put(r)
	e.prev = r
}

func (e *encoder) put(r record) {
	shared := 0
	for shared < len(r.name) && shared < len(e.prev.name) && r.name[shared] == e.prev.name[shared] {
		shared++
	}

	b := binary.AppendUvarint(e.buf, uint64(shared))
	b = binary.AppendUvarint(b, uint64(len(r.name)-shared))
	b = append(b, r.name[shared:]...)
	var flags byte
	if r.dir {
		e.buf = append(b, flagDir)
		return
	}

	if r.ctime != 0 {
		flags |= flagCtime
	}

	if r.ino != 0 {
		flags |= flagIno
	}

	b = append(b, flags)
	b = binary.AppendUvarint(b, uint64(r.size))
	b = binary.AppendVarint(b, r.mtime-e.prev.mtime)
	if r.ctime != 0 {
		b = binary.AppendVarint(b, r.ctime-r.mtime)
	}

	if r.ino != 0 {
		b = binary.AppendVarint(b, int64(r.ino-e.prev.ino))
	}

	e.buf = b
}

// finish closes the chunk under way and returns all of them.
func (e *encoder) finish() []Chunk {
	if len(e.buf) > 0 {
		e.chunks = append(e.chunks, Chunk{First: e.first, Data: slices.Clip(e.buf)})
		e.buf = nil
	}

	return e.chunks
}

// encode returns the records, which must be sorted by name, as one chunk, or when that would be
// too large as several.
func encode(records []record) []Chunk {
	e := encoder{limit: chunkMax}
	for _, r := range records {
		e.add(r)
	}

	if c := e.finish(); len(c) <= 1 {
		return c
	}

	e = encoder{limit: chunkSplit}
	for _, r := range records {
		e.add(r)
	}

	return e.finish()
}

// decoder reads the records of chunks in order without keeping them. The name is valid until the
// next call of next.
type decoder struct {
	chunks []Chunk
	data   []byte
	name   []byte
	rec    record // of the current record; name is not set
	err    error
}

func (d *decoder) next() bool {
	for len(d.data) == 0 {
		if d.err != nil || len(d.chunks) == 0 {
			return false
		}

		c := d.chunks[0].Data
		d.chunks = d.chunks[1:]
		if len(c) == 0 || c[0] != chunkVersion {
			d.err = errChunk
			return false
		}

		d.data, d.name, d.rec = c[1:], d.name[:0], record{}
	}

	shared, rest := d.uvarint(), d.uvarint()
	if d.err != nil || shared > uint64(len(d.name)) || rest > uint64(len(d.data)) ||
		rest+1 > uint64(len(d.data)) {
		return d.fail()
	}

	d.name = append(d.name[:shared], d.data[:rest]...)
	flags := d.data[rest]
	d.data = d.data[rest+1:]
	d.rec.dir = flags&flagDir != 0
	if d.rec.dir {
		// The times and numbers of a folder are 0 for the record after it, as they were for the
		// encoder.
		d.rec = record{dir: true}
		return true
	}

	d.rec.size = int64(d.uvarint())
	d.rec.mtime += d.varint()
	if flags&flagCtime != 0 {
		d.rec.ctime = d.rec.mtime + d.varint()
	} else {
		d.rec.ctime = 0
	}

	if flags&flagIno != 0 {
		d.rec.ino += uint64(d.varint())
	} else {
		d.rec.ino = 0
	}

	if d.err != nil {
		return d.fail()
	}

	return true
}

func (d *decoder) fail() bool {
	d.err, d.data = errChunk, nil
	return false
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.data)
	if n <= 0 {
		d.err = errChunk
		return 0
	}

	d.data = d.data[n:]

	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.data)
	if n <= 0 {
		d.err = errChunk
		return 0
	}

	d.data = d.data[n:]

	return v
}

// current returns the record with a name of its own.
func (d *decoder) current() record {
	r := d.rec
	r.name = string(d.name)
	return r
}

// decode returns all records of the chunks.
func decode(chunks ...Chunk) ([]record, error) {
	d := decoder{chunks: chunks}
	var out []record
	for d.next() {
		out = append(out, d.current())
	}

	return out, d.err
}
