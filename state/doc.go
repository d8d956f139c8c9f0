// Package state is what survives: jobs, parts, intents, scan records,
// published files and history, in one bbolt file with one owner.
package state
