package progress

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/term"
)

// Screen is standard error, which may be a terminal. What is written to it scrolls by above the
// block that shows the progress. Safe for concurrent use.
type Screen struct {
	out  io.Writer
	size func() (width, height int, err error) // nil: no terminal

	mu    sync.Mutex
	drawn []string // the block that stands there; the cursor is at its beginning
	width int      // of the window when it was drawn
}

// NewScreen returns the screen of an output.
func NewScreen(out io.Writer, getenv func(string) string) *Screen {
	s := &Screen{out: out}
	f, ok := out.(*os.File)
	if ok && term.IsTerminal(int(f.Fd())) && getenv("TERM") != "dumb" && understandsCodes(f) {
		s.size = func() (int, int, error) { return term.GetSize(int(f.Fd())) }
	}

	return s
}

// Write implements [io.Writer].
func (s *Screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()

	return s.out.Write(p)
}

// Beside returns a writer to another output that may be the same terminal: the block makes way for
// what is written to it.
func (s *Screen) Beside(out io.Writer) io.Writer {
	if s.size == nil {
		return out
	}

	return beside{s, out}
}

type beside struct {
	screen *Screen
	out    io.Writer
}

func (b beside) Write(p []byte) (int, error) {
	b.screen.mu.Lock()
	defer b.screen.mu.Unlock()
	b.screen.clear()

	return b.out.Write(p)
}

// Unwrap returns the output itself.
func (b beside) Unwrap() any { return b.out }

// Keep leaves the block where it is, and lets what follows stand below.
func (s *Screen) Keep() {
	s.mu.Lock()
	defer s.mu.Unlock()

	if n := len(s.drawn); n > 0 {
		s.drawn = nil
		_, _ = io.WriteString(s.out, strings.Repeat("\n", n)) // as in clear
	}
}

// Clear takes the block off the terminal, so that something else can be printed there.
func (s *Screen) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
}

func (s *Screen) clear() {
	if s.drawn != nil {
		s.drawn = nil
		_, _ = io.WriteString(s.out, "\r\x1b[J") // a terminal that has gone shows nothing anyway
	}
}

// Terminal reports whether it is one that can be drawn on.
func (s *Screen) Terminal() bool { return s.size != nil }

// Width is how many cells a line has on the terminal; 0: it is none.
func (s *Screen) Width() int {
	if s.size == nil {
		return 0
	}

	width, _, err := s.size()
	if err != nil || width < 1 {
		width = 80
	}

	return max(width-1, 1)
}

// Draw shows lines, made for the size of the window, in place of those before. The cursor rests at
// their beginning: when the window is resized a terminal keeps it there, however it breaks the lines.
func (s *Screen) Draw(lines func(width, height int) []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	width, height, err := s.size()
	if err != nil || width < 1 {
		width, height = 80, 24
	}

	block := lines(width, height)
	if width == s.width && slices.Equal(block, s.drawn) {
		return
	}

	var b strings.Builder
	b.WriteByte('\r')
	for i, line := range block {
		if i > 0 {
			b.WriteString("\r\n")
		}

		b.WriteString(line + "\x1b[K")
	}

	b.WriteString("\x1b[J\r")
	if up := len(block) - 1; up > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", up)
	}

	s.drawn, s.width = block, width
	_, _ = io.WriteString(s.out, b.String()) // as in clear
}
