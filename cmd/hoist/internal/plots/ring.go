package plots

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	magic      = "hoist plots 1"
	headerSize = 1024
	slotSize   = 128
	slots      = 7 * 24 * 60
	mostCalls  = 32

	// Size is the whole file, in bytes.
	Size = headerSize + slots*slotSize
)

// Minute is what a home did in one minute.
type Minute struct {
	Time           time.Time // its beginning
	Sent, Received int64     // bytes
	QueueAge       time.Duration
	Published      int
	Calls          map[string]int // by class of limit
}

// Ring holds the minutes of the last week. It is safe for concurrent use.
type Ring struct {
	classes []string

	mu   sync.Mutex
	file *os.File // guarded by mu
}

var table = crc32.MakeTable(crc32.Castagnoli)

// Open opens the ring in a file, or begins one. The classes are those whose calls are counted, in an order
// that stays: a file of other ones is begun again.
func Open(path string, classes []string) (*Ring, error) {
	head, err := header(classes)
	if err != nil {
		return nil, err
	}

	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}

	r := &Ring{classes: classes, file: f}
	if err := r.begin(head); err != nil {
		return nil, errors.Join(fmt.Errorf("plots %s: %w", path, err), f.Close())
	}

	return r, nil
}

// begin keeps the minutes of a file that has this header, and of no other.
func (r *Ring) begin(head []byte) error {
	found := make([]byte, headerSize)
	n, err := r.file.ReadAt(found, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}

	if n == headerSize && string(found) == string(head) {
		return r.file.Truncate(Size) // also when somebody cut it off
	}

	if err := r.file.Truncate(0); err != nil {
		return err
	}

	if err := r.file.Truncate(Size); err != nil {
		return err
	}

	_, err = r.file.WriteAt(head, 0)

	return err
}

func header(classes []string) ([]byte, error) {
	text := magic + " " + strings.Join(classes, " ") + "\n"
	if len(classes) > mostCalls || len(text) > headerSize-4 {
		return nil, fmt.Errorf("plots: %d classes are more than a file holds", len(classes))
	}

	head := make([]byte, headerSize)
	copy(head, text)
	binary.LittleEndian.PutUint32(head[headerSize-4:], crc32.Checksum(head[:headerSize-4], table))

	return head, nil
}

// Add adds what was done in a minute to what is known of it.
func (r *Ring) Add(m Minute) error {
	number := m.Time.Unix() / 60
	at := headerSize + number%slots*slotSize

	r.mu.Lock()
	defer r.mu.Unlock()
	slot := make([]byte, slotSize)
	if _, err := r.file.ReadAt(slot, at); err != nil && !errors.Is(err, io.EOF) {
		return err
	}

	if had, ok := r.decode(slot); ok && had.Time.Unix()/60 == number {
		m = m.with(had)
	}

	_, err := r.file.WriteAt(r.encode(m), at)

	return err
}

// with is one minute of what two processes did in it.
func (m Minute) with(o Minute) Minute {
	m.Sent += o.Sent
	m.Received += o.Received
	m.Published += o.Published
	m.QueueAge = max(m.QueueAge, o.QueueAge)
	calls := map[string]int{}
	for _, from := range []Minute{m, o} {
		for class, n := range from.Calls {
			calls[class] += n
		}
	}

	m.Calls = calls

	return m
}

// Minutes lists what is known of the minutes from since until before now, oldest first.
func (r *Ring) Minutes(since, now time.Time) ([]Minute, error) {
	data := make([]byte, slots*slotSize)
	r.mu.Lock()
	_, err := r.file.ReadAt(data, headerSize)
	r.mu.Unlock()

	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}

	last := now.Unix() / 60
	var out []Minute
	for number := max(since.Unix()/60, last-slots+1); number <= last; number++ {
		at := number % slots * slotSize
		if m, ok := r.decode(data[at : at+slotSize]); ok && m.Time.Unix()/60 == number {
			out = append(out, m)
		}
	}

	return out, nil
}

// Close leaves the file, with all that was added on the disk.
func (r *Ring) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()

	return errors.Join(r.file.Sync(), r.file.Close())
}

func (r *Ring) encode(m Minute) []byte {
	le := binary.LittleEndian
	b := le.AppendUint32(make([]byte, 4, slotSize), uint32(m.Time.Unix()/60))
	b = le.AppendUint64(b, uint64(max(m.Sent, 0)))
	b = le.AppendUint64(b, uint64(max(m.Received, 0)))
	b = le.AppendUint32(b, uint32(min(max(m.QueueAge/time.Second, 0), math.MaxUint32)))
	b = le.AppendUint32(b, uint32(min(max(m.Published, 0), math.MaxUint32)))
	for _, class := range r.classes {
		b = le.AppendUint16(b, uint16(min(max(m.Calls[class], 0), math.MaxUint16)))
	}

	b = b[:slotSize] // the rest is zeros
	le.PutUint32(b, crc32.Checksum(b[4:], table))

	return b
}

// decode reads a slot; false: nothing is known of its minute.
func (r *Ring) decode(b []byte) (Minute, bool) {
	le := binary.LittleEndian
	if le.Uint32(b) != crc32.Checksum(b[4:], table) || le.Uint32(b[4:]) == 0 {
		return Minute{}, false
	}

	m := Minute{
		Time: time.Unix(int64(le.Uint32(b[4:]))*60, 0).UTC(),
		Sent: int64(le.Uint64(b[8:])), Received: int64(le.Uint64(b[16:])),
		QueueAge:  time.Duration(le.Uint32(b[24:])) * time.Second,
		Published: int(le.Uint32(b[28:])), Calls: map[string]int{},
	}
	for i, class := range r.classes {
		if n := le.Uint16(b[32+2*i:]); n > 0 {
			m.Calls[class] = int(n)
		}
	}

	return m, true
}
