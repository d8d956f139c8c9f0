package state

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hoist/state/boltfile"

	bolt "go.etcd.io/bbolt"
)

// ReasonRestored parks a job that Repair could not read in its newest form.
const ReasonRestored = "state-restored"

// RepairReport is what Repair did.
type RepairReport struct {
	Repaired bool           // false: the state was sound and is as it was
	Damaged  string         // where the damaged file was put
	Problems []string       // what was wrong
	Kept     map[string]int // keys by bucket in the new file
	Restored int            // keys that came from an older commit or the copy, not from the newest state
	Parked   []JobID        // jobs whose newest form is lost: parked as "state-restored", in doubt
	Notes    []string
}

// Repair makes a sound state of a damaged one that no process has open: it keeps every record that
// can be read in the newest commit, fills damaged buckets from the commit before and from the copy
// beside the state, and rebuilds the indexes. The damaged file is kept under another name.
//
// It never makes anything happen twice: an upload whose newest form is lost starts over, parked for
// a user and marked Doubt, which tells the engine to look at the remote before it does anything
// there. Damaged scan records are dropped, so that the next scan compares everything.
func Repair(path string) (RepairReport, error) {
	f, err := lockFile(path, filepath.Join(filepath.Dir(path), "owner.json"), lockTimeout)
	if errors.Is(err, os.ErrNotExist) && len(traces(path)) > 0 {
		return repairMissing(path)
	}

	if damaged, ok := errors.AsType[*DamagedError](err); ok {
		return repairFrom(path, nil, []string{damaged.Detail})
	}

	if err != nil {
		return RepairReport{}, err
	}

	defer func() { f.Close() }()
	fi, err := f.Stat()
	if err != nil {
		return RepairReport{}, err
	}

	metas, problems := boltfile.ReadMetas(f)
	var sources []*salvage
	for i, m := range metas {
		r, sv := check(f, fi.Size(), m, i == 0)
		if v := r.Version; v > len(migrations) {
			return RepairReport{}, &VersionError{Path: path, Have: v, Known: len(migrations)}
		}

		if i == 0 && r.Sound() {
			return RepairReport{Notes: problems}, nil
		}

		if i == 0 {
			problems = append(problems, r.Problems...)
		}

		sources = append(sources, sv)
	}

	// Windows renames no file that is open; the lock goes with it.
	f.Close()

	return repairFrom(path, sources, problems)
}

// repairedSuffix after the path of the state names what Repair made, whole, until it takes its
// place.
const repairedSuffix = ".repaired"

// repairMissing puts what a repair made into its place if the repair was ended just before, and
// else makes a state of what is left of older ones.
func repairMissing(path string) (RepairReport, error) {
	problems := []string{"the state is missing"}
	if traces(path)[0] == path+repairedSuffix {
		r, err := Check(path + repairedSuffix)
		if err == nil && r.Sound() && r.Version > 0 {
			return RepairReport{Repaired: true, Problems: problems, Kept: r.Keys,
				Notes: []string{"an earlier repair was not finished: it is now"}}, putInPlace(path)
		}
	}

	return repairFrom(path, nil, problems)
}

// putInPlace makes the repaired file the state.
func putInPlace(path string) error {
	if err := os.Rename(path+repairedSuffix, path); err != nil {
		return fmt.Errorf("repair state: %w", err)
	}

	return syncDir(filepath.Dir(path))
}

// repairFrom merges the sources, newest first, and what lies beside the state into a new file and
// puts it in place. Whenever it ends in between, there is the damaged state, or none and the whole
// new file beside it, which the next Repair puts in place.
func repairFrom(path string, sources []*salvage, problems []string) (RepairReport, error) {
	r := RepairReport{Repaired: true, Problems: problems}
	older := []string{path + BackupSuffix}
	if len(sources) == 0 {
		sources = append(sources, lostAll())
		older = traces(path)
	}

	for _, p := range older {
		if strings.HasSuffix(p, ".jsonl") || strings.HasSuffix(p, ".tmp") {
			continue
		}

		if copied, err := readCopy(p); err == nil {
			sources = append(sources, copied)
		} else if !errors.Is(err, os.ErrNotExist) {
			r.Notes = append(r.Notes, fmt.Sprintf("the copy is of no use: %v", err))
		}
	}

	out := mergeSalvage(sources, &r)
	made, tmp := path+repairedSuffix, path+repairedSuffix+".tmp"
	err := writeSalvage(tmp, out)
	if err == nil {
		err = os.Rename(tmp, made)
	}

	if err != nil {
		os.Remove(tmp)
		return RepairReport{}, fmt.Errorf("repair state %s: %w", path, err)
	}

	if _, err := os.Lstat(path); err == nil {
		r.Damaged = path + ".damaged-" + time.Now().UTC().Format("20060102-150405.000")
		if err := KeepAs(path, r.Damaged); err != nil {
			return RepairReport{}, fmt.Errorf("repair state: %w", err)
		}
	}

	// The new file and the other name of the old one are durable before the old one's is taken.
	if err := syncDir(filepath.Dir(path)); err != nil {
		return RepairReport{}, fmt.Errorf("repair state: %w", err)
	}

	r.Kept = map[string]int{}
	for name, keys := range out.data {
		r.Kept[name] = len(keys)
	}

	return r, putInPlace(path)
}

// KeepAs gives a file another name. If the file system has links the old name stays until something
// else takes it, so that a crash in between leaves one file or the other.
func KeepAs(old, kept string) error {
	if err := os.Link(old, kept); err == nil || errors.Is(err, os.ErrNotExist) {
		return err
	}

	return os.Rename(old, kept)
}

// salvage is what could be read of one version of the file.
type salvage struct {
	data     map[string]map[string][]byte // without checksums
	problems map[string][]string          // by bucket; "": the list of buckets itself
	bad      map[string]map[string]bool   // keys whose checksum is wrong; they are not in data
	schema   int                          // 0 unknown
}

func lostAll() *salvage {
	return &salvage{problems: map[string][]string{"": {"no meta page can be read"}}}
}

// readTree reads all that can be read.
func readTree(t *boltfile.Tree) *salvage {
	sv := &salvage{data: map[string]map[string][]byte{}, bad: map[string]map[string]bool{}}

	sv.problems = t.Buckets(func(name string) boltfile.Visit {
		keys := map[string][]byte{}
		sv.data[name] = keys
		return func(k, v []byte) { keys[string(k)] = bytes.Clone(v) }
	})
	sv.schema = versionOf(sv.data["meta"]["schema"])
	for name, keys := range sv.data {
		sv.bad[name] = map[string]bool{}
		for k, stored := range keys {
			if sv.schema != 0 && sv.schema < sumVersion {
				break
			}

			v, err := unsealed([]byte(name), []byte(k), stored)
			if keys[k] = v; err != nil {
				delete(keys, k)
				sv.bad[name][k] = true
			}
		}
	}

	sv.unpackReceipts()

	return sv
}

// unpackReceipts puts the line of each receipt in place of records and blocks.
func (sv *salvage) unpackReceipts() {
	for k, v := range maps.Clone(sv.data["receipts"]) {
		receipts, err := receiptsAt([]byte(k), v)
		if err != nil {
			continue // the check says so
		}

		for _, r := range receipts {
			sv.data["receipts"][string(seqKey(r.Seq))] = r.Line
		}
	}
}

// whole reports whether nothing of a bucket is missing.
func (sv *salvage) whole(bucket string) bool {
	_, ok := sv.data[bucket]
	return ok && len(sv.problems[bucket]) == 0 && len(sv.bad[bucket]) == 0
}

func (sv *salvage) problemList() []string {
	problems := slices.Clone(sv.problems[""])
	for _, name := range slices.Sorted(maps.Keys(sv.problems)) {
		for _, p := range sv.problems[name] {
			if name != "" {
				problems = append(problems, fmt.Sprintf("bucket %.40q: %s", name, p))
			}
		}
	}

	return problems
}

// readCopy reads the copy beside the state, by the same careful reader.
func readCopy(path string) (*salvage, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}

	metas, problems := boltfile.ReadMetas(f)
	if len(metas) == 0 {
		return nil, fmt.Errorf("%s: %s", path, problems[0])
	}

	sv := readTree(boltfile.NewTree(f, fi.Size(), metas[0]))
	if v := sv.schema; v < 1 || v > len(migrations) {
		return nil, fmt.Errorf("%s: schema version %d", path, v)
	}

	return sv, nil
}

// mergeSalvage takes of each bucket what the newest source has, and if that is not whole, what
// is missing from the older ones.
func mergeSalvage(sources []*salvage, r *RepairReport) *salvage {
	out := &salvage{data: map[string]map[string][]byte{}}
	older := map[string]map[string]bool{} // keys that do not come from the newest source
	for _, b := range allBuckets {
		name := string(b)
		keys := map[string][]byte{}

		older[name] = map[string]bool{}
		out.data[name] = keys
		for i, src := range sources {
			for k, v := range src.data[name] {
				if _, ok := keys[k]; ok || !readable(name, k, v) {
					continue
				}

				keys[k] = v
				if i > 0 {
					older[name][k] = true
				}
			}

			if src.whole(name) {
				break
			}
		}

		r.Restored += len(older[name])
	}

	newest := sources[0]
	// A job, a record or a debt that is lost is found again by a scan that compares.
	if !newest.whole("dirs") || !newest.whole("jobs") || !newest.whole("published") || !newest.whole("owed") {
		clear(out.data["dirs"])
		r.Notes = append(r.Notes, "scan records are dropped: the next scan compares everything")
	}

	for k := range out.data["done"] { // what an older source has of it is older
		delete(out.data["jobs"], k)
	}

	partsWhole := newest.whole("parts") && newest.whole("progress")
	for k, v := range out.data["jobs"] {
		j, err := decodeJob(idOf([]byte(k)), v)
		if err != nil || !j.Open() {
			continue
		}

		if older["jobs"][k] || !partsWhole && j.Phase != PhaseQueued ||
			!newest.whole("jobs") && !uniqueTarget(out, k, j) {
			out.data["jobs"][k] = encodeJob(doubt(j))
			r.Parked = append(r.Parked, j.ID)
		}
	}

	slices.Sort(r.Parked)
	out.derive(r)

	return out
}

// uniqueTarget reports whether no other open job goes where j goes, as the salvaged list of targets
// tells it.
func uniqueTarget(sv *salvage, k string, j Job) bool {
	id, ok := sv.data["targets"][string(targetKey(j))]
	return !ok || string(id) == k
}

// doubt makes a job start over once a user said so.
func doubt(j Job) Job {
	n := Job{
		ID: j.ID, Kind: j.Kind, Phase: PhaseQueued, Profile: j.Profile, Root: j.Root, Path: j.Path,
		Rel:    j.Rel,
		Target: j.Target, Snapshot: j.Snapshot, Overwrite: j.Overwrite, Batch: j.Batch, Size: j.Size,
		FileTime: j.FileTime,
		Paused:   j.Paused, Doubt: true, Attention: true, Reason: ReasonRestored,
		Error:    "the state was repaired and may be older than what the cloud has",
		Attempts: j.Attempts, Created: j.Created, Updated: j.Updated,
		Since: stored(time.Now()),
	}
	if j.Pending != nil {
		n.Snapshot, n.Size = *j.Pending, j.Pending.Size
	}

	return n
}

// readable reports whether a value is one that the store can decode: one that is not would only
// damage the new file.
func readable(bucket, k string, v []byte) bool {
	switch bucket {
	case "jobs":
		_, err := decodeJob(idOf([]byte(k)), v)
		return err == nil && len(k) == 16
	case "done":
		_, err := readRow(v)
		return err == nil && len(k) == 16
	case "receipts":
		return len(k) == 8 && CheckReceipts([]Receipt{{Seq: binary.BigEndian.Uint64([]byte(k)), Line: v}},
			"") == nil
	case "progress":
		return len(k) == 16 && len(v) == 24
	}

	return readRecord(bucket, k, v) == nil
}

// readRecord says why the value of a key is not one of its bucket.
func readRecord(bucket, k string, v []byte) error {
	var into any
	switch bucket {
	case "history":
		_, err := historyLines([]byte(k), v)
		return err
	case "parts":
		into = new(partRecord)
	case "ended":
		into = new(endedRecord)
	case "unwanted":
		into = new(snapshotRecord)
	case "published":
		into = new(publishedRecord)
	case "shared":
		into = new(sharedRecord)
	default:
		return nil
	}

	return decodeRecord(v, into, refOf([]byte(bucket), []byte(k)))
}

// writeSalvage writes a new file.
func writeSalvage(path string, sv *salvage) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}

	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: lockTimeout})
	if err != nil {
		return err
	}

	err = guarded(path, func() error {
		for _, b := range allBuckets {
			if err := writeBucket(db, b, sv.data[string(b)]); err != nil {
				return err
			}
		}

		return db.Update(func(tx *bolt.Tx) error {
			meta := tx.Bucket(bucketMeta)
			if meta.Get(metaInstance) == nil {
				id := []byte(newInstance())
				if err := meta.Put(metaInstance, sealed(bucketMeta, metaInstance, id)); err != nil {
					return err
				}
			}

			return putSchema(meta, len(migrations))
		})
	})
	if cerr := closeBolt(db); err == nil {
		err = cerr
	}

	return err
}

// writeBucket writes at most some thousand keys a commit.
func writeBucket(db *bolt.DB, name []byte, data map[string][]byte) error {
	keys := sortedKeys(data)
	for first := true; first || len(keys) > 0; first = false {
		n := min(len(keys), 5000)
		err := db.Update(func(tx *bolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists(name)
			if err != nil {
				return err
			}

			b.FillPercent = 0.9
			for _, k := range keys[:n] {
				if k == "" {
					continue // only damage makes an empty key
				}

				if err := b.Put([]byte(k), sealed(name, []byte(k), data[k])); err != nil {
					return err
				}
			}

			return nil
		})
		if err != nil {
			return err
		}

		keys = keys[n:]
	}

	return nil
}

func sortedKeys(m map[string][]byte) []string { return slices.Sorted(maps.Keys(m)) }
