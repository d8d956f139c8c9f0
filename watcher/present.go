package watcher

import (
	"bytes"
	"io"
	"slices"

	"hoist/watcher/disk"
)

// A folder that holds a file of this name, with this beginning, says of itself that it is a cache.
const (
	cacheTag  = "CACHEDIR.TAG"
	cacheSign = "Signature: 8a477f597d28d172789f06886806bc55"
)

// excluded is the rule by which a folder below the root leaves itself out, by what lies in it or by
// the file system that it is on; "": none. has reports whether it holds a name.
func (b *Book) excluded(r *Rules, folder string, has func(name string) bool) string {
	if folder == "" {
		return "" // it was named
	}

	for _, name := range r.opts.IfPresent {
		if has(name) {
			return "exclude-if-present " + name
		}
	}

	if r.opts.Caches && has(cacheTag) && isCacheTag(join(b.root, join2(folder, cacheTag))) {
		return "exclude-caches"
	}

	if r.opts.OneFileSystem {
		if id, err := idOf(join(b.root, folder)); err == nil && id.dev != b.device() {
			return "one-file-system"
		}
	}

	return ""
}

func isCacheTag(name string) bool {
	head, err := disk.Ask(name, disk.Patience, func() ([]byte, error) {
		f, err := OpenRegular(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()

		head := make([]byte, len(cacheSign))
		_, err = io.ReadFull(f, head)

		return head, err
	})

	return err == nil && bytes.Equal(head, []byte(cacheSign))
}

// device is the root's.
func (b *Book) device() uint64 {
	id, _ := idOf(b.root)
	return id.dev
}

// leavesOut applies excluded to the rules of a folder.
func (b *Book) leavesOut(r *Rules, folder string, has func(name string) bool) *Rules {
	if r.out != "" || len(r.opts.IfPresent) == 0 && !r.opts.Caches && !r.opts.OneFileSystem {
		return r
	}

	why := b.excluded(r, folder, has)
	if why == "" {
		return r
	}

	out := *r
	out.out = why

	return &out
}

// onDisk reports whether a folder holds a name.
func (b *Book) onDisk(folder string) func(string) bool {
	return func(name string) bool {
		_, _, there, _ := lookAt(b.root, join2(folder, name))
		return there
	}
}

// speaksOfFolder reports whether a name in a folder may leave the folder out.
func (r *Rules) speaksOfFolder(name string) bool {
	return slices.Contains(r.opts.IfPresent, name) || r.opts.Caches && name == cacheTag
}
