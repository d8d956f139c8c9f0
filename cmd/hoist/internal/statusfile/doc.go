// Package statusfile writes what a home does as a page for colleagues: one file that a browser opens, with no
// port, no token, no script and nothing to press.
//
// # Guarantees
//
//   - The file is replaced whole: whoever opens it sees one status or the next.
//   - It never lies in a watched folder, where each status would be sent as a new version.
//   - It replaces nothing but a page of its own, which it recognises by its beginning.
//   - Names of files are text in it, never markup.
package statusfile
