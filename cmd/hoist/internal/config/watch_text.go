package config

import (
	"bytes"
	"slices"
)

// tableLines is where a table stands in a text: from its header to the next header. Comments and blank
// lines right before that belong to the next table. A start of -1: it is not there.
type tableLines struct {
	lines      [][]byte
	start, end int
}

// cut is the text without the table.
func (t tableLines) cut() []byte {
	if t.start < 0 {
		return bytes.Join(t.lines, nil)
	}

	return slices.Concat(bytes.Join(t.lines[:t.start], nil), bytes.Join(t.lines[t.end:], nil))
}

// cutTable removes the n-th [[watch]] table with those of its patterns.
func cutTable(text []byte, n int) []byte {
	t := findTable(text, n)
	if t.start >= 0 {
		t.end = endOfPatterns(t.lines, t.end)
	}

	return t.cut()
}

func line(lines [][]byte, i int) []byte { return bytes.TrimRight(lines[i], "\r\n") }

// endOfTable is where a table ends that begins in a line.
func endOfTable(lines [][]byte, start int) int {
	end := start + 1
	for end < len(lines) && !anyHeader().Match(line(lines, end)) {
		end++
	}

	for end > start+1 && end < len(lines) && isBlankOrComment(lines[end-1]) {
		end--
	}

	return end
}

// nextPattern is where the table of a pattern begins that follows a table of a watch; -1: none does.
func nextPattern(lines [][]byte, end int) int {
	for end < len(lines) && isBlankOrComment(lines[end]) {
		end++
	}

	if end == len(lines) || !patternHeader().Match(line(lines, end)) {
		return -1
	}

	return end
}

// endOfPatterns is where the tables of a watch's patterns end, which go with it.
func endOfPatterns(lines [][]byte, end int) int {
	for {
		next := nextPattern(lines, end)
		if next < 0 {
			return end
		}

		end = endOfTable(lines, next)
	}
}

// findTable finds the n-th [[watch]] table without those of its patterns.
func findTable(text []byte, n int) tableLines {
	lines := bytes.SplitAfter(text, []byte("\n"))
	for i := range lines {
		if !watchHeader().Match(line(lines, i)) {
			continue
		}

		if n == 0 {
			return tableLines{lines, i, endOfTable(lines, i)}
		}

		n--
	}

	return tableLines{lines, -1, -1}
}

// findPattern finds the table of the k-th pattern of the n-th watch.
func findPattern(text []byte, n, k int) tableLines {
	t := findTable(text, n)
	for ; t.start >= 0 && k >= 0; k-- {
		if t.start = nextPattern(t.lines, t.end); t.start >= 0 {
			t.end = endOfTable(t.lines, t.start)
		}
	}

	return t
}

func isBlankOrComment(line []byte) bool {
	line = bytes.TrimSpace(line)
	return len(line) == 0 || line[0] == '#'
}
