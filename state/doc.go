// Package state is what survives: jobs and their parts, intents, scan records, what was published,
// receipts and history, in one bbolt file with one owner. It knows what may follow what (Job.Next)
// and nothing of networks or disks. Its API serves hoist alone and may change.
//
// # Vocabulary
//
// A job is one file on its way; its phase names the last durable fact. An event is something that
// happened; Store.Commit applies events by the pure Job.Next and is durable on return. A snapshot
// tells one content of a local file from another. A published record is what the cloud last got,
// the base of every comparison. An intent is written before a call that must not happen twice. A
// receipt proves what was published, chained by hashes.
//
// # Schema, version 5
//
//	bucket     key                        value
//	meta       name                       text: schema, instance, receipt-head, receipts-packed, index-base,
//	                                      user/NAME
//	jobs       id (16 bytes)              jobRecord, of jobs that are not done
//	progress   id                         parts and bytes done, time in ns (3 x uint64), newer than the job
//	parts      id, part uint32            partRecord
//	history    id                         of jobs that are not done: the newest 200 historyRecords, each
//	                                      after its length
//	targets    kind NUL target            id of the open job to that target
//	files      root NUL rel               id of the open upload of that file in a watch
//	ended      seq uint64                 endedRecord of jobs that are not done, in the order of ending
//	unwanted   root NUL rel               snapshotRecord that a user cancelled
//	published  root NUL rel               publishedRecord
//	intents    key                        the caller's bytes: calls that belong to no job
//	dirs       root NUL folder NUL first  the watcher's bytes, at most 64 KiB
//	receipts   seq uint64                 receiptRecord, or the JSON line if that holds more; or under a
//	                                      multiple of 64 the block of the 64 up to it (block.go)
//	owed       root NUL rel               id of the job in the way, or nothing: see Owed
//	paths      CRC-32C of folder, of name id of the newest job of a local path
//	done       id                         a job that is done, see doneRow
//	shared     SHA-256, 6 bytes           sharedRecord
//
// Records have a compact form (codec.go): numbered fields, without any text that follows from the path
// of the file or from a list of common prefixes. Up to version 2 they were JSON, and history had a key
// id, seq for each line; both are read until they are written again. A job that is done is a row with
// its history, most of which is in its receipt; what only a further step would need is left out.
//
// Receipts become blocks in the commit that makes the 64th of them. Up to version 4 each had a key of
// its own; those are packed as new ones come.
//
// Every value is followed by its CRC-32C over bucket, key and value.
//
// Numbers in keys are big-endian and ids begin with their time, so a scan comes in order. Names are
// stored, never the numbers of constants. Times are UTC. No value holds a signed URL or a secret.
//
// # Guarantees
//
//   - What Commit, Enqueue, Put… and Update… return without an error survives a power cut: bbolt's
//     own fsync rules, never relaxed.
//   - While the disk is full a write fails with a *WriteError (see IsFull) and leaves nothing behind;
//     the store goes on when there is room. After any other failed write it takes no more.
//   - Concurrent writers share a commit: one goroutine commits whatever waits as soon as the last
//     commit ended. There is no added delay.
//   - A file that was closed well opens without being read whole; after any other end, and after any
//     change by somebody else, its structure is checked first.
//   - Index grows with every commit, and Wait and Changes wake after it is durable.
//   - At most one open job goes to a target: a remote address for uploads, a local path for
//     downloads. At most one open upload is of a file of a watch.
//   - A change enqueued while its file has an open job is never lost. A job that has not begun to
//     send takes the new snapshot. A later one keeps it as Pending: however that job ends, except
//     by Cancel, a successor with the pending snapshot is queued in the same commit.
//   - In sync is what equals its published record, never what has no open job: a watched file whose
//     job failed, or whose target another file's job goes to, is owed until it is looked at again.
//   - Ended jobs do not change. The newest Options.HistoryJobs of those that are done are kept, for
//     Options.HistoryAge; so are the others that ended; and what ended within the last hour.
//   - One process has the file open; another gets *LockedError within about a second. Damage is
//     *DamagedError, never a panic. After damage of the structure nothing more is written; one
//     record that cannot be read fails only the call that asks for it.
//
// All methods of Store may be called concurrently.
package state
