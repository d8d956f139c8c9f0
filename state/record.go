package state

import (
	"encoding/json"
	"fmt"
	"time"
)

// maxETags is how many part ETags a published record holds; beyond that the receipt alone has them.
const maxETags = 64

// The structs below are what lies in the file. They change only together with the schema version;
// Job and its kin may change at will.

type snapshotRecord struct {
	Size       int64     `json:"size"`
	ModTime    time.Time `json:"mtime"`
	ChangeTime time.Time `json:"ctime,omitzero"`
	FileID     string    `json:"file_id,omitempty"`
}

type targetRecord struct {
	Address  string   `json:"address,omitempty"`
	Project  string   `json:"project,omitempty"`
	Core     bool     `json:"core,omitempty"`
	Base     string   `json:"base,omitempty"`
	BasePath string   `json:"base_path,omitempty"`
	Dirs     []string `json:"dirs,omitempty"`
	Folder   string   `json:"folder,omitempty"`
	Name     string   `json:"name,omitempty"`
	Item     string   `json:"item,omitempty"`
	Version  string   `json:"version,omitempty"`
	Bucket   string   `json:"bucket,omitempty"`
	Key      string   `json:"key,omitempty"`
	Seen     string   `json:"seen,omitempty"`
}

type intentRecord struct {
	Kind      string    `json:"kind"`
	Parent    string    `json:"parent,omitempty"`
	Name      string    `json:"name,omitempty"`
	TipBefore string    `json:"tip_before,omitempty"`
	User      string    `json:"user,omitempty"`
	Time      time.Time `json:"time,omitzero"`
}

type jobRecord struct {
	ID      string       `json:"id"` // that of the key, so that a damaged key is noticed
	Kind    string       `json:"kind"`
	Phase   string       `json:"phase"`
	Profile string       `json:"profile,omitempty"`
	Root    string       `json:"root,omitempty"`
	Path    string       `json:"path,omitempty"`
	Rel     string       `json:"rel,omitempty"`
	Target  targetRecord `json:"target"`

	Snapshot  snapshotRecord  `json:"snapshot,omitzero"`
	Pending   *snapshotRecord `json:"pending,omitempty"`
	Force     bool            `json:"force,omitempty"`
	Overwrite bool            `json:"overwrite,omitempty"`
	Batch     string          `json:"batch,omitempty"`
	Walked    string          `json:"walked,omitempty"`
	Rival     string          `json:"rival,omitempty"`

	Object        string    `json:"object,omitempty"`
	UploadKey     string    `json:"upload_key,omitempty"`
	UploadExpires time.Time `json:"upload_expires,omitzero"`
	Size          int64     `json:"size"`
	PartSize      int64     `json:"part_size,omitempty"`
	PartsTotal    int       `json:"parts_total,omitempty"`
	PartsDone     int       `json:"parts_done,omitempty"`
	BytesDone     int64     `json:"bytes_done,omitempty"`
	SHA1          string    `json:"sha1,omitempty"`
	ETag          string    `json:"etag,omitempty"`
	Temp          string    `json:"temp,omitempty"`

	Intent        *intentRecord `json:"intent,omitempty"`
	Item          string        `json:"item,omitempty"`
	Version       string        `json:"version,omitempty"`
	VersionNumber int           `json:"version_number,omitempty"`
	Result        string        `json:"result,omitempty"`

	Paused      bool      `json:"paused,omitempty"`
	Attention   bool      `json:"attention,omitempty"`
	Doubt       bool      `json:"doubt,omitempty"`
	NextAttempt time.Time `json:"next_attempt,omitzero"`
	Wait        int64     `json:"wait,omitempty"` // ns
	Attempts    int       `json:"attempts,omitempty"`
	Streak      int       `json:"streak,omitempty"`
	Alike       int       `json:"alike,omitempty"`
	Reason      string    `json:"reason,omitempty"`
	Error       string    `json:"error,omitempty"`
	Since       time.Time `json:"since,omitzero"`

	Repeats   int       `json:"repeats,omitempty"`
	Changes   int       `json:"changes,omitempty"`
	Seen      time.Time `json:"seen,omitzero"`
	Unrest    time.Time `json:"unrest,omitzero"`
	Successor string    `json:"successor,omitempty"`

	End     string    `json:"end,omitempty"`
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
	Ended   time.Time `json:"ended,omitzero"`
}

type partRecord struct {
	Size int64  `json:"size"`
	ETag string `json:"etag,omitempty"`
	MD5  string `json:"md5,omitempty"`
}

type historyRecord struct {
	Time   time.Time `json:"time"`
	Event  string    `json:"event"`
	Detail string    `json:"detail,omitempty"`
}

type endedRecord struct {
	ID   string    `json:"id"`
	End  string    `json:"end"`
	Time time.Time `json:"time"`
}

type publishedRecord struct {
	Remote   string         `json:"remote"`
	Item     string         `json:"item,omitempty"`
	Version  string         `json:"version,omitempty"`
	Number   int            `json:"number,omitempty"`
	Storage  string         `json:"storage,omitempty"`
	Snapshot snapshotRecord `json:"snapshot"`
	PartSize int64          `json:"part_size,omitempty"`
	ETags    []string       `json:"etags,omitempty"`
	SHA1     string         `json:"sha1,omitempty"`
	At       time.Time      `json:"at"`
}

// stored strips what JSON does not keep: the zone and the monotonic reading.
func stored(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}

	return t.UTC().Round(0)
}

func fromSnapshot(s Snapshot) snapshotRecord {
	s.ModTime, s.ChangeTime = stored(s.ModTime), stored(s.ChangeTime)
	return snapshotRecord(s)
}

func encodeJob(j Job) ([]byte, error) {
	r := jobRecord{
		ID: string(j.ID), Kind: string(j.Kind), Phase: string(j.Phase), Profile: j.Profile, Root: j.Root,
		Path: j.Path, Rel: j.Rel,
		Target: targetRecord(j.Target), Snapshot: fromSnapshot(j.Snapshot),
		Force: j.Force, Overwrite: j.Overwrite, Batch: j.Batch, Walked: j.Walked, Rival: j.Rival,
		Object: j.Object, UploadKey: j.UploadKey, UploadExpires: stored(j.UploadExpires),
		Size: j.Size, PartSize: j.PartSize, PartsTotal: j.PartsTotal, PartsDone: j.PartsDone,
		BytesDone: j.BytesDone,
		SHA1:      j.SHA1, ETag: j.ETag, Temp: j.Temp,
		Item: j.Item, Version: j.Version, VersionNumber: j.VersionNumber, Result: j.Result,
		Paused: j.Paused, Attention: j.Attention, Doubt: j.Doubt, NextAttempt: stored(j.NextAttempt),
		Wait:     int64(j.Wait),
		Attempts: j.Attempts, Streak: j.Streak, Alike: j.Alike, Reason: j.Reason, Error: j.Error,
		Since:   stored(j.Since),
		Repeats: j.Repeats,
		Changes: j.Changes, Seen: j.Seen, Unrest: j.Unrest, Successor: string(j.Successor),
		End: j.End, Created: stored(j.Created), Updated: stored(j.Updated), Ended: stored(j.Ended),
	}
	if j.Pending != nil {
		p := fromSnapshot(*j.Pending)
		r.Pending = &p
	}

	if j.Intent != nil {
		i := intentRecord(*j.Intent)
		i.Time = stored(i.Time)
		r.Intent = &i
	}

	return json.Marshal(r)
}

func decodeJob(id JobID, b []byte) (Job, error) {
	var r jobRecord
	if err := json.Unmarshal(b, &r); err != nil {
		return Job{}, fmt.Errorf("record of job %s: %w", id, err)
	}

	if r.ID != string(id) {
		return Job{}, fmt.Errorf("record of job %s: it says it is %q", id, r.ID)
	}

	j := Job{
		ID: id, Kind: Kind(r.Kind), Phase: Phase(r.Phase), Profile: r.Profile, Root: r.Root, Path: r.Path,
		Rel:    r.Rel,
		Target: Target(r.Target), Snapshot: Snapshot(r.Snapshot),
		Force: r.Force, Overwrite: r.Overwrite, Batch: r.Batch, Walked: r.Walked, Rival: r.Rival,
		Object: r.Object, UploadKey: r.UploadKey, UploadExpires: r.UploadExpires,
		Size: r.Size, PartSize: r.PartSize, PartsTotal: r.PartsTotal, PartsDone: r.PartsDone,
		BytesDone: r.BytesDone,
		SHA1:      r.SHA1, ETag: r.ETag, Temp: r.Temp,
		Item: r.Item, Version: r.Version, VersionNumber: r.VersionNumber, Result: r.Result,
		Paused: r.Paused, Attention: r.Attention, Doubt: r.Doubt, NextAttempt: r.NextAttempt,
		Wait:     time.Duration(r.Wait),
		Attempts: r.Attempts, Streak: r.Streak, Alike: r.Alike, Reason: r.Reason, Error: r.Error,
		Since:   r.Since,
		Repeats: r.Repeats,
		Changes: r.Changes, Seen: r.Seen, Unrest: r.Unrest, Successor: JobID(r.Successor),
		End: r.End, Created: r.Created, Updated: r.Updated, Ended: r.Ended,
	}
	if r.Pending != nil {
		p := Snapshot(*r.Pending)
		j.Pending = &p
	}

	if r.Intent != nil {
		i := Intent(*r.Intent)
		j.Intent = &i
	}

	return j, nil
}

func encodePublished(p PublishedRecord) ([]byte, error) {
	if len(p.ETags) > maxETags {
		p.ETags = nil
	}

	return json.Marshal(publishedRecord{
		Remote: p.Remote, Item: p.Item, Version: p.Version, Number: p.Number, Storage: p.Storage,
		Snapshot: fromSnapshot(p.Snapshot), PartSize: p.PartSize, ETags: p.ETags,
		SHA1: p.SHA1, At: stored(p.At),
	})
}

func (r publishedRecord) record(root, rel string) PublishedRecord {
	return PublishedRecord{
		Root: root, Rel: rel, Remote: r.Remote, Item: r.Item, Version: r.Version, Number: r.Number,
		Storage:  r.Storage,
		Snapshot: Snapshot(r.Snapshot), PartSize: r.PartSize, ETags: r.ETags, SHA1: r.SHA1,
		At: r.At,
	}
}
