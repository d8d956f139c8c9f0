// Package emulator is an offline Autodesk Platform Services and Amazon S3 for tests, demonstrations
// and rehearsals.
//
// It is written from the published API pages with wire types of its own, so that a mistake in the
// client cannot hide in a shared type. One [Server] is an [net/http.Handler] for everything:
// authentication, hubs and projects, data management, object storage, webhooks, account
// administration, and the S3 end of signed URLs under /s3/. It runs in process through
// [Server.Transport] (no sockets, fit for a testing/synctest bubble) or behind [Server.Listen].
//
// Vocabulary
//
//   - world: the accounts, hubs, projects, folders, items, versions, buckets, people and hooks that
//     the server knows.
//   - session: one multipart upload, named by its upload key; it holds parts until it is completed
//     or expires.
//   - blob: the stored bytes of one part; an object is a list of blobs, so assembling copies
//     nothing.
//   - knob: a switch for behaviour that the documentation leaves open, or that the service or a
//     proxy in front of it was seen to have ([Knobs]): late, empty, cut or short answers, errors as
//     text, names that fold, no SHA-1, storage under another name, somebody else who answers.
//   - fault: a failure that a test injects into one request ([Fault]).
//   - journal: one line for each request that arrived ([Request]).
//
// Guarantees
//
//   - What a successful answer reported is on disk in the sense of the page cache: it survives a
//     restart and a SIGKILL of the process, not a power cut.
//   - Bodies are streamed; memory does not grow with sizes. Blocks of zeros are stored as holes.
//   - All methods of Server are safe for concurrent use.
//
// The package is part of this project's tests and of its offline demonstration; its API may change.
package emulator
