package transfer

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hoist/state"
	"hoist/watcher/disk"
)

// errEmptyRoot: hoist leaves a marker in every watched folder it may write to, so one without
// anything is the bare mount point of a share that is away.
var errEmptyRoot = errors.New("it is empty")

// rootAway says why the failure to read the file of a watch tells nothing of the file: its watched
// folder is not there, or what lies on the way to the file cannot be listed. It is nil for every
// other failure.
func rootAway(job state.Job, err error) error {
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
