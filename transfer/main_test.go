package transfer

import (
	"os"
	"runtime/debug"
	"testing"
)

// TestMain has the garbage of the hundreds of worlds collected more seldom: a quarter of their time.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}
