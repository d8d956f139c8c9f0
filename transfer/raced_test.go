//go:build race

package transfer

// raced says that the race detector is in: it allocates by itself.
const raced = true
