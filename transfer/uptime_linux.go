package transfer

import (
	"time"

	"golang.org/x/sys/unix"
)

// uptime is how long the machine runs. It goes on while the machine sleeps, and nobody sets it.
func uptime() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) != nil {
		return 0
	}

	return time.Duration(t.Nano())
}
