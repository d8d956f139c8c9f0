package state

import "time"

// Stream is an object that was made of a stream: of what came from standard input, once.
type Stream struct {
	ID       JobID
	Remote   string // address
	Storage  string
	Size     int64 // bytes
	PartSize int64 // of the first part
	ETags    []string
	Began    time.Time
	SHA1     string // hex, "" unknown
}

// PutStream writes the receipt of a stream; no job and no published record tells of it.
func (s *Store) PutStream(m Stream) error {
	if err := checkNames(m.Remote); err != nil {
		return err
	}

	return s.update(func(tx *writeTx) error {
		var extra []byte
		if m.SHA1 != "" {
			extra = []byte(`{"sha1":"` + m.SHA1 + `"}`)
		}

		return tx.putReceipt(&receiptRecord{
			Job: string(m.ID), Path: StreamPath, Remote: m.Remote, Size: m.Size, ModTime: tx.now,
			PartSize: m.PartSize, PartETags: m.ETags, Storage: m.Storage, Queued: stored(m.Began),
			Published: tx.now, Attempts: 1,
		}, extra)
	})
}
