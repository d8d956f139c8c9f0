// Package once makes the calls that change something (a version, a folder, a webhook, a user) so
// that they take effect once: when the reply to one is lost it looks for what the call asked for
// before it repeats it, with the patience of [hoist/apsclient.Doubt]. The commands and the
// control API call through it; the transfer engine has looks of its own, which know more.
package once
