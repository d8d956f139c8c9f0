package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// examples are those of the commands that have none of their own beside them, by the words after
// "hoist".
var examples = map[string]string{
	"cancel":            "hoist cancel ID\nhoist cancel --reason name-clash",
	"config check":      "hoist config check",
	"config show":       "hoist config show --origin",
	"daemon":            "hoist daemon\nhoist daemon --bwlimit \"08:00,2M 19:00,off\"",
	"demo":              "hoist demo",
	"diagnose":          "hoist diagnose -o hoist.zip",
	"doctor":            "hoist doctor\nhoist doctor --data-plane",
	"events":            "hoist events --since 120\nhoist events --follow --json",
	"explain":           "hoist explain ~/plans/tower.rvt",
	"filter list":       "hoist filter list\nhoist filter list ~/plans",
	"filter test":       "hoist filter test ~/plans/tower.bak ~/plans/tower.rvt",
	"help":              "hoist help push\nhoist help reasons",
	"job":               "hoist job ID\nhoist job ID --json",
	"logout":            "hoist logout --profile bob",
	"open":              "hoist open\nhoist open --no-browser",
	"pause":             "hoist pause ID\nhoist pause --all",
	"profile list":      "hoist profile list",
	"profile remove":    "hoist profile remove bob",
	"profile show":      "hoist profile show bob",
	"profile use":       "hoist profile use bob",
	"resume":            "hoist resume\nhoist resume --until 06:00",
	"retry":             "hoist retry ID\nhoist retry --reason forbidden --wait",
	"service install":   "hoist service install\nhoist service install --print",
	"service start":     "hoist service start",
	"service status":    "hoist service status",
	"service stop":      "hoist service stop",
	"service uninstall": "hoist service uninstall",
	"state check":       "hoist state check",
	"state rebuild":     "hoist state rebuild --yes",
	"state repair":      "hoist state repair",
	"status":            "hoist status\nhoist status ~/plans\nhoist status --follow",
	"version":           "hoist version",
	"wait":              "hoist wait ID\nhoist wait --all --timeout 10m",
	"watch list":        "hoist watch list",
	"watch pause":       "hoist watch pause ~/plans",
	"watch remove":      "hoist watch remove ~/plans",
	"watch resume":      "hoist watch resume ~/plans",
	"watch scan":        "hoist watch scan\nhoist watch scan ~/plans",
}

// addExamples gives each command below one its examples.
func addExamples(c *cobra.Command) {
	for _, sub := range c.Commands() {
		addExamples(sub)
	}

	_, name, _ := strings.Cut(c.CommandPath(), " ")
	if text := examples[name]; text != "" {
		c.Example = "  " + strings.ReplaceAll(text, "\n", "\n  ")
	}
}
