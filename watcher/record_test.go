package watcher

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func genRecord(t *rapid.T, name string) record {
	r := record{name: name, dir: rapid.IntRange(0, 9).Draw(t, "kind") == 0}
	if r.dir {
		return r
	}

	r.size = rapid.Int64Range(0, math.MaxInt64).Draw(t, "size")
	r.mtime = rapid.Int64().Draw(t, "mtime")
	r.ctime = rapid.SampledFrom([]int64{0, 1, -5, math.MaxInt64, r.mtime}).Draw(t, "ctime")
	r.ino = rapid.Uint64().Draw(t, "ino")

	return r
}

func TestRecordsSurviveTheirEncoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringN(1, 40, 200), 0, 50, rapid.ID).Draw(t, "names")
		slices.Sort(names)

		var want []record
		for _, n := range names {
			want = append(want, genRecord(t, n))
		}

		got, err := decode(encode(want)...)
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("got %v, %v, want %v", got, err, want)
		}
	})
}

func TestEncodeSplitsByName(t *testing.T) {
	var recs []record
	for i := range 5000 {
		recs = append(recs, record{name: fmt.Sprintf("detail %06d at 1 to 50.dwg", i), size: int64(i) * 1000,
			mtime: int64(i) * 1e9, ctime: int64(i)*1e9 + 3, ino: uint64(i)})
	}

	chunks := encode(recs)
	if len(chunks) < 2 {
		t.Fatalf("got %d chunks, want several", len(chunks))
	}

	for i, c := range chunks {
		first, err := decode(c)
		if err != nil || first[0].name != c.First || len(c.Data) > chunkMax {
			t.Errorf("chunk %d: First %q, %d bytes, %v", i, c.First, len(c.Data), err)
		}
	}

	if got, err := decode(chunks...); err != nil || !slices.Equal(got, recs) {
		t.Errorf("the chunks do not hold what was encoded: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, c := range encode([]record{{name: "a", dir: true},
		{name: "ab", size: 5, mtime: 7, ctime: 9, ino: 11}}) {
		f.Add(c.Data)
	}

	f.Add([]byte{chunkVersion, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Add([]byte{2})
	f.Fuzz(func(t *testing.T, data []byte) {
		recs, err := decode(Chunk{Data: data})
		if err == nil && len(recs) == 0 && len(data) > 1 {
			t.Errorf("%d bytes held nothing and no error was reported", len(data))
		}
	})
}
