package problem

import (
	"errors"
	"slices"
	"strings"

	"hoist/apsclient"
)

// cause is what an answer of the service names as the reason of a refusal, and what helps.
type cause struct {
	says  []string // in code, title or detail, in lower case: one of them
	kind  Kind     // "": that of the answer's status
	words string
}

const (
	userUnknown = "the account knows the application, but not its user: ask a project administrator for " +
		"membership"
	notIntegrated = "the account does not know the application: an account administrator adds " +
		`the client id as a custom integration (Hub Admin, Custom Integrations); "hoist guide" has the steps`
	regionTrouble = "the service could not ask every region for its hubs: run it again later"
)

// causes holds the refusals that were recorded from the real service, the most certain first. The
// codes stand in brackets, as [said] writes them.
var causes = []cause{
	{[]string{"(auth-001)", "does not have access to the api product"}, Unauthorized,
		"the API of this call is not enabled for the client id: at " +
			"https://aps.autodesk.com/myapps open the application, choose the API under API Access, and " +
			"Save changes"},
	{[]string{"(auth-010)", "does not have the privilege"}, Unauthorized,
		`the token lacks a scope of this call: "hoist api ACTION --help" names it; add it with ` +
			`"hoist login --scopes", and enable the API that it belongs to`},
	{[]string{"(invalid_scope)"}, Unauthorized,
		"the application may not have one of these scopes: enable the API that it belongs to at " +
			`https://aps.autodesk.com/myapps ("hoist guide" shows which), or do without it ("hoist ` +
			`login --scopes")`},
	{[]string{"(auth-003)", "invalidapikey)", "invalid apikey", "invalid client identifier"}, Unauthorized,
		`the client id or secret is wrong: check APS_CLIENT_ID and APS_CLIENT_SECRET, or run ` +
			`"hoist login"; a secret that was regenerated ends the one before`},
	{[]string{"(auth-007)", "(auth-008)"}, Unauthorized,
		"the request for the token did not arrive as it was sent: look at HTTPS_PROXY and at what " +
			"answers under APS_BASE_URL, and check that client id and secret are not empty"},
	{[]string{"(invalid_grant)"}, Unauthorized,
		`the sign-in has ended, or was used elsewhere: sign in again with "hoist login"`},
	{[]string{"project is not active"}, Unauthorized,
		"the project is archived or suspended: an account administrator makes it active again"},
	{[]string{"(user_not_authenticated)", "could not be authenticated"}, Unauthorized,
		`the call needs a user: sign in with "hoist login --user", or name a member of the project with ` +
			"APS_USER_ID"},
	{[]string{"user must be account admin"}, Unauthorized,
		"the user that the call acts for has to be an account administrator and a member of the project"},
	{[]string{"no read access"}, Unauthorized,
		"the application, or its user, may not read this: objects belong to the application that made " +
			"their bucket"},
	{[]string{"could not ask every region"}, Unauthorized, regionTrouble},
	{[]string{"permission to access this project"}, Unauthorized, userUnknown},
	{[]string{"permission to access this api", "not a custom integration"}, Unauthorized, notIntegrated},
	{[]string{"account doesn't exist", "account does not exist", "account not found", "(1004)"}, "",
		`the account is not known there: it may be in another region, which "hoist login --region" ` +
			`sets; its id is that of the hub without b.`},
	{[]string{"(requesttimetooskewed)"}, Failure,
		"the clock of this machine is wrong: set it and run it again"},
	{[]string{"token expired", "token provided is invalid", "(auth-006)", "invalid access token",
		"invalidaccesstoken)", "accesstokenexpired)"}, Unauthorized,
		`the sign-in has ended: run it again, else "hoist login"`},
	{[]string{"invaliduploadkey", "invalid upload key", "uploadkey not found", "(nosuchupload)"}, "",
		"the upload has ended, or its key is missing: begin it anew with get-signed-s3-upload-urls, " +
			"without a key"},
	{[]string{"request has expired", "(signed-accessdenied)"}, "",
		"the signed URL is too old, or was changed on its way: ask for a new one and give it whole, " +
			"its query too"},
	{[]string{"(signaturedoesnotmatch)"}, "",
		"the signed URL was changed on its way: give it whole, as it was answered, its query too"},
	{[]string{"identify proxy for host", "applicationnotfound"}, "",
		"the service has nothing at this path: check APS_BASE_URL, and for a newer hoist"},
	{[]string{"same name already exists", "bucket already exists"}, "",
		`something of this name is there already: look with "hoist ls", and use it or choose another name`},
	{[]string{"duplicate webhook"}, "",
		`the same webhook is there already: "hoist api list-webhooks --all" shows it`},
}

// causeOf finds what an answer of the service names as its reason.
func causeOf(err error) (Kind, Fix, bool) {
	c, ok := causeIn(said(err))
	return c.kind, Text(c.words), ok
}

// Cause is the fix for what an answer of the service names as its reason; false when it names none
// that is known.
func Cause(err error) (Fix, bool) {
	_, fix, ok := causeOf(err)
	return fix, ok
}

// Hint is [Cause] for an error that is known by its text alone, "" none.
func Hint(text string) string {
	c, _ := causeIn(bySigned(strings.ToLower(text)))
	return c.words
}

// bySigned marks a denial of the storage, which is about the signed URL and no permission.
func bySigned(text string) string {
	if strings.Contains(text, "put part: ") || strings.Contains(text, "get range: ") {
		return strings.ReplaceAll(text, "(accessdenied)", "(signed-accessdenied)")
	}

	return text
}

func causeIn(text string) (cause, bool) {
	i := slices.IndexFunc(causes, func(c cause) bool {
		return slices.ContainsFunc(c.says, func(s string) bool { return strings.Contains(text, s) })
	})
	if i < 0 {
		return cause{}, false
	}

	return causes[i], true
}

// said is all that an answer says, in lower case, with its code in brackets; "" when it is none that
// names a cause. A wrong secret may be answered with the text of another cause; there the code
// decides.
func said(err error) string {
	if e, ok := errors.AsType[*apsclient.AuthError](err); ok {
		if e.Code == "invalid_client" {
			return ""
		}

		return strings.ToLower("(" + e.Code + ") " + e.Detail)
	}

	if e, ok := errors.AsType[*apsclient.PartsError](err); ok {
		return strings.ToLower(e.Reason)
	}

	if e, ok := errors.AsType[*apsclient.PartialError](err); ok && e.Done == 0 {
		return strings.ToLower(strings.Join(e.Failed, "; "))
	}

	if e, ok := errors.AsType[*apsclient.Error](err); ok && e.Status < 500 {
		return bySigned(strings.ToLower(e.Op + ": (" + e.Code + ") " + e.Title + " " + e.Detail))
	}

	return ""
}
