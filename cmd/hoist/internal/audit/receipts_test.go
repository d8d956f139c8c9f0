package audit

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"testing"

	"hoist/cmd/hoist/internal/config"
	"hoist/state"
)

// publish makes a receipt in a state.
func publish(t *testing.T, s *state.Store, n int) {
	t.Helper()
	j, v, err := s.Enqueue(state.Job{Kind: state.Upload, Path: fmt.Sprintf("/w/%d.dwg", n), Size: 1,
		Snapshot: state.Snapshot{Size: 1},
		Target: state.Target{Address: fmt.Sprintf("oss://b/%d.dwg", n), Bucket: "b",
			Key: fmt.Sprint(n), Name: "n"}})
	if err != nil || v != state.Queued {
		t.Fatal(v, err)
	}

	for _, e := range []state.Event{state.Reserved{Object: "o"},
		state.Opened{UploadKey: "k", PartSize: 5 << 20, Parts: 1},
		state.PartStored{Part: 1, Size: 1, ETag: "e"}, state.AllStored{}, state.Assembled{},
		state.Finished{Result: state.ResultCreated, Record: &state.PublishedRecord{Rel: j.Path}}} {
		if _, err := s.Commit(j.ID, e); err != nil {
			t.Fatal(err)
		}
	}
}

// TestExportEndsAnywhere: whatever an export left when its process or its machine died, the next
// one ends it, and the file holds each receipt once. Of what was not synced any part may be there;
// what was recorded was synced, but perhaps not the name of the file.
func TestExportEndsAnywhere(t *testing.T) {
	dir := t.TempDir()
	home := config.Home{Config: dir, State: dir}
	if err := home.Ensure(); err != nil {
		t.Fatal(err)
	}

	store, err := state.Open(home.StateFile(), state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()

	a := &Auditor{Home: home, Store: store, Log: slog.New(slog.DiscardHandler)}
	publish(t, store, 1)
	publish(t, store, 2)
	if err := a.exportNew(); err != nil {
		t.Fatal(err)
	}

	before, err := os.ReadFile(a.receiptsFile())
	if err != nil {
		t.Fatal(err)
	}

	recorded, _, err := store.Meta(receiptsMeta)
	if err != nil {
		t.Fatal(err)
	}

	publish(t, store, 3)
	publish(t, store, 4)

	receipts, err := store.Receipts(0, 10)
	if err != nil || len(receipts) != 4 {
		t.Fatal(len(receipts), err)
	}

	want := linesOf(receipts)

	files := [][]byte{nil} // its name was lost
	for n := len(before); n <= len(want); n += 83 {
		files = append(files, want[:n], append(slices.Clone(want[:n]), make([]byte, len(want)-n)...),
			append(slices.Clone(before), append(make([]byte, n-len(before)), want[n:]...)...))
	}

	for _, from := range []string{recorded, "0 0"} { // nor was the first record made
		for i, file := range files {
			if err := errors.Join(os.RemoveAll(home.Receipts()),
				os.Mkdir(home.Receipts(), 0o700)); err != nil {
				t.Fatal(err)
			}

			if err := store.SetMeta(receiptsMeta, from); err != nil {
				t.Fatal(err)
			}

			if file != nil {
				if err := os.WriteFile(a.receiptsFile(), file, 0o600); err != nil {
					t.Fatal(err)
				}
			}

			if err := a.exportNew(); err != nil {
				t.Fatalf("%q, %d: %v", from, i, err)
			}

			got, err := os.ReadFile(a.receiptsFile())
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("recorded %q, left %d bytes of case %d: %d bytes, want %d: %v", from,
					len(file), i, len(got), len(want), err)
			}

			if text, _, err := store.Meta(receiptsMeta); err != nil ||
				text != fmt.Sprintf("4 %d", len(want)) {
				t.Errorf("recorded %q, case %d: %q, %v", from, i, text, err)
			}
		}
	}
}
