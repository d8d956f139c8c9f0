package transfer

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"hoist/state"
	"hoist/watcher/disk"
)

// errEmptyRoot: hoist leaves a marker in every watched folder it may write to, so one without
// anything is the bare mount point of a share that is away.
var errEmptyRoot = errors.New("it is empty")

// RootAway says why a failure to read a watched file tells nothing about the file: its watched
// folder is not there, or what lies on the way to the file cannot be listed. It is nil for every
// other failure.
func RootAway(job state.Job, err error) error {
	changed, ok := errors.AsType[*changedError](err)
	_, onDisk := errors.AsType[*fs.PathError](err)
	rel := filepath.FromSlash(job.Rel)
	onDisk = onDisk && !outOfResources(err)
	if job.Kind != state.Upload || !job.Watched() || !(ok && changed.Gone) && !onDisk ||
		!strings.HasSuffix(job.Path, string(filepath.Separator)+rel) {
		return nil
	}

	root := strings.TrimSuffix(job.Path, string(filepath.Separator)+rel)
	names, err := namesOf(root)
	switch {
	case err == nil && len(names) == 0:
		err = errEmptyRoot
	case err == nil:
		err = listed(root, names, strings.Split(rel, string(filepath.Separator)), !onDisk)
	}

	if err != nil {
		return fmt.Errorf("the watched folder %q: %w", root, err)
	}

	return nil
}

// listed looks for a file by listing what lies on the way to it. It is an error that a folder
// cannot be listed, or, for a file that is said to be gone, that it is listed all the same.
func listed(dir string, names, steps []string, gone bool) error {
	for i, step := range steps {
		if !slices.Contains(names, step) {
			return nil
		}

		if dir = filepath.Join(dir, step); i == len(steps)-1 {
			break
		}

		var err error
		if names, err = namesOf(dir); err != nil {
			return err
		}
	}

	if _, err := lookAt(dir); gone && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%q is listed and not there", dir)
	}

	return nil
}

// hasLeft reports whether nothing is at the path that a job's file or folder had before it was renamed,
// as far as anybody can say. When letter case does not count, what was renamed in that alone is found
// there too; then the folders on the way tell how it is spelt.
func hasLeft(job state.Job) bool {
	root := rootOf(job)
	old, err := os.Lstat(filepath.Join(root, filepath.FromSlash(job.From)))
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}

	now, err := os.Lstat(job.Path)

	return err == nil && os.SameFile(old, now) && !isSpelt(root, job.From)
}

// isSpelt reports whether the folders on the way to a path have its names in these very letters, as far as
// they can be listed.
func isSpelt(root, rel string) bool {
	for ; rel != "."; rel = path.Dir(rel) {
		names, err := namesOf(filepath.Join(root, filepath.FromSlash(path.Dir(rel))))
		if err == nil && !slices.Contains(names, path.Base(rel)) {
			return false
		}
	}

	return true
}

// namesOf lists a folder to its end.
func namesOf(dir string) ([]string, error) {
	return disk.AskOn(dir, disk.Patience, func(beat func()) (names []string, err error) {
		f, err := os.Open(dir)
		if err != nil {
			return nil, err
		}
		defer f.Close()

		for err == nil {
			var some []string
			some, err = f.Readdirnames(1000)
			names = append(names, some...)
			beat()
		}

		if errors.Is(err, io.EOF) {
			err = nil
		}

		return names, err
	})
}
