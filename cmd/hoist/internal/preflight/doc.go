// Package preflight finds what would keep files from being uploaded, before the first byte is sent:
// every limit that the service documents, and what can be seen wrong on this machine.
//
// A finding is one row: a file, or a folder when it concerns all that is in it, with the name of the
// check, a verdict and what to do. It is a problem when the file would not arrive or need a person,
// a warning when it will be tried and may end otherwise than expected. The judgements are those by
// which the engine and the plan decide; none is made here a second time.
//
// Nothing is made, here or there. The cloud is asked once a folder, not once a file.
package preflight
