// Package exit turns an error into what the caller of hoist sees of it: the exit code of the
// process and the hint on the last line of standard error.
//
// The codes are promises to scripts (see "hoist help exit-codes"); a new kind of failure gets its
// row in [From] and nowhere else. For every code but [OK] there is a hint: what to do next, as a
// sentence or a command to type.
package exit
