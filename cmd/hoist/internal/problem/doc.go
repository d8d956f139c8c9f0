// Package problem says what is wrong as data: a [Kind] of problem and a [Fix] for it.
//
// Whoever shows a problem turns both into its own terms. The command line makes exit codes and
// hints of them, the control API HTTP statuses. A new kind of failure gets its row in [Of] and
// nowhere else.
package problem
