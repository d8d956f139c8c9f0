//go:build ignore

// Command mutate takes each safeguard of .ci/mutations away in turn and runs the test that is to notice. It
// prints what survives and ends with 1 when something does. The project itself is not changed: the
// compiler sees the file of a mutation through an overlay.
//
//	go run .ci/mutate.go [-n] [REGEXP]     only those whose name matches; -n: only whether each
//	                                       still finds the text that it cuts
//
// Each entry of the list, apart from the others by an empty line:
//
//	name of the safeguard
//	file PATH
//	-TEXT    that is in the file once; several lines stand for adjoining lines
//	+TEXT    in its place; none: it is cut out
//	test PACKAGE REGEXP
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

type mutation struct {
	name, file, pkg, run string
	cut, put             []string
}

func main() {
	dry := flag.Bool("n", false, "only look whether each finds the text that it cuts")
	flag.Parse()

	if err := run(flag.Arg(0), *dry); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(pattern string, dry bool) error {
	which, err := regexp.Compile(pattern)
	if err != nil {
		return err
	}

	list, err := os.ReadFile(filepath.Join(".ci", "mutations"))
	if err != nil {
		return err
	}

	all, err := parse(string(list))
	if err != nil {
		return err
	}

	dir, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	tried, failed := 0, 0
	for _, m := range all {
		if !which.MatchString(m.name) {
			continue
		}

		tried++
		if dry {
			if _, err := m.mutant(); err != nil {
				failed++
				fmt.Printf("%s: %v\n", m.name, err)
			}

			continue
		}

		began := time.Now()
		verdict := "caught"
		if err := m.try(dir); err != nil {
			failed++
			verdict = "NOT CAUGHT: " + err.Error()
		}

		fmt.Printf("%-60s %4.0f s  %s\n", m.name, time.Since(began).Seconds(), verdict)
	}

	switch {
	case dry && failed > 0:
		return fmt.Errorf("%d of %d mutations do not fit the sources", failed, tried)
	case dry:
		fmt.Printf("%d mutations fit the sources\n", tried)
		return nil
	}

	fmt.Printf("%d mutations, %d not caught\n", tried, failed)

	if failed > 0 {
		return fmt.Errorf("%d of %d mutations are not caught", failed, tried)
	}

	return nil
}

func parse(text string) (all []mutation, err error) {
	for _, block := range strings.Split(text, "\n\n") {
		var m mutation
		for _, line := range strings.Split(strings.Trim(block, "\n"), "\n") {
			word, rest, _ := strings.Cut(line, " ")
			switch {
			case line == "" || strings.HasPrefix(line, "#"):
			case m.name == "":
				m.name = line
			case line[0] == '-':
				m.cut = append(m.cut, line[1:])
			case line[0] == '+':
				m.put = append(m.put, line[1:])
			case word == "file":
				m.file = rest
			case word == "test":
				m.pkg, m.run, _ = strings.Cut(rest, " ")
			default:
				return nil, fmt.Errorf("%s: line %q is not understood", m.name, line)
			}
		}

		if m.name == "" {
			continue
		}

		if m.file == "" || m.run == "" || len(m.cut) == 0 {
			return nil, fmt.Errorf("%s: an entry has file, the text to cut, and test", m.name)
		}

		all = append(all, m)
	}

	return all, nil
}

// mutant is the file with the mutation.
func (m mutation) mutant() (string, error) {
	source, err := os.ReadFile(m.file)
	if err != nil {
		return "", err
	}

	cut := strings.Join(m.cut, "\n") + "\n"
	if n := strings.Count(string(source), cut); n != 1 {
		return "", fmt.Errorf("the text to cut is %d times in %s: mend the list", n, m.file)
	}

	put := ""
	if len(m.put) > 0 {
		put = strings.Join(m.put, "\n") + "\n"
	}

	return strings.Replace(string(source), cut, put, 1), nil
}

// try is nil when the test fails for the mutation.
func (m mutation) try(dir string) error {
	text, err := m.mutant()
	if err != nil {
		return err
	}

	mutant := filepath.Join(dir, filepath.Base(m.file))
	if err := os.WriteFile(mutant, []byte(text), 0o600); err != nil {
		return err
	}

	original, err := filepath.Abs(m.file)
	if err != nil {
		return err
	}

	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{original: mutant}})
	if err != nil {
		return err
	}

	at := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(at, overlay, 0o600); err != nil {
		return err
	}

	test := exec.Command("go", "test", "-v", "-count=1", "-vet=off", "-timeout", "5m", "-run", m.run, m.pkg)
	// The overlay stands in GOFLAGS, so that it also holds when a test builds the program.
	test.Env = append(os.Environ(), "HOIST_LONG=1", "GOFLAGS=-overlay="+at)
	out, err := test.CombinedOutput()
	exit, _ := errors.AsType[*exec.ExitError](err)

	switch {
	case err == nil && strings.Contains(string(out), "no tests to run"):
		return fmt.Errorf("%s has no test %s", m.pkg, m.run)
	case err == nil && !strings.Contains(string(out), "\n--- PASS"):
		return fmt.Errorf("%s %s is skipped here", m.pkg, m.run)
	case err == nil:
		return errors.New("it survives")
	case exit == nil:
		return err
	case strings.Contains(string(out), "build failed") || strings.Contains(string(out), "setup failed"):
		return fmt.Errorf("it does not build:\n%s", out)
	}

	return nil
}
