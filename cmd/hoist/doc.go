// Command hoist moves drawings and models between local folders and Autodesk Platform Services.
//
// # Vocabulary
//
//   - A home holds the configuration, the state and the socket of one instance.
//   - The owner of a home is the process that has its state open. Every other command hands its work
//     to the owner over the socket and waits; when the owner ends first, one of them takes over.
//   - A hint is the last line on standard error of a command that fails: what to do next.
//
// # Guarantees
//
//   - Names, flags, JSON fields and exit codes only grow (help topics json and exit-codes).
//   - Data goes to standard output, everything else to standard error.
//   - Exit codes and the words for a shell are made here alone (hints.go); packages below give
//     errors a kind and a fix (internal/problem).
//   - Secrets and signed URLs are in no output, log or argument.
package main
