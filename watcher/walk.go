package watcher

// Walk calls fn for every file below root that the rules let through.
func Walk(root string, r *Rules, fn func(rel string, snap Snapshot) error, onErr func(rel string, err error)) error {
	return nil
}
