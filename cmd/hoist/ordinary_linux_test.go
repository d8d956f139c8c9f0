package main

import (
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// startOrdinary starts a command that may read and write only what the modes of files let it, also
// when the tests run as root.
func startOrdinary(cmd *exec.Cmd) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: what the thread gave up ends with it
		for _, c := range []uintptr{unix.CAP_DAC_OVERRIDE, unix.CAP_DAC_READ_SEARCH} {
			_ = unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0) // who is not root has none
		}

		started <- cmd.Start()
	}()

	return <-started
}
