package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/problem"
)

// readBody reads a file, or standard input for "-".
func (a *app) readBody(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(a.input)
	}

	return os.ReadFile(name)
}

// readList reads the paths of a list, a file or standard input: one a line, without those that
// begin with "#", or with a zero byte after each, whatever they hold.
func (a *app) readList(flag, name string) ([]string, error) {
	data, err := a.readBody(name)
	if err != nil {
		return nil, fmt.Errorf("read list: %w", err)
	}

	var list []string
	if flag == filesFrom0 {
		for path := range strings.SplitSeq(string(data), "\x00") {
			if path != "" {
				list = append(list, path)
			}
		}

		return list, nil
	}

	if data, err = config.Text(data); err != nil {
		return nil, &config.Error{File: "--" + flag + " " + name, Msg: err.Error()}
	}

	for line := range strings.Lines(string(data)) {
		if line = strings.TrimRight(line, "\r\n"); line != "" && !strings.HasPrefix(line, "#") {
			list = append(list, line)
		}
	}

	return list, nil
}

// canAsk reports whether a user sits at standard input.
func (a *app) canAsk() bool {
	return isTerminal(a.stdin)
}

// isTerminal reports whether a stream ends at a terminal.
func isTerminal(stream any) bool {
	if w, ok := stream.(interface{ Unwrap() any }); ok {
		stream = w.Unwrap()
	}

	f, ok := stream.(*os.File)

	return ok && term.IsTerminal(int(f.Fd()))
}

// ask asks a question on standard error; only y and yes agree. The error is that of an
// interruption.
func (a *app) ask(question string) (bool, error) {
	defer a.waits.aside()()
	fmt.Fprintf(a.stderr, "%s [y/N] ", question)
	line, err := bufio.NewReader(a.input).ReadString('\n')
	if errors.Is(err, problem.ErrInterrupted) {
		return false, err
	}

	answer := strings.ToLower(strings.TrimSpace(line)) // an end of input is a no

	return answer == "y" || answer == "yes", nil
}

// readPassword reads a line from the terminal without showing it.
func (a *app) readPassword(ctx context.Context) ([]byte, error) {
	fd := int(a.stdin.(*os.File).Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return nil, err
	}

	type result struct {
		data []byte
		err  error
	}
	read := make(chan result, 1)
	go func() {
		data, err := term.ReadPassword(fd)
		read <- result{data, err}
	}()

	select {
	case r := <-read:
		return r.data, r.err
	case <-ctx.Done():
		return nil, errors.Join(context.Cause(ctx), term.Restore(fd, before))
	}
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// interruptible is a reader whose reads end with the context, with its cause. What a read that was
// left behind still gets is lost.
func interruptible(ctx context.Context, r io.Reader) io.Reader {
	type result struct {
		n   int
		err error
	}
	var buf []byte

	return readFunc(func(p []byte) (int, error) {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}

		if len(buf) < len(p) {
			buf = make([]byte, len(p))
		}

		into, read := buf[:len(p)], make(chan result, 1)
		go func() {
			n, err := r.Read(into)
			read <- result{n, err}
		}()

		select {
		case got := <-read:
			return copy(p, into[:got.n]), got.err
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	})
}
