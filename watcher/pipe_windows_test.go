package watcher

import "testing"

func makePipe(t testing.TB, _ string) {
	t.Helper()
	t.Skip("there are no named pipes in folders here")
}
