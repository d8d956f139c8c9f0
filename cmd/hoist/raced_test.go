//go:build race

package main

// raced says that the race detector is in the processes that tests start: they take several times the memory.
const raced = true
