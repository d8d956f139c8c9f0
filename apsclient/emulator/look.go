package emulator

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// FileInfo is an item with its versions, as tests look at the world.
type FileInfo struct {
	Project  string // id
	Path     string // "Project Files/a/b.dwg"
	ItemID   string
	Hidden   bool
	Versions []VersionInfo // oldest first
}

// VersionInfo is a version. SHA1 is computed on demand by Server.SHA1 for what has content.
type VersionInfo struct {
	Number  int
	ID      string
	Name    string
	Storage string // "" for a deletion
	Size    int64
	By      string // user or client id
	Created time.Time
	ETags   []string // of the parts, as S3 answered them: MD5 in hex, without opaque ETags
}

// Items are all items of all projects, ordered by project and path; deleted ones are Hidden.
func (s *Server) Items() []FileInfo {
	var out []FileInfo
	s.read(func(m *model) {
		for _, i := range m.items.m {
			info := FileInfo{Project: i.Project, Path: m.folderPath(i.Folder) + "/" + i.Name, ItemID: i.ID,
				Hidden: i.Hidden}
			for _, id := range i.Versions {
				v := m.versions.get(id)
				vi := VersionInfo{Number: v.Number, ID: v.ID, Name: v.Name, Storage: v.Storage, Size: v.Size,
					By: v.CreatedBy, Created: v.Created}
				if o := m.objectOf(v.Storage); o != nil {
					for _, p := range o.Parts {
						vi.ETags = append(vi.ETags, p.MD5)
					}
				}

				info.Versions = append(info.Versions, vi)
			}

			out = append(out, info)
		}
	})
	slices.SortFunc(out, func(a, b FileInfo) int {
		return strings.Compare(a.Project+"\x00"+a.Path+"\x00"+a.ItemID,
			b.Project+"\x00"+b.Path+"\x00"+b.ItemID)
	})

	return out
}

// File finds the item that is visible under a path ("Project Files/a/b.dwg") in any project; the
// first by project id.
func (s *Server) File(path string) (FileInfo, bool) {
	for _, f := range s.Items() {
		if f.Path == path && !f.Hidden {
			return f, true
		}
	}

	return FileInfo{}, false
}

// Folders are the paths of a project's folders that are not hidden, sorted.
func (s *Server) Folders(projectID string) []string {
	var out []string
	s.read(func(m *model) {
		for _, f := range m.folders.m {
			if f.Project == projectID && f.Parent != "" && !f.Hidden {
				out = append(out, m.folderPath(f.ID))
			}
		}
	})
	slices.Sort(out)

	return out
}

func (m *model) objectOf(urn string) *object {
	bucketKey, key, ok := splitURN(urn)
	if !ok {
		return nil
	}

	return m.objects.get(bucketKey + "/" + key)
}

// ReadObject opens the bytes of an object by its URN.
func (s *Server) ReadObject(urn string) (io.ReadCloser, error) {
	var o *object
	s.read(func(m *model) { o = m.objectOf(urn) })
	if o == nil {
		return nil, fmt.Errorf("read object: no %q", urn)
	}

	r, w := io.Pipe()
	s.work.Go(func() { _ = w.CloseWithError(s.copyBlobs(w, o.Parts, 0, o.Size)) })

	return r, nil
}

// ReadVersion opens the bytes of a version by its id. Close it, or Server.Close waits.
func (s *Server) ReadVersion(id string) (io.ReadCloser, error) {
	var urn string
	s.read(func(m *model) {
		if v := m.versions.get(id); v != nil {
			urn = v.Storage
		}
	})
	if urn == "" {
		return nil, fmt.Errorf("read version: no %q, or it has no content", id)
	}

	return s.ReadObject(urn)
}

// SHA1 is the SHA-1 of an object's bytes in hex, whatever its size; "" for an unknown URN.
func (s *Server) SHA1(urn string) string {
	var o *object
	s.read(func(m *model) { o = m.objectOf(urn) })
	if o == nil {
		return ""
	}

	return s.hashObject(o)
}

// Session is an upload that was begun.
type Session struct {
	UploadKey, Object string // Object: URN
	Parts             map[int]int64
	Done              bool
	Expires           time.Time
}

// Sessions are the uploads that are known, completed ones included, in no order. Completed ones
// have no parts.
func (s *Server) Sessions() []Session {
	var out []Session
	s.read(func(m *model) {
		for _, sess := range m.sessions.m {
			one := Session{UploadKey: sess.Key, Object: objectURN(sess.Bucket, sess.Object),
				Parts: map[int]int64{}, Done: sess.Done, Expires: sess.Expires}
			for n, p := range sess.parts {
				one.Parts[n] = p.Size
			}

			out = append(out, one)
		}
	})

	return out
}
