package watcher

import (
	"io/fs"
	"syscall"
	"testing"
)

// told is a file as the system tells of it.
type told struct {
	fs.FileInfo
	attributes uint32
}

func (f told) Sys() any { return &syscall.Win32FileAttributeData{FileAttributes: f.attributes} }

func TestOnlineOnly(t *testing.T) {
	for attributes, want := range map[uint32]bool{0: false,
		syscall.FILE_ATTRIBUTE_ARCHIVE: false, 0x1000: true,
		0x40000: true, 0x400020: true} {
		if got := OnlineOnly(told{attributes: attributes}); got != want {
			t.Errorf("attributes %#x: %v", attributes, got)
		}
	}
}
