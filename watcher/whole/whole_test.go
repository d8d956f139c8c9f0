package whole

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
)

func TestJudge(t *testing.T) {
	for _, row := range []struct {
		name string // of the file
		data []byte
		want Verdict
		cut  Verdict // of any shorter beginning that holds the header
	}{
		{"random.rvt", noise(40 << 10), Unknown, Unknown},
		{"zeros.dwg", make([]byte, 40<<10), Unknown, Unknown},
		{"room was made.nwd", append(noise(20<<10), make([]byte, 20<<10)...), Torn, Unknown},
		{"a.NWD", noise(40 << 10), Unknown, Unknown},
		{"zip.docx", zipped(t, ""), Whole, Torn},
		{"zip with a comment.zip", zipped(t, "PK\x05\x06 and more"), Whole, Torn},
		{"ifc.ifc", slicesOf("ISO-10303-21;\n", noise(20<<10), "\nEND-ISO-10303-21;\r\n"), Whole, Torn},
		{"BOM.ifc", slicesOf("\xef\xbb\xbfISO-10303-21;", noise(20<<10), "END-ISO-10303-21;"), Whole, Torn},
		{"pdf.pdf", slicesOf("%PDF-1.7\n", noise(20<<10), "%%EOF\n"), Whole, Torn},
		{"blanks behind.pdf", slicesOf("%PDF-1.7\n", noise(20<<10), "%%EOF", make([]byte, 500)), Whole, Torn},
		{"2018.dwg", drawing("AC1032", 20<<10), Whole, Torn},
		{"2004.dwg", drawing("AC1018", 20<<10), Whole, Torn},
		{"2000.dwg", drawing("AC1015", 20<<10), Whole, Torn},
		{"2007.dwg", slicesOf("AC1021", noise(20<<10)), Unknown, Unknown},
		{"says so only.dwg", slicesOf("AC1032", noise(20<<10)), Unknown, Unknown},
		{"room was made.dwg", append(drawing("AC1032", 20<<10)[:10<<10], make([]byte, 10<<10+512)...), Torn,
			Torn},
		{"header comes last.dwg", slicesOf("AC1032", make([]byte, 512), noise(20<<10)), Torn, Torn},
		{"model.rvt", compoundFile(300, 512), Whole, Torn},
		{"large sectors.rfa", compoundFile(40, 4096), Whole, Torn},
		{"a list of tables.rvt", compoundFile(109*128+500, 512), Whole, Torn},
		{"header comes last.rvt", slicesOf(string(compoundMagic), make([]byte, 20<<10)), Torn, Torn},
		{"empty.zip", nil, Unknown, Unknown},
	} {
		t.Run(row.name, func(t *testing.T) {
			size := len(row.data)
			if got, err := Judge(row.name, int64(size), bytes.NewReader(row.data)); got != row.want ||
				err != nil {
				t.Errorf("whole: %v %v, want %v", got, err, row.want)
			}

			for _, n := range []int{size / 10, size / 2, size * 9 / 10, size - 5000} {
				if n < 1<<10 {
					continue
				}

				got, err := Judge(row.name, int64(n), bytes.NewReader(row.data[:n]))
				if row.want != Torn && got != row.cut || err != nil {
					t.Errorf("%d of %d bytes: %v %v, want %v", n, size, got, err, row.cut)
				}
			}
		})
	}
}

// TestJudgeErrors: a file that is shorter by now is torn; one that cannot be read says so.
func TestJudgeErrors(t *testing.T) {
	data := zipped(t, "")
	if got, err := Judge("a.zip", int64(len(data))+100, bytes.NewReader(data)); got != Torn || err != nil {
		t.Errorf("shorter by now: %v %v", got, err)
	}

	broken := errors.New("broken")
	if _, err := Judge("a.zip", 100, readerAt(func() error { return broken })); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
}

// FuzzJudge: whatever the bytes, it ends, and within a few reads.
func FuzzJudge(f *testing.F) {
	for _, s := range [][]byte{drawing("AC1032", 1<<10), drawing("AC1015", 1<<10), compoundFile(20, 512),
		slicesOf("%PDF-1.7", "%%EOF")} {
		f.Add(s)
	}

	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := Judge("a.nwd", int64(len(data)), bytes.NewReader(data)); err != nil {
			t.Error(err)
		}
	})
}

type readerAt func() error

func (r readerAt) ReadAt([]byte, int64) (int, error) { return 0, r() }

var _ io.ReaderAt = readerAt(nil)

func noise(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{7}).Read(b)

	return b
}

func slicesOf(parts ...any) (out []byte) {
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			out = append(out, p...)
		case []byte:
			out = append(out, p...)
		}
	}

	return out
}

func zipped(t *testing.T, comment string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.CreateHeader(&zip.FileHeader{Name: "a"})
	if err != nil {
		t.Fatal(err)
	}

	if _, err := f.Write(noise(30 << 10)); err != nil {
		t.Fatal(err)
	}

	if err := errors.Join(w.SetComment(comment), w.Close()); err != nil {
		t.Fatal(err)
	}

	return b.Bytes()
}

// drawing is as much of a DWG as its header and end are.
func drawing(version string, size int) []byte {
	b := append(slicesOf(version, make([]byte, 512-len(version))), noise(size-512)...)
	if version == "AC1015" {
		binary.LittleEndian.PutUint32(b[0x15:], 3)

		for i, begin := range []int{512, size / 2, size - 100} {
			binary.LittleEndian.PutUint32(b[0x19+9*i+1:], uint32(begin))
			binary.LittleEndian.PutUint32(b[0x19+9*i+5:], 100)
		}

		return b
	}

	plain := append([]byte("AcFssFcAJMB\x00"), make([]byte, 0x6C-12)...)
	binary.LittleEndian.PutUint64(plain[0x34:], uint64(size-0x6C))

	seed := uint32(1)
	for i := range plain {
		seed = seed*0x343fd + 0x269ec3
		b[0x80+i] = plain[i] ^ byte(seed>>16)
	}

	return b
}

// compoundFile is a container of so many sectors, its tables first but for the last, which lies
// near the end.
func compoundFile(sectors, sector int) []byte {
	perTable := sector / 4
	tables := (sectors + perTable - 1) / perTable
	b := noise((sectors + 1) * sector)
	copy(b, make([]byte, sector))
	copy(b, compoundMagic)
	shift := uint16(9)
	if sector == 4096 {
		shift = 12
	}

	binary.LittleEndian.PutUint16(b[0x1E:], shift)
	binary.LittleEndian.PutUint32(b[0x2C:], uint32(tables))
	at := func(table int) uint32 { return uint32(sectors - 2 - tables + table) }
	list := 0 // the sector that lists the tables the header has no room for
	binary.LittleEndian.PutUint32(b[0x44:], uint32(list))

	for i := range tables {
		if i < 109 {
			binary.LittleEndian.PutUint32(b[0x4C+4*i:], at(i))
		} else {
			binary.LittleEndian.PutUint32(b[(list+1)*sector+4*(i-109):], at(i))
		}

		table := b[(int(at(i))+1)*sector:]
		for n := range perTable {
			next := uint32(1<<32 - 2) // the end of a chain
			if i*perTable+n >= sectors {
				next = 1<<32 - 1
			}

			binary.LittleEndian.PutUint32(table[4*n:], next)
		}
	}

	return b
}
