// Package once makes the calls that could double their effect (a version, a folder, a webhook, a
// user) so that they do not: where the answer to one is lost it looks for what the call asked for
// before it repeats it. The commands and the control API make their calls by it; the transfer
// engine has looks of its own, which know more.
package once
