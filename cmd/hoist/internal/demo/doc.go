// Package demo shows the main job offline, from a saved drawing to a published version and back,
// and proves it.
//
// [Run] starts an emulated APS on a loopback listener, makes a set of drawings, and drives the
// real hoist binary as child processes: a daemon that watches the drawings, is killed (not asked
// to stop) in the middle of a part of a large file, is started again, and a pull of everything
// into another folder. Each step is printed, and what it claims is checked against the emulator's
// own records: one version for each state of a drawing, byte for byte, and after the kill only
// the parts again that were in flight.
//
// Everything lies in one temporary folder, which is removed at the end, whatever the outcome.
package demo
