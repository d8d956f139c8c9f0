// Package transfer is the engine: it takes jobs out of the state, moves the bytes, and makes the
// result visible.
//
// # Vocabulary
//
//   - A job is one file on its way up or down; its phase names the last durable fact (package
//     state).
//   - A step is one remote effect followed by one commit; an event without an effect of its own
//     shares the commit of the next. First run and resume are the same loop of steps.
//   - A part is a slice of a file that is sent by one PUT. It is acknowledged when its ETag is
//     committed.
//   - An intent is the durable note that a call that is not idempotent is about to be made; who
//     finds one looks before repeating.
//   - A look is a read of the service that settles what became of such a call (publish.go by
//     [apsclient.Doubt]).
//   - Packages remote and plan have the words for the cloud's tree and for what a push or pull is
//     to do.
//   - A range is a slice of a file that is fetched by one GET; it is committed after it was synced
//     to the temporary file beside the target.
//   - A reason is the code of why a file is not in sync (see Reasons).
//
// # Guarantees
//
//   - Nothing half-written is published: the file is looked at around each part, before assembly
//     and before the create.
//   - Exactly one version for each state of a file: creates are preceded by an intent and repeated
//     only after a look that found nothing.
//   - A part whose ETag is committed is not sent again while the service keeps the session; a
//     worker keeps its slot until that commit, so after any death at most the parts in flight go
//     again.
//   - One job's failure is a record on that job; it never stops the others.
//   - Signed URLs live in memory only, are bound to their part number, and are never logged.
//   - A download appears under its name only when it is whole and verified, never outside the
//     folder that was asked for, and never over a file that differs from what was last synced,
//     unless that was asked for; then the old one is kept beside it. What is replaced is the very
//     state that was judged, and what is recorded the very state that was fetched: an edit made at
//     whatever moment is a user's work, and left to be pushed. On a system without leases (only
//     Linux has them, on local disks) an edit that restores the file's time within the microseconds
//     between a rename and the look that follows is not seen.
//   - Memory does not grow with file size, part size or number of parts: parts are streamed from
//     the file.
//
// The package may change its API with the program it belongs to; it is not meant for import by
// others.
package transfer
