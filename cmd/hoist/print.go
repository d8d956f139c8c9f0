package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
)

// printJSON writes v as one line of JSON to standard output.
func (a *app) printJSON(v any) error {
	var line bytes.Buffer
	e := json.NewEncoder(&line)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("write to standard output: %w", err)
	}

	return a.printData(line.Bytes())
}

// printData writes JSON with its line end to standard output, or what --jq or --template make of
// it.
func (a *app) printData(data []byte) error {
	if a.shape != nil && json.Valid(data) {
		return a.shape(a.stdout, data)
	}

	if _, err := a.stdout.Write(data); err != nil {
		return fmt.Errorf("write to standard output: %w", err)
	}

	return nil
}

// printf writes text for people to standard output.
func (a *app) printf(format string, args ...any) { fmt.Fprintf(a.stdout, format, args...) }

func oneLine(s string) string { return strings.Join(strings.FieldsFunc(s, isLineEnd), "; ") }

func isLineEnd(r rune) bool { return r == '\n' || r == '\r' }

// printable shows what could paint a terminal, control characters and direction marks, as an
// escape.
func printable(name string) string {
	if utf8.ValidString(name) && strings.IndexFunc(name, unprintable) < 0 {
		return name
	}

	var b strings.Builder
	for len(name) > 0 {
		r, n := utf8.DecodeRuneInString(name)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, name[0])
		case unprintable(r):
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		default:
			b.WriteRune(r)
		}

		name = name[n:]
	}

	return b.String()
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// localTime shows a time to a user, in the local zone; "-" when it is unknown.
func localTime(t time.Time) string {
	if t.IsZero() {
		return "-"
	}

	return t.Local().Format("2006-01-02 15:04")
}

func rfc3339(t time.Time) string {
	if t.IsZero() {
		return ""
	}

	return t.UTC().Format(time.RFC3339)
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}

	return fmt.Sprintf("%d %s", n, many)
}

func sizeText(size *int64) string {
	if size == nil {
		return "-"
	}

	return humanize.IBytes(uint64(*size))
}
