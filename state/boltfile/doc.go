// Package boltfile reads bbolt's file format by itself, with plain reads and every bound checked,
// for check and repair. bbolt maps the file and trusts it: on a damaged page it may panic, fault,
// recurse without end or allocate without bound, none of which a library survives.
//
// The format is bbolt's version 2, little-endian, stable since 2013: two meta pages, of which the
// newer valid one names the root of a tree of pages and the list of free pages.
//
// Whatever the bytes say, a walk ends, takes memory within the size of the file and never panics.
// It knows nothing of what the keys and values mean, and it never writes.
package boltfile
