package main

import (
	"strings"

	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/guide"
	"hoist/cmd/hoist/internal/problem"
)

type guideOptions struct {
	markdown, html, scopesOnly bool
	separator                  string
}

func newGuideCmd(a *app) *cobra.Command {
	var o guideOptions
	cmd := &cobra.Command{
		Use:   "guide [ACTION…]",
		Short: "Scopes, APIs and provisioning that the chosen actions need",
		Long: `guide says what has to be set up before the first call works: the scopes of each
action, the APIs to enable in the developer portal, the custom integration that
an account administrator adds, and the command that stores the credentials.
Choose actions by name or by preset: transfer, read-only, admin; none means all
51.`,
		Example: "  hoist guide transfer\n  hoist guide transfer list-webhooks --scopes-only\n  hoist " +
			"guide admin --html > setup.html",
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case a.flags.json && (o.markdown || o.html):
				return problem.Usagef("--json goes with neither --markdown nor --html: it is another form " +
					"of the same")
			case cmd.Flags().Changed("separator") && (a.flags.json || !o.scopesOnly):
				return problem.Usagef("--separator goes with --scopes-only, and not with --json")
			}

			return a.guide(args, o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.markdown, "markdown", false, "print Markdown")
	f.BoolVar(&o.html, "html", false, "print one self-contained page, to mail to an administrator")
	f.BoolVar(&o.scopesOnly, "scopes-only", false, "print the scopes and nothing else")
	f.StringVar(&o.separator, "separator", " ", "between scopes, with --scopes-only")
	cmd.MarkFlagsMutuallyExclusive("markdown", "html", "scopes-only")

	return cmd
}

func (a *app) guide(chosen []string, o guideOptions) error {
	actions, err := guide.Expand(chosen)
	if err != nil {
		return err
	}

	g := guide.For(actions, chosen)
	switch {
	case o.scopesOnly && a.flags.json:
		return a.printJSON(map[string][]string{"scopes": g.Scopes})
	case o.scopesOnly:
		a.printf("%s\n", strings.Join(g.Scopes, o.separator))
		return nil
	case a.flags.json:
		return a.printJSON(g)
	case o.markdown:
		return g.Markdown(a.stdout)
	case o.html:
		return g.HTML(a.stdout)
	}

	return g.Text(a.stdout)
}
