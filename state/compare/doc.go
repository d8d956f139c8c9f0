// Package compare is the one place that says how a file here, what was last published of it and
// what the cloud has now compare. It is pure: no clock, no disk, no network, and it imports nothing
// of ours. Push and pull, the queue, verify, explain and adoption ask Judge and add what is theirs
// (reservations, force, an empty file) to its answer.
//
// # Vocabulary
//
// Local is what lies under the name here, Base what was last published or fetched under that name
// and address, Tip the newest version that the cloud shows. Each may be unseen: nobody looked. A
// side says how one end compares with the base; the verdict is what both sides and the contents
// make together.
//
// # Guarantees
//
//   - Equal is said only of contents that are proved the same: by the base that both ends still
//     have, or by SHA-1.
//   - What is not proved either way is Unknown, with the cause that a caller can remove (look, read
//     the file, ask for the SHA-1) before asking again. More knowledge never turns Equal into
//     another verdict unless that knowledge contradicts.
//   - An item that the service shows late, with a version older than the base, counts as the base.
//   - Hidden and deleted are gone.
package compare
