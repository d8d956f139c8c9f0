package problem

import (
	"fmt"
	"strings"
	"testing"

	"hoist/apsclient"
	"hoist/transfer/remote"
)

// TestTheCauseThatTheAnswerNames: the hint is about what the service says, whoever asks for it.
func TestTheCauseThatTheAnswerNames(t *testing.T) {
	refused := func(status int, code, detail string) error {
		return fmt.Errorf("list hubs: %w", &apsclient.Error{Status: status, Code: code, Detail: detail})
	}
	noHub := func(status, detail string) error {
		return &remote.NotFoundError{NoneVisible: true, Warnings: []apsclient.Warning{
			{Status: status, Title: "Unable to get hubs from BIM360DM EMEA.", Detail: detail}}}
	}
	for _, row := range []struct {
		name string
		err  error
		kind Kind
		says string
	}{
		{"product not enabled", refused(403, "AUTH-001",
			"The client_id specified does not have access to the api product"), Unauthorized, "API Access"},
		{"product not enabled, at the token", &apsclient.AuthError{Status: 403, Code: "AUTH-001"},
			Unauthorized,
			"API Access"},
		{"wrong secret with the text of another cause",
			&apsclient.AuthError{Status: 401, Code: "invalid_client",
				Detail: "The client_id specified does not have access to the api product, or its secret is " +
					"wrong"},
			Unauthorized, ""},
		{"wrong secret of the gateway", &apsclient.AuthError{Status: 401, Code: "AUTH-003"}, Unauthorized,
			"APS_CLIENT_SECRET"},
		{"scope missing", refused(403, "AUTH-010", "Token does not have the privilege for this request."),
			Unauthorized, "scope"},
		{"scope missing, as plain text",
			refused(403, "", "Token does not have the privilege for this request."),
			Unauthorized, "scope"},
		{"project not active", refused(403, "BIM360DM_ERROR", "Project is not active: b.9a3001d5"),
			Unauthorized,
			"archived"},
		{"user missing", refused(403, "USER_NOT_AUTHENTICATED", "The user could not be authenticated."),
			Unauthorized, "--user"},
		{"user no administrator", refused(403, "1003", "user must be account admin and project member"),
			Unauthorized, "administrator"},
		{"another region", refused(404, "1004", "this account doesn't exist."), NotFound, "--region"},
		{"no read access", refused(401, "", "No read access"), Unauthorized, "may not read"},
		{"custom integration missing", refused(403, "BIM360DM_ERROR",
			"You don't have permission to access this API"), Unauthorized, "custom integration"},
		{"app known, user not", refused(401, "BIM360DM_ERROR",
			"You do not have permission to access this project. Please contact your project administrator"),
			Unauthorized, "membership"},
		{"wrong clock", refused(403, "RequestTimeTooSkewed", "The difference is too large"), Failure,
			"clock"},
		{"client id unknown to the gateway", refused(401, "oauth.v2.InvalidApiKey", "Invalid ApiKey"),
			Unauthorized, "id or secret is wrong"},
		{"token ended, says the gateway", refused(401, "keymanagement.service.access_token_expired",
			"Access Token expired"), Unauthorized, "sign-in has ended"},
		{"a 4xx of another kind", refused(402, "", "no tokens are left"), Failure, "explain-refused"},
		{"everybody refused, for one reason", &apsclient.PartialError{Op: "add project user",
			Failed: []string{"a: user must be account admin"}}, Unauthorized, "administrator"},
		{"some refused", &apsclient.PartialError{Op: "add project user", Done: 1,
			Failed: []string{"a: user must be account admin"}}, Failure, "what was done stays"},
		{"no hub, and an account that knows the application alone",
			noHub("401", "You do not have permission to "+
				"access this project."), Unauthorized, "not its user"},
		{"no hub, and no right to look", noHub("403", "You don't have permission to access this API"),
			Unauthorized, ""},
		{"no hub, for want of a product",
			noHub("403", "The client_id specified does not have access to the api "+
				"product"), Unauthorized, "API Access"},
		{"no hub, as a region was not asked", noHub("503", "Service Unavailable"), Unauthorized, "later"},
		{"a cause that is not known", refused(403, "X", "because"), Unauthorized, "custom integration"},
		{"another 404", refused(404, "FOLDER_NOT_FOUND", "gone"), NotFound, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			kind, fix := Of(row.err)
			if kind != row.kind || !strings.Contains(fix.Words+string(fix.Step), row.says) ||
				row.says == "" && fix.Words != "" {
				t.Errorf("%s, %+v", kind, fix)
			}
		})
	}
}
