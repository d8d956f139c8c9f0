package plan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"os"
	"time"
)

// List holds the files of a plan, in the order in which they were added. What they take of memory does not
// grow with them: those of a large plan lie in a file. One goroutine uses it; Close ends it.
type List[T any] struct {
	form form[T]
	dir  string
	n    int
	tail []T     // the last ones, fewer than a block
	ends []int64 // where each whole block ends in data, or in file
	data []byte
	file *os.File    // nil: data holds the blocks
	read [2]block[T] // those that were read last, the newest first
	err  error       // the first that an At met
}

// form is how one is written after another one, whose texts it mostly begins as, and read again.
type form[T any] struct {
	write func(to []byte, one, before *T) []byte
	read  func(r *listReader, before T) T
}

// block is a run of them that is written and read at once.
type block[T any] struct {
	number int
	all    []T
}

const (
	blockSize = 256
	// dataSize is how many bytes of a list are held in memory; a path takes some 50 of them.
	dataSize = 1 << 20
)

// LeftoverName begins the names of the files that lists of a killed process leave in their folder.
const LeftoverName = ".hoist-sources-"

var errList = errors.New("the list of files is damaged")

// newList is empty; dir is a private folder for the file of a long one.
func newList[T any](dir string, f form[T]) *List[T] { return &List[T]{dir: dir, form: f} }

// Len is how many were added; 0 of nil.
func (l *List[T]) Len() int {
	if l == nil {
		return 0
	}

	return l.n
}

// Add adds one. The error is that of the file system.
func (l *List[T]) Add(one T) error {
	l.tail = append(l.tail, one)
	l.n++
	if len(l.tail) < blockSize {
		return nil
	}

	var before T
	text := l.data
	if l.file != nil {
		text = nil
	}

	had := len(text)
	for i := range l.tail {
		text = l.form.write(text, &l.tail[i], &before)
		before = l.tail[i]
	}

	end := int64(len(text) - had)
	if n := len(l.ends); n > 0 {
		end += l.ends[n-1]
	}

	clear(l.tail)
	l.tail, l.ends = l.tail[:0], append(l.ends, end)
	if l.file == nil && len(text) <= dataSize {
		l.data = text
		return nil
	}

	l.data = nil

	return l.write(text)
}

// write appends blocks to the file, which nobody finds once this process has ended.
func (l *List[T]) write(text []byte) error {
	if l.file == nil {
		f, err := os.CreateTemp(l.dir, LeftoverName)
		if err != nil {
			return fmt.Errorf("keep the list of files: %w", err)
		}

		l.file = f
		_ = os.Remove(f.Name()) // when the system keeps it until it is closed, Close does it
	}

	if _, err := l.file.Write(text); err != nil {
		return fmt.Errorf("keep the list of files: %w", err)
	}

	return nil
}

// Close removes the file. It may be called again, and of nil.
func (l *List[T]) Close() {
	if l == nil || l.file == nil {
		return
	}

	_ = l.file.Close() // nothing in it is needed any more
	_ = os.Remove(l.file.Name())
	l.file, l.n, l.tail = nil, 0, nil
}

// At returns the file that was added as number i, from 0. One that cannot be read is empty, and
// Err says why.
func (l *List[T]) At(i int) T {
	number, within := i/blockSize, i%blockSize
	if number == len(l.ends) {
		return l.tail[within]
	}

	for k, b := range l.read {
		if b.all != nil && b.number == number {
			l.read[0], l.read[k] = l.read[k], l.read[0]
			return b.all[within]
		}
	}

	list, err := l.readBlock(number)
	if err != nil {
		l.err = errors.Join(l.err, err)
		var none T
		return none
	}

	l.read[1] = l.read[0]
	l.read[0] = block[T]{number, list}

	return list[within]
}

// All are all of them in order.
func (l *List[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		for i := range l.Len() {
			if !yield(l.At(i)) {
				return
			}
		}
	}
}

// Err is why one could not be read, nil: all could.
func (l *List[T]) Err() error {
	if l == nil {
		return nil
	}

	return l.err
}

func (l *List[T]) readBlock(number int) ([]T, error) {
	begin := int64(0)
	if number > 0 {
		begin = l.ends[number-1]
	}

	var text []byte
	if l.file == nil {
		text = l.data[begin:l.ends[number]]
	} else {
		text = make([]byte, l.ends[number]-begin)
		if _, err := l.file.ReadAt(text, begin); err != nil {
			return nil, fmt.Errorf("read the list of files: %w", err)
		}
	}

	r := listReader{text: text}
	out := make([]T, blockSize)

	var before T
	for i := range out {
		out[i] = l.form.read(&r, before)
		before = out[i]
	}

	if r.bad {
		return nil, errList
	}

	return out, nil
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

func appendTime(to []byte, t time.Time) []byte {
	return binary.AppendUvarint(binary.AppendVarint(to, t.Unix()), uint64(t.Nanosecond()))
}

// listReader reads what a form wrote.
type listReader struct {
	text []byte
	bad  bool // it ended too early
}

func (r *listReader) string(before string) string {
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

func (r *listReader) time() time.Time { return time.Unix(r.number(), int64(r.count())).UTC() }

func (r *listReader) number() int64 {
	v, n := binary.Varint(r.text)
	r.skip(n)

	return v
}

func (r *listReader) count() uint64 {
	v, n := binary.Uvarint(r.text)
	r.skip(n)

	return v
}

func (r *listReader) skip(n int) {
	if n <= 0 {
		r.bad = true
		return
	}

	r.text = r.text[n:]
}
