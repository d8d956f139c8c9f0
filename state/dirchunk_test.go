package state

import (
	"path/filepath"
	"testing"
)

func TestDirChunkAt(t *testing.T) {
	s, err := Open(filepath.Join(t.TempDir(), "state.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = s.Close() })
	err = s.UpdateDirs("r", []DirChange{
		{Folder: "a", Put: []DirChunk{{First: "d", Data: []byte("1")}, {First: "m", Data: []byte("2")},
			{First: "t", Data: []byte("3")}}},
		{Folder: "b", Put: []DirChunk{{First: "x", Data: []byte("4")}}},
		{Folder: "", Put: []DirChunk{{First: "q", Data: []byte("5")}}},
	})
	if err != nil {
		t.Fatal(err)
	}

	tests := []struct {
		root, folder, name string
		first, next        string
	}{
		{"r", "a", "a", "d", "m"},
		{"r", "a", "d", "d", "m"},
		{"r", "a", "e", "d", "m"},
		{"r", "a", "m", "m", "t"},
		{"r", "a", "s", "m", "t"},
		{"r", "a", "z", "t", ""},
		{"r", "b", "a", "x", ""},
		{"r", "b", "z", "x", ""},
		{"r", "", "a", "q", ""},
		{"r", "", "z", "q", ""},
		{"r", "c", "z", "", ""},
		{"r", "0", "z", "", ""},
		{"other", "a", "z", "", ""},
		{"z", "a", "z", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.root+"/"+tt.folder+"/"+tt.name, func(t *testing.T) {
			c, next, found, err := s.DirChunkAt(tt.root, tt.folder, tt.name)
			if err != nil || found != (tt.first != "") || c.First != tt.first || next != tt.next {
				t.Errorf("got %q, next %q, %t, %v, want %q, %q", c.First, next, found, err, tt.first, tt.next)
			}
		})
	}
}
