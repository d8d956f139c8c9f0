package state

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// residentOf is how many bytes of memory the system counts for the mapped file of a store.
func residentOf(t *testing.T, s *Store) (bytes int) {
	t.Helper()
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()

	within := false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) > 0 && !strings.HasSuffix(fields[0], ":"):
			within = strings.HasSuffix(lines.Text(), s.Path())
		case within && len(fields) > 1 && fields[0] == "Rss:":
			kb, err := strconv.Atoi(fields[1])
			if err != nil {
				t.Fatal(err)
			}

			bytes += kb << 10
		}
	}

	return bytes
}

// TestALargeFileIsLetGo: what was read of a large file is not counted as memory of the process for good, and
// is as it was.
func TestALargeFileIsLetGo(t *testing.T) {
	s := newStore(t)
	text := strings.Repeat("x", 64<<10)
	read := func() {
		for i := range 2 * residentFrom / len(text) {
			if got, _, err := s.Meta(fmt.Sprint(i)); err != nil || got != text {
				t.Fatalf("%d: %d bytes, %v", i, len(got), err)
			}
		}
	}

	err := s.update(func(tx *writeTx) error {
		for i := range 2 * residentFrom / len(text) {
			if err := tx.put(bucketMeta, []byte(metaUser+fmt.Sprint(i)), []byte(text)); err != nil {
				return err
			}
		}

		return nil
	})
	if err != nil {
		t.Fatal(err)
	}

	if read(); residentOf(t, s) < residentFrom {
		t.Skipf("only %d bytes are resident after all was read", residentOf(t, s))
	}

	if err := whileReading(s.db, func() error { read(); return nil }); err != nil {
		t.Fatal(err)
	}

	if left := residentOf(t, s); left > 1<<20 {
		t.Errorf("%d bytes are resident", left)
	}

	read()

	var r resident
	r.used(s.db, time.Now())

	if left := residentOf(t, s); left > 1<<20 {
		t.Errorf("%d bytes are resident after a commit", left)
	}

	read()
}
