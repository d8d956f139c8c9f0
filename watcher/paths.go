package watcher

import (
	"path/filepath"
	"strings"
)

// join returns the system's path of a slash path below root.
func join(root, p string) string {
	if p == "" {
		return root
	}

	return filepath.Join(root, filepath.FromSlash(p))
}

// join2 appends a name to a slash path.
func join2(folder, name string) string {
	if folder == "" {
		return name
	}

	return folder + "/" + name
}

// split cuts a slash path into folder and name.
func split(p string) (folder, name string) {
	if i := strings.LastIndexByte(p, '/'); i >= 0 {
		return p[:i], p[i+1:]
	}

	return "", p
}

// below reports whether p is folder or lies in it.
func below(folder, p string) bool {
	return folder == "" || p == folder || strings.HasPrefix(p, folder) && p[len(folder)] == '/'
}
