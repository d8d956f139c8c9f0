package page

import (
	"io/fs"
	"testing"
)

// TestPageIsSmall: all that a browser loads is below 200 kB.
func TestPageIsSmall(t *testing.T) {
	total := int64(0)
	err := fs.WalkDir(assets, ".", func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}

		info, err := d.Info()
		if err == nil {
			total += info.Size()
		}

		return err
	})
	if err != nil || total == 0 || total > 200_000 {
		t.Errorf("%d bytes, %v", total, err)
	}
}
