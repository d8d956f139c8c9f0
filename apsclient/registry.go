package apsclient

import (
	"slices"
)

// BudgetClass names a group of calls that share a limit of the service.
type BudgetClass string

// RetryClass tells what may be repeated without looking.
type RetryClass string

// The retry classes.
const (
	// RetryIdempotent calls are repeated by the client.
	RetryIdempotent RetryClass = "idempotent"
	// RetryWaste calls leave something unused behind when repeated, and are repeated by the client.
	RetryWaste RetryClass = "repeatable-with-waste"
	// RetrySameValues calls set values; setting them again is harmless, and they are repeated by the client.
	RetrySameValues RetryClass = "same-values"
	// RetryVerify calls could double an effect: the caller looks before it repeats. The client repeats them only on 401 and 429.
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

// Location tells where a parameter goes.
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
	Name     string   `json:"name"`
	In       Location `json:"in"`
	Type     string   `json:"type"` // string, id, uuid, urn, int, bool, time, date, email, url, object, array, json
	Required bool     `json:"required,omitempty"`
	// Min and Max bound an int's value and a string's length; both 0: none.
	Min     int64    `json:"min,omitempty"`
	Max     int64    `json:"max,omitempty"`
	Enum    []string `json:"enum,omitempty"`
	Pattern string   `json:"pattern,omitempty"`
	Default string   `json:"default,omitempty"`
	Help    string   `json:"help,omitempty"`
	Secret  bool     `json:"secret,omitempty"`
}

// Variant is another form of an action on the other platform.
type Variant struct {
	Name   string      `json:"name"` // "acc" or "bim360"
	Method string      `json:"method"`
	Path   string      `json:"path"`
	Params []Param     `json:"params,omitempty"`
	Body   string      `json:"body,omitempty"`
	Budget BudgetClass `json:"budget,omitempty"`
	Retry  RetryClass  `json:"retry,omitempty"`
	Paging Paging      `json:"paging,omitempty"`
	// Contexts as in Action.
	Contexts []string `json:"contexts,omitempty"`
	Example  []string `json:"example,omitempty"`
}

// Action is one call, declared once. Commands, validation, scopes, budgets, retries, paging and the guide read it.
type Action struct {
	Name   string `json:"name"`   // kebab case: "list-hubs"
	Title  string `json:"title"`  // as people know it: "List Hubs"
	Family string `json:"family"` // hubs, folders, items, buckets, webhooks, admin
	Method string `json:"method"` // "COMPOSITE" for the one that consists of others
	Path   string `json:"path"`
	// Scopes that a token must hold: exactly these.
	Scopes []string    `json:"scopes"`
	Budget BudgetClass `json:"budget,omitempty"`
	Retry  RetryClass  `json:"retry"`
	Paging Paging      `json:"paging,omitempty"`
	Params []Param     `json:"params,omitempty"`
	// Body is "" (none), "json", "jsonapi" or "bytes".
	Body string `json:"body,omitempty"`
	// Platform is the platform of Method and Path where Variants has another: "acc" or "bim360".
	Platform string    `json:"platform,omitempty"`
	Variants []Variant `json:"variants"`
	// Contexts that work: "2L" (the application), "2L+user" (user header), "3L" (signed-in user, service account).
	Contexts []string `json:"contexts,omitempty"`
	// Product to enable for the client id in the developer portal; "" none.
	Product string `json:"product,omitempty"`
	// CustomIntegration: an account administrator must add the client id to the account.
	CustomIntegration bool `json:"custom_integration,omitempty"`
	// Example are command lines that work against a new emulator, in this order.
	Example []string `json:"example,omitempty"`
	// Extra marks calls beyond the 51 that the engine needs.
	Extra bool `json:"-"`
}

// Actions returns the 51 actions in the order of the list that people know. The slice is the caller's.
func Actions() []Action { return slices.Clone(publicActions) }

// Regions returns the names of the service's regions. The slice is the caller's.
func Regions() []string { return slices.Clone(regions) }

// ActionByName finds an action, also one of those beyond the 51 (Extra).
func ActionByName(name string) (Action, bool) {
	a, ok := actionIndex[name]
	return a, ok
}

var publicActions, actionIndex = buildRegistry()

func buildRegistry() ([]Action, map[string]Action) {
	var public []Action
	index := map[string]Action{}
	for _, a := range registryRows() {
		if a.Variants == nil {
			a.Variants = []Variant{}
		}
		index[a.Name] = a
		if !a.Extra {
			public = append(public, a)
		}
	}
	return public, index
}
