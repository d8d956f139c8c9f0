package transfer

import (
	"time"

	"golang.org/x/sys/windows"
)

// uptime is how long the machine runs. It goes on while the machine sleeps, and nobody sets it.
func uptime() time.Duration { return windows.DurationSinceBoot() }
