package compare

import (
	"strings"
	"time"
)

// Snapshot is what tells one content of a local file from another without reading it.
type Snapshot struct {
	Size       int64     // bytes
	ModTime    time.Time // ns as far as the file system keeps them
	ChangeTime time.Time // of the inode or file record; zero: unknown
	FileID     string    // volume and file, "": unknown
}

// Same reports whether both are of one unchanged content. A file id or change time that either side
// does not know is not compared.
func (s Snapshot) Same(o Snapshot) bool {
	return s.SameContentLikely(o) &&
		(s.FileID == "" || o.FileID == "" || s.FileID == o.FileID) &&
		(s.ChangeTime.IsZero() || o.ChangeTime.IsZero() || s.ChangeTime.Equal(o.ChangeTime))
}

// SameContentLikely compares size and modification time only. When it holds and Same does not, the
// content decides: a rename, a copy or a new mode moves the change time alone.
func (s Snapshot) SameContentLikely(o Snapshot) bool {
	return s.Size == o.Size && s.ModTime.Equal(o.ModTime)
}

// Presence is what a look found.
type Presence string

// The presences. Hidden items and deleted versions are Absent.
const (
	Unseen  Presence = "" // nobody looked
	Present Presence = "present"
	Absent  Presence = "absent"
)

// Local is what lies under the name here.
type Local struct {
	Presence
	Snapshot
	SHA1 string // hex, "" not read
}

// Here is a local file that was looked at and not read.
func Here(s Snapshot) Local { return Local{Presence: Present, Snapshot: s} }

// Base is what was last published or fetched. The zero value is none.
type Base struct {
	Known    bool
	Snapshot        // of the local file at that time
	SHA1     string // hex, "" unknown
	Item     string // "" for objects, whose keys are reused
	Version  string // "" for objects
	Number   int    // of the version, 0 unknown
	Storage  string // "" unknown
}

// Tip is the newest version that the cloud shows, or an object.
type Tip struct {
	Presence
	Size    int64  // bytes, -1 unknown
	SHA1    string // hex, "" unknown
	Item    string // "" for objects
	Version string // "" for objects
	Number  int    // 0 unknown
	Storage string // "" unknown
}

// Side says how one end compares with the base.
type Side string

// The sides.
const (
	SideUnseen  Side = ""        // nobody looked
	SideNew     Side = "new"     // present, and there is no base
	SideGone    Side = "gone"    // absent
	SideSame    Side = "same"    // the base itself
	SideLate    Side = "late"    // there: an older version, as the service is slow to show the base
	SideRenewed Side = "renewed" // there: a newer version with the content of the base
	SideOther   Side = "other"   // there: another item has the name
	SideChanged Side = "changed" // another content, as far as anything can tell
	SideUnsure  Side = "unsure"  // here: reading decides; there: its SHA-1 or version decides
)

// IsBase reports whether that end still has the content of the base.
func (s Side) IsBase() bool { return s == SideSame || s == SideLate || s == SideRenewed }

// Verdict is what both ends and the base make together.
type Verdict string

// The verdicts.
const (
	Equal       Verdict = "equal"        // both ends have one content
	OursNewer   Verdict = "ours newer"   // changed or new here alone
	TheirsNewer Verdict = "theirs newer" // changed or new there alone
	BothChanged Verdict = "both changed" // both ends have left the base, to different contents
	GoneHere    Verdict = "gone here"    // there is a base, and the cloud has the file
	GoneThere   Verdict = "gone there"   // there is a base, and the file is here
	GoneBoth    Verdict = "gone"         // at neither end
	Unknown     Verdict = "unknown"      // see Cause
)

// Cause says what would turn Unknown into another verdict.
type Cause string

// The causes.
const (
	LocalUnseen Cause = "the file here was not looked at"
	LocalUnread Cause = "the file here was not read"
	TipUnseen   Cause = "the cloud was not asked"
	TipUnproven Cause = "nothing tells the content in the cloud"
	NoBase      Cause = "the contents differ, and nothing tells which came first"
)

// Result is the answer of Judge.
type Result struct {
	Verdict Verdict
	Cause   Cause // of Unknown
	Here    Side  // local against base: new, gone, same, changed or unsure
	There   Side  // tip against base
}

// Judge compares. Any of the three may be unseen or unknown; the sides that can be told are told.
func Judge(local Local, base Base, tip Tip) Result {
	r := Result{Here: here(local, base), There: there(base, tip)}
	r.Verdict, r.Cause = r.verdict(local, base, tip)

	return r
}

func (r Result) verdict(local Local, base Base, tip Tip) (Verdict, Cause) {
	switch {
	case local.Presence == Unseen:
		return Unknown, LocalUnseen
	case tip.Presence == Unseen:
		return Unknown, TipUnseen
	case r.Here == SideGone && r.There == SideGone:
		return GoneBoth, ""
	case r.Here == SideGone && base.Known:
		return GoneHere, ""
	case r.Here == SideGone:
		return TheirsNewer, ""
	case r.There == SideGone && base.Known:
		return GoneThere, ""
	case r.There == SideGone:
		return OursNewer, ""
	}

	if r.There == SideLate { // what the cloud really has
		tip.Size, tip.SHA1 = base.Size, base.SHA1
	}

	alike, proved := contents(local.Size, local.SHA1, tip.Size, tip.SHA1)
	switch {
	case proved && alike, r.Here == SideSame && r.There.IsBase():
		return Equal, ""
	case r.Here == SideSame && (r.There == SideChanged || r.There == SideOther):
		return TheirsNewer, ""
	case r.Here == SideChanged && r.There.IsBase():
		return OursNewer, ""
	case proved && !base.Known:
		return Unknown, NoBase
	case proved && r.Here == SideChanged && r.There != SideUnsure:
		return BothChanged, ""
	case r.Here != SideSame && local.SHA1 == "" && (tip.SHA1 != "" || base.SHA1 != ""):
		return Unknown, LocalUnread
	}

	return Unknown, TipUnproven
}

func here(l Local, b Base) Side {
	switch {
	case l.Presence == Unseen:
		return SideUnseen
	case l.Presence == Absent:
		return SideGone
	case !b.Known:
		return SideNew
	}

	alike, proved := contents(l.Size, l.SHA1, b.Size, b.SHA1)
	switch {
	case proved && alike, !proved && l.Same(b.Snapshot):
		return SideSame
	case !proved && (b.SHA1 != "" || l.SameContentLikely(b.Snapshot)):
		return SideUnsure
	}

	return SideChanged
}

func there(b Base, t Tip) Side {
	switch {
	case t.Presence == Unseen:
		return SideUnseen
	case t.Presence == Absent:
		return SideGone
	case !b.Known:
		return SideNew
	case b.Item != "" && t.Item != "" && b.Item != t.Item:
		return SideOther
	case b.Version != "" && b.Version == t.Version:
		return SideSame
	case b.Item != "" && b.Item == t.Item && t.Number > 0 && t.Number < b.Number:
		return SideLate
	}

	alike, proved := contents(b.Size, b.SHA1, t.Size, t.SHA1)
	versions := b.Version != "" && t.Version != ""
	switch {
	case versions && (proved && alike || !proved && b.Storage != "" && b.Storage == t.Storage):
		return SideRenewed
	case proved && alike:
		return SideSame // an object: its key and storage are reused, its SHA-1 alone tells
	case proved, versions:
		return SideChanged
	}

	return SideUnsure
}

// contents reports whether two contents are alike, and whether that is proved by size or SHA-1. A
// size below zero is unknown.
func contents(size int64, sha1 string, otherSize int64, otherSHA1 string) (alike, proved bool) {
	if size >= 0 && otherSize >= 0 && size != otherSize {
		return false, true
	}

	if sha1 == "" || otherSHA1 == "" {
		return false, false
	}

	return strings.EqualFold(sha1, otherSHA1), true
}
