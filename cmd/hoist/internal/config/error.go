package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/pelletier/go-toml/v2"
)

// Error is a mistake in what a user configured. Line is 0 when none applies.
type Error struct {
	File string // path, or the name of the flag or variable
	Line int
	Key  string
	Msg  string
}

func (e *Error) Error() string {
	where := e.File
	if e.Line > 0 {
		where = fmt.Sprintf("%s:%d", e.File, e.Line)
	}

	switch {
	case where == "":
		return e.Key + ": " + e.Msg
	case e.Key == "":
		return where + ": " + e.Msg
	}

	return where + ": " + e.Key + ": " + e.Msg
}

// inFile is err as an [Error] that names the file; a nil err stays nil.
func inFile(file string, err error) error {
	if _, named := errors.AsType[*Error](err); err == nil || named {
		return err
	}

	return &Error{File: file, Msg: err.Error()}
}

// tomlErrors turns what the decoder says into one Error for each problem, joined.
func tomlErrors(file string, err error) error {
	if missing, ok := errors.AsType[*toml.StrictMissingError](err); ok {
		var all []error
		for _, e := range missing.Errors {
			line, _ := e.Position()
			all = append(all, &Error{File: file, Line: line, Key: joinKey(e.Key()), Msg: "unknown key"})
		}

		return errors.Join(all...)
	}

	if bad, ok := errors.AsType[*toml.DecodeError](err); ok {
		line, _ := bad.Position()
		return &Error{File: file, Line: line, Key: joinKey(bad.Key()), Msg: plainly(bad.Error())}
	}

	return inFile(file, err)
}

// lazily compiles a pattern when it is first asked for: most runs ask for few.
func lazily(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

var wrongType = lazily(`^toml: cannot decode TOML (\w+) into struct field \S+ of type (\S+)$`)

// plainly says what the decoder says without the names of our code.
func plainly(msg string) string {
	m := wrongType().FindStringSubmatch(msg)
	if m == nil {
		return msg
	}

	return "it is of type " + m[1] + ", not " +
		strings.NewReplacer("*", "", "[]string", "a list of strings", "[]config.Watch",
			"a list of tables, [[watch]]").Replace(m[2])
}

func joinKey(key toml.Key) string { return strings.Join(key, ".") }
