package progress

import (
	"os"

	"golang.org/x/sys/windows"
)

// understandsCodes reports whether a console moves its cursor by escape codes, and makes it.
func understandsCodes(f *os.File) bool {
	var mode uint32
	console := windows.Handle(f.Fd())
	if windows.GetConsoleMode(console, &mode) != nil {
		return false
	}

	return windows.SetConsoleMode(console, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
