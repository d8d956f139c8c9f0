package boltfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"os"
)

const (
	boltMagic   = 0xED0CDAED
	boltVersion = 2

	pageBranch   = 0x01
	pageLeaf     = 0x02
	pageFreelist = 0x10

	leafBucket = 0x01 // flag of a leaf element: its value is a bucket

	pageHeader   = 16
	elementSize  = 16
	bucketHeader = 16
	metaSize     = 64
	noFreelist   = math.MaxUint64

	maxDepth = 40 // a tree of 4 KiB pages with two keys each is less deep
)

// MaxProblems is how many problems a tree notes below one bucket.
const MaxProblems = 100

// Meta is one of the two pages that say where the tree begins.
type Meta struct {
	PageSize int    // bytes
	Pages    uint64 // high-water mark
	TxID     uint64 // of the commit that wrote it
	root     uint64
	freelist uint64
}

// parseMeta reads the meta that begins at b[pageHeader].
func parseMeta(b []byte) (Meta, error) {
	if len(b) < pageHeader+metaSize {
		return Meta{}, errors.New("too short")
	}

	b = b[pageHeader : pageHeader+metaSize]
	le := binary.LittleEndian
	switch {
	case le.Uint32(b) != boltMagic:
		return Meta{}, errors.New("not a bbolt meta page")
	case le.Uint32(b[4:]) != boltVersion:
		return Meta{}, fmt.Errorf("file format %d", le.Uint32(b[4:]))
	}

	h := fnv.New64a()
	h.Write(b[:56])
	if h.Sum64() != le.Uint64(b[56:]) {
		return Meta{}, errors.New("wrong checksum")
	}

	m := Meta{
		PageSize: int(le.Uint32(b[8:])), root: le.Uint64(b[16:]), freelist: le.Uint64(b[32:]),
		Pages: le.Uint64(b[40:]), TxID: le.Uint64(b[48:]),
	}
	if m.PageSize < 512 || m.PageSize > 1<<20 || m.PageSize&(m.PageSize-1) != 0 {
		return Meta{}, fmt.Errorf("page size %d", m.PageSize)
	}

	return m, nil
}

// ReadMetas returns the valid meta pages, the newest first, and what is wrong with the others.
func ReadMetas(f io.ReaderAt) (metas []Meta, problems []string) {
	var head [pageHeader + metaSize]byte
	read := func(off int64) (Meta, error) {
		if _, err := f.ReadAt(head[:], off); errors.Is(err, io.EOF) {
			return Meta{}, errors.New("the file ends before it")
		} else if err != nil {
			return Meta{}, err
		}

		return parseMeta(head[:])
	}
	m0, err0 := read(0)
	if err0 == nil {
		metas = append(metas, m0)
	} else {
		problems = append(problems, fmt.Sprintf("meta page 0: %v", err0))
	}

	// Where meta 1 lies depends on the page size, which a broken meta 0 hides.
	sizes := []int{m0.PageSize}
	if err0 != nil {
		sizes = sizes[:0]
		for size := 512; size <= 1<<20; size *= 2 {
			sizes = append(sizes, size)
		}
	}

	var m1 Meta
	err1 := errors.New("not found")
	for _, size := range sizes {
		m, err := read(int64(size))
		if err == nil && m.PageSize != size {
			err = fmt.Errorf("page size %d at %d", m.PageSize, size)
		}

		if err == nil || len(sizes) == 1 {
			m1, err1 = m, err
		}

		if err == nil {
			break
		}
	}

	if err1 != nil {
		return metas, append(problems, fmt.Sprintf("meta page 1: %v", err1))
	}

	metas = append(metas, m1)
	if len(metas) == 2 && m1.TxID > m0.TxID {
		metas[0], metas[1] = m1, m0
	}

	return metas, problems
}

// NeverUsed reports whether bbolt died while it made the file, in one write of four pages: the
// first commit makes it larger. If no meta page was written yet, the file is empty space:
// anything else is another program's.
func NeverUsed(f io.ReaderAt, size int64, metas []Meta) bool {
	for _, m := range metas {
		if m.TxID > 1 || size > int64(4*m.PageSize) {
			return false
		}
	}

	if len(metas) > 0 {
		return true
	}

	if size > int64(4*os.Getpagesize()) {
		return false
	}

	data := make([]byte, size)
	_, err := f.ReadAt(data, 0)

	return err == nil && len(bytes.Trim(data, "\x00")) == 0
}

// Tree walks one version of the file, from one meta page. It is for one goroutine.
type Tree struct {
	f        io.ReaderAt
	meta     Meta
	seen     []uint64 // a bit a page
	buffers  [][]byte // by depth, see buffer
	problems []string
}

// NewTree prepares the walk of a file of that size, in bytes.
func NewTree(f io.ReaderAt, size int64, m Meta) *Tree {
	t := &Tree{f: f, meta: m}
	pages := m.Pages
	if held := uint64(size) / uint64(m.PageSize); pages > held {
		t.problem("the file ends after %d of %d pages", held, pages)
		pages = held
		t.meta.Pages = held
	}

	t.seen = make([]uint64, pages/64+1)

	return t
}

func (t *Tree) problem(format string, args ...any) {
	if len(t.problems) < MaxProblems {
		t.problems = append(t.problems, fmt.Sprintf(format, args...))
	}
}

// mark says that a page is in use; false when it was already.
func (t *Tree) mark(id uint64) bool {
	if t.Used(id) {
		return false
	}

	t.seen[id/64] |= 1 << (id % 64)

	return true
}

// Used reports whether the walk came by a page.
func (t *Tree) Used(id uint64) bool { return t.seen[id/64]&(1<<(id%64)) != 0 }

// page is a page with its overflow, as bytes.
type page struct {
	flags uint16
	count int
	b     []byte // from the header on
}

// buffer is for a page so deep in the tree: those above it are still in use when it is read.
func (t *Tree) buffer(depth int) []byte {
	for len(t.buffers) <= depth {
		t.buffers = append(t.buffers, make([]byte, t.meta.PageSize))
	}

	return t.buffers[depth]
}

// read reads a page that nothing used before into a buffer for one.
func (t *Tree) read(id uint64, b []byte) (page, error) {
	if id < 2 || id >= t.meta.Pages {
		return page{}, fmt.Errorf("page %d is outside the file", id)
	}

	size := int64(len(b))
	if _, err := t.f.ReadAt(b, int64(id)*size); err != nil {
		return page{}, fmt.Errorf("page %d: %w", id, err)
	}

	le := binary.LittleEndian
	if got := le.Uint64(b); got != id {
		return page{}, fmt.Errorf("page %d says it is page %d", id, got)
	}

	p := page{flags: le.Uint16(b[8:]), count: int(le.Uint16(b[10:])), b: b}
	overflow := uint64(le.Uint32(b[12:]))
	if overflow >= t.meta.Pages-id {
		return page{}, fmt.Errorf("page %d goes on for %d pages", id, overflow)
	}

	for i := id; i <= id+overflow; i++ {
		if !t.mark(i) {
			return page{}, fmt.Errorf("page %d is used twice", i)
		}
	}

	if overflow > 0 {
		p.b = make([]byte, size*int64(overflow+1))
		if _, err := t.f.ReadAt(p.b, int64(id)*size); err != nil {
			return page{}, fmt.Errorf("page %d: %w", id, err)
		}
	}

	return p, nil
}

// element is one of a branch (value nil, child set) or of a leaf.
type element struct {
	flags      uint32
	key, value []byte
	child      uint64
	end        int // where it ends in its page
}

// element returns the i-th. Keys and values lie behind the elements without a gap, so that a wrong
// count of elements is noticed: at is where this one must begin.
func (p page) element(i, at int) (e element, err error) {
	off := pageHeader + i*elementSize
	if off+elementSize > len(p.b) {
		return e, fmt.Errorf("element %d is outside its page", i)
	}

	le := binary.LittleEndian
	b := p.b[off:]
	var pos, ksize, vsize uint64
	if p.flags == pageBranch {
		pos, ksize, e.child = uint64(le.Uint32(b)), uint64(le.Uint32(b[4:])), le.Uint64(b[8:])
	} else {
		e.flags = le.Uint32(b)
		pos, ksize, vsize = uint64(le.Uint32(b[4:])), uint64(le.Uint32(b[8:])), uint64(le.Uint32(b[12:]))
	}

	from := uint64(off) + pos
	end := from + ksize + vsize
	switch {
	case from != uint64(at) || end > uint64(len(p.b)):
		return e, fmt.Errorf("element %d has its key in the wrong place", i)
	case e.flags&^leafBucket != 0:
		return e, fmt.Errorf("element %d has the flags %#x", i, e.flags)
	}

	e.key, e.value, e.end = p.b[from:from+ksize], p.b[from+ksize:end], int(end)

	return e, nil
}

// Visit is called for each key of a bucket, in order; the bytes are good for the call.
type Visit func(key, value []byte)

// visit is Visit with the flags of the element.
type visit func(flags uint32, key, value []byte)

// walk visits what can be read below a page, in order, and notes the rest as problems. Keys must
// lie in [low, high); nil is no bound.
func (t *Tree) walk(id uint64, low, high []byte, depth int, f visit) {
	if depth > maxDepth {
		t.problem("page %d: the tree is deeper than %d", id, maxDepth)
		return
	}

	p, err := t.read(id, t.buffer(depth))
	if err != nil {
		t.problem("%v", err)
		return
	}

	t.elements(p, fmt.Sprintf("page %d", id), low, high, depth, f)
}

func (t *Tree) elements(p page, what string, low, high []byte, depth int, f visit) {
	if p.flags != pageLeaf && p.flags != pageBranch {
		t.problem("%s: type %#x where a leaf or branch should be", what, p.flags)
		return
	}

	if p.flags == pageBranch && p.count == 0 {
		t.problem("%s: a branch without children", what)
		return
	}

	// An empty file leaves an empty leaf. bbolt writes pages that were zeroed, so that a count that
	// became 0 leaves the first element behind.
	first := p.b[pageHeader:min(pageHeader+elementSize, len(p.b))]
	if p.count == 0 && len(bytes.Trim(first, "\x00")) > 0 {
		t.problem("%s: elements, and a count of none", what)
		return
	}

	var last []byte
	at := pageHeader + p.count*elementSize
	for i := range p.count {
		e, err := p.element(i, at)
		if err != nil {
			t.problem("%s: %v", what, err)
			return
		}

		if i > 0 && bytes.Compare(e.key, last) <= 0 || low != nil && bytes.Compare(e.key, low) < 0 ||
			high != nil && bytes.Compare(e.key, high) >= 0 {
			t.problem("%s: key %d is out of order", what, i)
			return
		}

		last, at = e.key, e.end
		if p.flags == pageLeaf {
			f(e.flags, e.key, e.value)
			continue
		}

		to := high
		if i+1 < p.count {
			if next, err := p.element(i+1, at); err == nil {
				to = next.key
			}
		}

		t.walk(e.child, e.key, to, depth+1, f)
	}
}

// Buckets visits every key of every top-level bucket. known is asked for each bucket's visitor; nil
// skips its keys but still walks. It returns the problems found below each bucket; those under ""
// concern the whole. It is called once.
func (t *Tree) Buckets(known func(name string) Visit) map[string][]string {
	found := map[string][]string{}
	type bucket struct {
		name  string
		value []byte
	}
	var list []bucket
	t.walk(t.meta.root, nil, nil, 0, func(flags uint32, key, value []byte) {
		if flags&leafBucket == 0 {
			t.problem("key %.40q lies outside all buckets", key)
			return
		}

		list = append(list, bucket{string(key), bytes.Clone(value)})
	})
	take := func(name string) {
		if len(t.problems) > 0 {
			found[name] = append(found[name], t.problems...)
			t.problems = nil
		}
	}
	take("")

	for _, b := range list {
		g := known(b.name)
		f := func(flags uint32, key, value []byte) {
			switch {
			case flags&leafBucket != 0:
				t.problem("a bucket %.40q inside a bucket", key)
			case g != nil:
				g(key, value)
			}
		}
		switch {
		case len(b.value) < bucketHeader:
			t.problem("its header has %d bytes", len(b.value))
		case binary.LittleEndian.Uint64(b.value) != 0:
			t.walk(binary.LittleEndian.Uint64(b.value), nil, nil, 0, f)
		case len(b.value) < bucketHeader+pageHeader:
			t.problem("its inline page has %d bytes", len(b.value)-bucketHeader)
		default:
			in := b.value[bucketHeader:]
			p := page{flags: binary.LittleEndian.Uint16(in[8:]),
				count: int(binary.LittleEndian.Uint16(in[10:])), b: in}
			if p.flags != pageLeaf {
				t.problem("its inline page is of type %#x", p.flags)
				break
			}

			t.elements(p, "its inline page", nil, nil, 0, f)
		}

		take(b.name)
	}

	return found
}

// Free returns what is wrong with the list of free pages, after Buckets marked the used ones: a
// page that is in use and free would be overwritten.
func (t *Tree) Free() []string {
	t.free()
	return t.problems
}

// Leaked returns how many pages are neither in use nor free, after Free: lost space, and a sign
// that something that was in them is.
func (t *Tree) Leaked() int {
	if t.meta.freelist == noFreelist {
		return 0
	}

	n := 0
	for id := uint64(2); id < t.meta.Pages; id++ {
		if !t.Used(id) {
			n++
		}
	}

	return n
}

func (t *Tree) free() {
	if t.meta.freelist == noFreelist {
		return
	}

	p, err := t.read(t.meta.freelist, t.buffer(0))
	if err != nil {
		t.problem("list of free pages: %v", err)
		return
	}

	if p.flags != pageFreelist {
		t.problem("list of free pages: type %#x", p.flags)
		return
	}

	ids := p.b[pageHeader:]
	count := uint64(p.count)
	if p.count == 0xFFFF {
		count = binary.LittleEndian.Uint64(ids)
		ids = ids[8:]
	}

	if count > uint64(len(ids)/8) {
		t.problem("list of free pages: %d pages do not fit", count)
		return
	}

	for i := range count {
		id := binary.LittleEndian.Uint64(ids[i*8:])
		switch {
		case id < 2 || id >= t.meta.Pages:
			t.problem("list of free pages: page %d is outside the file", id)
		case !t.mark(id):
			t.problem("list of free pages: page %d is in use or listed twice", id)
		}
	}
}
