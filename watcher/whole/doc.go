// Package whole tells from a few bytes of a file whether a program has written it to its end.
//
// # Vocabulary
//
//   - A mark is what a format has at its end: a trailer, or a place that its header points to.
//   - A file is torn when its format has such a mark and the file has not.
//
// # Guarantees
//
//   - The content decides, never the name alone: what begins like no format that is known here is
//     Unknown, whatever it is called.
//   - At most a few reads of a few kilobytes, at the beginning, the end and where these point to.
//   - A file that is called Whole may still be written on: the mark of a format that is rewritten
//     in place is there all the time. Rest is judged by others; Torn alone is proof.
//
// It imports nothing of ours, so that the watcher, which settles files, and the engine, which takes
// snapshots of them, judge alike.
package whole
