package plan

import (
	"fmt"

	"hoist/transfer/remote"
)

// ClashError says that a file is not sent because a name on its way and another one may be the same
// to the service: neither is made until one of the two is renamed.
type ClashError struct {
	Path  string                 // here, of the file or of a folder above it: what may be renamed, "" nothing
	Other string                 // the other one's local path
	There *remote.NameClashError // instead of Other: it is in the cloud
}

// Error begins with the quoted Path, which is how the fix finds it.
func (e *ClashError) Error() string {
	if e.There != nil && e.Path == "" {
		return e.There.Error()
	}

	if e.There != nil {
		return fmt.Sprintf("%q: %v", e.Path, e.There)
	}

	return fmt.Sprintf("%q and %q would be one name at a service that has no regard for letter case and "+
		"Unicode form: rename one of the two", e.Path, e.Other)
}
