// Package service has the system start the daemon: as a systemd unit, a launchd job, a Windows
// service, or a task at logon there.
//
// A user service runs as the user who installed it, from its logon on; a system service runs from
// the start of the machine, on Linux as any account. What the account of a service cannot see (a
// keyring, a mapped drive, a folder) is told before anything is installed.
package service
