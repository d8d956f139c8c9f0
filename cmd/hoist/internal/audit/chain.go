package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/state"
)

// checkChain returns the receipts of the state, and what is wrong: every receipt must follow the
// one before, in the state and in the exported files, line by line; both must hold the same, and
// what was exported once must be there still.
func (a *Auditor) checkChain() (inState []state.Receipt, out []control.VerifyFile, err error) {
	out = []control.VerifyFile{}
	bad := func(path, format string, args ...any) {
		out = append(out, control.VerifyFile{Path: path, Result: control.VerifyDiffers,
			Detail: fmt.Sprintf(format, args...)})
	}
	check := func(path string, list []state.Receipt) {
		if err := state.CheckReceipts(list, ""); err != nil {
			bad(path, "%v", err)
		}
	}
	upTo, _, err := a.exported() // asked first, and the state last: the export goes on meanwhile
	if err != nil {
		return nil, out, err
	}

	exported, err := readExports(a.Home)
	if err != nil {
		return nil, out, err
	}

	if inState, err = a.allReceipts(); err != nil {
		return nil, out, err
	}

	check(a.Store.Path(), inState)

	for _, p := range exported.problems {
		bad(p.path, "%s", p.detail)
	}

	check(a.Home.Receipts(), exported.lines)
	have := map[uint64][]byte{}

	var missing []uint64
	newest := uint64(0)
	for _, r := range inState {
		have[r.Seq], newest = r.Line, r.Seq
		if _, ok := exported.from[r.Seq]; !ok && r.Seq <= upTo {
			missing = append(missing, r.Seq)
		}
	}

	if len(missing) > 0 {
		bad(a.receiptsFile(), "%d of the receipts that were exported are gone, the first is number %d; the "+
			"state has them", len(missing), missing[0])
	}

	for _, r := range exported.lines {
		switch line, ok := have[r.Seq]; {
		case ok && !bytes.Equal(line, r.Line):
			bad(exported.from[r.Seq], "receipt %d is not the one of the state", r.Seq)
		case newest > 0 && r.Seq > newest:
			bad(exported.from[r.Seq], "receipt %d is newer than any in the state", r.Seq)
		}
	}

	for _, u := range exported.unfinished {
		begun := func(r state.Receipt) bool { return bytes.HasPrefix(r.Line, u.text) }
		if beingWritten := u.path == a.receiptsFile() && newest > upTo; !beingWritten &&
			!slices.ContainsFunc(inState, begun) {
			bad(u.path, "its last line, without an end, is no receipt")
		}
	}

	return inState, out, nil
}

// exports are the receipts in the files of HOME/receipts.
type exports struct {
	lines      []state.Receipt   // by number, each once
	from       map[uint64]string // number -> file
	problems   []struct{ path, detail string }
	unfinished []unfinished
}

// unfinished is the last line of a file, without its end: one that is just being written, or was
// when the power failed and is written again, or what somebody appended.
type unfinished struct {
	path string
	text []byte
}

// readExports reads HOME/receipts/*.jsonl.
func readExports(home config.Home) (exports, error) {
	e := exports{from: map[uint64]string{}}
	files, err := namesIn(home.Receipts(), "", ".jsonl")
	if err != nil {
		return e, err
	}

	byNumber := map[uint64][]byte{}
	bad := func(path, format string, args ...any) {
		e.problems = append(e.problems, struct{ path, detail string }{path, fmt.Sprintf(format, args...)})
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}

		if err != nil {
			return e, err
		}

		last := uint64(0)
		for n, line := range bytes.SplitAfter(data, []byte("\n")) {
			line, whole := bytes.CutSuffix(line, []byte("\n"))
			if !whole {
				if len(line) > 0 {
					e.unfinished = append(e.unfinished, unfinished{path, line})
				}

				continue
			}

			var r struct {
				Seq uint64 `json:"seq"`
			}
			if err := json.Unmarshal(line, &r); err != nil || r.Seq == 0 {
				bad(path, "line %d is no receipt", n+1)
				continue
			}

			if r.Seq <= last {
				bad(path, "line %d: receipt %d stands behind receipt %d", n+1, r.Seq, last)
			}

			last = r.Seq
			if other, ok := byNumber[r.Seq]; ok && !bytes.Equal(other, line) {
				bad(path, "receipt %d is not the one of %s", r.Seq, e.from[r.Seq])
				continue
			}

			byNumber[r.Seq], e.from[r.Seq] = line, path
		}
	}

	for _, seq := range slices.Sorted(maps.Keys(byNumber)) {
		e.lines = append(e.lines, state.Receipt{Seq: seq, Line: byNumber[seq]})
	}

	return e, nil
}

// namesIn lists the paths in a folder whose names begin and end like this, sorted; a folder that is
// not there has none.
func namesIn(dir, prefix, suffix string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}

	var out []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) && strings.HasSuffix(e.Name(), suffix) {
			out = append(out, filepath.Join(dir, e.Name()))
		}
	}

	return out, nil
}
