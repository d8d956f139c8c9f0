package remote

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"hoist/apsclient"
)

// NotFoundError says that a step of an address names nothing that is there and visible.
type NotFoundError struct {
	What     string   // hub, project, folder, file, version, bucket, object, …
	Name     string   // the step that was not found; "" when all were asked for
	In       string   // where it was looked for, as an address; "" at the top
	Near     []string // names like it that are there, the nearest first
	Warnings []apsclient.Warning
	// NoneVisible: a hub was asked for and the service showed none at all.
	NoneVisible bool
}

func (e *NotFoundError) Error() string {
	var b strings.Builder
	if e.Name == "" {
		b.WriteString("nothing found")
	} else {
		fmt.Fprintf(&b, "%s %q not found", e.What, e.Name)
	}

	if e.In != "" {
		fmt.Fprintf(&b, " in %s", e.In)
	}

	if len(e.Near) > 0 {
		fmt.Fprintf(&b, "; near: %s", quoteAll(e.Near))
	}

	for _, warning := range apsclient.Refusals(e.Warnings) {
		fmt.Fprintf(&b, "; the service warns: %s", warning)
	}

	switch {
	case e.NoneVisible && e.UserUnknown():
		b.WriteString("; " + NoneVisible + ": an account knows the app, but not its user")
	case e.NoneVisible && e.Trouble():
		b.WriteString("; " + NoneVisible + ": the service could not ask every region")
	case e.NoneVisible:
		b.WriteString("; " + NoneVisible + ": the app is not added to the account (Hub Admin, Custom " +
			"Integrations)")
	}

	return b.String()
}

// NoneVisible stands in the text of every error about a hub when the service shows none at all.
const NoneVisible = "no hub is visible"

// Trouble reports whether the service could not ask a region, which has nothing to do with permissions.
func (e *NotFoundError) Trouble() bool {
	return slices.ContainsFunc(e.Warnings, func(w apsclient.Warning) bool {
		status, _ := strconv.Atoi(w.Status)
		return status >= 500 || status == 408 || status == 429
	})
}

// UserUnknown reports whether the service said of a region that it knows the application there, but
// not the user whom it acts for.
func (e *NotFoundError) UserUnknown() bool {
	return slices.ContainsFunc(e.Warnings, func(w apsclient.Warning) bool { return w.Status == "401" })
}

// AmbiguousError says that a name matches more than one thing; one of the ids can be written in its
// place.
type AmbiguousError struct {
	What string
	Name string
	In   string
	IDs  []string
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%s %q is there %d times in %s: write one of these ids instead of the name: %s",
		e.What, e.Name, len(e.IDs), e.In, strings.Join(e.IDs, ", "))
}

// UsageError says that a request contradicts itself or asks for what cannot be (exit 2).
type UsageError struct{ Msg string }

func (e *UsageError) Error() string { return e.Msg }

// Usagef is a UsageError with a formatted message.
func Usagef(format string, args ...any) error { return &UsageError{Msg: fmt.Sprintf(format, args...)} }

// NameClashError says that a name cannot be made, or must not, because of another that is there.
// Somebody has to rename one of the two.
type NameClashError struct {
	Name  string
	Other string // of something else in the same folder; equal to Name when it is of another kind
	Kind  string // of what has the other name: "file" or "folder"
}

func (e *NameClashError) Error() string {
	if e.Name == e.Other {
		return fmt.Sprintf("%q is the name of a %s there; rename one of the two", e.Name, e.Kind)
	}

	return fmt.Sprintf("the %s %q is there, whose name the service may take for the same as %q; rename one "+
		"of "+
		"the two", e.Kind, e.Other, e.Name)
}

func quoteAll(names []string) string {
	q := make([]string, len(names))
	for i, n := range names {
		q[i] = fmt.Sprintf("%q", n)
	}

	return strings.Join(q, ", ")
}
