package guide

import (
	"fmt"
	"strings"
)

var prerequisites = []string{
	"An Autodesk Platform Services (APS) developer account, with an APS plan and a developer hub.",
	"An administrator of the ACC, Forma or BIM 360 account in which hoist will be used.",
}

// CustomIntegration is what an account administrator does, so that the application may see the
// account.
var CustomIntegration = []string{
	"You must be an account administrator to do this.",
	"ACC and Forma: sign in to Hub Admin, open Custom Integrations, and choose Add.",
	"BIM 360: sign in to Account Admin, open Settings, Custom Integrations, and choose Add Custom " +
		"Integration.",
	"Paste the client id that was copied from the portal, name the integration hoist (or similar), and save.",
	"Check that it is listed as Active. Without this, account administration answers 403 and project data " +
		"stays invisible.",
}

// why says for which scopes or actions an API of the portal is enabled.
var why = map[string]string{
	"Autodesk Construction Cloud API": "for the account:* scopes (ACC and BIM 360 administration)",
	"Data Management API":             "for the data:* and bucket:* scopes",
	"Webhooks API":                    "for the webhook actions",
}

func steps(g Guide) []Step {
	const developer, admin = "the developer", "an account administrator of ACC, Forma or BIM 360"
	out := []Step{
		{developer, "Sign in to Autodesk Platform Services", []string{
			"Open the developer portal, https://aps.autodesk.com/myapps (My Apps, My applications).",
		}},
		{developer, "Create the application", []string{
			"Open your developer hub and choose Create application.",
			"App name: hoist (Server-to-Server). Description: optional.",
			"Type: Server-to-Server for client credentials (two-legged) and service accounts; Traditional " +
				"Web " +
				"App, or Desktop for one without a secret, for \"hoist login --user\".",
			"Callback URL: " + g.CallbackURL +
				" (the portal may require one even for two-legged applications, " +
				"which never use it).",
			"Click Create.",
		}},
		{developer, "Select the APIs", append(apis(g.APIs), "Choose no others, and click Save changes.")},
		{developer, "Configure the scopes", scopes(g.ScopeActions)},
		{developer, "Copy the credentials", []string{
			"Open the details of the application.",
			"Copy the Client ID.",
			"Copy the Client Secret and store it securely: it is shown in full only once. If it is lost, " +
				"choose " +
				"Regenerate there; the old secret ends at that moment, so store the new one everywhere.",
		}},
	}
	if g.CustomIntegration {
		out = append(out, Step{admin, "Add the application to the account as a Custom Integration",
			append(requiredFor(g), CustomIntegration...)})
	}

	if v := variants(g.Actions); len(v) > 0 {
		out = append(out, Step{developer, "Mind the platform of the project", v})
	}

	if g.UserNeeded {
		out = append(out, Step{admin, "Choose a user to act for", []string{
			"Some of these actions work only on behalf of a user: sign in with \"hoist login --user\", use " +
				"a service account, or give the user's id in APS_USER_ID.",
		}})
	}

	return append(out, Step{developer, "Create the profile", []string{
		g.Login,
		"It asks for the Client ID and the Client Secret, keeps the secret in the system's keyring, and " +
			"lists " +
			"the hubs that it can see.",
		"Optional: --scopes keeps the profile to these scopes, --actions to these actions, --profile names " +
			"it.",
		"\"hoist doctor\" then says what works, what does not, and the fix for each.",
	}})
}

func apis(names []string) []string {
	var out []string
	for _, n := range names {
		out = append(out, "Enable "+n+": "+why[n]+".")
	}

	return out
}

func scopes(enabled []Enabled) []string {
	out := []string{"An application has no scopes of its own: hoist asks for these with each token."}
	for _, e := range enabled {
		out = append(out, e.Scope+" enables: "+strings.Join(e.Actions, ", ")+".")
	}

	return out
}

func requiredFor(g Guide) []string {
	var out []string
	if len(g.CustomIntegrationFor) > 0 {
		out = append(out, "Required for: "+strings.Join(g.CustomIntegrationFor, ", ")+".")
	}

	if len(g.HubAccessFor) > 0 {
		out = append(out, "Needed for access to the hub by: "+strings.Join(g.HubAccessFor, ", ")+".")
	}

	return out
}

// variants says what an action needs that differs between ACC and BIM 360 projects.
func variants(rows []Row) []string {
	var out []string
	for _, r := range rows {
		for _, v := range r.Variants {
			out = append(out, fmt.Sprintf(
				"%s: with \"--variant %s\" it is %s (token: %s); otherwise the token is %s.",
				r.Title, v.Name, v.Title, tokens(v.Contexts), tokens(r.Contexts)))
		}
	}

	return out
}

var contexts = map[string]string{
	"2L": "the application's own", "2L+user": "the application's with APS_USER_ID",
	"3L": "a signed-in user's or a service account's",
}

func tokens(in []string) string {
	var out []string
	for _, c := range in {
		out = append(out, contexts[c])
	}

	return strings.Join(out, ", or ")
}
