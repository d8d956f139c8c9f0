// Package watcher says what changed in a folder of drawings, and only when it has come to rest.
//
// Vocabulary:
//
//   - root: the watched folder. Every path in this package is relative to it, with slashes; "" is
//     the root itself.
//   - notice: a hint from the operating system that something happened at a path. Notices may be
//     lost, doubled or late.
//   - scan: a walk over the tree that compares each folder's listing with its baseline. Scans are
//     the truth; a notice only makes the look at one path happen sooner. An overflow, or any other
//     doubt, asks for a scan.
//   - baseline: what was last reported, file by file, kept by the caller as opaque chunks (see
//     Baseline).
//   - settling: a path that differs from its baseline is pending until nothing was seen to change
//     for the settle time. A lock file beside it (an open drawing) makes that time longer, never
//     longer than the cap; so does a program that has it open for writing, or a format that says
//     that the end of the file is missing. Past the cap a shorter rest is enough for a file that
//     has rested before, and one that does not rest long enough is busy: it is not reported, and
//     Status says so.
//   - change: a path that has settled in a state that differs from the baseline, or is gone.
//   - rename: what came and what went are one file, by its id, size and time; the change says so
//     when both ends have settled.
//   - rules: what leaves files out: patterns that were given, rule files (.hoistignore) of the
//     tree, and litter. A Book knows them.
//   - held: nothing below a rule file is handed over while it rests, or when it is not understood
//     and never was.
//   - litter: files that programs leave beside drawings (backups, autosaves, locks, temporary
//     files). Never reported.
//
// Guarantees:
//
//   - Changes are handed to emit in batches; the baseline is stored only after emit returned nil. A
//     process that dies between the two repeats those changes when it starts again: at least once,
//     never lost. The receiver compares.
//   - Nothing is opened for writing, locked, moved or deleted below the root. Files are looked at
//     (lstat); a few kilobytes are read of one that has come to rest within the cap, to see whether
//     its format says that it is whole. The only files read are those named .hoistignore, and
//     nothing that lies there under that name is waited for.
//   - What the rules exclude when it is handed over is not handed over, whatever they said before.
//     A rule file that is not understood lets nothing through that the last understood one did not.
//   - Symbolic links are not followed; they, and everything else that is neither a folder nor a
//     regular file, are skipped.
//   - A root that cannot be read, does not answer, or is the bare place of a disk that is not
//     mounted is unavailable: its files are not reported as removed. When it is back, or another
//     folder has its place, it is scanned from the start.
//   - Memory does not grow with the number of files that did not change.
//
// The exported API of this package serves hoist alone and may change.
package watcher
