//go:build !linux && !darwin

package transfer

import "os"

// cloneFile is for systems with copy-on-write copies; elsewhere the caller copies.
func cloneFile(string, *os.File) error { return errNoClone }
