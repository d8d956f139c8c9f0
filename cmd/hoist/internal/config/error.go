package config

import (
	"errors"
	"fmt"

	"github.com/pelletier/go-toml/v2"
)

// Error is a mistake in what a person configured. Line is 0 where none applies.
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
	if e := (*Error)(nil); err == nil || errors.As(err, &e) {
		return err
	}
	return &Error{File: file, Msg: err.Error()}
}

// tomlErrors turns what the decoder says into one Error for each problem, joined.
func tomlErrors(file string, err error) error {
	if missing := (*toml.StrictMissingError)(nil); errors.As(err, &missing) {
		var all []error
		for _, e := range missing.Errors {
			line, _ := e.Position()
			all = append(all, &Error{File: file, Line: line, Key: joinKey(e.Key()), Msg: "unknown key"})
		}
		return errors.Join(all...)
	}
	if bad := (*toml.DecodeError)(nil); errors.As(err, &bad) {
		line, _ := bad.Position()
		return &Error{File: file, Line: line, Key: joinKey(bad.Key()), Msg: bad.Error()}
	}
	return inFile(file, err)
}

func joinKey(key toml.Key) string {
	s := ""
	for i, k := range key {
		if i > 0 {
			s += "."
		}
		s += k
	}
	return s
}
