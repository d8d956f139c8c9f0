package main

import (
	"embed"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/problem"
	"hoist/transfer"
)

//go:embed docs/*.md
var topicFiles embed.FS

// lateHelp shows the help of a command whose long text is made when somebody reads it.
func lateHelp(long func() string) func(*cobra.Command, []string) {
	return func(cmd *cobra.Command, args []string) {
		cmd.Long = long()
		cmd.Root().HelpFunc()(cmd, args)
	}
}

func newHelpCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "help [COMMAND|TOPIC]",
		Short: "Explain a command or a topic",
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string,
			cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}

			names := topics()
			for _, c := range cmd.Root().Commands() {
				if c.IsAvailableCommand() {
					names = append(names, c.Name())
				}
			}

			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				if err := cmd.Root().Help(); err != nil {
					return err
				}

				a.printf("\nTopics of \"hoist help TOPIC\":\n%s", topicList())

				return nil
			}

			if found, rest, err := cmd.Root().Find(args); err == nil && len(rest) == 0 &&
				found != cmd.Root() {
				return found.Help()
			}

			text, ok := topic(args[0])
			if !ok || len(args) > 1 {
				return fail(problem.Usage, fmt.Errorf("no command or topic %q", strings.Join(args, " ")),
					"\"hoist help\" lists the commands; topics are "+strings.Join(topics(), ", "))
			}

			a.printf("%s", text)

			return nil
		},
	}
	cmd.SetHelpFunc(lateHelp(func() string {
		return "help explains a command, or one of these topics:\n\n" + topicList()
	}))

	return cmd
}

// topics are the names of the help topics, sorted.
func topics() []string {
	files, err := topicFiles.ReadDir("docs")
	if err != nil {
		panic(err) // the files are part of the binary
	}

	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(f.Name(), ".md"))
	}

	return names
}

// topicList is the topics with their titles.
func topicList() string {
	var b strings.Builder

	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, name := range topics() {
		text, _ := topic(name)
		title, _, _ := strings.Cut(strings.TrimPrefix(text, "# "), "\n")
		fmt.Fprintf(w, "  %s\t%s\n", name, title)
	}

	w.Flush()

	return b.String()
}

// topic is the text of a help topic. What the code knows better than a page (codes, limits) comes
// from the code.
func topic(name string) (string, bool) {
	page, err := topicFiles.ReadFile(path.Join("docs", name+".md"))
	if err != nil {
		return "", false
	}

	text := string(page)
	switch name {
	case "reasons":
		text += reasonTable()
	case "limits":
		text += limitTable()
	}

	return text, true
}

func reasonTable() string {
	var b strings.Builder
	for _, r := range transfer.Reasons() {
		fmt.Fprintf(&b, "    %s\n        %s\n", r.Code, r.Sentence)
		if r.Fix != "" {
			fmt.Fprintf(&b, "        fix: %s\n", r.Fix)
		} else {
			fmt.Fprintf(&b, "        no fix is needed: it goes on by itself\n")
		}

		if how := cures[r.Cure]; how != "" {
			fmt.Fprintf(&b, "        %s\n", how)
		}
	}

	return b.String()
}

// cures are the words for how a parked file goes on.
var cures = map[transfer.Cure]string{
	transfer.CureDecision: "needs a decision",
	transfer.CureLook:     "heals: looked at again and again, which costs no call",
	transfer.CureProbe: "heals: one file of each cause is tried, more and more seldom; when it " +
		"goes on, all do",
}

func limitTable() string {
	limits := apsclient.DocumentedLimits()
	var b strings.Builder
	for _, class := range slices.Sorted(maps.Keys(limits)) {
		fmt.Fprintf(&b, "    %-26s %d\n", class, limits[class])
	}

	return b.String()
}
