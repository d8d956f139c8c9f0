//go:build !windows

package progress

import "os"

// understandsCodes reports whether a terminal moves its cursor by escape codes.
func understandsCodes(*os.File) bool { return true }
