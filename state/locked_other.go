//go:build !linux

package state

// lockHolder: no question about a lock names its holder here; owner.json has to do.
func lockHolder(string) (pid int, command string) { return 0, "" }
