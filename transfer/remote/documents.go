package remote

import (
	"context"

	"hoist/apsclient"
)

// Documents reports whether a folder that was seen takes documents alone, see
// [apsclient.Folder.Documents].
func (r *Resolver) Documents(p apsclient.ProjectID, id apsclient.FolderID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()

	return r.known[folderKey{p, id}].Documents()
}

// AskDocuments is Documents of any folder, as the service says now.
func (r *Resolver) AskDocuments(ctx context.Context, p apsclient.ProjectID, id apsclient.FolderID) (bool,
	error) {
	f, err := r.c.Folders.Folder(ctx, p, id)
	if err == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.known[folderKey{p, id}] = f
	}

	return f.Documents(), err
}
