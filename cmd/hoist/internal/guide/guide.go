package guide

import (
	"slices"
	"strings"

	"hoist/apsclient"
)

// Guide is what the chosen actions need.
type Guide struct {
	Actions           []Row    `json:"actions"`
	Scopes            []string `json:"scopes"`             // the union, sorted
	APIs              []string `json:"apis"`               // products to enable in the developer portal
	CustomIntegration bool     `json:"custom_integration"` // an account administrator must add the client id
	UserNeeded        bool     `json:"user_needed"`        // an action works only on behalf of a user
	CallbackURL       string   `json:"callback_url"`
	Steps             []Step   `json:"steps"`
	Login             string   `json:"login"` // the command that stores the credentials
}

// Row is an action and what it needs.
type Row struct {
	Name     string   `json:"name"`
	Title    string   `json:"title"`
	Scopes   []string `json:"scopes"`
	API      string   `json:"api,omitempty"`
	Contexts []string `json:"contexts,omitempty"`
}

// Step is something a person does, once.
type Step struct {
	Who   string   `json:"who"`
	Title string   `json:"title"`
	Do    []string `json:"do"`
}

// CallbackURL is the redirect address of `hoist login --user`; the portal asks for one even where
// it is never used.
const CallbackURL = "http://localhost:8080/"

// transferActions are what uploads and downloads in projects use, and so what the composite action
// consists of.
var transferActions = []string{
	"list-hubs", "get-hub", "list-projects", "get-project", "list-top-folders", "get-folder",
	"list-folder-contents", "create-folder", "create-storage",
	"get-signed-s3-upload-urls", "upload-binary-to-signed-s3-url", "signed-s3-upload", "create-item",
	"create-version", "get-item",
	"list-item-versions", "get-version", "get-signed-s3-download-url", "upload-file-in-project-folder",
}

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
	g := Guide{CallbackURL: CallbackURL, Login: "hoist login --two-legged"}
	if len(chosen) > 0 {
		g.Login += " --actions " + strings.Join(chosen, ",")
	}

	for _, x := range actions {
		g.Actions = append(g.Actions, Row{x.Name, x.Title, x.Scopes, x.Product, x.Contexts})
		g.Scopes = append(g.Scopes, x.Scopes...)
		g.APIs = append(g.APIs, x.APIs()...)
		g.CustomIntegration = g.CustomIntegration || x.CustomIntegration
		g.UserNeeded = g.UserNeeded ||
			len(x.Contexts) > 0 && !slices.Contains(x.Contexts, "2L") && !slices.Contains(x.Contexts, "none")
	}

	g.Scopes, g.APIs = sortedSet(g.Scopes), sortedSet(g.APIs)
	g.Steps = steps(g)

	return g
}

func sortedSet(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	if s = slices.Compact(s); s == nil {
		s = []string{}
	}

	return s
}

// CustomIntegration is what an account administrator does, so that the application may see the
// account.
var CustomIntegration = []string{
	"Open Account Admin, Settings, Custom Integrations, and choose Add custom integration.",
	"Paste the client id, give it a name, and save.",
	"Check that its status is Active. Without this, account administration answers 403 and project data " +
		"stays invisible.",
}

func steps(g Guide) []Step {
	developer, admin := "the developer", "an account administrator of ACC or BIM 360"
	out := []Step{{developer, "Create the application", []string{
		"Open https://aps.autodesk.com/myapps and choose Create application, type Traditional Web App " +
			"(Server-to-Server App for service accounts).",
		"Enable these APIs: " + strings.Join(g.APIs, ", ") + ".",
		"Callback URL: " + g.CallbackURL +
			" (the portal demands one even for two-legged applications, which never use it).",
	}}, {developer, "Note the client id and the client secret", []string{
		"The secret is shown in full only once. If it is lost, choose Regenerate on the application's " +
			"page: the old secret ends at that moment, so store the new one everywhere.",
	}}}
	if g.CustomIntegration {
		out = append(out, Step{admin, "Add the application to the account", CustomIntegration})
	}

	if g.UserNeeded {
		out = append(out, Step{admin, "Choose a user to act for", []string{
			"Some of these actions work only on behalf of a user: sign in with \"hoist login --user\", use " +
				"a service account, or give the user's id in APS_USER_ID.",
		}})
	}

	return append(out, Step{developer, "Store the credentials", []string{
		g.Login,
		"It asks for the client id and the secret, keeps the secret in the system's keyring, and lists the " +
			"hubs that it can see.",
	}})
}
