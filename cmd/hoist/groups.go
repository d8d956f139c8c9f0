package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/problem"
)

// groups are the parts of the list of commands in the help; what none names stands at the end.
var groups = []struct{ id, title, commands string }{
	{"start", "Getting started:", "demo login logout profile doctor guide selftest"},
	{"move", "Moving files:", "push pull copyto cat resume wait"},
	{"look", "Looking around:", "ls tree stat size versions url"},
	{"change", "Changing what is there:", "mkdir mv rm restore"},
	{"watch", "Watched folders:", "watch daemon service filter explain"},
	{"state", "What goes on, and what needs you:",
		"status jobs job conflicts resolve pause retry cancel verify forget preflight events open"},
}

// group sorts the commands of the help.
func group(root *cobra.Command) {
	for _, g := range groups {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})

		for name := range strings.FieldsSeq(g.commands) {
			for _, c := range root.Commands() {
				if c.Name() == name {
					c.GroupID = g.id
				}
			}
		}
	}
}

// elsewhere is what other programs call what hoist calls otherwise.
var elsewhere = map[string]string{
	"copy": `"hoist push PATH… REMOTE" sends, "hoist pull REMOTE PATH" fetches, "hoist copyto" ` +
		`gives one file another name`,
	"cp": `"hoist push PATH… REMOTE" sends, "hoist pull REMOTE PATH" fetches`,
	"sync": `"hoist watch add PATH REMOTE" keeps a folder in sync, "hoist push" sends once; nothing ` +
		`is deleted at the other end`,
	"move":   `"hoist mv REMOTE NEWNAME" renames; "hoist push", then removing the local files, moves`,
	"moveto": `"hoist mv REMOTE NEWNAME" renames; "hoist copyto" copies under another name`,
	"check":  `"hoist verify DIR REMOTE" compares, with --one-way, --download and --combined`,
	"delete": `"hoist rm REMOTE" hides a file or folder of a project, and deletes an object`,
	"purge":  `"hoist rm REMOTE" hides a folder of a project with all that is in it`,
	"lsf":    `"hoist ls REMOTE" lists, "hoist tree" all below, --json for programs`,
	"lsl":    `"hoist ls -l REMOTE" lists with sizes and times`,
	"lsd":    `"hoist ls REMOTE" lists; a folder ends with "/"`,
	"lsjson": `"hoist ls --json REMOTE" prints one object a line`,
	"rcat":   `"hoist push - oss://BUCKET/KEY" sends standard input`,
	"mount":  `hoist mounts nothing: "hoist pull" fetches, "hoist watch add" keeps a folder in sync`,
	"auth":   `"hoist login" stores the credentials of a profile`,
	"about":  `"hoist size REMOTE" counts files and bytes`,
	"du":     `"hoist size REMOTE" counts files and bytes`,
	"repo":   `"hoist ls" lists hubs and projects`,
	"backup": `"hoist push" sends files and folders; "hoist state backup FILE" copies the state`,
}

// unknownCommand explains a command that there is not.
func unknownCommand(root *cobra.Command, name string) error {
	err := fmt.Errorf("unknown command %q", name)
	if hint := elsewhere[name]; hint != "" {
		return fail(problem.Usage, err, hint)
	}

	if near := root.SuggestionsFor(name); len(near) > 0 {
		return fail(problem.Usage, err,
			fmt.Sprintf("did you mean \"hoist %s\"?", strings.Join(near, `" or "hoist `)))
	}

	return fail(problem.Usage, err, `"hoist help" lists the commands`)
}
