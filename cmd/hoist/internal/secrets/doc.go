// Package secrets keeps what nobody else may read: client secrets, refresh tokens, private keys.
//
// A secret belongs to a profile and to the host that it was stored for: it is never handed out
// for another. It lies in the system's keyring, or, when there is none, in a file of the home
// that only its owner can read. Both hold one JSON document a profile, so that a sign-in is
// replaced as a whole.
package secrets
