package emulator

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// metaLog is the durable form of the world: lines of {kind, id, value}, the last line of an id
// wins, a line without a value removes it. Lines of one change are written by one call. A torn last
// line, left by a killed process, is dropped.
type metaLog struct {
	f       *os.File
	pending []byte
	err     error
}

type logLine struct {
	K string          `json:"k"`
	I string          `json:"i"`
	V json.RawMessage `json:"v,omitempty"`
}

func (l *metaLog) append(kind, id string, v any) {
	line := logLine{K: kind, I: id}
	if v != nil {
		raw, err := json.Marshal(v)
		if err != nil {
			l.err = fmt.Errorf("encode %s %s: %w", kind, id, err)
			return
		}

		line.V = raw
	}

	raw, err := json.Marshal(line)
	if err != nil {
		l.err = fmt.Errorf("encode %s %s: %w", kind, id, err)
		return
	}

	l.pending = append(append(l.pending, raw...), '\n')
}

// flush hands the pending lines to the operating system.
func (l *metaLog) flush() {
	if len(l.pending) == 0 {
		return
	}

	if l.f == nil {
		l.err = errors.New("the emulator is closed")
		return
	}

	if _, err := l.f.Write(l.pending); err != nil && l.err == nil {
		l.err = fmt.Errorf("write %s: %w", l.f.Name(), err)
	}

	l.pending = l.pending[:0]
}

// rows is what the log needs of a table.
type rows interface {
	name() string
	load(id string, raw json.RawMessage) error
	drop(id string)
	dump(l *metaLog)
	last() int64 // highest number of a row
}

// table is a map of records that writes each change to the log.
type table[T any] struct {
	kind string
	log  *metaLog
	m    map[string]*T
}

func newTable[T any](kind string, l *metaLog) *table[T] {
	return &table[T]{kind: kind, log: l, m: map[string]*T{}}
}

func (t *table[T]) get(id string) *T { return t.m[id] }

func (t *table[T]) put(id string, v *T) {
	t.m[id] = v
	t.log.append(t.kind, id, v)
}

func (t *table[T]) del(id string) {
	if _, ok := t.m[id]; ok {
		delete(t.m, id)
		t.log.append(t.kind, id, nil)
	}
}

func (t *table[T]) name() string   { return t.kind }
func (t *table[T]) drop(id string) { delete(t.m, id) }

func (t *table[T]) load(id string, raw json.RawMessage) error {
	v := new(T)
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("record %s %s: %w", t.kind, id, err)
	}

	t.m[id] = v

	return nil
}

func (t *table[T]) last() (n int64) {
	for _, v := range t.m {
		if row, ok := any(v).(interface{ seq() int64 }); ok {
			n = max(n, row.seq())
		}
	}

	return n
}

func (t *table[T]) dump(l *metaLog) {
	for id, v := range t.m {
		l.append(t.kind, id, v)
	}
}

// openLog reads path into the tables, writes it again without what is outdated, and leaves it open
// for appending.
func openLog(path string, l *metaLog, tables []rows) error {
	byKind := map[string]rows{}
	for _, t := range tables {
		byKind[t.name()] = t
	}

	if err := readLog(path, byKind); err != nil {
		return err
	}

	l.pending = nil
	for _, t := range tables {
		t.dump(l)
	}

	tmp := path + ".new"
	if err := os.WriteFile(tmp, l.pending, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", tmp, err)
	}

	l.pending = nil
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("replace %s: %w", path, err)
	}

	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}

	l.f = f

	return nil
}

func readLog(path string, byKind map[string]rows) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}

	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}

	defer f.Close()

	in := bufio.NewReaderSize(f, 1<<16)
	for n := 1; ; n++ {
		raw, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil // what follows the last line end is torn
		}

		if err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}

		var line logLine
		if err := json.Unmarshal(bytes.TrimSpace(raw), &line); err != nil {
			return fmt.Errorf("%s line %d: %w", path, n, err)
		}

		t := byKind[line.K]
		if t == nil {
			return fmt.Errorf("%s line %d: unknown kind %q", path, n, line.K)
		}

		if line.V == nil {
			t.drop(line.I)
		} else if err := t.load(line.I, line.V); err != nil {
			return fmt.Errorf("%s line %d: %w", path, n, err)
		}
	}
}

func (s *Server) metaPath() string { return filepath.Join(s.cfg.Dir, "world.jsonl") }
func (s *Server) blobPath(name string) string {
	return filepath.Join(s.cfg.Dir, "blobs", name[:2], name)
}
