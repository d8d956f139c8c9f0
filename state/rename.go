package state

import (
	"path/filepath"
	"strings"

	bolt "go.etcd.io/bbolt"
)

// elsewhere reports whether an event is one of a rename or a hide.
func (j *Job) elsewhere(e Event) bool {
	switch e := e.(type) {
	case Renamed, Hidden, Dropped:
		return true
	case Intended:
		return j.Kind != Upload || j.From+e.From != "" && j.at(PhaseQueued, PhaseRenaming)
	}

	return j.Kind == Rename || j.Kind == Hide
}

// rename knows the events of renames and hides.
func (j *Job) rename(e Event) (why string, ok bool) {
	begun := PhaseRenaming
	if j.Kind == Hide {
		begun = PhaseHiding
	}

	switch e := e.(type) {
	case FolderFound:
		if !j.at(PhaseQueued, begun) {
			return "", false
		}

		j.Target.Project, j.Target.Core, j.Target.Folder = e.Project, e.Core, e.Folder
	case Intended:
		if !j.at(PhaseQueued, begun) {
			return "", false
		}

		j.Phase, j.Intent = begun, &e.Intent
		if j.Kind == Upload && j.From == "" {
			j.From = e.From
		}
	case Renamed:
		if j.Phase != PhaseRenaming {
			return "", false
		}

		if j.Kind == Upload && (e.Item == "" || e.Version == "") {
			return "no item or version id", false
		}

		j.Item, j.Version, j.VersionNumber, j.Object = e.Item, e.Version, e.Number, e.Storage

		return j.finish(ResultRenamed)
	case Hidden:
		if j.Phase != PhaseHiding {
			return "", false
		}

		return j.finish(ResultHidden)
	case Dropped:
		if j.Kind != Upload {
			j.end(EndSuperseded, ReasonNotCarried, e.Why)
			break
		}

		if j.From == "" || !j.at(PhaseQueued, PhaseRenaming) {
			return "", false
		}

		j.Phase, j.From, j.Intent = PhaseQueued, "", nil
	default:
		return "", false
	}

	return "", true
}

// enqueueRenamed is enqueue of a file that was renamed: the job that waits under its old name has
// nothing left to send, and when that is a rename too, the new one is from where it began.
func (tx *writeTx) enqueueRenamed(j Job) (Job, Verdict, error) {
	old, k, err := tx.jobOf(j.Root, j.From)
	if err != nil {
		return j, "", err
	}

	waits := k != nil && old.Kind == Upload && old.Phase == PhaseQueued
	if waits && old.From != "" {
		j.From = old.From
	}

	if j.From == j.Rel {
		j.From = ""
	}

	out, v, err := tx.enqueueOne(j)
	if err != nil || !waits || v == Busy {
		return out, v, err
	}

	old.end(EndSuperseded, ReasonSourceChanged, "the file was renamed")
	if _, err := tx.endJob(k, old, nil); err != nil {
		return out, v, err
	}

	return out, v, tx.addHistory(k, historyRecord{Time: tx.now, Event: "renamed", Detail: clipped(j.Path)})
}

// jobOf is the open job of a watched file; without one its key is nil.
func (tx *writeTx) jobOf(root, rel string) (Job, []byte, error) {
	k, err := tx.get(bucketFiles, joinKey(root, rel))
	if k == nil || err != nil {
		return Job{}, nil, err
	}

	k = append([]byte(nil), k...)
	j, err := tx.job(idOf(k))

	return j, k, err
}

// moveRecords lets the records follow a rename, each with a receipt.
func (tx *writeTx) moveRecords(j Job, e Renamed) error {
	if j.Kind == Upload {
		r, _, err := published(tx.Tx, j.Root, j.From)
		if err != nil {
			return err
		}

		r.Unproven = false // it was compared, or it would have been sent
		if e.Copied {
			err = tx.putPublished(r)
		} else {
			err = tx.dropPublished(joinKey(j.Root, j.From))
		}

		if err != nil {
			return err
		}

		r.Item, r.Version, r.Number, r.Storage = e.Item, e.Version, e.Number, e.Storage
		r.At = tx.now
		if !e.Changed {
			r.Snapshot = j.Snapshot
		} else if err := tx.owe(Job{Root: j.Root, Rel: j.Rel}, nil); err != nil {
			return err
		}

		return tx.putMoved(j, r, j.Rel, j.Path, j.Target.Address)
	}

	moved, err := tx.below(j.Root, j.From)
	if err != nil {
		return err
	}

	for _, r := range moved {
		rest, below := strings.CutPrefix(r.Remote, e.From+"/")
		if !below {
			continue
		}

		if err := tx.dropPublished(joinKey(r.Root, r.Rel)); err != nil {
			return err
		}

		name := strings.TrimPrefix(r.Rel, j.From+"/")
		if err := tx.putMoved(j, r, j.Rel+"/"+name, localJoin(j.Path, name),
			j.Target.Address+"/"+rest); err != nil {
			return err
		}
	}

	return nil
}

// localJoin is the local path of a slash path below a folder.
func localJoin(folder, rel string) string {
	return filepath.Join(folder, filepath.FromSlash(rel))
}

func (tx *writeTx) putMoved(j Job, r PublishedRecord, rel, path, address string) error {
	r.Rel, r.Remote = rel, address
	if err := tx.putPublished(r); err != nil {
		return err
	}

	return tx.putReceipt(&receiptRecord{
		Job: string(j.ID), Path: path, Remote: address, Size: r.Snapshot.Size,
		ModTime: stored(r.Snapshot.ModTime), PartSize: r.PartSize, PartETags: r.ETags, Storage: r.Storage,
		Item: r.Item, Version: r.Version, Number: r.Number,
		Queued: stored(j.Created), Published: tx.now, Attempts: j.Attempts + 1,
	}, nil)
}

// below lists the records below a folder of a root.
func (tx *writeTx) below(root, folder string) ([]PublishedRecord, error) {
	return publishedIn(tx.Tx, root, folder+"/", "", 0)
}

// oweBelow has what was published below a folder looked at under its new name.
func (tx *writeTx) oweBelow(j Job) error {
	if j.Kind != Rename {
		return nil
	}

	list, err := tx.below(j.Root, j.From)
	for _, r := range list {
		if err == nil {
			err = tx.owe(Job{Root: j.Root, Rel: j.Rel + strings.TrimPrefix(r.Rel, j.From)}, nil)
		}
	}

	return err
}

// PublishedBelow lists the records of the files below a folder of a root, in the order of their
// paths as bytes.
func (s *Store) PublishedBelow(root, folder string) (out []PublishedRecord, err error) {
	err = s.view(func(tx *bolt.Tx) (err error) {
		out, err = publishedIn(tx, root, folder+"/", "", 0)
		return err
	})

	return out, err
}

// JobOf returns the open job of a watched file.
func (s *Store) JobOf(root, rel string) (j Job, found bool, err error) {
	err = s.view(func(tx *bolt.Tx) error {
		k, err := get(tx, bucketFiles, joinKey(root, rel))
		if k == nil || err != nil {
			return err
		}

		found = true
		j, err = readJob(tx, k)

		return err
	})

	return s.timed(j), found && err == nil, err
}

// JobsBelow lists the open jobs of the watched files below a folder of a root.
func (s *Store) JobsBelow(root, folder string) (out []Job, err error) {
	err = s.view(func(tx *bolt.Tx) error {
		out = nil

		return each(tx, bucketFiles, joinKey(root, folder+"/"), nil, func(_, k []byte) (bool, error) {
			j, err := readJob(tx, k)
			out = append(out, j)

			return true, err
		})
	})

	return out, err
}

// FolderRenames lists the open renames of folders of a root, oldest first.
func (s *Store) FolderRenames(root string) ([]Job, error) {
	s.mu.Lock()
	var ids []JobID
	if s.jobs.renames > 0 {
		for _, o := range s.jobs.order {
			if o.rename && o.root == root {
				ids = append(ids, o.id)
			}
		}
	}

	s.mu.Unlock()
	jobs, _, err := s.readAll(ids)

	return jobs, err
}
