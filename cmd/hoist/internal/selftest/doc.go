// Package selftest tries the facts that nobody outside of the service has confirmed, once, on the
// account of whoever runs it.
//
// # Vocabulary
//
//   - A fact is a question to the service with the answer that hoist expects.
//   - The scratch is the folder or bucket that a run makes, works in, and takes away.
//   - A verdict says whether what was seen is as expected, differs, or could not be tried.
//
// # Guarantees
//
//   - Nothing outside of the scratch is changed. A folder of a project cannot be deleted: it is
//     hidden.
//   - A run makes at most [Calls] requests, repeats and those to S3 included, and keeps some of
//     them to take the scratch away, which it tries however the run ends.
//   - A report holds no id, name, address or credential, so that it can be sent to anybody.
//   - What was found ([Facts]) may save calls or time. It never replaces a look, a check or a
//     parking.
package selftest
