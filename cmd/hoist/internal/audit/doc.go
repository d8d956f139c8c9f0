// Package audit holds what a home knows against the disk, its receipts and the cloud.
//
// A survey is the list of files that a home knows. [Auditor.Verify] compares each, or any folder with
// any remote; what cannot be looked at is a row, and stops no other. [Auditor.Forget] drops records,
// [Auditor.Explain] says of one file where it stands, and [Rebuild] makes a new state of what the
// survey proves. None of them sends anything. [Auditor.Export] appends receipts to HOME/receipts,
// in files that are never written over: what the state does not know is set aside.
package audit
