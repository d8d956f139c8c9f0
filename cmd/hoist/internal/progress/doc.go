// Package progress shows people how far a transfer is: a bar on a terminal, a line every few
// seconds anywhere else.
package progress
