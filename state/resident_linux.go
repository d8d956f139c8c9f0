package state

import (
	"syscall"

	bolt "go.etcd.io/bbolt"
)

// letGo gives back the memory in which the file is mapped. What is read again comes from the system's cache
// of the disk, as does what no process has mapped.
func letGo(db *bolt.DB) {
	_ = db.View(func(tx *bolt.Tx) error { // while which the mapping stays where it is
		// advice: without it the process is larger, and no less right
		_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, db.Info().Data, uintptr(tx.Size()),
			syscall.MADV_DONTNEED)
		return nil
	})
}
