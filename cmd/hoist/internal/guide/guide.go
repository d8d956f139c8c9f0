package guide

import (
	"maps"
	"slices"
	"strings"

	"hoist/apsclient"
)

// Guide is what the chosen actions need.
type Guide struct {
	Prerequisites []string  `json:"prerequisites"`
	Actions       []Row     `json:"actions"`
	Scopes        []string  `json:"scopes"`        // the union, sorted
	ScopeActions  []Enabled `json:"scope_actions"` // the same scopes, with what each enables
	APIs          []string  `json:"apis"`          // products to enable in the developer portal
	UserNeeded    bool      `json:"user_needed"`   // an action works only on behalf of a user
	CallbackURL   string    `json:"callback_url"`
	Steps         []Step    `json:"steps"`
	Login         string    `json:"login"` // the command that stores the credentials

	// An account administrator must add the client id: for the actions named, since they
	// administrate the account, and for the others named, since nothing of a hub is visible
	// without.
	CustomIntegration    bool     `json:"custom_integration"`
	CustomIntegrationFor []string `json:"custom_integration_for,omitempty"`
	HubAccessFor         []string `json:"hub_access_for,omitempty"`
}

// Enabled is a scope and the titles of the chosen actions that need it.
type Enabled struct {
	Scope   string   `json:"scope"`
	Actions []string `json:"actions"`
}

// Row is an action and what it needs.
type Row struct {
	Name     string   `json:"name"`
	Title    string   `json:"title"`
	Scopes   []string `json:"scopes"`
	API      string   `json:"api,omitempty"`
	Contexts []string `json:"contexts,omitempty"`
	Variants []Row    `json:"variants,omitempty"` // the same on the other platform, which is its name
}

// Step is something a user does, once.
type Step struct {
	Who   string   `json:"who"`
	Title string   `json:"title"`
	Do    []string `json:"do"`
}

// CallbackURL is the redirect address of `hoist login --user`; the portal asks for one even if
// it is never used.
const CallbackURL = "http://localhost:8080/"

// CompositeParts are the actions of which an upload into a project folder, or a download from one,
// consists.
var CompositeParts = []string{
	"list-hubs", "get-hub", "list-projects", "get-project", "list-top-folders", "get-folder",
	"list-folder-contents", "create-folder", "create-storage",
	"get-signed-s3-upload-urls", "upload-binary-to-signed-s3-url", "signed-s3-upload", "create-item",
	"create-version", "get-item",
	"list-item-versions", "get-version", "get-signed-s3-download-url", "upload-file-in-project-folder",
}

// transferActions are what push, pull and verify use, in projects and in buckets.
var transferActions = append(slices.Clone(CompositeParts),
	"list-buckets", "get-bucket-details", "list-bucket-objects")

// Expand turns names of actions and presets into actions, in the order of the registry; none means
// all. The error is an *apsclient.ParamError that names the nearest.
func Expand(names []string) ([]apsclient.Action, error) {
	all := apsclient.Actions()
	if len(names) == 0 {
		return all, nil
	}

	wanted := map[string]bool{}
	for _, name := range names {
		switch name {
		case "transfer":
			for _, n := range transferActions {
				wanted[n] = true
			}
		case "read-only":
			for _, x := range all {
				wanted[x.Name] = wanted[x.Name] || x.Method == "GET" && x.Name != "get-signed-s3-upload-urls"
			}
		case "admin":
			for _, x := range all {
				wanted[x.Name] = wanted[x.Name] || slices.ContainsFunc(x.Scopes, func(s string) bool {
					return strings.HasPrefix(s, "account:")
				})
			}
		default:
			if x, ok := apsclient.ActionByName(name); !ok || x.Extra {
				return nil, apsclient.Validate(apsclient.Request{Action: name})
			}

			wanted[name] = true
		}
	}

	return slices.DeleteFunc(all, func(x apsclient.Action) bool { return !wanted[x.Name] }), nil
}

// For makes the guide for actions; chosen are the words that chose them, for the login command.
func For(actions []apsclient.Action, chosen []string) Guide {
	g := Guide{CallbackURL: CallbackURL, Login: "hoist login --two-legged", Prerequisites: prerequisites}
	if len(chosen) > 0 {
		g.Login += " --actions " + strings.Join(chosen, ",")
	}

	enables := map[string][]string{}
	for _, x := range actions {
		g.Actions = append(g.Actions, rowOf(x))
		g.APIs = append(g.APIs, x.APIs()...)
		for _, s := range x.Scopes {
			enables[s] = append(enables[s], x.Title)
		}

		switch {
		case x.Family == "admin":
			g.CustomIntegrationFor = append(g.CustomIntegrationFor, x.Title)
		case x.CustomIntegration:
			g.HubAccessFor = append(g.HubAccessFor, x.Title)
		}

		g.UserNeeded = g.UserNeeded || needsUser(x.Contexts)
	}

	g.CustomIntegration = len(g.CustomIntegrationFor)+len(g.HubAccessFor) > 0
	g.Scopes, g.APIs = slices.AppendSeq([]string{}, maps.Keys(enables)), sortedSet(g.APIs)
	slices.Sort(g.Scopes)

	g.ScopeActions = []Enabled{}
	for _, s := range g.Scopes {
		g.ScopeActions = append(g.ScopeActions, Enabled{s, sortedSet(enables[s])})
	}

	g.Steps = steps(g)

	return g
}

func rowOf(x apsclient.Action) Row {
	r := Row{Name: x.Name, Title: x.Title, Scopes: x.Scopes, API: x.Product, Contexts: x.Contexts}
	for _, v := range x.Variants {
		r.Variants = append(r.Variants, Row{Name: v.Name, Title: v.Method + " " + v.Path, Scopes: x.Scopes,
			API: x.Product, Contexts: v.Contexts})
	}

	return r
}

func needsUser(contexts []string) bool {
	return len(contexts) > 0 && !slices.Contains(contexts, "2L") && !slices.Contains(contexts, "none")
}

func sortedSet(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	if s = slices.Compact(s); s == nil {
		s = []string{}
	}

	return s
}
