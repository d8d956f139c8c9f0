package watcher

import (
	"testing"

	"golang.org/x/sys/windows"
)

// TestWriterOf: a file that somebody has open is seen, whether he shares it or not.
func TestWriterOf(t *testing.T) {
	f := newTree(t)
	f.write("a.dwg", "1")
	path, err := windows.UTF16PtrFromString(f.path("a.dwg"))
	must(t, err)

	const all = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	for _, row := range []struct {
		name          string
		access, share uint32
		deny, open    bool
	}{
		{"a reader", windows.GENERIC_READ, all, true, false},
		{"a writer that shares", windows.GENERIC_WRITE, all, true, true},
		{"the same, and nobody must know", windows.GENERIC_WRITE, all, false, false},
		{"a writer that shares nothing", windows.GENERIC_WRITE, 0, false, true},
		{"a reader that shares nothing", windows.GENERIC_READ, 0, true, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			h, err := windows.CreateFile(path, row.access, row.share, nil, windows.OPEN_EXISTING, 0, 0)
			must(t, err)
			open, known := writerOf(f.path("a.dwg"), row.deny)
			must(t, windows.CloseHandle(h))

			if !known || open != row.open {
				t.Errorf("open %v, known %v", open, known)
			}

			if open, known := writerOf(f.path("a.dwg"), row.deny); open || !known {
				t.Errorf("after it was closed: open %v, known %v", open, known)
			}
		})
	}
}
