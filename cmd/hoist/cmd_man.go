package main

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func newManCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:    "man",
		Short:  "Print the manual page hoist(1)",
		Hidden: true, // packages hold what it prints
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			seconds, err := strconv.ParseInt(a.getenv("SOURCE_DATE_EPOCH"), 10, 64)
			if err != nil {
				seconds = time.Now().Unix()
			}

			return a.printData([]byte(manPage(cmd.Root(), time.Unix(seconds, 0))))
		},
	}
}

// manPage is hoist(1), made of the help of each command and of the topics that a manual page has
// headings for.
func manPage(root *cobra.Command, at time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH HOIST 1 %s \"hoist %s\" \"User Commands\"\n",
		at.UTC().Format(time.DateOnly), version())
	fmt.Fprintf(&b, ".SH NAME\nhoist \\- %s\n", roff(root.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B hoist\nCOMMAND [OPTION]... [ARGUMENT]...\n")
	fmt.Fprintf(&b, ".SH DESCRIPTION\n%s\n", roff(root.Long))
	b.WriteString(".SH OPTIONS\nThese are for every command.\n")
	literal(&b, root.PersistentFlags().FlagUsages())
	b.WriteString(".SH COMMANDS\n")
	manCommands(&b, root)

	for _, page := range []struct{ heading, topic string }{
		{"EXIT STATUS", "exit-codes"}, {"ENVIRONMENT", "environment"}, {"FILES", "configuration"},
	} {
		text, _ := topic(page.topic)
		_, text, _ = strings.Cut(text, "\n\n") // its title
		fmt.Fprintf(&b, ".SH %q\n", page.heading)
		literal(&b, text)
	}

	b.WriteString(".SH \"SEE ALSO\"\nhoist help TOPIC explains more:\n")
	literal(&b, topicList())

	return b.String()
}

func manCommands(b *strings.Builder, parent *cobra.Command) {
	for _, c := range parent.Commands() {
		if !c.IsAvailableCommand() {
			continue
		}

		fmt.Fprintf(b, ".SS \"%s\"\n", strings.ReplaceAll(roff(c.UseLine()), `"`, `\(dq`))
		literal(b, cmp.Or(c.Long, c.Short)+"\n")

		if flags := c.LocalNonPersistentFlags().FlagUsages(); flags != "" {
			literal(b, flags)
		}

		if c.Example != "" {
			b.WriteString(".PP\nExamples:\n")
			literal(b, c.Example)
		}

		if c.Name() != "api" { // whose commands are the actions: "hoist api" lists them
			manCommands(b, c)
		}
	}
}

// literal writes text whose lines stay as they are.
func literal(b *strings.Builder, text string) {
	fmt.Fprintf(b, ".PP\n.nf\n%s\n.fi\n", roff(strings.Trim(text, "\n")))
}

var roffEscapes = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^",
	`\(ha`, "~", `\(ti`)

// roff is text that begins no request and loses no character.
func roff(text string) string {
	text = roffEscapes.Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") {
			lines[i] = `\&` + line
		}
	}

	return strings.Join(lines, "\n")
}
