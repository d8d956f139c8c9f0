package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"hoist/state"
)

// receiptsMeta records up to which receipt, and to which size of the file, the export is durable.
const receiptsMeta = "receipts-exported"

// exportAgain is the wait after an export that failed.
const exportAgain = time.Minute

// exportPause is the time between two exports: each costs a sync of the file and a commit, and small
// files come by the hundred a second.
const exportPause = time.Second

// Export appends new receipts to receipts/receipts.jsonl a moment after they are committed. What was
// appended and not recorded before a crash is cut off and written again, so that each line is there
// once. It goes on until ctx ends, and has exported all then.
func (a *Auditor) Export(ctx context.Context) error {
	index := a.Store.Index()
	for {
		if err := a.exportNew(); err != nil {
			// The receipts are safe in the state; a full disk must not stop the transfers.
			a.Log.Error("export receipts", "error", err, "again_in", exportAgain)

			select {
			case <-ctx.Done():
			case <-time.After(exportAgain):
				continue
			}
		}

		select {
		case <-ctx.Done():
		case <-time.After(exportPause):
		}

		var err error
		if index, err = a.Store.Wait(ctx, index); err != nil {
			if ctx.Err() != nil {
				return a.exportNew()
			}

			return err
		}
	}
}

func (a *Auditor) receiptsFile() string { return filepath.Join(a.Home.Receipts(), "receipts.jsonl") }

func (a *Auditor) exportNew() error {
	seq, size, err := a.exported()
	if err != nil {
		return err
	}

	receipts, err := a.Store.Receipts(seq, 1000)
	if err != nil || len(receipts) == 0 {
		return err
	}

	path := a.receiptsFile()
	size, whole, err := goOnAt(path, size, receipts)
	if err != nil {
		return err
	}

	if !whole {
		seq, size = 0, 0
		if receipts, err = a.Store.Receipts(seq, 1000); err != nil {
			return err
		}
	}

	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		return err
	}

	for len(receipts) > 0 {
		lines := linesOf(receipts)
		if _, err := f.WriteAt(lines, size); err != nil {
			return err
		}

		if err := f.Sync(); err != nil {
			return err
		}

		seq, size = receipts[len(receipts)-1].Seq, size+int64(len(lines))
		if err := a.Store.SetMeta(receiptsMeta, fmt.Sprintf("%d %d", seq, size)); err != nil {
			return err
		}

		if receipts, err = a.Store.Receipts(seq, 1000); err != nil {
			return err
		}
	}

	return nil
}

// goOnAt returns where the receipts that are not known to be exported are written: at the recorded
// size, over what a crash left of them, in whatever order it reached the disk. Lines there that the
// state does not have (it was lost, or restored from a copy) are kept: their file is set aside. whole
// is false when what was exported earlier is gone; then the file begins again with all that the state
// has.
func goOnAt(path string, size int64, receipts []state.Receipt) (at int64, whole bool, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, size == 0, nil
	}

	if err != nil {
		return 0, false, err
	}

	info, err := f.Stat()
	if err != nil {
		return 0, false, errors.Join(err, f.Close())
	}

	if info.Size() < size {
		return 0, false, errors.Join(f.Close(), setAside(path))
	}

	tail := make([]byte, info.Size()-size)
	_, err = f.ReadAt(tail, size)
	if err := errors.Join(err, f.Close()); err != nil && len(tail) > 0 && !errors.Is(err, io.EOF) {
		return 0, false, err
	}

	known := map[string]bool{}
	for _, r := range receipts {
		known[string(r.Line)] = true
	}

	for line := range bytes.Lines(tail) {
		if line, ended := bytes.CutSuffix(line, []byte("\n")); ended && json.Valid(line) &&
			!known[string(line)] {
			return 0, true, setAside(path)
		}
	}

	return size, true, nil
}

func linesOf(receipts []state.Receipt) []byte {
	var lines []byte
	for _, r := range receipts {
		lines = append(append(lines, r.Line...), '\n')
	}

	return lines
}

// setAside renames a file of exported receipts that the state does not go on from.
func setAside(path string) error {
	stamp := time.Now().UTC().Format("20060102-150405.000")
	return os.Rename(path, filepath.Join(filepath.Dir(path), "receipts-until-"+stamp+".jsonl"))
}

func (a *Auditor) exported() (seq uint64, size int64, err error) {
	text, ok, err := a.Store.Meta(receiptsMeta)
	if err != nil || !ok {
		return 0, 0, err
	}

	number, length, _ := strings.Cut(text, " ")
	if seq, err = strconv.ParseUint(number, 10, 64); err == nil {
		size, err = strconv.ParseInt(length, 10, 64)
	}

	if err != nil {
		return 0, 0, fmt.Errorf("record of exported receipts %q: %w", text, err)
	}

	return seq, size, nil
}
