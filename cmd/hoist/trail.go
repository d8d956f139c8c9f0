package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/trail"
)

// changing are the commands that change something, here or in the cloud. "push -n" and the like
// change nothing.
var changing = []string{"api", "cancel", "login", "logout", "mkdir", "mv", "pause", "profile remove",
	"profile use", "pull", "push", "restore", "resume", "retry", "rm", "state rebuild", "state repair",
	"watch add", "watch pause", "watch put-back", "watch remove", "watch resume"}

// noteChange records a command that changed something by itself, and not through the owner of the
// home. What cannot be recorded is no error of the command.
func (a *app) noteChange(cmd *cobra.Command, err error) {
	name := strings.TrimPrefix(cmd.CommandPath(), "hoist ")
	if dry := cmd.Flags().Lookup("dry-run"); !a.started || a.handed || !slices.Contains(changing, name) ||
		dry != nil && dry.Changed {
		return
	}

	home, e := a.findHome(config.ReadEnv(a.getenv))
	if e != nil {
		return
	}

	entry := trail.Entry{Command: name, On: cmd.Flags().Args()}
	entry.User, entry.PID = trail.Self()
	if err != nil {
		entry.Error = err.Error()
	}

	if e := trail.At(home.AuditFile()).Note(entry); e != nil {
		a.log.Warn("the audit trail is not written", "error", e)
	}
}
