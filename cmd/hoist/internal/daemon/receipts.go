package daemon

import (
	"bytes"
	"context"
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

// exportReceipts appends new receipts to receipts/receipts.jsonl as they are committed. What was
// appended and not recorded before a crash is cut off and written again, so that each line is there
// once.
func (w *Owner) exportReceipts(ctx context.Context) error {
	index := w.store.Index()
	for {
		if err := w.exportNew(); err != nil {
			// The receipts are safe in the state; a full disk must not stop the transfers.
			w.log.Error("export receipts", "error", err)
		}

		var err error
		if index, err = w.store.Wait(ctx, index); err != nil {
			if ctx.Err() != nil {
				return w.exportNew()
			}

			return err
		}
	}
}

func (w *Owner) receiptsFile() string { return filepath.Join(w.o.Home.Receipts(), "receipts.jsonl") }

func (w *Owner) exportNew() error {
	seq, size, err := w.exported()
	if err != nil {
		return err
	}

	receipts, err := w.store.Receipts(seq, 1000)
	if err != nil || len(receipts) == 0 {
		return err
	}

	path := w.receiptsFile()
	size, whole, err := goOnAt(path, size, receipts)
	if err != nil {
		return err
	}

	if !whole {
		seq, size = 0, 0
		if receipts, err = w.store.Receipts(seq, 1000); err != nil {
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
		if err := w.store.SetMeta(receiptsMeta, fmt.Sprintf("%d %d", seq, size)); err != nil {
			return err
		}

		if receipts, err = w.store.Receipts(seq, 1000); err != nil {
			return err
		}
	}

	return nil
}

// goOnAt returns where the receipts that are not known to be exported are written: at the recorded
// size, over what a crash left of them. Lines there that the state does not have (it was lost, or
// restored from a copy) are kept: their file is set aside. whole is false where what was exported
// earlier is gone; then the file begins anew with all that the state has.
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

	if !bytes.HasPrefix(linesOf(receipts), tail[:bytes.LastIndexByte(tail, '\n')+1]) {
		return 0, true, setAside(path)
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

func (w *Owner) exported() (seq uint64, size int64, err error) {
	text, ok, err := w.store.Meta(receiptsMeta)
	if err != nil || !ok {
		return 0, 0, err
	}

	a, b, _ := strings.Cut(text, " ")
	if seq, err = strconv.ParseUint(a, 10, 64); err == nil {
		size, err = strconv.ParseInt(b, 10, 64)
	}

	if err != nil {
		return 0, 0, fmt.Errorf("record of exported receipts %q: %w", text, err)
	}

	return seq, size, nil
}
