package state

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// everything is a record with a field of each kind.
type everything struct {
	Rel   string          `json:"rel" n:"1,ref"`
	Path  string          `json:"path" n:"2"`
	At    time.Time       `json:"at" n:"3"`
	Inner *snapshotRecord `json:"inner" n:"4"`
	Value intentRecord    `json:"value" n:"5"`
	List  []string        `json:"list" n:"6"`
	Yes   bool            `json:"yes" n:"7"`
	Size  int64           `json:"size" n:"8"`
	Again time.Time       `json:"again" n:"9"`
}

// TestRecordsComeBack: what is written is read, from JSON too, and by a reader that knows no field.
func TestRecordsComeBack(t *testing.T) {
	text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[0-9a-f]{0,40}`),
		rapid.StringMatching(`(b[.]|urn:adsk[.]objects:os[.]object:wip[.]dm[.]prod/)?`+
			`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}([.]dwg)?`),
		rapid.StringMatching(`(urn:adsk[.]wipprod:dm[.]lineage:)?[0-9A-Za-z_-]{22}`),
		rapid.SampledFrom(beginnings), rapid.StringMatching(`(aps://|path-|)[a-z/]{0,20}Level 1/plan.dwg`))
	at := rapid.Custom(func(t *rapid.T) time.Time {
		return stored(time.Unix(rapid.Int64Range(-62135596800, 253402300799).Draw(t, "s"),
			rapid.Int64Range(0, 999999999).Draw(t, "ns")))
	})
	rapid.Check(t, func(t *rapid.T) {
		in := everything{
			Rel: text.Draw(t, "rel"), Path: text.Draw(t, "path"), At: at.Draw(t, "at"),
			Again: at.Draw(t, "again"),
			Value: intentRecord{Name: text.Draw(t, "name"), Time: at.Draw(t, "time")},
			List:  rapid.SliceOf(text).Draw(t, "list"), Yes: rapid.Bool().Draw(t, "yes"),
			Size: rapid.Int64().Draw(t, "size"),
		}
		if rapid.Bool().Draw(t, "inner") {
			in.Inner = &snapshotRecord{Size: 1, ModTime: at.Draw(t, "mtime"), FileID: text.Draw(t, "id")}
		}

		if len(in.List) == 0 {
			in.List = nil
		}

		ref := text.Draw(t, "ref")
		var out everything
		b := encodeRecord(in, ref)
		if err := decodeRecord(b, &out, ref); err != nil || !reflect.DeepEqual(in, out) {
			t.Fatalf("%v\n%+v\n%+v", err, in, out)
		}

		if err := decodeRecord(b, new(struct{}), ref); err != nil {
			t.Fatalf("a reader that knows no field: %v", err)
		}

		for n := range b { // cut anywhere it must be an error or less, never a panic
			_ = decodeRecord(b[:n], new(everything), ref)
		}

		if j, err := json.Marshal(in); err == nil && !strings.Contains(string(j), `\ufffd`) {
			out = everything{}
			if err := decodeRecord(j, &out, ref); err != nil || !reflect.DeepEqual(in, out) {
				t.Fatalf("from JSON: %v\n%+v\n%+v", err, in, out)
			}
		}
	})
}

// FuzzRecord: whatever lies in the file, it is read without a panic.
func FuzzRecord(f *testing.F) {
	j := uploadJob(1)
	f.Add(encodeJob(j))
	f.Add([]byte{compactMark, 4<<2 | wireNested, 200})
	f.Fuzz(func(_ *testing.T, b []byte) {
		_, _ = decodeJob("x", b)
		_, _ = historyLines(make([]byte, 16), b)
		_, _ = receiptLine(make([]byte, 8), b)
	})
}

// TestRecordsAreCompact: what a text shares with the beginnings and the reference is not repeated.
func TestRecordsAreCompact(t *testing.T) {
	const rel = "Tower/Level 03/drawing-00017.dwg"
	b := encodeRecord(publishedRecord{Remote: "aps://Hub/Project/Files/" + rel,
		Item: "urn:adsk.wipprod:dm.lineage:abcdefghijklmnopqrstuv",
		Snapshot: snapshotRecord{Size: 1 << 20, ModTime: time.Unix(1.7e9, 1),
			ChangeTime: time.Unix(1.7e9, 2)},
		ETags: []string{"d41d8cd98f00b204e9800998ecf8427e"}, At: time.Unix(1.7e9, 3)}, rel)
	if len(b) > 130 {
		t.Errorf("a record of %d bytes: %q", len(b), b)
	}

	var r publishedRecord
	if err := decodeRecord(b, &r, rel); err != nil || r.Remote != "aps://Hub/Project/Files/"+rel {
		t.Errorf("%+v %v", r, err)
	}
}

// TestVersionsOfARecordComeBack, those that item and number tell and others, which are written as they
// are.
func TestVersionsOfARecordComeBack(t *testing.T) {
	const item = "urn:adsk.wipprod:dm.lineage:hC6k4hndRWaeIVhIjvHu8w"
	for version, most := range map[string]int{
		"urn:adsk.wipprod:fs.file:vf.hC6k4hndRWaeIVhIjvHu8w?version=3": 55,
		"urn:adsk.wipprod:fs.file:vf.hC6k4hndRWaeIVhIjvHu8w?version=4": 100,
		"urn:adsk.wipemea:fs.file:vf.other?version=3":                  100,
		"": 55,
	} {
		want := PublishedRecord{Root: "w", Rel: "a", Item: item, Version: version, Number: 3, At: epoch}
		b := encodePublished(want)
		var r publishedRecord
		if err := decodeRecord(b, &r, "a"); err != nil || !reflect.DeepEqual(r.record("w", "a"), want) ||
			len(b) > most {
			t.Errorf("%d bytes: %+v, %v\nwant %+v", len(b), r.record("w", "a"), err, want)
		}
	}
}

// TestStoragesOfARecordComeBack, those that the address tells and others.
func TestStoragesOfARecordComeBack(t *testing.T) {
	const object = "urn:adsk.objects:os.object:"
	for _, c := range []struct {
		remote, storage string
		most            int
	}{
		{"oss://drawings/2026/a b.dwg", object + "drawings/2026/a b.dwg", 45},
		{"oss://drawings/2026/a b.dwg", object + "drawings/2026%2Fa%20b.dwg", 70},
		{"oss://drawings/2026/a b.dwg", object + "others/2026/a b.dwg", 60},
		{"oss://drawings/2026/a b.dwg", "", 45},
		{"aps://Hub/a", object + "wip.dm.prod/a", 60},
	} {
		want := PublishedRecord{Root: "w", Rel: "2026/a b.dwg", Remote: c.remote,
			Storage: c.storage, At: epoch}
		b := encodePublished(want)
		var r publishedRecord
		if err := decodeRecord(b, &r, want.Rel); err != nil ||
			!reflect.DeepEqual(r.record("w", want.Rel), want) ||
			len(b) > c.most {
			t.Errorf("%d bytes: %+v, %v\nwant %+v", len(b), r.record("w", want.Rel), err, want)
		}
	}
}

// TestNumbersOfFieldsAreUnique: a number means one field for ever.
func TestNumbersOfFieldsAreUnique(t *testing.T) {
	for _, r := range []any{snapshotRecord{}, targetRecord{}, intentRecord{}, jobRecord{}, partRecord{},
		historyRecord{}, endedRecord{}, publishedRecord{}, receiptRecord{}, sharedRecord{}} {
		typ := reflect.TypeOf(r)
		seen := map[uint64]bool{}
		for _, f := range planOf(typ).fields {
			if seen[f.number] {
				t.Errorf("%s: number %d twice", typ, f.number)
			}

			seen[f.number] = true
		}

		unnumbered := 0
		if typ.Name() == "jobRecord" || typ.Name() == "receiptRecord" {
			unnumbered = 1 // what the key says
		}

		if len(seen) != typ.NumField()-unnumbered {
			t.Errorf("%s: %d of %d fields have a number", typ, len(seen), typ.NumField())
		}
	}
}
