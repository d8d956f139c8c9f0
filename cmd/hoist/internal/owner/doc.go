// Package owner is the one process that has the state of a home open.
//
// An [Owner] opens the state (and by that holds its lock), serves the control socket, and, once
// started, runs the engine and the watches. The command "daemon" is one for as long as it runs;
// "push", "pull", "resume" and "wait" become one when none is there, and end when their own files
// are done; "status" and the like open the state for a moment without serving it (a passive owner).
//
// It ends in this order: no new commands are accepted, everything that runs is cancelled, the
// commands under way are waited for and then what runs, the state is closed last. A command that
// loses its owner becomes one or finds the next.
//
// A watched folder carries a marker that names its home; an owner sends nothing of a folder that
// another home has claimed.
package owner
