// Package content tells from the first and last kilobytes of a file whether it is what its name
// says.
//
// # Vocabulary
//
//   - A kind is a format with a documented beginning, known by the extension of a name: dwg, revit,
//     ifc, zip …
//   - A file fits when it begins as its kind does. Its release is that of the format or program that
//     wrote it, when the bytes that are read tell it.
//   - A sign is what makes a file doubtful, though its name promises a kind.
//   - A mark is a report as one short text, for the record of what was published.
//
// # Guarantees
//
//   - At most [Most] bytes are read of a file, in a few reads.
//   - A file whose kind has no documented beginning fits, unless it begins with nothing but zeros; one
//     whose extension is not known always fits.
//   - Nothing is decided here: who reads a sign judges what it is worth.
package content
