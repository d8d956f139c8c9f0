package state

import (
	"time"

	bolt "go.etcd.io/bbolt"
)

// The file is read through memory that the system counts as this process's, page by page until all of it
// is: of a state of a gigabyte, a gigabyte. So a large one is let go of now and then.
const (
	residentFrom  = 32 << 20 // bytes of a file that is left alone
	residentEvery = 100 * time.Millisecond
)

// resident lets go of a mapped file while it is used. One goroutine uses it.
type resident struct {
	last time.Time
}

// used is called after pages were read.
func (r *resident) used(db *bolt.DB, now time.Time) {
	if now.Sub(r.last) < residentEvery {
		return
	}

	r.last = now

	size := int64(0)
	if err := db.View(func(tx *bolt.Tx) error { size = tx.Size(); return nil }); err == nil &&
		size >= residentFrom {
		letGo(db)
	}
}

// whileReading lets go of a file until it was read whole.
func whileReading(db *bolt.DB, read func() error) error {
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)

		tick := time.NewTicker(residentEvery)
		defer tick.Stop()

		for r := new(resident); ; {
			select {
			case <-done:
				new(resident).used(db, time.Now())
				return
			case now := <-tick.C:
				r.used(db, now)
			}
		}
	}()

	err := read()
	close(done)
	<-ended

	return err
}
