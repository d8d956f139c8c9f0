package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hoist/state/boltfile"
)

// Hold takes the lock of a state file and changes nothing, so that no process opens it until
// release is called. Errors: *LockedError after about a second, os.ErrNotExist.
func Hold(path string) (release func() error, err error) {
	f, err := lockFile(path, filepath.Join(filepath.Dir(path), "owner.json"), lockTimeout)
	if _, ok := errors.AsType[*DamagedError](err); ok {
		return func() error { return nil }, nil // no file that a process could open
	}

	if err != nil {
		return nil, err
	}

	return func() error {
		_ = unlock(f) // Windows takes its time when the file is only closed
		return f.Close()
	}, nil
}

// Rescued is what Rescue could read.
type Rescued struct {
	Receipts []Receipt         // in order; a break in the chain is not looked for
	Meta     map[string]string // texts of SetMeta
}

// Rescue reads what a new state can go on from out of a file that may be damaged, as far as it can
// be read. It takes no lock: Hold it. A file of which nothing can be read is an empty Rescued.
func Rescue(path string) (Rescued, error) {
	r := Rescued{Meta: map[string]string{}}
	if notAFile(path) != nil {
		return r, nil
	}

	f, err := os.Open(path)
	if err != nil {
		return r, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return r, err
	}

	metas, _ := boltfile.ReadMetas(f)
	if len(metas) == 0 {
		return r, nil
	}

	_, sv := check(f, fi.Size(), metas[0], false)
	for _, one := range sv.receipts() {
		if CheckReceipts([]Receipt{one}, "") == nil {
			r.Receipts = append(r.Receipts, one)
		}
	}

	for k, v := range sv.data["meta"] {
		if name, ok := strings.CutPrefix(k, metaUser); ok {
			r.Meta[name] = string(v)
		}
	}

	return r, nil
}

// ImportReceipts appends receipts that another state wrote, as an export holds them, and returns
// how many it took: those after the newest it has. They must follow it without a gap; the chain
// goes on from the last of them.
func (s *Store) ImportReceipts(lines []Receipt) (int, error) {
	taken := 0
	err := s.update(func(tx *writeTx) error {
		taken = 0
		seq, prev, err := tx.receiptHead()
		if err != nil {
			return err
		}

		start := slices.IndexFunc(lines, func(r Receipt) bool { return r.Seq > seq })
		if start < 0 {
			return nil
		}

		more := lines[start:]
		switch {
		case seq == 0 && more[0].Seq > 1:
			prev = "" // the older ones were archived elsewhere
		case more[0].Seq != seq+1:
			return fmt.Errorf("import receipts: those between %d and %d are missing", seq, more[0].Seq)
		}

		if err := CheckReceipts(more, prev); err != nil {
			return fmt.Errorf("import receipts: %w", err)
		}

		for _, r := range more {
			if err := tx.put(bucketReceipts, seqKey(r.Seq), r.Line); err != nil {
				return err
			}

			if err := tx.packReceipts(r.Seq); err != nil {
				return err
			}
		}

		taken = len(more)

		return tx.put(bucketMeta, metaReceiptHead, headOf(more[len(more)-1]))
	})

	return taken, err
}
