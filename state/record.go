package state

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

// maxETags is how many part ETags a published record holds; beyond that the receipt alone has them.
const maxETags = 64

// The structs below are what lies in the file. They change only together with the schema version;
// Job and its kin may change at will.

type snapshotRecord struct {
	Size       int64     `json:"size" n:"1"`
	ModTime    time.Time `json:"mtime" n:"2"`
	ChangeTime time.Time `json:"ctime,omitzero" n:"3"`
	FileID     string    `json:"file_id,omitempty" n:"4"`
}

type targetRecord struct {
	Address  string   `json:"address,omitempty" n:"1"`
	Project  string   `json:"project,omitempty" n:"2"`
	Core     bool     `json:"core,omitempty" n:"3"`
	Base     string   `json:"base,omitempty" n:"4"`
	BasePath string   `json:"base_path,omitempty" n:"5"`
	Dirs     []string `json:"dirs,omitempty" n:"6"`
	Folder   string   `json:"folder,omitempty" n:"7"`
	Name     string   `json:"name,omitempty" n:"8"`
	Item     string   `json:"item,omitempty" n:"9"`
	Version  string   `json:"version,omitempty" n:"10"`
	Bucket   string   `json:"bucket,omitempty" n:"11"`
	Key      string   `json:"key,omitempty" n:"12"`
	Seen     string   `json:"seen,omitempty" n:"13"`
}

type intentRecord struct {
	Kind      string    `json:"kind" n:"1"`
	Parent    string    `json:"parent,omitempty" n:"2"`
	Name      string    `json:"name,omitempty" n:"3"`
	TipBefore string    `json:"tip_before,omitempty" n:"4"`
	User      string    `json:"user,omitempty" n:"5"`
	Time      time.Time `json:"time,omitzero" n:"6"`
	Quiet     int64     `json:"quiet,omitempty" n:"7"` // ns
}

type jobRecord struct {
	ID      string       `json:"id"` // up to schema 2: that of the key, so that a damaged key is noticed
	Kind    string       `json:"kind" n:"1"`
	Phase   string       `json:"phase" n:"2"`
	Profile string       `json:"profile,omitempty" n:"3"`
	Root    string       `json:"root,omitempty" n:"4"`
	Rel     string       `json:"rel,omitempty" n:"5,ref"`
	Path    string       `json:"path,omitempty" n:"6"`
	Target  targetRecord `json:"target" n:"7"`

	Snapshot  snapshotRecord  `json:"snapshot,omitzero" n:"8"`
	Pending   *snapshotRecord `json:"pending,omitempty" n:"9"`
	Force     bool            `json:"force,omitempty" n:"10"`
	Overwrite bool            `json:"overwrite,omitempty" n:"11"`
	From      string          `json:"from,omitempty" n:"53"`
	FileTime  time.Time       `json:"file_time,omitzero" n:"54"`
	Batch     string          `json:"batch,omitempty" n:"12"`
	Walked    string          `json:"walked,omitempty" n:"13"`
	Rival     string          `json:"rival,omitempty" n:"14"`

	Object        string    `json:"object,omitempty" n:"15"`
	UploadKey     string    `json:"upload_key,omitempty" n:"16"`
	UploadExpires time.Time `json:"upload_expires,omitzero" n:"17"`
	Size          int64     `json:"size" n:"18"`
	PartSize      int64     `json:"part_size,omitempty" n:"19"`
	PartsTotal    int       `json:"parts_total,omitempty" n:"20"`
	PartsDone     int       `json:"parts_done,omitempty" n:"21"`
	BytesDone     int64     `json:"bytes_done,omitempty" n:"22"`
	SHA1          string    `json:"sha1,omitempty" n:"23"`
	ETag          string    `json:"etag,omitempty" n:"24"`
	Temp          string    `json:"temp,omitempty" n:"25"`

	Intent        *intentRecord `json:"intent,omitempty" n:"26"`
	Item          string        `json:"item,omitempty" n:"27"`
	Version       string        `json:"version,omitempty" n:"28"`
	VersionNumber int           `json:"version_number,omitempty" n:"29"`
	Result        string        `json:"result,omitempty" n:"30"`

	Paused      bool      `json:"paused,omitempty" n:"31"`
	Attention   bool      `json:"attention,omitempty" n:"32"`
	Doubt       bool      `json:"doubt,omitempty" n:"33"`
	NextAttempt time.Time `json:"next_attempt,omitzero" n:"34"`
	Wait        int64     `json:"wait,omitempty" n:"35"` // ns
	Attempts    int       `json:"attempts,omitempty" n:"36"`
	Streak      int       `json:"streak,omitempty" n:"37"`
	Alike       int       `json:"alike,omitempty" n:"38"`
	Reason      string    `json:"reason,omitempty" n:"39"`
	Error       string    `json:"error,omitempty" n:"40"`
	Since       time.Time `json:"since,omitzero" n:"41"`

	Repeats   int       `json:"repeats,omitempty" n:"50"`
	Changes   int       `json:"changes,omitempty" n:"42"`
	Seen      time.Time `json:"seen,omitzero" n:"43"`
	Unrest    time.Time `json:"unrest,omitzero" n:"44"`
	Successor string    `json:"successor,omitempty" n:"45"`

	End     string    `json:"end,omitempty" n:"46"`
	Created time.Time `json:"created" n:"47"`
	Updated time.Time `json:"updated" n:"48"`
	Ended   time.Time `json:"ended,omitzero" n:"49"`

	Content string `json:"content,omitempty" n:"51"`
	Sign    string `json:"sign,omitempty" n:"52"`
	Held    bool   `json:"held,omitempty" n:"55"`

	Priority int `json:"priority,omitempty" n:"56"`
}

// jobGlance is what of a jobRecord the index needs: its other fields are skipped unread.
type jobGlance struct {
	Kind        string    `json:"kind" n:"1"`
	Phase       string    `json:"phase" n:"2"`
	Root        string    `json:"root" n:"4"`
	Rel         string    `json:"rel" n:"5,ref"` // with which the texts after it may end
	Size        int64     `json:"size" n:"18"`
	Paused      bool      `json:"paused" n:"31"`
	Attention   bool      `json:"attention" n:"32"`
	NextAttempt time.Time `json:"next_attempt" n:"34"`
	Wait        int64     `json:"wait" n:"35"`
	Reason      string    `json:"reason" n:"39"`
	Since       time.Time `json:"since" n:"41"`
	End         string    `json:"end" n:"46"`
	Priority    int       `json:"priority" n:"56"`
}

func (g jobGlance) job(id JobID) Job {
	return Job{ID: id, Kind: Kind(g.Kind), Phase: Phase(g.Phase), Root: g.Root, Size: g.Size,
		Paused: g.Paused, Attention: g.Attention, Reason: g.Reason, Since: g.Since,
		NextAttempt: g.NextAttempt, Priority: g.Priority}
}

type partRecord struct {
	Size int64  `json:"size" n:"1"`
	ETag string `json:"etag,omitempty" n:"2"`
	MD5  string `json:"md5,omitempty" n:"3"`
}

type historyRecord struct {
	Time   time.Time `json:"time" n:"1"`
	Event  string    `json:"event" n:"2"`
	Detail string    `json:"detail,omitempty" n:"3"`
}

type endedRecord struct {
	ID   string    `json:"id" n:"1"`
	End  string    `json:"end" n:"2"`
	Time time.Time `json:"time" n:"3"`
}

type publishedRecord struct {
	Remote   string         `json:"remote" n:"1"`
	Item     string         `json:"item,omitempty" n:"2"`
	Version  string         `json:"version,omitempty" n:"3"`
	Number   int            `json:"number,omitempty" n:"4"`
	Storage  string         `json:"storage,omitempty" n:"5"`
	Snapshot snapshotRecord `json:"snapshot" n:"6"`
	PartSize int64          `json:"part_size,omitempty" n:"7"`
	ETags    []string       `json:"etags,omitempty" n:"8"`
	SHA1     string         `json:"sha1,omitempty" n:"9"`
	At       time.Time      `json:"at" n:"10"`
	Content  string         `json:"content,omitempty" n:"11"`
	Sign     string         `json:"sign,omitempty" n:"12"`
	Unproven bool           `json:"unproven,omitempty" n:"13"`
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

// jobRecords are used again: a record of a job is large, and lives for as long as it is coded.
var jobRecords = sync.Pool{New: func() any { return new(jobRecord) }}

func encodeJob(j Job) []byte {
	r := jobRecords.Get().(*jobRecord)
	*r = recordOfJob(j)
	b := encodeRecord(r, "")
	*r = jobRecord{}
	jobRecords.Put(r)

	return b
}

func recordOfJob(j Job) jobRecord {
	r := jobRecord{
		ID: string(j.ID), Kind: string(j.Kind), Phase: string(j.Phase), Profile: j.Profile, Root: j.Root,
		Path: j.Path, Rel: j.Rel, From: j.From,
		Target: targetRecord(j.Target), Snapshot: fromSnapshot(j.Snapshot),
		Force: j.Force, Overwrite: j.Overwrite, FileTime: stored(j.FileTime), Batch: j.Batch,
		Walked: j.Walked, Rival: j.Rival, Object: j.Object, UploadKey: j.UploadKey,
		UploadExpires: stored(j.UploadExpires), Size: j.Size, PartSize: j.PartSize, PartsTotal: j.PartsTotal,
		PartsDone: j.PartsDone, BytesDone: j.BytesDone,
		SHA1: j.SHA1, ETag: j.ETag, Temp: j.Temp,
		Item: j.Item, Version: j.Version, VersionNumber: j.VersionNumber, Result: j.Result,
		Paused: j.Paused, Attention: j.Attention, Doubt: j.Doubt, NextAttempt: stored(j.NextAttempt),
		Wait:     int64(j.Wait),
		Attempts: j.Attempts, Streak: j.Streak, Alike: j.Alike, Reason: j.Reason, Error: j.Error,
		Since:   stored(j.Since),
		Repeats: j.Repeats,
		Changes: j.Changes, Seen: j.Seen, Unrest: j.Unrest, Successor: string(j.Successor),
		End: j.End, Created: stored(j.Created), Updated: stored(j.Updated), Ended: stored(j.Ended),
		Content: j.Content, Sign: j.Sign, Held: j.Held, Priority: j.Priority,
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

	return r
}

func decodeJob(id JobID, b []byte) (Job, error) {
	r := jobRecords.Get().(*jobRecord)
	defer func() {
		*r = jobRecord{}
		jobRecords.Put(r)
	}()

	if err := decodeRecord(b, r, ""); err != nil {
		return Job{}, fmt.Errorf("record of job %s: %w", id, err)
	}

	if b[0] != compactMark && r.ID != string(id) {
		return Job{}, fmt.Errorf("record of job %s: it says it is %q", id, r.ID)
	}

	return r.job(id), nil
}

func (r jobRecord) job(id JobID) Job {
	j := Job{
		ID: id, Kind: Kind(r.Kind), Phase: Phase(r.Phase), Profile: r.Profile, Root: r.Root, Path: r.Path,
		Rel:    r.Rel,
		From:   r.From,
		Target: Target(r.Target), Snapshot: Snapshot(r.Snapshot),
		Force: r.Force, Overwrite: r.Overwrite, FileTime: r.FileTime, Batch: r.Batch, Walked: r.Walked,
		Rival: r.Rival, Object: r.Object, UploadKey: r.UploadKey, UploadExpires: r.UploadExpires,
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
		Content: r.Content, Sign: r.Sign, Held: r.Held, Priority: r.Priority,
	}
	if r.Pending != nil {
		p := Snapshot(*r.Pending)
		j.Pending = &p
	}

	if r.Intent != nil {
		i := Intent(*r.Intent)
		j.Intent = &i
	}

	return j
}

func encodePublished(p PublishedRecord) []byte {
	if len(p.ETags) > maxETags {
		p.ETags = nil
	}

	if p.Version != "" && p.Version == versionOfItem(p.Item, p.Number) {
		p.Version = told
	}

	if p.Storage != "" && p.Storage == storageOfKey(p.Remote) {
		p.Storage = told
	}

	return encodeRecord(publishedRecord{
		Remote: p.Remote, Item: p.Item, Version: p.Version, Number: p.Number, Storage: p.Storage,
		Snapshot: fromSnapshot(p.Snapshot), PartSize: p.PartSize, ETags: p.ETags,
		SHA1: p.SHA1, At: stored(p.At), Content: p.Content, Sign: p.Sign, Unproven: p.Unproven,
	}, p.Rel)
}

// told stands for the version that item and number tell, and the storage that the address tells.
const told = "="

// versionOfItem is the id that the service gives a version of an item, as far as is known.
func versionOfItem(item string, number int) string {
	id, _ := strings.CutPrefix(item, "urn:adsk.wipprod:dm.lineage:")
	return "urn:adsk.wipprod:fs.file:vf." + id + "?version=" + strconv.Itoa(number)
}

// storageOfKey is the id that the service gives the object of an oss:// address.
func storageOfKey(address string) string {
	if key, ok := strings.CutPrefix(address, "oss://"); ok {
		return "urn:adsk.objects:os.object:" + key
	}

	return ""
}

func (r publishedRecord) record(root, rel string) PublishedRecord {
	if r.Version == told {
		r.Version = versionOfItem(r.Item, r.Number)
	}

	if r.Storage == told {
		r.Storage = storageOfKey(r.Remote)
	}

	return PublishedRecord{
		Root: root, Rel: rel, Remote: r.Remote, Item: r.Item, Version: r.Version, Number: r.Number,
		Storage:  r.Storage,
		Snapshot: Snapshot(r.Snapshot), PartSize: r.PartSize, ETags: r.ETags, SHA1: r.SHA1,
		At: r.At, Content: r.Content, Sign: r.Sign, Unproven: r.Unproven,
	}
}
