package daemon

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// receiptsMeta records up to which receipt, and to which size of the file, the export is durable.
const receiptsMeta = "receipts-exported"

// exportReceipts appends new receipts to receipts/receipts.jsonl as they are committed. What was appended and not
// recorded before a crash is cut off and written again, so that each line is there once.
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

func (w *Owner) exportNew() error {
	seq, size, err := w.exported()
	if err != nil {
		return err
	}
	receipts, err := w.store.Receipts(seq, 1000)
	if err != nil || len(receipts) == 0 {
		return err
	}
	f, err := os.OpenFile(filepath.Join(w.o.Home.Receipts(), "receipts.jsonl"), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return err
	} else if info.Size() < size {
		size = info.Size() // somebody moved the file away: go on in the new one
	}
	if err := f.Truncate(size); err != nil {
		return err
	}
	for len(receipts) > 0 {
		var lines []byte
		for _, r := range receipts {
			lines = append(append(lines, r.Line...), '\n')
			seq = r.Seq
		}
		if _, err := f.WriteAt(lines, size); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		size += int64(len(lines))
		if err := w.store.SetMeta(receiptsMeta, fmt.Sprintf("%d %d", seq, size)); err != nil {
			return err
		}
		if receipts, err = w.store.Receipts(seq, 1000); err != nil {
			return err
		}
	}
	return nil
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
