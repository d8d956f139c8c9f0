package apsclient

import (
	"slices"
	"sync"
)

// BudgetClass names a group of calls that share a limit of the service.
type BudgetClass string

// RetryClass says what may be repeated without looking.
type RetryClass string

// The retry classes.
const (
	// RetryIdempotent calls are repeated by the client.
	RetryIdempotent RetryClass = "idempotent"
	// RetryWaste calls leave something unused behind when repeated, and are repeated by the client.
	RetryWaste RetryClass = "repeatable-with-waste"
	// RetrySameValues calls set values; setting them again is harmless, and they are repeated by
	// the client.
	RetrySameValues RetryClass = "same-values"
	// RetryVerify calls could double an effect: the caller looks before it repeats. The client
	// repeats them only on 401 and 429.
	RetryVerify RetryClass = "verify-first"
)

// Paging is the paging style of a list.
type Paging string

// The paging styles.
const (
	PagingNone     Paging = ""
	PagingJSONAPI  Paging = "json:api"
	PagingOSS      Paging = "oss"
	PagingHQ       Paging = "hq"
	PagingAdmin    Paging = "construction-admin"
	PagingWebhooks Paging = "webhooks"
)

// Location is where a parameter goes.
type Location string

// The locations.
const (
	InPath   Location = "path"
	InQuery  Location = "query"
	InHeader Location = "header"
	InBody   Location = "body"  // a field of the JSON body, by its dotted path
	InInput  Location = "input" // not sent as such: read by the action itself (url, name, conflict)
)

// Param is one parameter of an action.
type Param struct {
	Name     string
	In       Location
	Type     string // string, id, uuid, urn, int, bool, time, date, email, url, object, array, json
	Required bool
	// Min and Max bound an int's value and a string's length; both 0: none.
	Min     int64
	Max     int64
	Enum    []string
	Pattern string
	Default string
	Help    string
	// Deprecated are values that the service still takes; see Warnings.
	Deprecated []string
	Secret     bool
}

// Variant is another form of an action on the other platform.
type Variant struct {
	Name   string // "acc" or "bim360"
	Method string
	Path   string
	Params []Param
	Body   string
	Budget BudgetClass
	Retry  RetryClass
	Paging Paging
	// Contexts as in Action.
	Contexts []string
	Example  []string
}

// Action is one call, declared once. Commands, validation, scopes, budgets, retries, paging and the
// guide read it.
type Action struct {
	Name   string // kebab case: "list-hubs"
	Title  string // as people know it: "List Hubs"
	Family string // hubs, folders, items, buckets, webhooks, admin
	Method string // "COMPOSITE" for the one that consists of others
	Path   string
	// Scopes that a token must hold: exactly these.
	Scopes []string
	Budget BudgetClass
	Retry  RetryClass
	Paging Paging
	Params []Param
	// Body is "" (none), "json", "jsonapi" or "bytes".
	Body string
	// Platform is the platform of Method and Path when Variants has another: "acc" or "bim360".
	Platform string
	Variants []Variant
	// Contexts that work: "2L" (the application), "2L+user" (user header), "3L" (signed-in user,
	// service account).
	Contexts []string
	// Product to enable for the client id in the developer portal; "" none.
	Product string
	// CustomIntegration: an account administrator must add the client id to the account.
	CustomIntegration bool
	// Example are command lines that work against a new emulator, in this order.
	Example []string
	// Extra marks calls beyond the 51 that the engine needs.
	Extra bool
}

// Platforms names what Request.Variant may be: those of the variants and the one that holds
// without; empty without variants, never nil.
func (a Action) Platforms() []string {
	names := []string{}
	if len(a.Variants) > 0 {
		names = append(names, a.Platform)
	}

	for _, v := range a.Variants {
		names = append(names, v.Name)
	}

	return names
}

// Actions returns the 51 actions in the order of the list that people know. The slice is the
// caller's.
func Actions() []Action {
	public, _ := registry()
	return slices.Clone(public)
}

// Regions returns the names of the service's regions. The slice is the caller's.
func Regions() []string { return slices.Clone(regions) }

// ActionByName finds an action, also one of those beyond the 51 (Extra).
func ActionByName(name string) (Action, bool) {
	_, index := registry()
	a, ok := index[name]

	return a, ok
}

// registry is built when somebody asks: most commands do not, and it takes a millisecond.
var registry = sync.OnceValues(func() ([]Action, map[string]Action) {
	var public []Action
	index := map[string]Action{}
	for _, a := range registryRows() {
		index[a.Name] = a
		if !a.Extra {
			public = append(public, a)
		}
	}

	return public, index
})
