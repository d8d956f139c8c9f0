package progress

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rivo/uniseg"
	"github.com/schollz/progressbar/v3"
)

const (
	barMost  = 24 // cells of the bar; fewer than barLeast are no bar
	barLeast = 6
	mostLong = 4 // files that are shown
)

// screen is the block for a window of so many cells and lines: no line reaches the last cell, where
// some terminals wrap.
func screen(s State, elapsed time.Duration, width, height int) []string {
	cells := max(width-1, 1)
	lines := []string{fit(first(s, elapsed, cells), cells)}
	for _, text := range []string{strings.Join(s.ahead(), ", "), s.limit(), s.Wait.text(cells)} {
		if text != "" {
			lines = append(lines, fit(text, cells))
		}
	}

	for _, f := range s.Slowest[:min(len(s.Slowest), mostLong)] {
		lines = append(lines, fileLine(f, cells))
	}

	return lines[:min(len(lines), max(height-1, 1))]
}

// first is the bar, when there is room for one, and the counts; what does not fit is left out from
// the end.
func first(s State, elapsed time.Duration, cells int) string {
	counts := s.counted(elapsed)
	if s.Looking || s.Doing != "" {
		return strings.Join(counts, ", ")
	}

	percent := fmt.Sprintf("%3d%%  ", s.percent())
	for n := len(counts); n > 0; n-- {
		text := percent + strings.Join(counts[:n], ", ")
		if free := cells - cellsOf(text); free >= 0 {
			return bar(s.percent(), min(free-1, barMost)) + text
		}
	}

	return percent + counts[0]
}

// Bar is a bar of so many cells with its ends, and a blank behind it.
func Bar(percent, cells int) string { return bar(percent, cells) }

// bar is a bar of so many cells with its ends; nothing when there is no room for one.
func bar(percent, cells int) string {
	inside := cells - 2
	if inside < barLeast {
		return ""
	}

	b := progressbar.NewOptions64(100, progressbar.OptionSetWriter(io.Discard),
		progressbar.OptionSetRenderBlankState(true), progressbar.OptionSetWidth(inside),
		progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false))
	_ = b.Set(percent) // into nothing
	text := b.String()
	from, to := strings.IndexByte(text, '|'), strings.LastIndexByte(text, '|')
	if from < 0 || from == to {
		return ""
	}

	return text[from:to+1] + " "
}

// fileLine is a file and what is done with it; the name gives way first.
func fileLine(f File, cells int) string {
	const nameLeast = 16

	doing := f.doing(cells >= 80)
	name := filepath.Base(f.Path)
	if cells >= 100 {
		name = f.Path
	}

	room := max(cells-cellsOf(doing)-len(" * : "), nameLeast)

	return fit(" * "+middle(name, room)+": "+doing, cells)
}

func cellsOf(s string) int { return uniseg.StringWidth(s) }

// Fit cuts lines to a window.
func Fit(lines []string, width, height int) []string {
	out := slices.Clone(lines[:min(len(lines), max(height-1, 1))])
	for i := range out {
		out[i] = fit(out[i], max(width-1, 1))
	}

	if more := len(lines) - len(out); more > 0 {
		out[len(out)-1] = fit(fmt.Sprintf("and %d more lines", more+1), max(width-1, 1))
	}

	return out
}

// Narrow puts a line together of texts and names in turn, in so many cells (0: as many as it takes):
// the names give way, in their middle, and what is still too long is broken at blanks.
func Narrow(cells int, parts ...string) []string {
	const nameLeast = 12

	line := strings.Join(parts, "")
	if cells == 0 || cellsOf(line) <= cells {
		return []string{line}
	}

	parts, room := slices.Clone(parts), cells-cellsOf(line)
	var names []int
	for i := 1; i < len(parts); i += 2 {
		names = append(names, i)
		room += cellsOf(parts[i])
	}

	slices.SortFunc(names, func(a, b int) int { return cmp.Compare(cellsOf(parts[a]), cellsOf(parts[b])) })
	for n, i := range names { // what the short ones do not take is for the long ones
		parts[i] = middle(parts[i], max(room/(len(names)-n), nameLeast))
		room -= cellsOf(parts[i])
	}

	if line = strings.Join(parts, ""); cellsOf(line) <= cells {
		return []string{line}
	}

	return wrap(line, cells)
}

// wrap breaks a line at blanks; what follows is indented. A word that fills a line is cut.
func wrap(line string, cells int) []string {
	text := strings.TrimLeft(line, " ")
	indent := line[:len(line)-len(text)]
	var out []string
	for i, word := range strings.Fields(text) {
		last := len(out) - 1
		if i > 0 && cellsOf(out[last])+1+cellsOf(word) <= cells {
			out[last] += " " + word
			continue
		}

		at := indent
		if i > 0 {
			at += "  "
		}

		out = append(out, at+middle(word, max(cells-len(at), 1)))
	}

	return out
}

// fit cuts a text to so many cells.
func fit(s string, cells int) string {
	if cellsOf(s) <= cells {
		return s
	}

	return head(s, cells-1) + "…"
}

// middle cuts a name in its middle: both ends tell more.
func middle(s string, cells int) string {
	if cellsOf(s) <= cells {
		return s
	}

	left := (cells - 1) / 2

	return head(s, left) + "…" + tail(s, cells-1-left)
}

// head is the beginning of a text that takes at most so many cells.
func head(s string, cells int) string {
	used, rest := 0, s
	for rest != "" {
		_, after, width, _ := uniseg.FirstGraphemeClusterInString(rest, -1)
		if used += width; used > cells {
			break
		}

		rest = after
	}

	return s[:len(s)-len(rest)]
}

// tail is its end.
func tail(s string, cells int) string {
	for cellsOf(s) > cells {
		_, s, _, _ = uniseg.FirstGraphemeClusterInString(s, -1)
	}

	return s
}
