package audit

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"hoist/cmd/hoist/internal/control"
	"hoist/state"
	"hoist/transfer/remote"
)

func TestJudge(t *testing.T) {
	local := &state.Snapshot{Size: 10, ModTime: time.Unix(100, 0)}

	tip := func(number int, size int64) *remote.Entry {
		return &remote.Entry{VersionID: fmt.Sprint("v", number), VersionNumber: number, Size: size}
	}
	base := func(number int) *base {
		return &base{version: fmt.Sprint("v", number), number: number, snapshot: *local}
	}
	for _, tt := range []struct {
		name string
		f    facts
		want string
	}{
		{"all agree", facts{local, base(2), tip(2, 10), equal}, control.VerifyOK},
		{"equal without a record", facts{local, nil, tip(2, 10), equal}, control.VerifyOK},
		{"equal to a newer version", facts{local, base(1), tip(2, 10), equal}, control.VerifyOK},
		{"newer there", facts{local, base(1), tip(2, 10), different}, control.VerifyNewerRemote},
		{"newer there, of another size", facts{local, base(1), tip(2, 11), unproven},
			control.VerifyNewerRemote},
		{"older there", facts{local, base(3), tip(2, 10), different}, control.VerifyDiffers},
		{"other size", facts{local, base(2), tip(2, 11), unproven}, control.VerifyDiffers},
		{"other content", facts{local, base(2), tip(2, 10), different}, control.VerifyDiffers},
		{"nothing proves it", facts{local, base(2), tip(2, 10), unproven}, control.VerifyUnproven},
		{"gone here", facts{nil, base(2), tip(2, 10), unproven}, control.VerifyMissingLocal},
		{"gone on both sides", facts{nil, base(2), nil, unproven}, control.VerifyMissingLocal},
		{"gone there", facts{local, base(2), nil, unproven}, control.VerifyMissingRemote},
		{"never published", facts{local, nil, nil, unproven}, control.VerifyMissingRemote},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, detail := judge(tt.f)
			if got != tt.want || (detail == "") != (got == control.VerifyOK) {
				t.Errorf("%s (%s), want %s", got, detail, tt.want)
			}
		})
	}
}

func TestCompareParts(t *testing.T) {
	a, b := hex.EncodeToString(bytes.Repeat([]byte{1}, 16)), hex.EncodeToString(bytes.Repeat([]byte{2}, 16))
	for _, tt := range []struct {
		name         string
		parts, etags []string
		want         proof
	}{
		{"all", []string{a, b}, []string{a, `"` + b + `"`}, equal},
		{"one altered", []string{a, b}, []string{a, a}, different},
		{"none agrees: perhaps no MD5", []string{a, a}, []string{b, b}, unproven},
		{"no MD5", []string{a}, []string{"0123-2"}, unproven},
		{"other number of parts", []string{a}, []string{a, b}, unproven},
		{"no ETags", nil, nil, unproven},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := compareParts(tt.parts, tt.etags); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

func TestReadSums(t *testing.T) {
	const part = 1<<20 + 7
	for _, size := range []int{0, 1, part - 1, part, part + 1, 3 * part} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			data := bytes.Repeat([]byte("hoist"), size/5+1)[:size]
			path := filepath.Join(t.TempDir(), "f")
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}

			var want []string
			for at := 0; at < size || at == 0; at += part {
				sum := md5.Sum(data[at:min(at+part, size)])
				want = append(want, hex.EncodeToString(sum[:]))
			}

			got, err := readSums(t.Context(), path, part)
			whole := sha1.Sum(data)
			if err != nil || got.sha1 != hex.EncodeToString(whole[:]) ||
				fmt.Sprint(got.parts) != fmt.Sprint(want) {
				t.Errorf("%v, %v; want %v", got, err, want)
			}
		})
	}
}

// TestExportGoesOn: what a crash left at the end is written over, what the state does not know is
// kept.
func TestExportGoesOn(t *testing.T) {
	receipts := []state.Receipt{{Seq: 3, Line: []byte(`{"seq":3}`)}, {Seq: 4, Line: []byte(`{"seq":4}`)}}
	const before = "{\"seq\":1}\n{\"seq\":2}\n"
	for _, tt := range []struct {
		name, content string
		size          int64
		want          int64
		aside         bool
	}{
		{"nothing yet", "", 0, 0, false},
		{"as recorded", before, 20, 20, false},
		{"a torn line", before + `{"se`, 20, 20, false},
		{"a line that the power cut left as garbage", before + "\x00\x00\x00", 20, 20, false},
		{"written and not recorded", before + "{\"seq\":3}\n", 20, 20, false},
		{"moved away", "", 20, 0, false},
		{"cut short", `{"x":1}`, 20, 0, true},
		{"lines of a state that is lost", before + "{\"seq\":3,\"other\":1}\n", 20, 0, true},
		{"a new state beside an old file", before, 0, 0, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "receipts.jsonl")
			if tt.content != "" {
				if err := os.WriteFile(path, []byte(tt.content), 0o600); err != nil {
					t.Fatal(err)
				}
			}

			got, whole, err := goOnAt(path, tt.size, receipts)
			kept, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "receipts-until-*"))
			if lost := tt.name == "moved away" || tt.name == "cut short"; whole == lost {
				t.Errorf("what was exported is whole: %v", whole)
			}

			if err != nil || got != tt.want || (len(kept) == 1) != tt.aside {
				t.Errorf("%d, %v, kept aside %v; want %d, %v", got, err, kept, tt.want, tt.aside)
			}
		})
	}
}
