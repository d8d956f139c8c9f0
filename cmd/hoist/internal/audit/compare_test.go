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
	"hoist/state/compare"
)

func TestVerdict(t *testing.T) {
	const same, other = "aa", "bb"
	local := func(sha1 string) compare.Local {
		return compare.Local{Presence: compare.Present, Snapshot: compare.Snapshot{Size: 10}, SHA1: sha1}
	}
	gone, none := compare.Local{Presence: compare.Absent}, compare.Tip{Presence: compare.Absent}
	tip := func(number int, size int64, sha1 string) compare.Tip {
		return compare.Tip{Presence: compare.Present, Version: fmt.Sprint("v", number), Number: number,
			Size: size, SHA1: sha1}
	}
	at := func(number int) base {
		return base{Base: compare.Base{Known: true, Version: fmt.Sprint("v", number), Number: number,
			Snapshot: state.Snapshot{Size: 10, ModTime: time.Unix(100, 0)}}}
	}

	for _, tt := range []struct {
		name string
		f    facts
		want string
	}{
		{"all agree", facts{local: local(same), base: at(2), tip: tip(2, 10, same)}, control.VerifyOK},
		{"equal without a record", facts{local: local(same), tip: tip(2, 10, same)}, control.VerifyOK},
		{"equal to a newer version", facts{local: local(same), base: at(1), tip: tip(2, 10, same)},
			control.VerifyOK},
		{"newer there", facts{local: local(same), base: at(1), tip: tip(2, 10, other)},
			control.VerifyNewerRemote},
		{"newer there, of another size", facts{local: local(""), base: at(1), tip: tip(2, 11, "")},
			control.VerifyNewerRemote},
		{"older there", facts{local: local(same), base: at(3), tip: tip(2, 10, other)},
			control.VerifyDiffers},
		{"other size", facts{local: local(""), base: at(2), tip: tip(2, 11, "")}, control.VerifyDiffers},
		{"other content", facts{local: local(same), base: at(2), tip: tip(2, 10, other)},
			control.VerifyDiffers},
		{"other content by its parts", facts{local: local(same), base: at(2), tip: tip(2, 10, otherContent)},
			control.VerifyDiffers},
		{"not read", facts{local: local(""), base: at(2), tip: tip(2, 10, same)}, control.VerifyUnproven},
		{"nothing proves it", facts{local: local(same), base: at(2), tip: tip(2, 10, "")},
			control.VerifyUnproven},
		{"gone here", facts{local: gone, base: at(2), tip: tip(2, 10, "")}, control.VerifyMissingLocal},
		{"gone here, without a record", facts{local: gone, tip: tip(2, 10, "")}, control.VerifyMissingLocal},
		{"gone on both sides", facts{local: gone, base: at(2), tip: none}, control.VerifyMissingLocal},
		{"gone there", facts{local: local(""), base: at(2), tip: none}, control.VerifyMissingRemote},
		{"never published", facts{local: local(""), tip: none}, control.VerifyMissingRemote},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, detail := tt.f.verdict()
			if got != tt.want || (detail == "") != (got == control.VerifyOK) {
				t.Errorf("%s (%s), want %s", got, detail, tt.want)
			}
		})
	}
}

func TestSHAByParts(t *testing.T) {
	a, b := hex.EncodeToString(bytes.Repeat([]byte{1}, 16)), hex.EncodeToString(bytes.Repeat([]byte{2}, 16))
	for _, tt := range []struct {
		name         string
		parts, etags []string
		want         string
	}{
		{"all", []string{a, b}, []string{a, `"` + b + `"`}, "read"},
		{"one altered", []string{a, b}, []string{a, a}, otherContent},
		{"none agrees: perhaps no MD5", []string{a, a}, []string{b, b}, ""},
		{"no MD5", []string{a}, []string{"0123-2"}, ""},
		{"other number of parts", []string{a}, []string{a, b}, ""},
		{"no ETags", nil, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := shaByParts(sums{sha1: "read", parts: tt.parts}, tt.etags); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
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
