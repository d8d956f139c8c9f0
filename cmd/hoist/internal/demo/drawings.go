package demo

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
)

// drawing is one file of the set.
type drawing struct {
	name string // slash path below the folder of the set
	size int64  // bytes
}

// litter is what CAD programs leave beside drawings; it must not travel.
var litter = []string{"A-101 Ground floor.bak", "A-102 First floor.dwl"}

// set is the drawings to make, the large one last.
func set(large int64) []drawing {
	return []drawing{
		{"A-101 Ground floor.dwg", 1_482_331},
		{"A-102 First floor.dwg", 1_377_910},
		{"A-201 Élévation sud.dwg", 3_205_777},
		{"Structure/S-301 Foundations.dwg", 6_291_456},
		{"Structure/S-302 Stair core.dwg", 911_047},
		{"Structure/Details/D-17 100% scale.dwg", 40_960},
		{"Services/M-401 Ventilation.ifc", 12_000_001},
		{"Services/Schedule.xlsx", 77_312},
		{largeName, large},
	}
}

// largeName is the drawing whose second upload is killed.
const largeName = "Models/Tower.rvt"

// save writes the content of a drawing's edition the way careful programs save: into a temporary
// file, then renamed over the old one. The content follows from name and edition alone.
func (d drawing) save(root string, edition int) error {
	path := filepath.Join(root, filepath.FromSlash(d.name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}

	f, err := os.CreateTemp(filepath.Dir(path), "~save*.tmp")
	if err != nil {
		return err
	}

	_, err = io.CopyN(f, d.content(edition), d.size)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}

	if err != nil {
		return errors.Join(fmt.Errorf("save %s: %w", d.name, err), os.Remove(f.Name()))
	}

	return nil
}

func (d drawing) content(edition int) io.Reader {
	return rand.NewChaCha8(sha256.Sum256(fmt.Appendf(nil, "%s edition %d", d.name, edition)))
}

// compare reports whether two folders hold the same files with the same bytes, and how many bytes
// were compared. Names in except are not expected in the second.
func compare(want, got string, except []string) (files int, size int64, err error) {
	wanted, err := list(want, except)
	if err != nil {
		return 0, 0, err
	}

	found, err := list(got, nil)
	if err != nil {
		return 0, 0, err
	}

	if !slices.Equal(wanted, found) {
		return 0, 0, fmt.Errorf("the folders differ: %q holds %q, %q holds %q", want, wanted, got, found)
	}

	for _, name := range wanted {
		n, err := compareFile(filepath.Join(want, name), filepath.Join(got, name))
		if err != nil {
			return 0, 0, err
		}

		size += n
	}

	return len(wanted), size, nil
}

func list(root string, except []string) ([]string, error) {
	var names []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}

		name, err := filepath.Rel(root, path)
		if err == nil && !slices.Contains(except, filepath.ToSlash(name)) {
			names = append(names, name)
		}

		return err
	})
	slices.Sort(names)

	return names, err
}

func compareFile(a, b string) (size int64, err error) {
	fa, err := os.Open(a)
	if err != nil {
		return 0, err
	}
	defer fa.Close()
	fb, err := os.Open(b)
	if err != nil {
		return 0, err
	}
	defer fb.Close()

	ra, rb := bufio.NewReaderSize(fa, 1<<20), bufio.NewReaderSize(fb, 1<<20)
	pa, pb := make([]byte, 1<<20), make([]byte, 1<<20)
	for {
		na, ea := io.ReadFull(ra, pa)
		nb, eb := io.ReadFull(rb, pb)
		if !bytes.Equal(pa[:na], pb[:nb]) {
			return 0, fmt.Errorf("%q and %q differ within the MiB at %d", a, b, size)
		}

		size += int64(na)
		if ea != nil || eb != nil {
			if atEnd(ea) && atEnd(eb) {
				return size, nil
			}

			return 0, errors.Join(ea, eb)
		}
	}
}

func atEnd(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }
