package transfer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"hoist/state"
)

// receiptsAPage bounds the memory of an export.
const receiptsAPage = 500

// ExportReceipts appends the receipts that folder does not hold yet to its files, one a month of publication (2026-11.jsonl), and syncs them.
// What is there is found by reading the last line, so that an export that died half-way is finished by the next one: a torn last line is cut
// off and written again. Calls for one folder must not overlap.
func ExportReceipts(store *state.Store, folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("export receipts: %w", err)
	}
	last, err := lastReceipt(folder)
	if err != nil {
		return fmt.Errorf("export receipts: %w", err)
	}
	for {
		page, err := store.Receipts(last, receiptsAPage)
		if err != nil {
			return fmt.Errorf("export receipts: %w", err)
		}
		if len(page) == 0 {
			return nil
		}
		for len(page) > 0 {
			month := receiptMonth(page[0])
			n := 1
			for n < len(page) && receiptMonth(page[n]) == month {
				n++
			}
			if err := appendReceipts(filepath.Join(folder, month+".jsonl"), page[:n]); err != nil {
				return fmt.Errorf("export receipts: %w", err)
			}
			last = page[n-1].Seq
			page = page[n:]
		}
	}
}

func receiptMonth(r state.Receipt) string {
	var f struct {
		Published time.Time `json:"published"`
	}
	if json.Unmarshal(r.Line, &f) != nil || f.Published.IsZero() {
		return "undated"
	}
	return f.Published.UTC().Format("2006-01")
}

func appendReceipts(path string, page []state.Receipt) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var b bytes.Buffer
	for _, r := range page {
		b.Write(r.Line)
		b.WriteByte('\n')
	}
	if _, err := f.Write(b.Bytes()); err != nil {
		return err
	}
	return f.Sync()
}

// lastReceipt returns the highest number in the folder's files, after cutting off a torn last line of each.
func lastReceipt(folder string) (uint64, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.jsonl"))
	if err != nil {
		return 0, err
	}
	slices.Sort(files)
	var last uint64
	for _, path := range files {
		n, err := lastOfFile(path)
		if err != nil {
			return 0, err
		}
		last = max(last, n)
	}
	return last, nil
}

func lastOfFile(path string) (_ uint64, err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	for window := int64(64 << 10); ; window *= 8 {
		from := max(0, end-window)
		tail := make([]byte, end-from)
		if _, err := f.ReadAt(tail, from); err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		whole := bytes.LastIndexByte(tail, '\n') + 1 // behind the last whole line
		begin := 0
		if whole > 0 {
			begin = bytes.LastIndexByte(tail[:whole-1], '\n') + 1
		}
		if from > 0 && (whole == 0 || begin == 0) {
			continue // the line is longer than the window
		}
		if torn := int64(len(tail) - whole); torn > 0 {
			if err := f.Truncate(end - torn); err != nil {
				return 0, err
			}
		}
		if whole == 0 {
			return 0, nil
		}
		var line struct {
			Seq uint64 `json:"seq"`
		}
		if err := json.Unmarshal(tail[begin:whole], &line); err != nil {
			return 0, fmt.Errorf("the last line of %s is no receipt: %w", path, err)
		}
		return line.Seq, nil
	}
}

// receiptExporter exports in the background of Run, at most once at a time.
type receiptExporter struct {
	e    *Engine
	wake chan struct{}
	wg   sync.WaitGroup
}

func (e *Engine) startReceipts() *receiptExporter {
	x := &receiptExporter{e: e, wake: make(chan struct{}, 1)}
	if e.cfg.Receipts == "" {
		return x
	}
	x.wg.Go(func() {
		for ok := true; ok; _, ok = <-x.wake {
			if err := ExportReceipts(e.store, e.cfg.Receipts); err != nil && !errors.Is(err, fs.ErrClosed) {
				e.log.Error("receipts are not exported; they are kept in the state", "error", err)
			}
		}
	})
	return x
}

// poke makes the exporter look for new receipts.
func (x *receiptExporter) poke() {
	select {
	case x.wake <- struct{}{}:
	default:
	}
}

// stop exports what is left and waits.
func (x *receiptExporter) stop() {
	x.poke()
	close(x.wake)
	x.wg.Wait()
}
