package emulator

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const blockSize = 128 << 10

var (
	zeroBlock [blockSize]byte
	blocks    = sync.Pool{New: func() any { b := make([]byte, blockSize); return &b }}
	errStore  = errors.New("blob could not be stored")
)

// maxHashed is the size up to which the service is assumed to know an object's SHA-1.
const maxHashed = 4 << 30

// zeroSums remembers the MD5 of runs of zeros by length: hashing a sparse file's parts would cost
// more than all the rest.
type zeroSums struct {
	mu  sync.Mutex
	sum map[int64][]byte
}

func (z *zeroSums) md5(n int64) []byte {
	z.mu.Lock()
	defer z.mu.Unlock()
	if s, ok := z.sum[n]; ok {
		return s
	}

	h := md5.New()
	feedZeros(h, n)
	if z.sum == nil {
		z.sum = map[int64][]byte{}
	}

	z.sum[n] = h.Sum(nil)

	return z.sum[n]
}

func feedZeros(w io.Writer, n int64) {
	for n > 0 {
		k := min(n, blockSize)
		_, _ = w.Write(zeroBlock[:k])
		n -= k
	}
}

// storeBlob streams size bytes to a new file. Blocks of zeros become holes; nothing but zeros
// becomes no file at all. got is how much arrived. sum is the MD5, also with opaque ETags when
// needMD5.
func (s *Server) storeBlob(r io.Reader, size int64, needMD5 bool) (b blob, got int64, sum []byte, err error) {
	buf := blocks.Get().(*[]byte)
	defer blocks.Put(buf)
	var f *os.File
	var h hash.Hash
	name, hole := randomHex(16), false
	hashing := needMD5 || !s.cfg.OpaqueETags
	defer func() {
		if f == nil {
			return
		}

		if cerr := f.Close(); cerr != nil && err == nil {
			err = fmt.Errorf("%w: %w", errStore, cerr)
		}

		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()

	for got < size {
		block := (*buf)[:min(blockSize, size-got)]
		n, rerr := io.ReadFull(r, block)
		if rerr != nil {
			got += int64(n)
			if errors.Is(rerr, io.EOF) {
				rerr = io.ErrUnexpectedEOF
			}

			return b, got, nil, rerr
		}

		hole = block[0] == 0 && bytes.Equal(block, zeroBlock[:n])
		if !hole && f == nil {
			if f, err = s.createBlob(name); err != nil {
				return b, got, nil, err
			}

			if hashing {
				h = md5.New()
				feedZeros(h, got)
			}
		}

		if h != nil {
			h.Write(block)
		}

		if !hole {
			if _, err := f.WriteAt(block, got); err != nil {
				return b, got, nil, fmt.Errorf("%w: %w", errStore, err)
			}
		}

		got += int64(n)
	}

	b.Size = size
	if f != nil {
		b.File = name
	}

	if f != nil && hole {
		if err := f.Truncate(size); err != nil {
			return b, got, nil, fmt.Errorf("%w: %w", errStore, err)
		}
	}

	switch {
	case h != nil:
		sum = h.Sum(nil)
	case hashing:
		sum = s.zeros.md5(size)
	}

	b.MD5 = s.etag(sum)

	return b, got, sum, nil
}

// etag is what a blob with that MD5 is known by.
func (s *Server) etag(md5 []byte) string {
	if s.cfg.OpaqueETags {
		return randomHex(16)
	}

	return hex.EncodeToString(md5)
}

func (s *Server) createBlob(name string) (*os.File, error) {
	path := s.blobPath(name)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, os.ErrNotExist) {
		if err = os.MkdirAll(filepath.Dir(path), 0o700); err == nil {
			f, err = os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
		}
	}

	if err != nil {
		return nil, fmt.Errorf("%w: %w", errStore, err)
	}

	return f, nil
}

// removeBlobs deletes files that no record refers to any more.
func (s *Server) removeBlobs(bs []blob) {
	for _, b := range bs {
		if b.File != "" {
			_ = os.Remove(s.blobPath(b.File)) // a leftover is swept at the next start
		}
	}
}

// sweepBlobs deletes what a killed process left half-written.
func (s *Server) sweepBlobs() {
	used := map[string]bool{}
	for _, o := range s.world.objects.m {
		for _, p := range o.Parts {
			used[p.File] = true
		}
	}

	for _, p := range s.world.parts.m {
		used[p.File] = true
	}

	files, _ := filepath.Glob(filepath.Join(s.cfg.Dir, "blobs", "*", "*"))
	for _, f := range files {
		if !used[filepath.Base(f)] {
			_ = os.Remove(f)
		}
	}
}

// copyBlobs writes n bytes from offset from of the parts in a row.
func (s *Server) copyBlobs(w io.Writer, parts []blob, from, n int64) error {
	for _, p := range parts {
		if from >= p.Size {
			from -= p.Size
			continue
		}

		k := min(p.Size-from, n)
		if k <= 0 {
			break
		}

		if err := s.copyBlob(w, p, from, k); err != nil {
			return err
		}

		from, n = 0, n-k
	}

	return nil
}

func (s *Server) copyBlob(w io.Writer, p blob, from, n int64) error {
	if p.File == "" {
		for n > 0 {
			k := min(n, blockSize)
			if _, err := w.Write(zeroBlock[:k]); err != nil {
				return fmt.Errorf("send: %w", err)
			}

			n -= k
		}

		return nil
	}

	f, err := os.Open(s.blobPath(p.File))
	if err != nil {
		return fmt.Errorf("open blob: %w", err)
	}
	defer f.Close()
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		return fmt.Errorf("seek blob: %w", err)
	}

	got, err := io.Copy(w, io.LimitReader(f, n))
	if err == nil && got < n {
		err = io.ErrUnexpectedEOF
	}

	return err
}

// sha1 is an assembled object's SHA-1 in hex, computed when first asked for; "" when the service
// would not know it.
func (s *Server) sha1(o *object, now time.Time, k Knobs) string {
	if k.NoSHA1 || o.Size > maxHashed || now.Before(o.AssembledAt) {
		return ""
	}

	s.mu.Lock()
	sum := o.SHA1
	s.mu.Unlock()
	if sum != "" {
		return sum
	}

	return s.hashObject(o)
}

// hashObject reads an object once for all who ask meanwhile, also for those who have gone since.
func (s *Server) hashObject(o *object) string {
	sum, _, _ := s.hashing.Do(o.Bucket+"/"+o.Key+" "+o.ETag, func() (any, error) { return s.hashNow(o), nil })
	return sum.(string)
}

func (s *Server) hashNow(o *object) string {
	h := sha1.New()
	if err := s.copyBlobs(h, o.Parts, 0, o.Size); err != nil {
		return ""
	}

	sum := hex.EncodeToString(h.Sum(nil))
	s.update(func(m *model) {
		o.SHA1 = sum
		if m.objects.get(o.Bucket+"/"+o.Key) == o {
			m.objects.put(o.Bucket+"/"+o.Key, o)
		}
	})

	return sum
}
