package compare_test

import (
	"testing"
	"time"

	"hoist/state/compare"

	"pgregory.net/rapid"
)

var at = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func snap(size int64, changed time.Duration) compare.Snapshot {
	return compare.Snapshot{Size: size, ModTime: at, ChangeTime: at.Add(changed), FileID: "1:2"}
}

func saved(size int64) compare.Snapshot {
	return compare.Snapshot{Size: size, ModTime: at.Add(time.Hour), ChangeTime: at.Add(time.Hour),
		FileID: "1:2"}
}

func local(s compare.Snapshot, sha1 string) compare.Local {
	return compare.Local{Presence: compare.Present, Snapshot: s, SHA1: sha1}
}

func TestJudge(t *testing.T) {
	base := compare.Base{Known: true, Snapshot: snap(9, 0), SHA1: "aa", Item: "i", Version: "v2", Number: 2,
		Storage: "s2"}
	plain := base
	plain.SHA1 = "" // of a service that tells none
	object := compare.Base{Known: true, Snapshot: snap(9, 0), SHA1: "aa", Storage: "urn:b/k"}
	gone := compare.Local{Presence: compare.Absent}
	none := compare.Tip{Presence: compare.Absent}
	tip := func(version string, number int, size int64, sha1, storage string) compare.Tip {
		return compare.Tip{Presence: compare.Present, Size: size, SHA1: sha1, Item: "i", Version: version,
			Number: number, Storage: storage}
	}
	other := tip("w1", 1, 9, "", "s9")
	other.Item = "another"
	oss := func(size int64, sha1 string) compare.Tip {
		return compare.Tip{Presence: compare.Present, Size: size, SHA1: sha1, Storage: "urn:b/k"}
	}

	same, v2 := local(snap(9, 0), ""), tip("v2", 2, 9, "", "s2")
	for _, c := range []struct {
		name        string
		local       compare.Local
		base        compare.Base
		tip         compare.Tip
		want        compare.Verdict
		cause       compare.Cause
		here, there compare.Side
	}{
		{"untouched", same, base, v2, compare.Equal, "", compare.SideSame, compare.SideSame},
		{"untouched, no hashes", same, plain, v2, compare.Equal, "", compare.SideSame, compare.SideSame},
		{"shown late", same, base, tip("v1", 1, 8, "", "s1"), compare.Equal, "", compare.SideSame,
			compare.SideLate},
		{"saved, shown late", local(saved(7), ""), base, tip("v1", 1, 7, "", "s1"), compare.OursNewer, "",
			compare.SideChanged, compare.SideLate},
		{"saved, shown late, saved back to what is shown", local(saved(7), "bb"), base,
			tip("v1", 1, 7, "bb", "s1"), compare.OursNewer, "", compare.SideChanged, compare.SideLate},
		{"saved", local(saved(7), ""), base, v2, compare.OursNewer, "", compare.SideChanged,
			compare.SideSame},
		{"saved, same size, no hashes", local(saved(9), ""), plain, v2, compare.OursNewer, "",
			compare.SideChanged, compare.SideSame},
		{"saved, same size", local(saved(9), ""), base, v2, compare.Unknown, compare.LocalUnread,
			compare.SideUnsure, compare.SideSame},
		{"saved, same bytes", local(saved(9), "AA"), base, v2, compare.Equal, "", compare.SideSame,
			compare.SideSame},
		{"only the change time moved", local(snap(9, time.Hour), ""), base, v2, compare.Unknown,
			compare.LocalUnread, compare.SideUnsure, compare.SideSame},
		{"only the change time moved, no hashes", local(snap(9, time.Hour), ""), plain, v2, compare.Unknown,
			compare.TipUnproven, compare.SideUnsure, compare.SideSame},
		{"other bytes under the same times", local(snap(9, 0), "bb"), base, v2, compare.OursNewer, "",
			compare.SideChanged, compare.SideSame},
		{"a newer version", same, base, tip("v3", 3, 9, "", "s3"), compare.TheirsNewer, "",
			compare.SideSame, compare.SideChanged},
		{"a newer version of the same bytes", same, base, tip("v3", 3, 9, "aa", "s3"), compare.Equal, "",
			compare.SideSame, compare.SideRenewed},
		{"a newer version of the same storage", same, plain, tip("v3", 3, 9, "", "s2"), compare.Equal, "",
			compare.SideSame, compare.SideRenewed},
		{"another item has the name", same, base, other, compare.TheirsNewer, "", compare.SideSame,
			compare.SideOther},
		{"both saved", local(saved(7), ""), base, tip("v3", 3, 8, "", "s3"), compare.BothChanged, "",
			compare.SideChanged, compare.SideChanged},
		{"both saved the same", local(saved(7), "bb"), base, tip("v3", 3, 7, "bb", "s3"), compare.Equal, "",
			compare.SideChanged, compare.SideChanged},
		{"both saved, same size, unread", local(saved(7), ""), base, tip("v3", 3, 7, "bb", "s3"),
			compare.Unknown, compare.LocalUnread, compare.SideChanged, compare.SideChanged},
		{"both saved, same size, unproven", local(saved(7), "bb"), base, tip("v3", 3, 7, "", "s3"),
			compare.Unknown, compare.TipUnproven, compare.SideChanged, compare.SideChanged},
		{"a tip without a version", same, base, tip("", 0, -1, "", ""), compare.Unknown,
			compare.TipUnproven, compare.SideSame, compare.SideUnsure},
		{"gone here", gone, base, v2, compare.GoneHere, "", compare.SideGone, compare.SideSame},
		{"gone there", same, base, none, compare.GoneThere, "", compare.SideSame, compare.SideGone},
		{"gone at both ends", gone, base, none, compare.GoneBoth, "", compare.SideGone, compare.SideGone},
		{"never anywhere", gone, compare.Base{}, none, compare.GoneBoth, "", compare.SideGone,
			compare.SideGone},
		{"new here", same, compare.Base{}, none, compare.OursNewer, "", compare.SideNew, compare.SideGone},
		{"new there", gone, compare.Base{}, v2, compare.TheirsNewer, "", compare.SideGone, compare.SideNew},
		{"at both ends, no base, equal", local(snap(9, 0), "aa"), compare.Base{}, tip("v2", 2, 9, "AA", ""),
			compare.Equal, "", compare.SideNew, compare.SideNew},
		{"at both ends, no base, different", same, compare.Base{}, tip("v2", 2, 8, "", ""), compare.Unknown,
			compare.NoBase, compare.SideNew, compare.SideNew},
		{"at both ends, no base, unread", same, compare.Base{}, tip("v2", 2, 9, "aa", ""), compare.Unknown,
			compare.LocalUnread, compare.SideNew, compare.SideNew},
		{"at both ends, no base, unproven", same, compare.Base{}, v2, compare.Unknown, compare.TipUnproven,
			compare.SideNew, compare.SideNew},
		{"object, untouched", same, object, oss(9, "AA"), compare.Equal, "", compare.SideSame,
			compare.SideSame},
		{"object, written by another", same, object, oss(9, "bb"), compare.TheirsNewer, "",
			compare.SideSame, compare.SideChanged},
		{"object, its key proves nothing", same, object, oss(9, ""), compare.Unknown, compare.TipUnproven,
			compare.SideSame, compare.SideUnsure},
		{"object, saved here", local(saved(7), ""), object, oss(9, "aa"), compare.OursNewer, "",
			compare.SideChanged, compare.SideSame},
		{"the cloud was not asked", same, base, compare.Tip{}, compare.Unknown, compare.TipUnseen,
			compare.SideSame, compare.SideUnseen},
		{"the disk was not asked", compare.Local{}, base, v2, compare.Unknown, compare.LocalUnseen,
			compare.SideUnseen, compare.SideSame},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := compare.Judge(c.local, c.base, c.tip)
			want := compare.Result{Verdict: c.want, Cause: c.cause, Here: c.here, There: c.there}
			if got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

// world is what is true: which content each end and the base have. Contents 0 and 1 have one size.
type world struct {
	local, base, tip int // -1 absent or none
	saved            bool
	late, object     bool
}

func size(content int) int64 { return int64(10 + content/2) }

func sum(content int) string { return string(rune('a' + content)) }

// seen shows a world to Judge, with as many hashes as the world tells.
func (w world) seen(local, base, tip bool) (compare.Local, compare.Base, compare.Tip) {
	hash := func(content int, known bool) string {
		if !known {
			return ""
		}

		return sum(content)
	}
	l := compare.Local{Presence: compare.Absent}
	if w.local >= 0 {
		s := snap(size(w.local), 0)
		if w.saved {
			s = saved(size(w.local))
		}

		l = compare.Local{Presence: compare.Present, Snapshot: s, SHA1: hash(w.local, local)}
	}

	b := compare.Base{}
	if w.base >= 0 {
		b = compare.Base{Known: true, Snapshot: snap(size(w.base), 0), SHA1: hash(w.base, base)}
		if !w.object {
			b.Item, b.Version, b.Number, b.Storage = "i", "v5", 5, "s5"
		}
	}

	t := compare.Tip{Presence: compare.Absent}
	if w.tip >= 0 {
		t = compare.Tip{Presence: compare.Present, Size: size(w.tip), SHA1: hash(w.tip, tip)}
		switch {
		case w.object:
		case w.late:
			t.Item, t.Version, t.Number, t.Storage = "i", "v4", 4, "s4"
		case w.tip == w.base:
			t.Item, t.Version, t.Number, t.Storage = "i", "v5", 5, "s5"
		default:
			t.Item, t.Version, t.Number, t.Storage = "i", "v6", 6, "s6"
		}
	}

	return l, b, t
}

// truth is the verdict of who knows everything.
func (w world) truth() compare.Verdict {
	tip := w.tip
	if w.late {
		tip = w.base
	}

	switch {
	case w.local < 0 && tip < 0:
		return compare.GoneBoth
	case w.local < 0 && w.base < 0:
		return compare.TheirsNewer
	case w.local < 0:
		return compare.GoneHere
	case tip < 0 && w.base < 0:
		return compare.OursNewer
	case tip < 0:
		return compare.GoneThere
	case w.local == tip:
		return compare.Equal
	case w.base < 0:
		return compare.Unknown
	case w.local == w.base:
		return compare.TheirsNewer
	case tip == w.base:
		return compare.OursNewer
	}

	return compare.BothChanged
}

// Who knows all hashes is told the truth; who knows fewer is told the truth, or that it is unknown,
// or takes a save for a change; and never that two contents are equal that are not.
func TestJudgeTellsTheTruth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		content := rapid.IntRange(-1, 4)
		w := world{local: content.Draw(t, "local"), base: content.Draw(t, "base"),
			tip:    content.Draw(t, "tip"),
			object: rapid.Bool().Draw(t, "object")}
		w.saved = w.local != w.base || rapid.Bool().Draw(t, "touched")
		w.late = !w.object && w.base >= 0 && w.tip >= 0 && rapid.Bool().Draw(t, "late")

		want := w.truth()
		if got := compare.Judge(w.seen(true, true, true)); got.Verdict != want {
			t.Fatalf("all known: got %+v, want %s", got, want)
		}

		hash := rapid.Bool()
		got := compare.Judge(w.seen(hash.Draw(t, "l"), hash.Draw(t, "b"), hash.Draw(t, "t")))
		if (got.Verdict == compare.Unknown) != (got.Cause != "") {
			t.Fatalf("verdict and cause disagree: %+v", got)
		}

		touched := w.saved && w.local == w.base
		presumed := want == compare.Equal && got.Verdict == compare.OursNewer && touched ||
			want == compare.TheirsNewer && got.Verdict == compare.BothChanged && touched
		if got.Verdict != want && got.Verdict != compare.Unknown && !presumed {
			t.Fatalf("some known: got %+v, want %s", got, want)
		}
	})
}
