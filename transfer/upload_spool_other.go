//go:build !linux

package transfer

import "os"

// cloneFile has no form here that writes into an open file; the caller copies.
func cloneFile(_, _ *os.File) error { return errNoClone }
