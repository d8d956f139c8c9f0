// Package control is how commands talk to the owner of a home: the shapes of what it answers, the
// API as an interface, a server of it over HTTP, and a client.
//
// The owner is the process that opened the state. It serves HTTP on an AF_UNIX socket that only its
// user can reach, or, when the system has none, on a loopback TCP address with a token. [API] has
// two implementations: the owner itself and [Client]; commands are written against it and do not
// know which one they have.
//
// In JSON, unknown or inapplicable values are absent, never null or zero; arrays are never null;
// times are RFC 3339 in UTC; sizes are bytes, rates bytes a second, durations seconds. These shapes
// are promises to scripts.
package control
