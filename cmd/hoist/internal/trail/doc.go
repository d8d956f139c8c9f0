// Package trail records who changed what in a home: one line of JSON for every command that changed
// something, in audit.jsonl. It is for people who ask later who did it; hoist itself never reads it.
//
// A command that hands its work to the owner of the home is recorded by the owner, with the user
// and the process that the system names; one that does the work itself writes the line itself.
// Only names are kept: no flags, which may hold anything, and no content.
package trail
