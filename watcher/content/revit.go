package content

import (
	"bytes"
	"encoding/binary"
	"io"
)

// revitInfo is what a Revit file says of itself in its stream BasicFileInfo, a text of two bytes a
// character.
type revitInfo struct {
	release string
	local   bool
}

var (
	revitRelease = lazily(`(?:Format: |Autodesk Revit [A-Za-z ]*)(\d{4})`)
	revitLocal   = lazily(`Worksharing: Local\b`)
)

// basicFileInfo finds the stream in the first sector of the container's directory. Where it lies
// elsewhere, nothing is told.
func basicFileInfo(r io.ReaderAt, head []byte, size int64) revitInfo {
	if len(head) < 512 {
		return revitInfo{}
	}

	word := func(b []byte, at int) int64 { return int64(binary.LittleEndian.Uint32(b[at:])) }
	shift := binary.LittleEndian.Uint16(head[0x1E:])
	if shift < 9 || shift > 12 {
		return revitInfo{}
	}

	sector := int64(1) << shift
	read := func(at, n int64) []byte {
		b := make([]byte, max(0, min(n, size-at)))
		if n, err := r.ReadAt(b, at); err != nil || n < len(b) {
			return nil
		}

		return b
	}

	// entries of 128 bytes; the first is the root, whose stream holds the small ones
	const entry, infoMost = 128, 4 << 10

	small := int64(-1)
	directory := read((word(head, 0x30)+1)*sector, sector)
	for ; len(directory) >= entry; directory = directory[entry:] {
		one := directory[:entry]
		start, length := word(one, 0x74), word(one, 0x78)
		name := string(bytes.ReplaceAll(one[:0x40], []byte{0}, nil))
		switch {
		case one[0x42] == 5:
			small = (start + 1) * sector
		case name != "BasicFileInfo":
		case length >= word(head, 0x38):
			return parseInfo(read((start+1)*sector, min(length, infoMost)))
		case small >= 0:
			return parseInfo(read(small+start*64, min(length, infoMost)))
		}
	}

	return revitInfo{}
}

func parseInfo(b []byte) revitInfo {
	text := bytes.ReplaceAll(b, []byte{0}, nil)
	out := revitInfo{local: revitLocal().Match(text)}
	if m := revitRelease().FindSubmatch(text); m != nil {
		out.release = string(m[1])
	}

	return out
}
