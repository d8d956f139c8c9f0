// Package disk asks file systems what may never be answered: a call on a mount whose server is gone
// waits as long as it is gone, and cannot be ended from here.
//
// Each question runs in a goroutine of its own and has a time. When that has passed the asker gets
// ErrSilent, and the question goes on to wait alone. A path that is waited for is not asked again,
// and a mount with several such questions is asked nothing more, until one of them has its answer:
// then all is as before.
package disk
