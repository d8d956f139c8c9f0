package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"hoist/state/boltfile"

	bolt "go.etcd.io/bbolt"
)

// Report is what Check found.
type Report struct {
	Path     string
	Size     int64          // bytes
	Version  int            // schema; 0 unknown
	Keys     map[string]int // readable keys by bucket
	Jobs     int
	OpenJobs int
	Notes    []string // worth knowing, harmless: a torn meta page after a power cut
	Problems []string // empty: the state is sound; at most some hundred
	Usable   bool     // Open takes it, whatever Problems say of single records
}

// Sound reports whether nothing is wrong.
func (r Report) Sound() bool { return len(r.Problems) == 0 }

// Check reads the whole file that no process has open (else *LockedError): its pages, its records
// and how they refer to one another. It changes nothing, and no damage can take the process down.
func Check(path string) (Report, error) {
	f, err := lockFile(path, filepath.Join(filepath.Dir(path), "owner.json"), lockTimeout)
	if damaged, ok := errors.AsType[*DamagedError](err); ok {
		return Report{Path: path, Problems: []string{damaged.Detail}}, nil
	}

	damaged, isLost := errors.AsType[*DamagedError](lost(path, "missing"))
	if isLost && errors.Is(err, os.ErrNotExist) {
		return Report{Path: path, Problems: []string{damaged.Detail}}, nil
	}

	if err != nil {
		return Report{}, err
	}

	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return Report{}, err
	}

	metas, notes := boltfile.ReadMetas(f)
	if boltfile.NeverUsed(f, fi.Size(), metas) && len(traces(path)) == 0 {
		return Report{Path: path, Size: fi.Size(), Usable: true}, nil // Open starts afresh
	}

	if len(metas) == 0 {
		return Report{Path: path, Size: fi.Size(), Problems: notes}, nil
	}

	r, _ := check(f, fi.Size(), metas[0], true)
	r.Path, r.Notes = path, append(notes, r.Notes...)
	if r.Version > len(migrations) {
		return r, &VersionError{Path: path, Have: r.Version, Known: len(migrations)}
	}

	return r, nil
}

// errOvertaken says that two commits came between the beginning of a transaction and the look at
// the meta pages, of which there are two.
var errOvertaken = errors.New("overtaken by commits")

// overtakenMax is how often Check starts again; commits wait for the disk, so that even the second
// time is rare.
const overtakenMax = 100

// Check is the function Check for a store that is open; the list of free pages, which is in use
// meanwhile, is not looked at.
func (s *Store) Check() (r Report, err error) {
	for range overtakenMax {
		if r, err = s.checkOnce(); !errors.Is(err, errOvertaken) {
			break
		}
	}

	return r, err
}

func (s *Store) checkOnce() (Report, error) {
	var r Report
	err := s.view(func(tx *bolt.Tx) error {
		// While this transaction is open its pages are not written to.
		f, err := os.Open(s.path)
		if err != nil {
			return err
		}
		defer f.Close()
		metas, _ := boltfile.ReadMetas(f)
		i := slices.IndexFunc(metas, func(m boltfile.Meta) bool { return m.TxID == uint64(tx.ID()) })
		newer := func(m boltfile.Meta) bool { return m.TxID > uint64(tx.ID()) }
		if i < 0 && slices.ContainsFunc(metas, newer) {
			return errOvertaken
		}

		if i < 0 {
			return s.damage("no meta page of commit %d", tx.ID())
		}

		fi, err := f.Stat()
		if err != nil {
			return err
		}

		r, _ = check(f, fi.Size(), metas[i], false)
		r.Path = s.path

		return nil
	})

	return r, err
}

// check reads one version of the file and returns what could be read of it.
func check(f io.ReaderAt, size int64, m boltfile.Meta, free bool) (Report, *salvage) {
	t := boltfile.NewTree(f, size, m)
	sv := readTree(t)
	r := Report{Size: size, Keys: map[string]int{}, Problems: sv.problemList()}
	if free {
		r.Problems = append(r.Problems, t.Free()...)
	}

	for name, keys := range sv.data {
		r.Keys[name] = len(keys)
	}

	r.Version = sv.schema
	for _, b := range bucketsOf(r.Version) {
		if len(sv.data) == 0 && len(r.Problems) == 0 {
			break // bbolt made the file and nothing was ever in it
		}

		if _, ok := sv.data[string(b)]; !ok {
			r.Problems = append(r.Problems, fmt.Sprintf("bucket %s is missing", b))
		}
	}

	r.Usable = len(r.Problems) == 0 && sv.opens()
	r.Problems = append(r.Problems, sv.records(&r)...)
	if n := t.Leaked(); free && n > 0 {
		r.Problems = append(r.Problems, fmt.Sprintf("%d pages are neither in use nor free", n))
	}

	if len(r.Problems) > boltfile.MaxProblems {
		r.Problems = append(r.Problems[:boltfile.MaxProblems], "and more")
	}

	return r, sv
}

// opens reports whether Open can read what it holds in memory.
func (sv *salvage) opens() bool {
	if len(sv.data) > 0 && (sv.schema < 1 || sv.bad["meta"]["instance"]) ||
		len(sv.bad["targets"])+len(sv.bad["ended"]) > 0 {
		return false
	}

	for _, id := range sv.data["targets"] {
		j, err := decodeJob(idOf(id), sv.data["jobs"][string(id)])
		if err != nil || !j.Open() {
			return false
		}
	}

	for _, v := range sv.data["ended"] {
		if decodeRecord(v, new(endedRecord), "") != nil {
			return false
		}
	}

	return true
}

// A recordCheck gathers what is wrong with records, and which jobs there are; keys are those of the jobs'
// bucket.
type recordCheck struct {
	*salvage

	problems []string
	open     map[string]Job
	pathOf   map[string]string // of every job that can be read
}

func (c *recordCheck) bad(format string, args ...any) {
	if len(c.problems) < boltfile.MaxProblems {
		c.problems = append(c.problems, fmt.Sprintf(format, args...))
	}
}

// records checks what the values say, and that the indexes agree with the jobs.
func (sv *salvage) records(r *Report) []string {
	c := &recordCheck{salvage: sv, open: map[string]Job{}, pathOf: map[string]string{}}
	for _, name := range slices.Sorted(maps.Keys(sv.bad)) {
		for _, k := range slices.Sorted(maps.Keys(sv.bad[name])) {
			c.bad("%s: value of %q: %v", name, k, errSum)
		}
	}

	c.openJobs()
	c.doneJobs()
	r.Jobs, r.OpenJobs = len(c.pathOf), len(c.open)
	c.indexes()
	if r.Version >= sumVersion {
		c.paths(r.Version)
	}

	for _, name := range []string{"parts", "history", "ended", "unwanted", "published", "shared"} {
		for k, v := range sv.data[name] {
			if err := readRecord(name, k, v); err != nil {
				c.bad("%s: value of %q: %v", name, k, err)
			}
		}
	}

	r.Notes = append(r.Notes, c.receiptChain()...)
	slices.Sort(c.problems)

	return c.problems
}

// openJobs reads the jobs that have not ended, some older ones that have among them, and finds each by its
// indexes.
func (c *recordCheck) openJobs() {
	for k, v := range c.data["jobs"] {
		j, err := decodeJob(idOf([]byte(k)), v)
		if err != nil || len(k) != 16 {
			c.bad("job %x: %v", k, err)
			continue
		}

		c.pathOf[k] = j.Path
		if !j.Open() {
			continue
		}

		c.open[k] = j
		if string(c.data["targets"][string(targetKey(j))]) != k {
			c.bad("job %s is open and not listed by its target", j.ID)
		}

		if watched(j) && string(c.data["files"][string(fileKey(j))]) != k {
			c.bad("job %s is open and not listed by its file", j.ID)
		}
	}
}

// doneJobs reads the rows of jobs that ended well.
func (c *recordCheck) doneJobs() {
	rows := c.archive()
	for k, v := range c.data["done"] {
		j, row, err := rows.job(idOf([]byte(k)), v)
		if err == nil {
			_, err = unpackLines(j, row.lines)
		}

		if _, twice := c.pathOf[k]; twice {
			err = errors.New("it is among the open jobs too")
		}

		if err != nil || len(k) != 16 {
			c.bad("done: job %x: %v", k, err)
			continue
		}

		c.pathOf[k] = j.Path
	}
}

// indexes checks that what belongs to an open job leads to one.
func (c *recordCheck) indexes() {
	for _, index := range []string{"targets", "files"} {
		for k, id := range c.data[index] {
			if _, ok := c.open[string(id)]; !ok {
				c.bad("%s: %q leads to job %x, which is not open", index, k, id)
			}
		}
	}

	for _, per := range []string{"parts", "progress"} {
		for k := range c.data[per] {
			if _, ok := c.open[k[:min(16, len(k))]]; !ok {
				c.bad("%s: %x is of no open job", per, k)
			}
		}
	}
}

// paths checks that each path leads to a job of it.
func (c *recordCheck) paths(version int) {
	key := func(path string) string { return string(pathKey(path)) }
	if version < doneVersion {
		key = func(path string) string { return path }
	}

	for k, path := range c.pathOf {
		there, ok := c.pathOf[string(c.data["paths"][key(path)])]
		if !ok || key(there) != key(path) {
			c.bad("paths: %q does not lead to a job of it, such as %x", path, k)
		}
	}
}

// receiptChain checks each receipt and what the next one builds on. A lost one is but a note: no repair
// brings it back.
func (c *recordCheck) receiptChain() (notes []string) {
	receipts := c.receipts()
	for _, one := range receipts {
		if err := CheckReceipts([]Receipt{one}, ""); err != nil {
			c.bad("%v", err)
		}
	}

	if err := CheckReceipts(receipts, ""); err != nil {
		notes = append(notes, err.Error())
	}

	if err := checkHead(string(c.data["meta"]["receipt-head"]), receipts); err != nil {
		c.bad("%v", err)
	}

	return notes
}

// checkHead checks what the next receipt will build on.
func checkHead(head string, receipts []Receipt) error {
	if len(receipts) == 0 { // if they are lost the chain goes on from what is known of the last one
		_, _, err := parseHead(head)
		return err
	}

	if last := receipts[len(receipts)-1]; head != string(headOf(last)) {
		return fmt.Errorf("head of the receipts: %q does not follow receipt %d", head, last.Seq)
	}

	return nil
}

// archive reads from what was salvaged, where receipts are lines.
func (sv *salvage) archive() archive {
	return archive{
		receipt: func(number uint64) (receiptRecord, error) {
			return readReceipt(number, sv.data["receipts"][string(seqKey(number))])
		},
		shared: func(key []byte) (sh sharedRecord, err error) {
			err = decodeRecord(sv.data["shared"][string(key)], &sh, "")
			return sh, err
		},
	}
}

func (sv *salvage) receipts() []Receipt {
	var out []Receipt
	for _, k := range sortedKeys(sv.data["receipts"]) {
		if len(k) == 8 {
			out = append(out, Receipt{Seq: binary.BigEndian.Uint64([]byte(k)), Line: sv.data["receipts"][k]})
		}
	}

	return out
}
