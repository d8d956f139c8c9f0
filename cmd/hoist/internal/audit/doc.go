// Package audit compares what a home knows with the disk, its receipts and the cloud.
//
// A survey is the list of files that a home knows. [Auditor.Verify] compares each, or any folder
// with any remote; a file that cannot be looked at is a row of the report and does not stop the
// others. [Auditor.Forget] drops records, [Auditor.Explain] says where one file stands, and
// [Rebuild] makes a new state from what the survey proves. None of them sends anything.
// [Auditor.Export] appends receipts to HOME/receipts, in files that are never overwritten: one
// that the state does not know is set aside.
package audit
