//go:build !linux && !darwin

package disk

// mountPoints is for systems whose paths begin with their volume.
func mountPoints() []string { return nil }

// MountChanges is not known here.
func MountChanges() int { return 0 }
