//go:build !windows

package state

import "syscall"

var errFull error = syscall.ENOSPC
