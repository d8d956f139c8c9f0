//go:build unix

package watcher

import (
	"os"
	"syscall"
)

// openRuleFile opens a file for reading and follows links. O_NONBLOCK keeps a pipe that took the
// file's place from blocking us.
func openRuleFile(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
}
