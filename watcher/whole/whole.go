package whole

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"path/filepath"
	"strings"
)

// Verdict is what the bytes of a file tell.
type Verdict int

// The verdicts.
const (
	Unknown Verdict = iota // the format does not tell, or is none that is known
	Whole                  // the mark of its end is there
	Torn                   // it is not: the file is still being written, or is cut off
)

const (
	headSize = 4 << 10
	tailSize = 56 << 10 // the trailer of a ZIP, with a comment of nearly the longest
)

// Judge reads the beginning and the end of a file of size bytes, and what its header points to.
// name is its name or path: of a format whose bytes are not documented (NWD) it tells that an end
// of zeros is one. The error is that of a read; a file that became shorter is Torn.
func Judge(name string, size int64, r io.ReaderAt) (Verdict, error) {
	f := file{r: r, size: size}

	head := f.read(0, headSize)
	verdict := Unknown
	switch {
	case bytes.HasPrefix(head, []byte("AC10")):
		verdict = f.dwg(head)
	case bytes.HasPrefix(head, compoundMagic):
		verdict = f.compound(head)
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		verdict = f.zip()
	case bytes.HasPrefix(bytes.TrimLeft(head, "\xef\xbb\xbf \t\r\n"), []byte("ISO-10303-21;")):
		verdict = f.ends("END-ISO-10303-21;")
	case bytes.Contains(head[:min(len(head), 1<<10)], []byte("%PDF-")):
		verdict = f.ends("%%EOF")
	case strings.EqualFold(filepath.Ext(name), ".nwd") && !zeros(head) && f.zeroEnd():
		verdict = Torn
	}

	if errors.Is(f.err, io.EOF) || errors.Is(f.err, io.ErrUnexpectedEOF) {
		return Torn, nil
	}

	return verdict, f.err
}

// file reads, and keeps the first error.
type file struct {
	r    io.ReaderAt
	size int64
	err  error
}

// read returns up to n bytes at off, fewer at the end of the file.
func (f *file) read(off, n int64) []byte {
	n = min(n, f.size-off)
	if off < 0 || n <= 0 || f.err != nil {
		return nil
	}

	b := make([]byte, n)
	got, err := f.r.ReadAt(b, off)
	if got < len(b) {
		f.err = err
	}

	return b[:got]
}

func (f *file) tail(n int64) []byte { return f.read(max(0, f.size-n), n) }

// zeroEnd reports whether the last kilobyte is zeros: room that was made for what is still to come.
func (f *file) zeroEnd() bool { return f.size > 2<<10 && zeros(f.tail(1<<10)) }

func zeros(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }

// ends looks for a trailer in the last kilobyte, behind which programs leave blanks and the like.
func (f *file) ends(trailer string) Verdict {
	if bytes.Contains(f.tail(1<<10), []byte(trailer)) {
		return Whole
	}

	return Torn
}

// zip looks for the end of the central directory, and that the directory lies before it.
func (f *file) zip() Verdict {
	tail := f.tail(tailSize)
	for at := len(tail); ; {
		at = bytes.LastIndex(tail[:at], []byte("PK\x05\x06"))
		if at < 0 {
			return Torn
		}

		end := tail[at:]
		if len(end) < 22 || len(end) < 22+int(binary.LittleEndian.Uint16(end[20:])) {
			continue
		}

		length, begin := binary.LittleEndian.Uint32(end[12:]), binary.LittleEndian.Uint32(end[16:])
		before := f.size - int64(len(end))
		// the greatest number stands for one in a ZIP64 record
		if begin == 1<<32-1 || length == 1<<32-1 || int64(begin)+int64(length) <= before {
			return Whole
		}
	}
}

var compoundMagic = []byte{0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1}

// compound is the container of Revit's and Inventor's files and of older Office files. Its tables
// of sectors know how long it is.
func (f *file) compound(head []byte) Verdict {
	if len(head) < 512 {
		return Torn
	}

	word := func(at int) int64 { return int64(binary.LittleEndian.Uint32(head[at:])) }

	shift := binary.LittleEndian.Uint16(head[0x1E:])
	tables := word(0x2C)
	switch {
	case tables == 0:
		return Torn // the header is written last
	case shift < 9 || shift > 16:
		return Unknown
	}

	sector := int64(1) << shift
	perTable := sector / 4
	if tables > f.size/sector {
		return Torn
	}

	last, ok := f.lastTable(head, tables, sector)
	if !ok {
		return Torn
	}

	used := int64(-1)
	table := f.read((last+1)*sector, sector)
	for i := 0; i+4 <= len(table); i += 4 {
		if binary.LittleEndian.Uint32(table[i:]) != 1<<32-1 { // not free
			used = (tables-1)*perTable + int64(i/4)
		}
	}

	// The last sector may be cut to what is in it.
	if int64(len(table)) < sector || f.size <= (used+1)*sector {
		return Torn
	}

	return Whole
}

// lastTable is the sector of the last table: in the header, or at the end of a chain of sectors
// that list them.
func (f *file) lastTable(head []byte, tables, sector int64) (int64, bool) {
	const inHeader = 109
	if tables <= inHeader {
		return int64(binary.LittleEndian.Uint32(head[0x4C+4*(tables-1):])), true
	}

	const mostLists = 4096

	perList := sector/4 - 1
	at := int64(binary.LittleEndian.Uint32(head[0x44:]))
	for left := tables - inHeader; ; left -= perList {
		list := f.read((at+1)*sector, sector)
		if int64(len(list)) < sector || left > mostLists*perList {
			return 0, false
		}

		if left <= perList {
			return int64(binary.LittleEndian.Uint32(list[4*(left-1):])), true
		}

		at = int64(binary.LittleEndian.Uint32(list[4*perList:]))
	}
}

// dwg looks where the header of a drawing points to.
func (f *file) dwg(head []byte) Verdict {
	switch {
	case len(head) < 256 || f.zeroEnd():
		return Torn
	case bytes.HasPrefix(head, []byte("AC1012")), bytes.HasPrefix(head, []byte("AC1014")),
		bytes.HasPrefix(head, []byte("AC1015")):
		return f.dwgSections(head)
	case bytes.HasPrefix(head, []byte("AC1018")), bytes.HasPrefix(head, []byte("AC1024")),
		bytes.HasPrefix(head, []byte("AC1027")), bytes.HasPrefix(head, []byte("AC1032")):
		return f.dwgPages(head)
	}

	return Unknown
}

// dwgSections is about R13 to 2000: a list of places of sections in the clear.
func (f *file) dwgSections(head []byte) Verdict {
	count := int(binary.LittleEndian.Uint32(head[0x15:]))
	switch {
	case count == 0:
		return Torn // the header is written last
	case count > 16:
		return Unknown
	}

	for i := range count {
		at := 0x19 + 9*i
		begin := int64(binary.LittleEndian.Uint32(head[at+1:]))
		if length := int64(binary.LittleEndian.Uint32(head[at+5:])); begin+length > f.size {
			return Torn
		}
	}

	return Whole
}

// dwgPages is about 2004 to 2018 but for 2007: a header that is masked by a fixed series of numbers
// and has a second copy at the end of the file.
func (f *file) dwgPages(head []byte) Verdict {
	const at, length = 0x80, 0x6C

	plain := make([]byte, length)
	seed := uint32(1)
	for i := range plain {
		seed = seed*0x343fd + 0x269ec3
		plain[i] = head[at+i] ^ byte(seed>>16)
	}

	switch {
	case zeros(head[at : at+length]):
		return Torn // the header is written last
	case !bytes.HasPrefix(plain, []byte("AcFssFcAJMB")):
		return Unknown
	}

	second := int64(binary.LittleEndian.Uint64(plain[0x34:]))
	if second <= 0 || second > f.size-length {
		return Torn
	}

	return Whole
}
