//go:build unix

package watcher

import (
	"syscall"
	"testing"
)

func makePipe(t testing.TB, name string) {
	t.Helper()
	must(t, syscall.Mkfifo(name, 0o644))
}
