// Package plan says what a push or a pull would do, file by file, before anything moves.
//
// # Vocabulary
//
//   - A source is one local file of a push; its landing is where it goes below the remote place.
//   - A file (File) is one line of a plan: the job that would do it, or why there is none.
//   - A file is unchanged when local, base and remote are compared (package compare) and found
//     equal, and needs attention when a user has to decide or rename something first.
//   - A tip is the newest version that the service shows of an item.
//
// # Guarantees
//
//   - A plan makes nothing, here or there, and reads each remote folder once; a file costs no call.
//   - Two sources never land on one name, and nothing that is pulled lands outside the folder that
//     was asked for.
//   - What is wrong with one file is told at that file; only what ends the whole plan is an error.
//
// The package imports the cloud's tree, the state and the comparison; it knows no engine.
package plan
