package watcher

import (
	"os"
	"path/filepath"
)

// openRuleFile opens a file so that the programs that save it are not stopped: os.Root lets others
// rename and delete. It refuses links that lead out of the folder.
func openRuleFile(name string) (*os.File, error) {
	root, err := os.OpenRoot(filepath.Dir(name))
	if err != nil {
		return nil, err
	}
	defer root.Close()

	return root.Open(filepath.Base(name))
}
