package state

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"strings"
)

var (
	bucketMeta      = []byte("meta")
	bucketJobs      = []byte("jobs")
	bucketProgress  = []byte("progress")
	bucketParts     = []byte("parts")
	bucketHistory   = []byte("history")
	bucketTargets   = []byte("targets")
	bucketFiles     = []byte("files")
	bucketEnded     = []byte("ended")
	bucketUnwanted  = []byte("unwanted")
	bucketPublished = []byte("published")
	bucketIntents   = []byte("intents")
	bucketDirs      = []byte("dirs")
	bucketReceipts  = []byte("receipts")

	bucketOwed  = []byte("owed")
	bucketPaths = []byte("paths")

	bucketDone   = []byte("done")
	bucketShared = []byte("shared")

	// allBuckets in the order of the schema versions that brought them: see bucketsOf.
	allBuckets = [][]byte{
		bucketMeta, bucketJobs, bucketProgress, bucketParts, bucketHistory, bucketTargets, bucketFiles,
		bucketEnded, bucketUnwanted, bucketPublished, bucketIntents, bucketDirs, bucketReceipts,
		bucketOwed, bucketPaths,
		bucketDone, bucketShared,
	}

	metaSchema      = []byte("schema")
	metaInstance    = []byte("instance")
	metaReceiptHead = []byte("receipt-head")
	metaPacked      = []byte("receipts-packed")
	metaIndexBase   = []byte("index-base")
)

// bucketsOf lists the buckets of a schema version.
func bucketsOf(version int) [][]byte {
	switch {
	case version < sumVersion:
		return allBuckets[:len(allBuckets)-4]
	case version < doneVersion:
		return allBuckets[:len(allBuckets)-2]
	}

	return allBuckets
}

// metaUser is before the names of SetMeta, so that they cannot hit ours.
const metaUser = "user/"

// maxName bounds what goes into a key; bbolt takes 32 KiB in all.
const maxName = 8 << 10

// key is the 16 bytes of an id; ok is false for what is no id.
func (id JobID) key() (k []byte, ok bool) {
	k, err := hex.DecodeString(string(id))
	return k, err == nil && len(k) == 16
}

func idOf(k []byte) JobID { return JobID(hex.EncodeToString(k)) }

func seqKey(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func partKey(job []byte, part int) []byte {
	return binary.BigEndian.AppendUint32(append(make([]byte, 0, 20), job...), uint32(part))
}

func joinKey(names ...string) []byte { return []byte(strings.Join(names, "\x00")) }

// targetKey says where a job goes: what only one open job may do.
func targetKey(j Job) []byte {
	if j.Kind == Download {
		return joinKey(string(Download), j.Path)
	}

	return joinKey(string(Upload), j.Target.Address)
}

// fileKey is the key of a job's file in published and unwanted.
func fileKey(j Job) []byte { return joinKey(j.Root, j.Rel) }

// pathKey is the key of a local path in paths: files of a folder lie together. Two paths of one key are
// told apart by the job that it leads to.
func pathKey(path string) []byte {
	i := strings.LastIndexAny(path, `/\`) + 1
	k := binary.BigEndian.AppendUint32(nil, crc32.Checksum([]byte(path[:i]), castagnoli))

	return binary.BigEndian.AppendUint32(k, crc32.Checksum([]byte(path[i:]), castagnoli))
}

// checkNames refuses what would not make a key.
func checkNames(names ...string) error {
	for _, n := range names {
		if len(n) > maxName {
			return fmt.Errorf("name of %d bytes is longer than %d: %.60q…", len(n), maxName, n)
		}

		if strings.Contains(n, "\x00") {
			return fmt.Errorf("name %q holds a NUL", n)
		}
	}

	return nil
}
