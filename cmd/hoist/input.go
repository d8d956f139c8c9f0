package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"hoist/cmd/hoist/internal/config"
)

// readBody reads a file, or standard input for "-".
func (a *app) readBody(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(a.stdin)
	}

	return os.ReadFile(name)
}

// readList reads the lines of a file, or of standard input.
func (a *app) readList(name string) ([]string, error) {
	data, err := a.readBody(name)
	if err != nil {
		return nil, fmt.Errorf("read list: %w", err)
	}

	if data, err = config.Text(data); err != nil {
		return nil, &config.Error{File: "--files-from " + name, Msg: err.Error()}
	}

	var lines []string
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			lines = append(lines, line)
		}
	}

	return lines, nil
}

// canAsk reports whether a user sits at standard input.
func (a *app) canAsk() bool {
	f, ok := a.stdin.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// ask asks a question on standard error; only y and yes agree.
func (a *app) ask(question string) bool {
	fmt.Fprintf(a.stderr, "%s [y/N] ", question)
	line, _ := bufio.NewReader(a.stdin).ReadString('\n') // an end of input is a no
	answer := strings.ToLower(strings.TrimSpace(line))

	return answer == "y" || answer == "yes"
}
