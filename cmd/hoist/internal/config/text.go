package config

import (
	"bytes"
	"errors"
	"io"
	"os"

	"hoist/watcher"
)

var (
	utf8Mark  = []byte("\xef\xbb\xbf")
	utf16Mark = [][]byte{[]byte("\xff\xfe"), []byte("\xfe\xff")}
)

// Text is what a user wrote, without the mark that editors on Windows put before UTF-8; UTF-16, as
// the ">" of Windows PowerShell writes it, and anything that is no text at all are errors. Other
// bytes pass: names of files hold any.
func Text(data []byte) ([]byte, error) {
	if bytes.HasPrefix(data, utf16Mark[0]) || bytes.HasPrefix(data, utf16Mark[1]) ||
		bytes.IndexByte(data, 0) >= 0 {
		return nil, errors.New("it is UTF-16 or no text; save it as UTF-8")
	}

	return bytes.TrimPrefix(data, utf8Mark), nil
}

// ReadText reads a file that a user wrote; one that is no [Text] is an [Error].
func ReadText(path string) ([]byte, error) {
	data, err := os.ReadFile(path)

	return textOf(path, data, err)
}

// readSettings is [ReadText] of a file of the home. What is no file there, such as a pipe, is an error
// and is not waited for: it would hold up each command, and the end of the daemon.
func readSettings(path string) ([]byte, error) {
	f, err := watcher.OpenRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()

	data, err := io.ReadAll(f)

	return textOf(path, data, err)
}

func textOf(path string, data []byte, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}

	if data, err = Text(data); err != nil {
		return nil, &Error{File: path, Msg: err.Error()}
	}

	return data, nil
}
