package watcher

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestDiff(t *testing.T) {
	file := func(name string, size int64) record { return record{name: name, size: size} }

	dir := func(name string) record { return record{name: name, dir: true} }
	tests := []struct {
		name     string
		listing  []record
		baseline []record
		want     []string
	}{
		{"nothing", nil, nil, nil},
		{"equal", []record{file("a", 1), dir("b")}, []record{file("a", 1), dir("b")}, nil},
		{"new file", []record{file("a", 1)}, nil, []string{"added a"}},
		{"new folder is no difference", []record{dir("a")}, nil, nil},
		{"size", []record{file("a", 2)}, []record{file("a", 1)}, []string{"changed a"}},
		{"gone at the end", []record{file("a", 1)}, []record{file("a", 1), file("z", 1)}, []string{"gone z"}},
		{"gone before", []record{file("b", 1)}, []record{file("a", 1), file("b", 1)}, []string{"gone a"}},
		{"folder gone", nil, []record{dir("d")}, []string{"gone d"}},
		{"folder became file", []record{file("d", 1)}, []record{dir("d")}, []string{"gone d", "added d"}},
		{"file became folder", []record{dir("d")}, []record{file("d", 1)}, []string{"gone d"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			err := diff(tt.listing, encode(tt.baseline), func(o op, r record) {
				got = append(got, fmt.Sprintf("%s %s", o, r.name))
			})
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("got %v, %v, want %v", got, err, tt.want)
			}
		})
	}
}

// TestHistories changes folders at random, and after each step what diff finds, once stored, must
// be the listing again.
func TestHistories(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := newMemBaseline(t)
		ed := newEditor(base)
		disk := map[string]record{} // by path
		folders := []string{"", "a", "a/b", "c", "c/d/e"}
		clock := int64(0)
		step := func(t *rapid.T) {
			for range rapid.IntRange(1, 30).Draw(t, "changes") {
				folder := rapid.SampledFrom(folders).Draw(t, "folder")
				p := join2(folder, fmt.Sprintf("f%02d.dwg", rapid.IntRange(0, 25).Draw(t, "file")))
				clock++
				if _, ok := disk[p]; ok && rapid.IntRange(0, 1).Draw(t, "remove") == 1 {
					delete(disk, p)
					continue
				}

				_, name := split(p)
				disk[p] = record{name: name, size: clock % 3, mtime: clock, ino: uint64(clock)}
			}
		}
		listingOf := func(folder string) []record {
			names := map[string]record{}
			for p, r := range disk {
				if !below(folder, p) {
					continue
				}

				rest := p
				if folder != "" {
					rest = p[len(folder)+1:]
				}

				for i := range len(rest) {
					if rest[i] == '/' {
						r = record{name: rest[:i], dir: true}
						break
					}
				}

				names[r.name] = r
			}

			return slices.SortedFunc(maps.Values(names), compareNames)
		}
		// settle finds every difference as a scan does and stores it; it returns what was told.
		settle := func() map[string]Change {
			var batch []settled
			for _, f := range []string{"", "a", "a/b", "c", "c/d", "c/d/e"} {
				chunks, _ := base.Load(f)
				err := diff(listingOf(f), chunks, func(o op, r record) {
					p := join2(f, r.name)
					if o == opGone && r.dir {
						_ = eachRecord(base, p, func(p string, _ record) {
							batch = append(batch, settled{path: p, gone: true})
						})

						return
					}

					batch = append(batch, settled{path: p, rec: r, gone: o == opGone})
				})
				if err != nil {
					t.Fatal(err)
				}
			}

			told := map[string]Change{}
			e, err := ed.plan(batch)
			if err != nil {
				t.Fatal(err)
			}

			for _, c := range e.changes {
				if _, twice := told[c.Path]; twice {
					t.Fatalf("%s told twice", c.Path)
				}

				told[c.Path] = c
			}

			if err := base.Store(e.folders); err != nil {
				t.Fatal(err)
			}

			return told
		}
		for range rapid.IntRange(1, 6).Draw(t, "steps") {
			before := maps.Clone(disk)
			step(t)

			want := map[string]bool{}
			for p, r := range disk {
				if b, ok := before[p]; !ok || !b.same(r) {
					want[p] = false
				}
			}

			for p := range before {
				if _, ok := disk[p]; !ok {
					want[p] = true
				}
			}

			got := map[string]bool{}
			for p, c := range settle() {
				got[p] = c.Removed
			}

			if !maps.Equal(got, want) {
				t.Fatalf("told %v, want %v", got, want)
			}

			for f := range base.folders {
				if l := listingOf(f); !slices.Equal(base.records(f), l) {
					t.Fatalf("folder %q: baseline %v, listing %v", f, base.records(f), l)
				}
			}

			if again := settle(); len(again) > 0 {
				t.Fatalf("told again: %v", again)
			}

			n := 0
			if err := eachRecord(base, "", func(string, record) { n++ }); err != nil || n != len(disk) {
				t.Fatalf("%d records can be reached, %v, want %d", n, err, len(disk))
			}
		}
	})
}

// TestFlatFolder changes one file among very many: only one chunk may be written.
func TestFlatFolder(t *testing.T) {
	base := newMemBaseline(t)
	ed := newEditor(base)
	for i := 0; i < 20000; i += 500 {
		var batch []settled
		for j := range 500 {
			name := fmt.Sprintf("sheet-%06d.dwg", i+j)
			batch = append(batch, settled{path: name,
				rec: record{name: name, size: 100, mtime: int64(i+j) * 1e9, ctime: int64(i+j) * 1e9,
					ino: uint64(i + j)}})
		}

		e, err := ed.plan(batch)
		if err != nil || len(e.changes) != 500 || e.tracked != 500 {
			t.Fatalf("%d changes, %d tracked, %v", len(e.changes), e.tracked, err)
		}

		if err := base.Store(e.folders); err != nil {
			t.Fatal(err)
		}
	}

	if n := len(base.records("")); n != 20000 {
		t.Fatalf("%d records, want 20000", n)
	}

	var total int
	for _, c := range base.folders[""] {
		total += len(c.Data)
	}

	if per := total / 20000; per > 60 {
		t.Errorf("%d bytes a file, want at most 60", per)
	}

	tests := []struct {
		name    string
		path    string
		gone    bool
		changes int
	}{
		{"one in the middle", "sheet-010000.dwg", false, 1},
		{"the first", "sheet-000000.dwg", false, 1},
		{"before the first", "aaa.dwg", false, 1},
		{"after the last", "zzz.dwg", false, 1},
		{"gone from the start", "aaa.dwg", true, 1},
		{"gone and unknown", "none.dwg", true, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, err := ed.plan([]settled{{path: tt.path, gone: tt.gone, rec: record{name: tt.path, size: 7}}})
			if err != nil || len(e.changes) != tt.changes {
				t.Fatalf("%d changes, %v, want %d", len(e.changes), err, tt.changes)
			}

			if tt.changes > 0 && (len(e.folders) != 1 || len(e.folders[0].Put) != 1) {
				t.Errorf("%d folders written, want one chunk of one", len(e.folders))
			}

			if err := base.Store(e.folders); err != nil {
				t.Fatal(err)
			}

			recs := base.records("")
			_, ok := slices.BinarySearchFunc(recs, tt.path, func(r record, n string) int {
				return cmp.Compare(r.name, n)
			})
			if ok == tt.gone {
				t.Errorf("in the baseline: %t", ok)
			}
		})
	}
}

func compareNames(a, b record) int { return strings.Compare(a.name, b.name) }
