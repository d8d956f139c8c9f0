package state

import (
	"bytes"
	"encoding/binary"
	"hash/fnv"
	"os"
	"path/filepath"
	"testing"

	"hoist/state/boltfile"
)

// FuzzPages feeds the page reader a state with bytes overwritten and the checksums of its meta
// pages made right again: whatever the file says, it must end, without a panic.
func FuzzPages(f *testing.F) {
	base, err := os.ReadFile(filepath.Join("testdata", "state-v1.db"))
	if err != nil {
		f.Fatal(err)
	}

	metas, _ := boltfile.ReadMetas(bytes.NewReader(base))
	const pageHeader = 16
	size := metas[0].PageSize
	f.Add([]byte(nil))
	f.Add([]byte{0, 0, 32, 0xff, 0, 1, 32, 3})
	f.Add([]byte{3, 0, 8, 1, 3, 0, 10, 0xff, 3, 0, 12, 200})
	f.Fuzz(func(t *testing.T, edits []byte) {
		b := bytes.Clone(base)
		for ; len(edits) >= 4; edits = edits[4:] { // page, two bytes of offset, value
			off := int(edits[0])*size + int(edits[1])<<8 + int(edits[2])
			b[off%len(b)] = edits[3]
		}

		for _, at := range []int{0, size} {
			h := fnv.New64a()
			h.Write(b[at+pageHeader : at+pageHeader+56])
			binary.LittleEndian.PutUint64(b[at+pageHeader+56:], h.Sum64())
		}

		in := bytes.NewReader(b)
		metas, _ := boltfile.ReadMetas(in)
		for _, m := range metas {
			check(in, int64(len(b)), m, true)
		}
	})
}
