//go:build !linux && !darwin

package apsclient

import "syscall"

// holdBackUnsent: there is no such bound here.
func holdBackUnsent(string, string, syscall.RawConn) error { return nil }
