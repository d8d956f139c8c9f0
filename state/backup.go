package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
)

// A compact copy of the state is kept beside it, for Repair: made at a clean close, and while the
// store is open after backupCommits commits or backupAge, whichever comes first.
const (
	// BackupSuffix after the path of the state names the copy.
	BackupSuffix  = ".snapshot"
	backupCommits = 20_000
	backupAge     = 10 * time.Minute
	// At a close, a copy of a file larger than this may be as old as backupAge: a short command
	// should not copy 100 MB.
	backupCheap = 16 << 20
)

type backupState struct {
	due     chan struct{}
	commits atomic.Int64 // since the copy
	began   time.Time    // when the store was opened
	last    atomic.Int64 // when the copy was made, in ns since began: the clock may be set meanwhile
}

// start owns a goroutine that makes the copies; Close waits for it.
func (b *backupState) start(s *Store) {
	b.due = make(chan struct{}, 1)
	b.began = time.Now()
	s.stopped.Go(func() {
		for {
			select {
			case <-s.stop:
				return
			case <-b.due:
				if err := b.copy(s); err != nil {
					s.log.Warn("no copy of the state was kept", "error", err)
				}
			}
		}
	})
}

// afterCommit asks for a copy when one is due. It does not wait for it.
func (b *backupState) afterCommit() {
	n := b.commits.Add(1)
	if n < backupCommits && time.Since(b.began)-time.Duration(b.last.Load()) < backupAge {
		return
	}

	select {
	case b.due <- struct{}{}:
	default:
	}
}

// atClose makes a copy when that is due, and the file small when it is much larger than that.
func (b *backupState) atClose(s *Store) error {
	was, err := os.Stat(s.path + BackupSuffix)
	if err == nil {
		if b.commits.Load() == 0 {
			return nil
		}

		fi, err := os.Stat(s.path)
		age := time.Since(was.ModTime())
		if err == nil && fi.Size() > backupCheap && age >= 0 && age < backupAge &&
			!mayTrim(fi.Size(), was.Size()) {
			return nil
		}
	}

	if err := b.copy(s); err != nil {
		return err
	}

	if err := s.trim(); err != nil {
		s.log.Warn("the state is not made small", "error", err)
	}

	return nil
}

// Backup writes a compact copy of the state as it is now, synced, to a file that is not there yet.
func (s *Store) Backup(to string) error {
	if _, err := os.Lstat(to); err == nil {
		return fmt.Errorf("copy state to %s: %w", to, os.ErrExist)
	}

	if err := compact(s.db, to); err != nil {
		return fmt.Errorf("copy state to %s: %w", to, err)
	}

	return nil
}

// copy writes a compact copy, synced, and puts it in place in one step.
func (b *backupState) copy(s *Store) error {
	n := b.commits.Load()
	to := s.path + BackupSuffix
	if err := whileReading(s.db, func() error { return compact(s.db, to) }); err != nil {
		return fmt.Errorf("copy state to %s: %w", to, err)
	}

	b.commits.Add(-n)
	b.last.Store(int64(time.Since(b.began)))

	return nil
}

func compact(from *bolt.DB, to string) error {
	tmp := to + ".tmp"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}

	const txBytes = 4 << 20
	err := guarded(from.Path(), func() error {
		db, err := bolt.Open(tmp, 0o600, &bolt.Options{Timeout: lockTimeout, InitialMmapSize: initialMmap})
		if err != nil {
			return err
		}

		db.AllocSize = 0 // it grows by what it needs, and is not mapped again for that

		err = whileReading(db, func() error { return bolt.Compact(db, from, txBytes) })
		if cerr := db.Close(); err == nil {
			err = cerr
		}

		return err
	})
	if err == nil {
		err = ownLike(tmp, from.Path())
	}

	if err == nil {
		err = os.Rename(tmp, to)
	}

	if err != nil {
		os.Remove(tmp)
		return err
	}

	return syncDir(filepath.Dir(to))
}
