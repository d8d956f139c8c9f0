// Package redact takes secrets out of text that leaves the machine: those that are known by value,
// and whatever has the form of one (tokens, signed URLs, private keys, fields named for secrets).
// It takes out too much rather than too little.
package redact
