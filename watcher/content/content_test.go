package content

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"unicode/utf16"
)

func TestJudge(t *testing.T) {
	fine := func(kind, release string) Report { return Report{Kind: kind, Release: release} }
	noise := random(20 << 10)
	rvt2024 := revit("Format: 2024\r\nBuild: 1")
	rvt2017 := revit("Revit Build: Autodesk Revit Architecture 2017 (Build: 1)")
	for _, row := range []struct {
		name string
		data []byte
		want Report
	}{
		{"r14.dwg", drawing("AC1014"), fine("dwg", "AC1014")},
		{"2000.DWG", drawing("AC1015"), fine("dwg", "AC1015")},
		{"2007.dwg", drawing("AC1021"), fine("dwg", "AC1021")},
		{"2018.dwg", drawing("AC1032"), fine("dwg", "AC1032")},
		{"of a release to come.dwt", drawing("AC1035"), fine("dwg", "AC1035")},
		{"release 10.dwg", drawing("AC1006"), fine("dwg", "AC1006")},
		{"release 2.dwg", drawing("AC2.10"), fine("dwg", "AC2.10")},
		{"noise.dwg", noise, Report{Sign: OtherKind}},
		{"a page of a portal.dwg", []byte("<!DOCTYPE html><html>please sign in</html>"),
			Report{Sign: OtherKind}},
		{"zeros.dwg", make([]byte, 20<<10), Report{Sign: Zeros}},
		{"the rest was made room for.dwg", append(drawing("AC1032"), make([]byte, 4<<10)...),
			Report{Kind: "dwg", Release: "AC1032", Sign: CutOff}},
		{"text.dxf", join("  0\r\nSECTION\r\n  2\r\nHEADER\r\n  9\r\n$ACADVER\r\n  1\r\nAC1032\r\n"),
			fine("dxf", "AC1032")},
		{"comment.dxf", join("999\nmade by\n0\nSECTION\n"), fine("dxf", "")},
		{"binary.dxf", join("AutoCAD Binary DXF\r\n\x1a\x00", noise), fine("dxf", "")},
		{"noise.dxf", noise, Report{Sign: OtherKind}},
		{"2024.rvt", rvt2024, fine("revit", "2024")},
		{"2017.rfa", rvt2017, fine("revit", "2017")},
		{"large info.rvt", revit("Format: 2025" + string(make([]byte, 3000))), fine("revit", "2025")},
		{"local.rvt", revit("Worksharing: Local\r\nFormat: 2024"),
			Report{Kind: "revit", Release: "2024", Sign: LocalCopy}},
		{"central.rvt", revit("Worksharing: Central\r\nFormat: 2024"), fine("revit", "2024")},
		{"cut off.rvt", rvt2024[:len(rvt2024)-1000], Report{Kind: "revit", Release: "2024", Sign: CutOff}},
		{"noise.rvt", noise, Report{Sign: OtherKind}},
		{"part.ipt", revit(""), fine("inventor", "")},
		{"model.ifc", join("ISO-10303-21;\n", noise, "END-ISO-10303-21;\n"), fine("step", "")},
		{"bom.stp", join("\xef\xbb\xbfISO-10303-21;\n", noise, "END-ISO-10303-21;\n"), fine("step", "")},
		{"cut off.ifc", join("ISO-10303-21;\n", noise), Report{Kind: "step", Sign: CutOff}},
		{"noise.ifc", noise, Report{Sign: OtherKind}},
		{"sheet.pdf", join("%PDF-1.7\n", noise, "%%EOF\n"), fine("pdf", "")},
		{"junk before.pdf", join("junk\n%PDF-1.7\n", noise, "%%EOF\n"), fine("pdf", "")},
		{"cut off.pdf", join("%PDF-1.7\n", noise), Report{Kind: "pdf", Sign: CutOff}},
		{"noise.pdf", noise, Report{Sign: OtherKind}},
		{"fees.xlsx", zipped(t, ""), fine("zip", "")},
		{"long comment.zip", zipped(t, string(make([]byte, 50<<10))), fine("zip", "")},
		{"cut off.docx", zipped(t, "")[:20<<10], Report{Kind: "zip", Sign: CutOff}},
		{"noise.xlsx", noise, Report{Sign: OtherKind}},
		{"plot.dwf", join("(DWF V06.00)PK\x03\x04", noise), fine("dwf", "")},
		{"photo.jpg", join("\xff\xd8\xff\xe1", noise), fine("jpeg", "")},
		{"noise.jpeg", noise, Report{Sign: OtherKind}},
		{"image.png", join("\x89PNG\r\n\x1a\n", noise), fine("png", "")},
		{"scan.tif", join("II*\x00", noise), fine("tiff", "")},
		{"image.gif", join("GIF89a", noise), fine("gif", "")},
		{"house.skp",
			join("\xff\xfe\xff\x0e", wide("SketchUp Model"), "\xff\xfe\xff\x0a", wide("{21.0.339}"), noise),
			fine("sketchup", "21")},
		{"noise.skp", noise, Report{Sign: OtherKind}},
		{"facade.3dm", join("3D Geometry File Format       70", noise), fine("rhino", "70")},
		{"noise.3dm", noise, Report{Sign: OtherKind}},
		{"scan.e57", join("ASTM-E57", noise), fine("e57", "")},
		{"scan.laz", join("LASF", noise), fine("las", "")},
		{"not documented.nwd", noise, Report{}},
		{"zeros.nwc", make([]byte, 10<<10), Report{Sign: Zeros}},
		{"zeros behind.nwd", join(noise, make([]byte, 4<<10)), Report{Sign: CutOff}},
		{"not documented.dgn", noise, Report{}},
		{"unknown.xyz", make([]byte, 10<<10), Report{}},
		{"no extension", noise, Report{}},
		{"empty.dwg", nil, Report{}},
	} {
		t.Run(row.name, func(t *testing.T) {
			in := &counted{r: bytes.NewReader(row.data)}
			if got, err := Judge(row.name, int64(len(row.data)), in); got != row.want || err != nil {
				t.Errorf("got %+v %v, want %+v", got, err, row.want)
			}

			if in.bytes > Most {
				t.Errorf("%d bytes were read, want %d at most", in.bytes, Most)
			}
		})
	}
}

// TestJudgeReadsLittle: whatever a header points to, no more is read than may be.
func TestJudgeReadsLittle(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)

	r := rand.New(rand.NewPCG(seed, 1))
	data := append([]byte(compoundMagic), make([]byte, 16<<20)...)
	for at := 512; at <= len(data); at += 512 { // each list of tables leads to the next sector
		binary.LittleEndian.PutUint32(data[at-4:], uint32(at/512))
	}

	for range 200 {
		binary.LittleEndian.PutUint16(data[0x1E:], uint16(9+r.IntN(2)*r.IntN(9)))
		binary.LittleEndian.PutUint32(data[0x2C:], r.Uint32N(uint32(len(data)/512)))
		binary.LittleEndian.PutUint32(data[0x30:], r.Uint32N(100))
		binary.LittleEndian.PutUint32(data[0x44:], r.Uint32N(100))
		in := &counted{r: bytes.NewReader(data)}
		if _, err := Judge("model.rvt", int64(len(data)), in); err != nil || in.bytes > Most {
			t.Fatalf("%d bytes were read, %v", in.bytes, err)
		}
	}
}

func TestJudgeErrors(t *testing.T) {
	data := drawing("AC1032")
	if got, err := Judge("a.dwg", int64(len(data))+100, bytes.NewReader(data[:1000])); got.Sign != CutOff ||
		err != nil {
		t.Errorf("shorter by now: %+v %v", got, err)
	}

	broken := errors.New("broken")
	if _, err := Judge("a.dwg", 100, &counted{err: broken}); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
}

func TestNewerThan(t *testing.T) {
	for _, row := range []struct {
		before Report
		now    Report
		want   bool
	}{
		{Report{Kind: "dwg", Release: "AC1027"}, Report{Kind: "dwg", Release: "AC1032"}, true},
		{Report{Kind: "dwg", Release: "AC1032"}, Report{Kind: "dwg", Release: "AC1027"}, false},
		{Report{Kind: "dwg", Release: "AC1032"}, Report{Kind: "dwg", Release: "AC1032"}, false},
		{Report{Kind: "revit", Release: "2023"}, Report{Kind: "revit", Release: "2024"}, true},
		{Report{Kind: "rhino", Release: "70"}, Report{Kind: "rhino", Release: "8"}, false},
		{Report{Kind: "revit"}, Report{Kind: "revit", Release: "2024"}, false},
		{Report{Kind: "dxf", Release: "AC1027"}, Report{Kind: "dwg", Release: "AC1032"}, false},
		{Report{Sign: OtherKind}, Report{Kind: "dwg", Release: "AC1032"}, false},
	} {
		if got := row.now.NewerThan(row.before.Mark()); got != row.want {
			t.Errorf("%+v after %q: %v, want %v", row.now, row.before.Mark(), got, row.want)
		}
	}
}

func TestMark(t *testing.T) {
	for _, row := range []struct {
		report Report
		mark   string
		fitted bool
	}{
		{Report{Kind: "dwg", Release: "AC1032"}, "dwg AC1032", true},
		{Report{Kind: "pdf"}, "pdf", true},
		{Report{Sign: OtherKind}, "-", false},
		{Report{}, "-", false},
	} {
		if got := row.report.Mark(); got != row.mark || Fitted(got) != row.fitted {
			t.Errorf("%+v: %q fitted %v, want %q %v", row.report, got, Fitted(got), row.mark, row.fitted)
		}
	}

	if !Fitted("") {
		t.Error("content that was never judged counts as one that did not fit")
	}
}

// counted reads, and counts the bytes that were asked for.
type counted struct {
	r     io.ReaderAt
	err   error
	bytes int
}

func (c *counted) ReadAt(p []byte, off int64) (int, error) {
	c.bytes += len(p)
	if c.err != nil {
		return 0, c.err
	}

	return c.r.ReadAt(p, off)
}

func random(n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(r.Uint32())
	}

	return b
}

func join(parts ...any) (out []byte) {
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

func wide(s string) (out []byte) {
	for _, u := range utf16.Encode([]rune(s)) {
		out = binary.LittleEndian.AppendUint16(out, u)
	}

	return out
}

// drawing is as much of a DWG as tells its release, with a header that says nothing about its end.
func drawing(release string) []byte {
	b := random(8 << 10)
	copy(b, release)
	if release == "AC1014" || release == "AC1015" {
		binary.LittleEndian.PutUint32(b[0x15:], 1)
		binary.LittleEndian.PutUint32(b[0x19+1:], 512)
		binary.LittleEndian.PutUint32(b[0x19+5:], 100)
	}

	return b
}

func zipped(t *testing.T, comment string) []byte {
	t.Helper()

	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.CreateHeader(&zip.FileHeader{Name: "a"})
	if err == nil {
		_, err = f.Write(random(30 << 10))
	}

	if err := errors.Join(err, w.SetComment(comment), w.Close()); err != nil {
		t.Fatal(err)
	}

	return b.Bytes()
}

// revit is a container of sectors of 512 bytes with one stream, BasicFileInfo: sector 0 is its
// table, 1 the directory, those from 2 on the stream or, if it is small, all small streams.
func revit(info string) []byte {
	const sector, most = 512, 4096

	stream := wide(info)
	sectors := 2 + (len(stream)+sector-1)/sector + 1
	b := make([]byte, (sectors+1)*sector)
	copy(b, compoundMagic)
	put := binary.LittleEndian.PutUint32
	binary.LittleEndian.PutUint16(b[0x1E:], 9)
	put(b[0x2C:], 1)
	put(b[0x30:], 1)
	put(b[0x38:], most)

	table := b[sector : 2*sector]
	for i := range sector / 4 {
		put(table[4*i:], 1<<32-1) // free
	}

	for i := range sectors {
		put(table[4*i:], 1<<32-2)
	}

	directory := b[2*sector : 3*sector]
	entry := func(n int, name string, kind byte, start, length int) {
		e := directory[n*128:]
		copy(e, wide(name))
		e[0x42] = kind
		put(e[0x74:], uint32(start))
		put(e[0x78:], uint32(length))
	}
	start := 0
	if len(stream) >= most {
		start = 2
	}

	entry(0, "Root Entry", 5, 2, len(stream))
	entry(1, "BasicFileInfo", 2, start, len(stream))
	copy(b[3*sector:], stream)

	return b
}
