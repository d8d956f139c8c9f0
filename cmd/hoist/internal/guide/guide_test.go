package guide

import (
	"encoding/json"
	"html"
	"io"
	"slices"
	"strings"
	"testing"

	"hoist/apsclient"
)

func TestExpand(t *testing.T) {
	for _, row := range []struct {
		name   string
		chosen []string
		count  int // 0: not counted
		scopes []string
	}{
		{"none means all", nil, 51, nil},
		{"transfer is what transfers ask for, in buckets too", []string{"transfer"}, 0,
			apsclient.TransferScopesOSS},
		{"read-only writes nothing", []string{"read-only"}, 0,
			[]string{"account:read", "bucket:read", "data:read", "data:search"}},
		{"admin", []string{"admin"}, 14, []string{"account:read", "account:write"}},
		{"one action", []string{"delete-bucket"}, 1, []string{"bucket:delete"}},
		{"a preset and an action", []string{"admin", "list-hubs"}, 15,
			[]string{"account:read", "account:write", "data:read"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			actions, err := Expand(row.chosen)
			if err != nil {
				t.Fatal(err)
			}

			g := For(actions, row.chosen)
			if row.count != 0 && len(g.Actions) != row.count {
				t.Errorf("%d actions, want %d", len(g.Actions), row.count)
			}

			want := slices.Sorted(slices.Values(row.scopes))
			if row.scopes != nil && !slices.Equal(g.Scopes, want) {
				t.Errorf("scopes %v, want %v", g.Scopes, want)
			}
		})
	}

	hooks, err := Expand([]string{"create-webhook"})
	if err != nil {
		t.Fatal(err)
	}

	if got := For(hooks, nil).APIs; !slices.Equal(got, []string{"Data Management API", "Webhooks API"}) {
		t.Errorf("a webhook needs %v: its scopes are data:*", got)
	}

	if _, err := Expand([]string{"list-hub"}); err == nil || !strings.Contains(err.Error(), "list-hubs") {
		t.Errorf("an unknown action: %v", err)
	}
}

// forms are the guide in each form.
func forms(t *testing.T, chosen ...string) map[string]string {
	t.Helper()
	actions, err := Expand(chosen)
	if err != nil {
		t.Fatal(err)
	}

	g := For(actions, chosen)
	out := map[string]string{}
	for name, render := range map[string]func(io.Writer) error{"text": g.Text, "markdown": g.Markdown,
		"html": g.HTML, "json": func(w io.Writer) error {
			e := json.NewEncoder(w)
			e.SetEscapeHTML(false)

			return e.Encode(g)
		}} {
		var b strings.Builder
		if err := render(&b); err != nil {
			t.Fatal(err)
		}

		out[name] = strings.ReplaceAll(html.UnescapeString(b.String()), `\"`, `"`)
	}

	return out
}

// TestEveryPoint holds what a connector's guide has to say, in each form.
func TestEveryPoint(t *testing.T) {
	administration :=
		"Add Project User, Create Account Project, Create Account User, Create Business Units, " +
			"Get Account User, List Account Companies, List Account Projects, List Account Users, " +
			"List Business Units, List Project Industry Roles, List Project Users, Update Account Project, " +
			"Update Account User, Update Project User"
	points := []string{
		"APS) developer account", "APS plan", "developer hub", "administrator of the ACC, Forma or BIM 360",
		"https://aps.autodesk.com/myapps", "My Apps", "Create application", "App name: hoist",
		"Description: optional", "Server-to-Server for client credentials", "Callback URL: " + CallbackURL,
		"never use it", "Click Create",
		"Enable Autodesk Construction Cloud API: for the account:* scopes",
		"Enable Data Management API: for the data:* and bucket:* scopes",
		"Enable Webhooks API: for the webhook actions", "Save changes",
		"bucket:delete enables: Delete Bucket", "data:search enables: Search Folder",
		"Copy the Client ID", "Copy the Client Secret", "store it securely", "shown in full only once",
		"Regenerate",
		"You must be an account administrator", "BIM 360: sign in to Account Admin",
		"Settings, Custom Integrations",
		"Add Custom Integration", "ACC and Forma: sign in to Hub Admin", "Paste the client id", "Active",
		"answers 403", "Needed for access to the hub by: List Hubs", "hoist login --two-legged", "--scopes",
		"--actions",
		`Create Account Project: with "--variant acc" it is POST /construction/admin/v1/accounts/`,
		"hoist doctor",
	}
	for name, text := range forms(t) {
		for _, p := range append(points, strings.Split(administration, ", ")...) {
			if !strings.Contains(text, p) {
				t.Errorf("%s: %q is missing", name, p)
			}
		}

		_, required, _ := strings.Cut(text, "Required for: ")
		required, _, _ = strings.Cut(required, ".")
		if got := strings.Split(required, ", "); strings.Join(sortedSet(got), ", ") != administration {
			t.Errorf("%s: the custom integration is required for %v", name, got)
		}
	}
}

// TestPointsFollowTheChoice: what nothing chosen needs is not asked for.
func TestPointsFollowTheChoice(t *testing.T) {
	for name, text := range forms(t, "list-buckets") {
		for _, p := range []string{"Custom Integration", "Construction Cloud API", "Webhooks API",
			"--variant",
			"APS_USER_ID"} {
			if strings.Contains(text, p) {
				t.Errorf("%s: %q, for a list of buckets", name, p)
			}
		}

		if name == "html" && (strings.Contains(text, "src=") || strings.Contains(text, "<link")) {
			t.Errorf("the page needs other files")
		}
	}
}
