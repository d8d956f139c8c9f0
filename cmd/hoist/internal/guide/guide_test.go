package guide

import (
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
		{"transfer is what transfers ask for", []string{"transfer"}, 0, apsclient.TransferScopes},
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

func TestRenderings(t *testing.T) {
	actions, err := Expand([]string{"admin"})
	if err != nil {
		t.Fatal(err)
	}

	g := For(actions, []string{"admin"})
	for name, render := range map[string]func(*strings.Builder) error{
		"text":     func(b *strings.Builder) error { return g.Text(b) },
		"markdown": func(b *strings.Builder) error { return g.Markdown(b) },
		"html":     func(b *strings.Builder) error { return g.HTML(b) },
	} {
		var b strings.Builder
		if err := render(&b); err != nil {
			t.Fatal(err)
		}

		for _, want := range []string{"account:read account:write", "Autodesk Construction Cloud API",
			"Custom Integrations", "Active", "hoist login --two-legged --actions admin", CallbackURL} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s: %q is missing", name, want)
			}
		}

		if name == "html" && (strings.Contains(b.String(), "src=") || strings.Contains(b.String(), "<link")) {
			t.Errorf("the page needs other files")
		}
	}
}
