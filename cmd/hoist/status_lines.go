package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/progress"
)

// printWatch shows a watch in one line, or its ends and its state apart in a narrow window.
func (a *app) printWatch(w control.Watch) {
	ends := []string{"watch " + w.ID + " ", printable(w.Path), " -> ", printable(w.Remote)}
	if whole := strings.Join(ends, "") + ": " + watchText(w); a.fits(whole) {
		a.line(whole)
		return
	}

	a.line(ends...)
	a.line("  " + watchText(w))
}

// fits reports whether a text is one line in the window.
func (a *app) fits(text string) bool { return len(progress.Narrow(a.cells, text)) == 1 }

// line prints one line, or what becomes of it in a window: see [progress.Narrow].
func (a *app) line(parts ...string) {
	for _, text := range progress.Narrow(a.cells, parts...) {
		a.printf("%s\n", text)
	}
}

// fix prints a command so that it can be pasted. One that does not fit is told by another command.
func (a *app) fix(fix, id, reason string) {
	text := "  fix: " + printable(fix)
	if a.fits(text) {
		a.printf("%s\n", text)
		return
	}

	tells := "jobs --reason " + reason
	if id != "" {
		tells = "job " + id
	}

	a.line("  fix: see \"hoist " + tells + "\"")
}

// printActive shows the jobs that move; in a narrow window without their speed and their folders.
func (a *app) printActive(jobs []control.Active, most int) error {
	var rows strings.Builder
	t := tabwriter.NewWriter(&rows, 0, 4, 2, ' ', 0)
	shown := jobs[:min(len(jobs), most)]
	for _, j := range shown {
		fmt.Fprintf(t, "  %s\t%s\t", j.Phase, amount(j))
		if a.cells == 0 || a.cells >= 79 {
			fmt.Fprintf(t, "%s\t", speed(j))
		}

		fmt.Fprintln(t)
	}

	if err := t.Flush(); err != nil {
		return err
	}

	for i, row := range strings.Split(rows.String(), "\n")[:len(shown)] {
		name := shown[i].Path
		if a.cells > 0 && a.cells < 100 {
			name = filepath.Base(name)
		}

		a.line(row, printable(name))
	}

	if more := len(jobs) - most; more > 0 {
		a.printf("  and %d more\n", more)
	}

	return nil
}
