// Package progress shows people how far a transfer is: a block of a few lines that is drawn over
// and over on a terminal, a line with the time every few seconds anywhere else.
//
// A [State] is all that is known; lines and screens are made of it by pure functions. The first
// line of the block counts files, bytes and calls, the next says what is left and which limit
// decides that, or what is waited for and until when, and below stand the slowest files. No line
// is wider than the window, which is measured each time. What is written to a [Screen] meanwhile
// scrolls by above the block.
package progress
