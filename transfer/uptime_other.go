//go:build !linux && !windows

package transfer

import (
	"time"

	"golang.org/x/sys/unix"
)

// uptime is how long the machine runs. The time of its start follows the clock when that is set.
func uptime() time.Duration {
	t, err := unix.SysctlTimeval("kern.boottime")
	if err != nil {
		return 0
	}

	return time.Since(time.Unix(t.Unix()))
}
