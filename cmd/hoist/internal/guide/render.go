package guide

import (
	"embed"
	"fmt"
	"io"
	"strings"
	"sync"
	"text/tabwriter"

	template "github.com/DataDog/datadog-agent/pkg/template/html"
)

// Text writes the guide for a terminal.
func (g Guide) Text(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ACTION\tSCOPES\tAPI")

	for _, r := range g.Actions {
		fmt.Fprintf(table, "%s\t%s\t%s\n", r.Name, orNone(r.Scopes), r.API)
	}

	if err := table.Flush(); err != nil {
		return err
	}

	fmt.Fprintf(w, "\nScopes: %s\n\nBefore you begin:\n", orNone(g.Scopes))

	for _, p := range g.Prerequisites {
		fmt.Fprintf(w, "   - %s\n", p)
	}

	for i, s := range g.Steps {
		fmt.Fprintf(w, "\n%d. %s (%s)\n", i+1, s.Title, s.Who)

		for _, d := range s.Do {
			fmt.Fprintf(w, "   - %s\n", d)
		}
	}

	return nil
}

// Markdown writes the guide as Markdown.
func (g Guide) Markdown(w io.Writer) error {
	fmt.Fprint(w, "# Setting up hoist\n\n| action | scopes | API |\n|---|---|---|\n")

	for _, r := range g.Actions {
		fmt.Fprintf(w, "| `%s` | %s | %s |\n", r.Name, orNone(r.Scopes), r.API)
	}

	fmt.Fprintf(w, "\nScopes:\n\n```\n%s\n```\n\nBefore you begin:\n\n", orNone(g.Scopes))

	for _, p := range g.Prerequisites {
		fmt.Fprintf(w, "- %s\n", p)
	}

	for i, s := range g.Steps {
		fmt.Fprintf(w, "\n## %d. %s\n\nFor %s.\n\n", i+1, s.Title, s.Who)

		for _, d := range s.Do {
			fmt.Fprintf(w, "- %s\n", d)
		}
	}

	return nil
}

//go:embed guide.html
var files embed.FS

var page = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("guide.html").Funcs(template.FuncMap{
		"orNone": orNone, "inc": func(i int) int { return i + 1 },
	}).ParseFS(files, "guide.html"))
})

// HTML writes the guide as one page that needs nothing else, to be mailed to an administrator.
func (g Guide) HTML(w io.Writer) error { return page().Execute(w, g) }

func orNone(scopes []string) string {
	if len(scopes) == 0 {
		return "none"
	}

	return strings.Join(scopes, " ")
}
