// Package gitignore judges paths as `git check-ignore --no-index` does, byte for byte.
//
// Vocabulary:
//
//   - rule: one line of an ignore file. One that begins with "!" takes back what an earlier one
//     ignored.
//   - rules: one parsed file, bound to the folder that it lies in. Its anchored patterns begin
//     there.
//   - stack: the rules in force at a place, the outermost folder first. The last rule of the
//     deepest file that speaks of a path decides.
//   - never: why a rule can match no name at all, such as an open bracket. git keeps silent about
//     these.
//   - case: how letters compare. Exact is core.ignorecase=false, ASCII is core.ignorecase=true.
//     Unicode goes further than git and is for file systems that take "Ä" and "ä" for one name.
//
// Guarantees:
//
//   - Judgement, line number and text equal git's on any input, however wrong: the tests ask git
//     itself. Bytes that are no UTF-8 stay what they are, and "?" is one byte, not one letter.
//   - Names and patterns compare in NFC, so that a name in NFD is judged as the same name in NFC
//     is. git tells the two apart: we equal it on names and patterns in NFC.
//   - What lies in an ignored folder is ignored and cannot be taken back.
//   - The work for one name and one pattern grows at most with a small power of their lengths,
//     whatever the pattern, and needs no memory.
//   - A name in plain ASCII is judged without allocating.
//   - Rules and stacks do not change once made and are safe for concurrent use.
//
// git's versions differ in one point: up to 2.51 the pattern "foo**/bar" also matches "foox/y/bar",
// because the stars are looked at only after "foo" has been cut off. We do as these versions do;
// most systems have one.
//
// The package reads no files and knows nothing of hoist. Its exported API may change.
package gitignore
