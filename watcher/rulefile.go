package watcher

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"hoist/watcher/disk"
)

// IgnoreFile is the name of the files in the tree that hold ignore patterns for their folder and
// what is below it.
const IgnoreFile = ".hoistignore"

// maxIgnoreFile bounds a rule file, in bytes: a larger one is refused.
const maxIgnoreFile = 1 << 20

// fileState is what tells two states of a file apart. The zero value: there is no file.
type fileState struct {
	exists bool
	link   bool        // the name is a link; the rest is of what it leads to
	mode   fs.FileMode // type and permissions
	rec    record      // without name and device
}

func stateOf(info fs.FileInfo) fileState {
	rec := recordOf(info)
	rec.name, rec.dir, rec.dev = "", false, 0
	return fileState{exists: true, mode: info.Mode(), rec: rec}
}

// changed is when the file was last seen to change by its own times; zero when they do not tell: a
// time in the future, or one that the writer may have set.
func (s fileState) changed(now time.Time) time.Time {
	if !s.exists || s.rec.ctime == 0 {
		return time.Time{}
	}

	at := unixTime(max(s.rec.mtime, s.rec.ctime))
	if at.After(now) {
		return time.Time{}
	}

	return at
}

// What is wrong with a rule file.
var (
	errLoose     = errors.New("it is a link that leads nowhere")
	errHalf      = errors.New("it is UTF-16 and ends within a character: it is half written")
	errNoText    = errors.New("it is neither UTF-8 nor UTF-16 with a byte order mark: save it as UTF-8")
	errTooLong   = fmt.Errorf("it has more than %d bytes", maxIgnoreFile)
	errIrregular = errors.New("not a regular file")
	errMoved     = errors.New("it changes while it is read")
)

// remedy is what to do about a rule file that is not understood, after a semicolon.
func remedy(err error) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "; give hoist the right to read it"
	case errors.Is(err, errLoose):
		return "; mend the link or remove it"
	case errors.Is(err, errTooLong):
		return "; shorten it"
	case errors.Is(err, errIrregular):
		return "; put a text file in its place or remove it"
	case errors.Is(err, errHalf):
		return "; save it again"
	}

	return ""
}

// statRuleFile looks at a rule file without opening it; links are followed.
func statRuleFile(name string) (fileState, error) {
	info, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || isNotDir(err) {
		return fileState{}, nil
	} else if err != nil {
		return fileState{}, err
	}

	if info.Mode()&fs.ModeSymlink == 0 {
		return stateOf(info), nil
	}

	at := stateOf(info)
	info, err = os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) || isNotDir(err) {
		at.link = true
		return at, errLoose
	} else if err != nil {
		at.link = true
		return at, err
	}

	to := stateOf(info)
	to.link, to.rec.ctime = true, max(to.rec.ctime, at.rec.ctime)

	return to, nil
}

// readRuleFile returns the text of a rule file that still is in the state given. It neither waits
// for a pipe nor reads without end.
func readRuleFile(name string, want fileState) ([]byte, error) {
	if !want.mode.IsRegular() {
		return nil, irregular(want.mode)
	}

	f, err := openRuleFile(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()

	if err := stillIs(f, want); err != nil {
		return nil, err
	}

	data, err := io.ReadAll(io.LimitReader(f, maxIgnoreFile+1))
	if err != nil {
		return nil, err
	}

	if len(data) > maxIgnoreFile {
		return nil, errTooLong
	}

	if err := stillIs(f, want); err != nil {
		return nil, err
	}

	return ruleText8(data)
}

// BeingWritten reports whether somebody has a rule file, or what its name leads to, open for writing,
// as far as the system tells.
func BeingWritten(name string) bool {
	open, _ := disk.Ask(name, disk.Patience, func() (bool, error) {
		to, err := filepath.EvalSymlinks(name)
		if err != nil {
			return false, err
		}

		open, known := writerOf(to, false)

		return open && known, nil
	})

	return open
}

// OpenRegular opens a file for reading, following links, if it is a regular one. A pipe, a device
// or a folder in its place is an error, and neither it nor a dead disk is waited for.
func OpenRegular(name string) (*os.File, error) {
	return disk.Ask(name, disk.Patience, func() (*os.File, error) {
		f, err := openRuleFile(name)
		if err != nil {
			return nil, err
		}

		if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
			return nil, errors.Join(&fs.PathError{Op: "open", Path: name, Err: errIrregular}, err, f.Close())
		}

		return f, nil
	})
}

func stillIs(f *os.File, want fileState) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}

	if want.link {
		want.rec.ctime = 0 // it may be the link's
	}

	if now := stateOf(info); now.mode != want.mode || !now.rec.same(want.rec) {
		return errMoved
	}

	return nil
}

// irregular says what a rule file is instead of a regular file.
func irregular(m fs.FileMode) error { return fmt.Errorf("it is a %s, %w", kindOf(m), errIrregular) }

func kindOf(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "folder"
	case m&fs.ModeNamedPipe != 0:
		return "named pipe"
	case m&fs.ModeSocket != 0:
		return "socket"
	}

	return "device or other special file"
}

// ruleText8 is the text of a rule file as UTF-8.
func ruleText8(data []byte) ([]byte, error) {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		order = binary.LittleEndian
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		order = binary.BigEndian
	}

	if order == nil {
		if !utf8.Valid(data) || bytes.IndexByte(data, 0) >= 0 {
			return nil, errNoText
		}

		return data, nil
	}

	if len(data)%2 != 0 {
		return nil, errHalf
	}

	units := make([]uint16, 0, len(data)/2)
	for i := 2; i < len(data); i += 2 {
		units = append(units, order.Uint16(data[i:]))
	}

	if n := len(units); n > 0 && utf16.IsSurrogate(rune(units[n-1])) && units[n-1] < 0xdc00 {
		return nil, errHalf
	}

	text := []byte(string(utf16.Decode(units)))
	if bytes.ContainsRune(text, utf8.RuneError) || bytes.IndexByte(text, 0) >= 0 {
		return nil, errNoText
	}

	return text, nil
}
