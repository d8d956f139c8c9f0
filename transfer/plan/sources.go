package plan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"os"
	"time"

	"hoist/state"
)

// Sources are the local files of a push, in the order in which they were added. What they take of memory
// does not grow with them: those of a large push lie in a file. One goroutine uses them; Close ends them.
type Sources struct {
	dir  string
	n    int
	tail []Source // the last ones, fewer than a block
	ends []int64  // where each whole block ends in data, or in file
	data []byte
	file *os.File // nil: data holds the blocks
	read [2]block // those that were read last, the newest first
	err  error    // the first that an At met
}

// block is a run of sources that is written and read at once.
type block struct {
	number  int
	sources []Source
}

const (
	blockSources = 256
	// dataSources is how many bytes of sources are held in memory; a path takes some 50 of them.
	dataSources = 1 << 20
)

// LeftoverName begins the names of the files that Sources of a killed process leave in their folder.
const LeftoverName = ".hoist-sources-"

var errSources = errors.New("the list of files to push is damaged")

// NewSources are none yet; dir is a private folder for the file of many.
func NewSources(dir string) *Sources { return &Sources{dir: dir} }

// Len is how many were added; of nil none.
func (s *Sources) Len() int {
	if s == nil {
		return 0
	}

	return s.n
}

// Add adds one. The error is that of the file system.
func (s *Sources) Add(one Source) error {
	s.tail = append(s.tail, one)
	s.n++
	if len(s.tail) < blockSources {
		return nil
	}

	var before Source
	text := s.data
	if s.file != nil {
		text = nil
	}

	had := len(text)
	for i := range s.tail {
		text = appendSource(text, &s.tail[i], &before)
		before = s.tail[i]
	}

	end := int64(len(text) - had)
	if n := len(s.ends); n > 0 {
		end += s.ends[n-1]
	}

	clear(s.tail)
	s.tail, s.ends = s.tail[:0], append(s.ends, end)
	if s.file == nil && len(text) <= dataSources {
		s.data = text
		return nil
	}

	s.data = nil

	return s.write(text)
}

// write appends blocks to the file, which nobody finds once this process has ended.
func (s *Sources) write(text []byte) error {
	if s.file == nil {
		f, err := os.CreateTemp(s.dir, LeftoverName)
		if err != nil {
			return fmt.Errorf("keep the list of files to push: %w", err)
		}

		s.file = f
		_ = os.Remove(f.Name()) // when the system keeps it until it is closed, Close does it
	}

	if _, err := s.file.Write(text); err != nil {
		return fmt.Errorf("keep the list of files to push: %w", err)
	}

	return nil
}

// Close removes the file. It may be called again, and of nil.
func (s *Sources) Close() {
	if s == nil || s.file == nil {
		return
	}

	_ = s.file.Close() // nothing in it is needed any more
	_ = os.Remove(s.file.Name())
	s.file, s.n, s.tail = nil, 0, nil
}

// At is the one that was added as number i, from 0. What cannot be read is empty, and Err says why.
func (s *Sources) At(i int) Source {
	number, within := i/blockSources, i%blockSources
	if number == len(s.ends) {
		return s.tail[within]
	}

	for k, b := range s.read {
		if b.sources != nil && b.number == number {
			s.read[0], s.read[k] = s.read[k], s.read[0]
			return b.sources[within]
		}
	}

	list, err := s.readBlock(number)
	if err != nil {
		s.err = errors.Join(s.err, err)
		return Source{}
	}

	s.read[1] = s.read[0]
	s.read[0] = block{number, list}

	return list[within]
}

// All are all of them in order.
func (s *Sources) All() iter.Seq[Source] {
	return func(yield func(Source) bool) {
		for i := range s.Len() {
			if !yield(s.At(i)) {
				return
			}
		}
	}
}

// Err is why one could not be read, nil: all could.
func (s *Sources) Err() error {
	if s == nil {
		return nil
	}

	return s.err
}

func (s *Sources) readBlock(number int) ([]Source, error) {
	begin := int64(0)
	if number > 0 {
		begin = s.ends[number-1]
	}

	var text []byte
	if s.file == nil {
		text = s.data[begin:s.ends[number]]
	} else {
		text = make([]byte, s.ends[number]-begin)
		if _, err := s.file.ReadAt(text, begin); err != nil {
			return nil, fmt.Errorf("read the list of files to push: %w", err)
		}
	}

	r := sourceReader{text: text}
	out := make([]Source, blockSources)

	var before Source
	for i := range out {
		out[i] = r.source(before)
		before = out[i]
	}

	if r.bad {
		return nil, errSources
	}

	return out, nil
}

// appendSource writes a source after another one, whose texts it mostly begins as.
func appendSource(to []byte, s, before *Source) []byte {
	flags := byte(0)
	for i, set := range []bool{s.Changing, s.Folder, !s.Snapshot.ModTime.IsZero(),
		!s.Snapshot.ChangeTime.IsZero()} {
		if set {
			flags |= 1 << i
		}
	}

	to = append(to, flags)
	to = appendText(to, s.Path, before.Path)
	to = appendText(to, s.Rel, before.Rel)
	to = appendText(to, s.From, before.From)
	to = appendText(to, s.Walked, before.Walked)
	to = appendText(to, s.Snapshot.FileID, before.Snapshot.FileID)
	to = binary.AppendVarint(to, s.Snapshot.Size)
	for _, t := range []time.Time{s.Snapshot.ModTime, s.Snapshot.ChangeTime} {
		if !t.IsZero() {
			to = binary.AppendVarint(to, t.Unix())
			to = binary.AppendUvarint(to, uint64(t.Nanosecond()))
		}
	}

	return to
}

func appendText(to []byte, text, before string) []byte {
	same := 0
	for same < len(text) && same < len(before) && text[same] == before[same] {
		same++
	}

	to = binary.AppendUvarint(to, uint64(same))
	to = binary.AppendUvarint(to, uint64(len(text)-same))

	return append(to, text[same:]...)
}

// sourceReader reads what appendSource wrote.
type sourceReader struct {
	text []byte
	bad  bool // it ended too early
}

func (r *sourceReader) source(before Source) Source {
	flags := byte(0)
	if len(r.text) == 0 {
		r.bad = true
	} else {
		flags, r.text = r.text[0], r.text[1:]
	}

	s := Source{Changing: flags&1 != 0, Folder: flags&2 != 0, Path: r.string(before.Path),
		Rel: r.string(before.Rel), From: r.string(before.From), Walked: r.string(before.Walked)}
	s.Snapshot = state.Snapshot{FileID: r.string(before.Snapshot.FileID), Size: r.number()}
	if flags&4 != 0 {
		s.Snapshot.ModTime = r.time()
	}

	if flags&8 != 0 {
		s.Snapshot.ChangeTime = r.time()
	}

	return s
}

func (r *sourceReader) string(before string) string {
	same, n := r.count(), r.count()
	if same > uint64(len(before)) || n > uint64(len(r.text)) {
		r.bad = true
		return ""
	}

	text := r.text[:n]
	r.text = r.text[n:]
	if n == 0 && same == uint64(len(before)) {
		return before
	}

	return before[:same] + string(text)
}

func (r *sourceReader) time() time.Time { return time.Unix(r.number(), int64(r.count())) }

func (r *sourceReader) number() int64 {
	v, n := binary.Varint(r.text)
	r.skip(n)

	return v
}

func (r *sourceReader) count() uint64 {
	v, n := binary.Uvarint(r.text)
	r.skip(n)

	return v
}

func (r *sourceReader) skip(n int) {
	if n <= 0 {
		r.bad = true
		return
	}

	r.text = r.text[n:]
}
