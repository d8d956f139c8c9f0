package problem

import (
	"errors"
	"strings"

	"hoist/apsclient"
)

// cause is what an answer of the service names as the reason of a refusal, and what helps.
type cause struct {
	says  []string // in code, title or detail, in lower case: one of them
	kind  Kind
	words string
}

// causes holds the refusals that were recorded from the real service, the most certain first. The
// codes stand in brackets, as [said] writes them.
var causes = []cause{
	{[]string{"[auth-001]", "does not have access to the api product"}, Unauthorized,
		"the API of this call is not enabled for the client id: at https://aps.autodesk.com/myapps open the " +
			"application, choose the API under API Access, and Save changes"},
	{[]string{"[auth-010]", "does not have the privilege"}, Unauthorized,
		`the token lacks a scope of this call: "hoist api ACTION --help" names it; add it with "hoist login ` +
			`--scopes", and enable the API that it belongs to`},
	{[]string{"[auth-003]"}, Unauthorized,
		`the client id or secret is wrong: check APS_CLIENT_ID and APS_CLIENT_SECRET, or run "hoist login"; a ` +
			"secret that was regenerated ends the one before"},
	{[]string{"project is not active"}, Unauthorized,
		"the project is archived or suspended: an account administrator makes it active again"},
	{[]string{"[user_not_authenticated]", "could not be authenticated"}, Unauthorized,
		`the call needs a user: sign in with "hoist login --user", or name a member of the project with ` +
			"APS_USER_ID"},
	{[]string{"user must be account admin"}, Unauthorized,
		"the user that the call acts for has to be an account administrator and a member of the project"},
	{[]string{"[1004]", "this account doesn't exist"}, NotFound,
		`the account is not known there: it may be in another region, which "hoist login --region" sets; its id ` +
			"is that of the hub without b."},
	{[]string{"no read access"}, Unauthorized,
		"the application, or its user, may not read this: objects belong to the application that made " +
			"their bucket"},
	{[]string{"permission to access this project"}, Unauthorized,
		"the account knows the application, but not its user: ask a project administrator for membership"},
	{[]string{"permission to access this api"}, Unauthorized,
		"the account does not know the application: an account administrator adds the client id as a custom " +
			`integration; "hoist guide" has the steps`},
	{
		[]string{"[requesttimetooskewed]"},
		Failure,
		"the clock of this machine is wrong: set it and run it again",
	},
	{[]string{"token expired"}, Unauthorized, `the sign-in has ended: run it again, else "hoist login"`},
}

// causeOf finds what an answer of the service names as its reason.
func causeOf(err error) (Kind, Fix, bool) {
	text := said(err)
	if text == "" {
		return "", Fix{}, false
	}

	for _, c := range causes {
		for _, says := range c.says {
			if strings.Contains(text, says) {
				return c.kind, Text(c.words), true
			}
		}
	}

	return "", Fix{}, false
}

// said is all that an answer says, in lower case, with its code in brackets. A wrong secret may be
// answered with the text of another cause; there the code decides.
func said(err error) string {
	if e, ok := errors.AsType[*apsclient.AuthError](err); ok {
		if strings.HasPrefix(e.Code, "invalid_") {
			return ""
		}

		return strings.ToLower("[" + e.Code + "] " + e.Detail)
	}

	if e, ok := errors.AsType[*apsclient.Error](err); ok && e.Status < 500 {
		return strings.ToLower("[" + e.Code + "] " + e.Title + " " + e.Detail)
	}

	return ""
}
