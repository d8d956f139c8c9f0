package audit

import (
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

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/patience"
	"hoist/state"
	"hoist/transfer"
	"hoist/transfer/remote"
)

// base is what was last published or fetched for a file, by the record in the state or by a
// receipt.
type base struct {
	version  string // "" for an object
	number   int
	storage  string
	snapshot state.Snapshot
	partSize int64
	etags    []string
	sha1     string
	receipt  uint64 // number of the receipt, 0 where a record tells
}

func baseOf(r state.PublishedRecord) *base {
	return &base{
		version: r.Version, number: r.Number, storage: r.Storage, snapshot: r.Snapshot, partSize: r.PartSize,
		etags: r.ETags, sha1: r.SHA1,
	}
}

// proof is what the contents of two files say.
type proof int

const (
	unproven proof = iota
	equal
	different
)

// facts are what is known of one file on the three sides; content tells how the local file compares
// with the tip.
type facts struct {
	local   *state.Snapshot // nil: not there
	base    *base           // nil: never published as far as anybody knows
	tip     *remote.Entry   // nil: not there
	content proof
}

// judge says what the facts come to. It is pure.
func judge(f facts) (result, detail string) {
	switch {
	case f.local == nil && f.tip == nil:
		return control.VerifyMissingLocal, "it is gone here and in the cloud"
	case f.local == nil:
		return control.VerifyMissingLocal, "the cloud has it"
	case f.tip == nil && f.base == nil:
		return control.VerifyMissingRemote, "it was not published yet"
	case f.tip == nil:
		return control.VerifyMissingRemote, "it was published and is not in the cloud any more"
	}

	if b := f.base; b != nil && b.version != "" && f.tip.VersionID != "" && b.version != f.tip.VersionID &&
		f.content != equal {
		if f.tip.VersionNumber > b.number {
			return control.VerifyNewerRemote,
				fmt.Sprintf("the cloud has version %d, and version %d is the one of this file",
					f.tip.VersionNumber, b.number)
		}

		return control.VerifyDiffers,
			fmt.Sprintf("the cloud's newest version is %d, and version %d is the one of this file",
				f.tip.VersionNumber, b.number)
	}

	if f.tip.Size >= 0 && f.tip.Size != f.local.Size {
		return control.VerifyDiffers, fmt.Sprintf("%d bytes here, %d in the cloud", f.local.Size, f.tip.Size)
	}

	switch f.content {
	case equal:
		return control.VerifyOK, ""
	case different:
		if f.base != nil && f.base.snapshot.SameContentLikely(*f.local) {
			return control.VerifyDiffers,
				"the contents differ, though size and time are those of what was published"
		}

		return control.VerifyDiffers, "the contents differ"
	case unproven:
	}

	return control.VerifyUnproven, "the sizes agree, and nothing proves the contents"
}

// sums are what reading a file gave.
type sums struct {
	sha1  string
	parts []string // MD5 of each part, hex
}

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
	buf := make([]byte, 1<<20)

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

	after, err := state.SnapshotPath(path)
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

// compareParts holds the MD5 of each part against the ETags that the service gave. An ETag need not
// be an MD5 (some encrypted stores): a file of which no part agrees is not proven to differ.
func compareParts(parts, etags []string) proof {
	if len(etags) == 0 || len(parts) != len(etags) {
		return unproven
	}

	agree := 0
	for i, tag := range etags {
		if !md5Form.MatchString(tag) {
			return unproven
		}

		if strings.EqualFold(strings.Trim(tag, `"`), parts[i]) {
			agree++
		}
	}

	switch agree {
	case len(parts):
		return equal
	case 0:
		return unproven
	}

	return different
}

// compareContent reads the local file and holds it against the tip: by the ETags of the parts where
// the tip is what we published, else by the SHA-1 of the object, which costs a call where the
// listing does not tell it.
func (a *Auditor) compareContent(ctx context.Context, profile, path string, b *base, tip remote.Entry) (proof,
	sums, error) {
	ours := b != nil && (b.version != "" && b.version == tip.VersionID ||
		b.version == "" && b.storage == tip.StorageID && tip.SHA1 == "") &&
		(b.storage == "" || tip.StorageID == "" || b.storage == tip.StorageID)
	var partSize int64
	if ours {
		partSize = b.partSize
	}

	s, err := readSums(ctx, path, partSize)
	if err != nil {
		return unproven, s, err
	}

	if ours {
		if p := compareParts(s.parts, b.etags); p != unproven {
			return p, s, nil
		}
	}

	want := tip.SHA1
	if want == "" && ours {
		want = b.sha1
	}

	if want == "" && tip.StorageID != "" {
		c, err := a.Client(profile)
		if err != nil {
			return unproven, s, err
		}

		o, err := c.Objects.Details(ctx, apsclient.ObjectID(tip.StorageID))
		switch {
		case err == nil:
			want = o.SHA1
		case errors.Is(err, apsclient.ErrNotFound), errors.Is(err, apsclient.ErrForbidden):
		default:
			return unproven, s, fmt.Errorf("look at the content of %s: %w", tip.Name, err)
		}
	}

	switch {
	case want == "":
		return unproven, s, nil
	case strings.EqualFold(want, s.sha1):
		return equal, s, nil
	}

	return different, s, nil
}

// tips finds the newest versions of remote files by listing each folder once.
type tips struct {
	a *Auditor
	// by profile and address of the folder, bucket or prefix: by name, of objects by key
	listed map[string]map[string]remote.Entry
}

func (a *Auditor) newTips() *tips { return &tips{a: a, listed: map[string]map[string]remote.Entry{}} }

// find returns the file at names below root; nil where there is none.
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
	if files, ok := t.listed[id]; ok {
		return files, nil
	}

	r, err := t.a.Resolver(profile)
	if err != nil {
		return nil, err
	}

	files := map[string]remote.Entry{}
	place, err := patience.Retry(ctx, func() (remote.Place, error) { return r.ResolveFolder(ctx, at) })

	gone, _ := errors.AsType[*remote.NotFoundError](err)
	_, isFile := errors.AsType[*remote.UsageError](err)
	switch {
	case gone != nil && (gone.What == "folder" || gone.What == "file or folder"), isFile,
		len(place.Missing) > 0:
		t.listed[id] = files
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

	t.listed[id] = files

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
