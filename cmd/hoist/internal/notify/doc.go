// Package notify tells people by webhook what a daemon meets: files that need them, that all is
// synced, that nothing moves though it should, and a summary once a day.
//
// A [Teller] decides what to tell from a series of looks; it is pure. A [Hook] sends: signed
// JSON, repeated a few times with growing pauses, and never more than a few messages behind. What
// cannot be delivered is dropped and logged; nothing waits for it.
package notify
