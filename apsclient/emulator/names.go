package emulator

import (
	"strings"
	"unicode/utf8"
)

// reserved are the characters that names of folders and files may not hold.
const reserved = "<>:\"/\\|?*`\n\r\t\x00\f¢™$®"

// nameProblem says why a name is refused; "" when it is fine.
func nameProblem(name string) string {
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		return "the name is empty"
	case n > 255:
		return "the name is longer than 255 characters"
	case strings.ContainsAny(name, reserved):
		return "the name holds a reserved character"
	}

	return ""
}

// maxDepth is how deep folders may nest below a top folder.
const maxDepth = 25

// depth counts the folders above f up to its top folder: 0 for a top folder, -1 for the root.
func (m *model) depth(f *folder) int {
	n := -1
	for f.Parent != "" {
		f = m.folders.get(f.Parent)
		n++
	}

	return n
}

// sameExtension reports whether two names have one extension, whatever its letter case.
func sameExtension(a, b string) bool { return fileType(a) == fileType(b) }
