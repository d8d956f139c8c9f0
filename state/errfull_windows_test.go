package state

import "golang.org/x/sys/windows"

var errFull error = windows.ERROR_DISK_FULL
