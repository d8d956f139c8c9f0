//go:build !linux

package transfer

import (
	"os"
	"time"
)

// writeHold is for systems with leases; elsewhere files are looked at before and after.
type writeHold struct{}

func holdWrites(*os.File) (h writeHold, written bool) { return writeHold{}, false }

func (writeHold) intact() bool    { return true }
func (writeHold) until(time.Time) {}
func (writeHold) release()        {}

// isFar: what the other systems do for a server that is gone has an end.
func isFar(*os.File) bool { return false }

// cleanPages does nothing: only Linux lets a reader make stores through a mapping show.
func cleanPages(*os.File) {}
