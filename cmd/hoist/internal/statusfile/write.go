package statusfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// mark is how a page of ours begins.
const mark = "<!doctype html><!-- hoist status -->"

// Write replaces the page at a path. roots are the watched folders.
func Write(path string, roots []string, page []byte) error {
	there, err := check(path, roots)
	if err != nil {
		return err
	}

	f, err := os.CreateTemp(filepath.Dir(path), ".hoist-*")
	if err != nil {
		return fmt.Errorf("the status page %s: %w", path, err)
	}

	defer os.Remove(f.Name()) // what was renamed is not there any more
	_, err = f.Write(page)
	if err == nil {
		_ = f.Chmod(0o644) // colleagues read it; a share without permissions may refuse
		err = f.Sync()     // a power cut must not leave an empty file, which would not be ours
	}

	if err = errors.Join(err, f.Close()); err == nil {
		err = place(f.Name(), path, there)
	}

	if err != nil {
		return fmt.Errorf("the status page %s: %w", path, err)
	}

	return nil
}

// place gives a written file its name. If nothing was there, it takes the place of nothing that came
// meanwhile.
func place(from, path string, there bool) error {
	if !there {
		err := os.Link(from, path)
		if err == nil || errors.Is(err, fs.ErrExist) {
			return err
		} // else the file system has no links
	}

	return os.Rename(from, path)
}

// Check is why a page is not written at a path; nil when it may be.
func Check(path string, roots []string) error {
	_, err := check(path, roots)
	return err
}

// Outside is why a page cannot lie at a path; nil when it is in none of the watched folders.
func Outside(path string, roots []string) error {
	dir := real(filepath.Dir(path))
	for _, root := range roots {
		if within(real(root), dir) {
			return fmt.Errorf("the status page %s lies in the watched folder %s, and each status "+
				"would be sent: give it a place outside", path, root)
		}
	}

	return nil
}

func check(path string, roots []string) (there bool, err error) {
	refuse := func(why string) error { return fmt.Errorf("the status page %s: %s", path, why) }
	if err := Outside(path, roots); err != nil {
		return false, err
	}

	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("the status page: %w", err)
	case !info.Mode().IsRegular():
		return false, refuse("something that is no plain file has this name: give another one")
	}

	f, err := os.Open(path)
	if err != nil {
		return false, fmt.Errorf("the status page: %w", err)
	}
	defer f.Close()
	begin := make([]byte, len(mark))
	if _, err := io.ReadFull(f, begin); err != nil || !bytes.Equal(begin, []byte(mark)) {
		return false,
			refuse("a file that is not of hoist has this name, and stays: remove it, or give another name")
	}

	return true, nil
}

// real is a folder without links, as far as it is there.
func real(dir string) string {
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		return resolved
	}

	return filepath.Clean(dir)
}

func within(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}
