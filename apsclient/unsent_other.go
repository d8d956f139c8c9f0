//go:build !linux && !darwin

package apsclient

// boundUnsent: there is no such bound here.
func boundUnsent(uintptr) {}
