package audit

import (
	"cmp"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/local"
	"hoist/cmd/hoist/internal/patience"
	"hoist/state/compare"
	"hoist/transfer"
	"hoist/transfer/remote"
)

// base is what was last published or fetched for a file, by the record in the state or by a
// receipt. Its item is left out: a tip that is older than the base is a finding, and not taken for
// one that the service is slow to show.
type base struct {
	compare.Base
	At       time.Time // published or fetched
	partSize int64
	etags    []string
	receipt  uint64 // number of the receipt, 0 when a record tells
}

// facts are what is known of one file on the three sides.
type facts struct {
	local   compare.Local
	base    base
	tip     compare.Tip
	touched bool // the local file has another size or time than the base
}

func (f facts) judge() compare.Result { return compare.Judge(f.local, f.base.Base, f.tip) }

// differ reports whether the contents of both ends are proved to be different.
func (f facts) differ() bool {
	if f.local.Presence != compare.Present || f.tip.Presence != compare.Present {
		return false
	}

	return f.tip.Size >= 0 && f.tip.Size != f.local.Size ||
		f.local.SHA1 != "" && f.tip.SHA1 != "" && !strings.EqualFold(f.local.SHA1, f.tip.SHA1)
}

// verdict says what the facts come to. It is pure.
func (f facts) verdict() (result, detail string) {
	r := f.judge()
	switch {
	case r.Verdict == compare.Equal:
		return control.VerifyOK, ""
	case r.Verdict == compare.GoneBoth:
		return control.VerifyMissingLocal, "it is gone here and in the cloud"
	case r.Here == compare.SideGone:
		return control.VerifyMissingLocal, "the cloud has it"
	case r.Verdict == compare.GoneThere:
		return control.VerifyMissingRemote, "it was published and is not in the cloud any more"
	case r.There == compare.SideGone:
		return control.VerifyMissingRemote, "it was not published yet"
	}

	number := f.tip.Number
	switch of := f.base.Number; {
	case f.base.Version == "" || f.tip.Version == "" || f.base.Version == f.tip.Version:
	case number > of:
		return control.VerifyNewerRemote,
			fmt.Sprintf("the cloud has version %d, and version %d is the one of this file", number, of)
	default:
		return control.VerifyDiffers,
			fmt.Sprintf("the cloud's newest version is %d, and version %d is the one of this file", number,
				of)
	}

	switch {
	case f.tip.Size >= 0 && f.tip.Size != f.local.Size:
		return control.VerifyDiffers, fmt.Sprintf("%d bytes here, %d in the cloud", f.local.Size, f.tip.Size)
	case !f.differ():
		return control.VerifyUnproven, "the sizes agree, and nothing proves the contents"
	case f.base.Known && !f.touched:
		return control.VerifyDiffers,
			"the contents differ, though size and time are those of what was published"
	}

	return control.VerifyDiffers, "the contents differ"
}

// streamVerdict is the verdict on what came from standard input: there is no file that it could be
// held against, so the cloud's side alone decides.
func (f facts) streamVerdict() (result, detail string) {
	switch {
	case f.tip.Presence == compare.Absent:
		return control.VerifyMissingRemote, "it came from standard input, and is not in the cloud any more"
	case f.tip.Size >= 0 && f.tip.Size != f.base.Size:
		return control.VerifyNewerRemote, fmt.Sprintf("%d bytes came from standard input, the cloud has %d",
			f.base.Size, f.tip.Size)
	}

	return control.VerifyOK, "it came from standard input; the cloud has it in the same size"
}

// sums are what reading a file gave.
type sums struct {
	sha1  string
	parts []string // MD5 of each part, hex
}

var readBuffers = sync.Pool{New: func() any { b := make([]byte, 1<<20); return &b }}

// readSums reads a whole file once. With a part size of 0 no parts are summed. A file that changes
// meanwhile is an error.
func readSums(ctx context.Context, path string, partSize int64) (sums, error) {
	f, err := transfer.OpenLocal(path)
	if err != nil {
		return sums{}, err
	}
	defer f.Close()
	before, err := f.Snapshot()
	if err != nil {
		return sums{}, err
	}

	whole, part := sha1.New(), md5.New()
	var out sums
	pooled := readBuffers.Get().(*[]byte)
	defer readBuffers.Put(pooled)

	buf := *pooled
	content := io.NewSectionReader(f, 0, math.MaxInt64)
	var inPart int64
	for {
		if err := ctx.Err(); err != nil {
			return sums{}, context.Cause(ctx)
		}

		want := int64(len(buf))
		if partSize > 0 {
			want = min(want, partSize-inPart)
		}

		n, err := io.ReadFull(content, buf[:want])
		whole.Write(buf[:n])
		part.Write(buf[:n])
		inPart += int64(n)
		end := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !end {
			return sums{}, err
		}

		if partSize > 0 && (inPart == partSize || end && (inPart > 0 || len(out.parts) == 0)) {
			out.parts = append(out.parts, hex.EncodeToString(part.Sum(nil)))
			part.Reset()
			inPart = 0
		}

		if end {
			break
		}
	}

	after, err := local.SnapshotPath(path)
	if err != nil {
		return sums{}, err
	}

	if !after.Same(before) {
		return sums{}, errors.New("it changed while it was read")
	}

	out.sha1 = hex.EncodeToString(whole.Sum(nil))

	return out, nil
}

var md5Form = regexp.MustCompile(`^"?[0-9a-fA-F]{32}"?$`)

// otherContent stands for the SHA-1 of a content that is proved to be another than the local one.
const otherContent = "another"

// shaByParts tells the SHA-1 of what was published in parts with these ETags, from what reading the
// local file gave: the same when all parts agree, [otherContent] when some do, "" when that proves
// nothing. An ETag need not be an MD5 (some encrypted stores): a file of which no part agrees is
// not proved to differ.
func shaByParts(read sums, etags []string) string {
	if len(etags) == 0 || len(read.parts) != len(etags) {
		return ""
	}

	agree := 0
	for i, tag := range etags {
		if !md5Form.MatchString(tag) {
			return ""
		}

		if strings.EqualFold(strings.Trim(tag, `"`), read.parts[i]) {
			agree++
		}
	}

	switch agree {
	case len(read.parts):
		return read.sha1
	case 0:
		return ""
	}

	return otherContent
}

// read reads the local file, and finds what tells the content of the tip: the ETags of the parts
// when the tip is what we published, else the SHA-1 of the object, which costs a call when the
// listing does not tell it. With download the bytes are fetched, and nothing else is believed.
func (a *Auditor) read(ctx context.Context, s subject, f *facts, download bool) error {
	ours := f.tipIsBase() && !download
	var partSize int64
	if ours {
		partSize = f.base.partSize
	}

	read, err := readSums(ctx, s.path, partSize)
	if err != nil {
		return err
	}

	f.local.SHA1 = read.sha1
	if ours {
		if sha1 := shaByParts(read, f.base.etags); sha1 != "" {
			f.base.SHA1, f.tip.SHA1 = sha1, sha1
			return nil
		}

		f.tip.SHA1 = cmp.Or(f.tip.SHA1, f.base.SHA1)
	}

	if f.tip.SHA1 != "" && !download || f.tip.Storage == "" {
		return nil
	}

	c, err := a.Client(s.profile)
	if err != nil {
		return err
	}

	if download {
		f.tip.SHA1, err = fetchedSHA1(ctx, c, s, f.tip)
		return err
	}

	o, err := c.Objects.Details(ctx, apsclient.ObjectID(f.tip.Storage))
	if errors.Is(err, apsclient.ErrNotFound) || errors.Is(err, apsclient.ErrForbidden) {
		return nil
	}

	if err != nil {
		return fmt.Errorf("look at the content of %s: %w", s.path, err)
	}

	f.tip.SHA1 = o.SHA1

	return nil
}

// fetchedSHA1 fetches the content of a tip and sums it.
func fetchedSHA1(ctx context.Context, c *apsclient.Client, s subject, tip compare.Tip) (string, error) {
	sum := sha1.New()
	from := transfer.Streamed{Object: apsclient.ObjectID(tip.Storage), Name: s.address().String(),
		Size: tip.Size}
	if _, err := from.Read(ctx, c, sum); err != nil {
		return "", fmt.Errorf("fetch %s: %w", s.address(), err)
	}

	return hex.EncodeToString(sum.Sum(nil)), nil
}

// tipIsBase reports whether the tip is the very thing that the base tells of, down to its storage;
// of an object, whose key is reused, only when nothing else tells its content.
func (f facts) tipIsBase() bool {
	b, t := f.base, f.tip
	if b.Version != "" {
		return b.Version == t.Version && (b.Storage == "" || t.Storage == "" || b.Storage == t.Storage)
	}

	return b.Known && b.Storage == t.Storage && t.SHA1 == ""
}

// tipOf is what a listing shows, for comparisons.
func tipOf(e *remote.Entry) compare.Tip {
	if e == nil {
		return compare.Tip{Presence: compare.Absent}
	}

	t := compare.Tip{Presence: compare.Present, Size: e.Size, SHA1: e.SHA1, Version: e.VersionID,
		Number: e.VersionNumber, Storage: e.StorageID}
	if e.VersionID != "" {
		t.Item = e.ID
	}

	return t
}

// look is what lies at a path here; the content is not read.
func look(path string) (compare.Local, error) {
	snap, err := local.Snapshot(path)
	if err != nil || snap == nil {
		return compare.Local{Presence: compare.Absent}, err
	}

	return compare.Here(*snap), nil
}

// tips finds the newest versions of remote files by listing each folder once.
type tips struct {
	a *Auditor
	// by profile and address of the folder, bucket or prefix
	listed map[string]listed
}

// listed is what a place holds by name, of objects by key, or why nobody knows.
type listed struct {
	files map[string]remote.Entry
	err   error
}

func (a *Auditor) newTips() *tips { return &tips{a: a, listed: map[string]listed{}} }

// find returns the file at names below root; nil when there is none.
func (t *tips) find(ctx context.Context, profile string, root remote.Address,
	names []string) (*remote.Entry, error) {
	at := root.Join(names...)
	folder, name := at.Parent(), at.Base()
	if root.OSS() { // keys have no folders
		folder, name = root, at.Key()
	}

	files, err := t.in(ctx, profile, folder)
	if err != nil {
		return nil, err
	}

	if e, ok := files[name]; ok {
		return &e, nil
	}

	return nil, nil
}

// in lists the files of a place; one that is not there holds none.
func (t *tips) in(ctx context.Context, profile string, at remote.Address) (map[string]remote.Entry,
	error) {
	id := profile + "\x00" + at.String()
	l, ok := t.listed[id]
	if !ok {
		l.files, l.err = t.list(ctx, profile, at)
		t.listed[id] = l
	}

	return l.files, l.err
}

func (t *tips) list(ctx context.Context, profile string, at remote.Address) (map[string]remote.Entry,
	error) {
	r, err := t.a.Resolver(profile)
	if err != nil {
		return nil, err
	}

	files := map[string]remote.Entry{}
	place, err := patience.Retry(ctx, func(error) {}, func() (remote.Place, error) {
		return r.ResolveFolder(ctx, at)
	})

	gone, _ := errors.AsType[*remote.NotFoundError](err)
	_, isFile := errors.AsType[*remote.UsageError](err)
	switch {
	case gone != nil && (gone.What == "folder" || gone.What == "file or folder"), isFile,
		len(place.Missing) > 0:
		return files, nil
	case err != nil:
		return nil, err
	}

	for e, err := range r.List(ctx, place) {
		switch {
		case err != nil:
			return nil, err
		case e.Type == remote.KindObject:
			files[e.Place.Key] = e
		case e.Type == remote.KindItem && !e.Hidden:
			files[e.Name] = e
		}
	}

	return files, nil
}

// ambiguous reports whether a remote name stands for more than one thing, which is a finding about
// one file and stops no other.
func ambiguous(err error) bool {
	_, ok := errors.AsType[*remote.AmbiguousError](err)
	return ok
}

// steps splits a slash path.
func steps(rel string) []string {
	return slices.DeleteFunc(strings.Split(rel, "/"), func(s string) bool { return s == "" })
}
