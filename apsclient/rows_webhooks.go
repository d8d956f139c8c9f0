package apsclient

// webhookSystems are those of the specification.
var webhookSystems = []string{
	"data", "derivative", "adsk.c4r", "adsk.flc.production", "autodesk.construction.cost",
	"autodesk.construction.bc",
	"autodesk.construction.issues", "adsk.tandem",
}

// webhookRows are the calls on webhooks. The service publishes no rate limit for them.
func webhookRows() []Action {
	row := func(name, title, method, path string, retry RetryClass, scopes []string, p []Param) Action {
		a := Action{
			Name: name, Title: title, Family: "webhooks", Method: method, Path: path, Scopes: scopes,
			Budget: BudgetWebhooks, Retry: retry,
			Params: append(p, oneOf(inHeader("x-ads-region", "region of the hook, default US"), regions...),
				oneOf(inQuery("region", "string", "the same; the header wins"), regions...)),
			Contexts: anyToken, Product: productWebhooks,
		}
		if method == "POST" || method == "PATCH" {
			a.Body = "json"
		}

		return a
	}
	read, change := []string{"data:read"}, []string{"data:read", "data:write"}
	system := oneOf(inPath("system", "string", "system of the event"), webhookSystems...)
	event := inPath("event", "string", "event such as dm.version.added, or dm.*")
	hook := inPath("hook_id", "string", "id of the hook")
	page := []Param{inQuery("pageState", "string", "from links.next"),
		oneOf(inQuery("status", "string", "of the hooks"), "active", "inactive", "reactivated")}
	const one = "/webhooks/v1/systems/{system}/events/{event}/hooks/{hook_id}"
	settable := []Param{
		inBody("hookAttribute", "object", "echoed with each callback, under 1 KB"),
		inBody("filter", "string", "JSONPath"),
		inBody("autoReactivateHook", "bool", "reactivate after failures"),
		inBody("callbackWithEventPayloadOnly", "bool", "leave the hook out of callbacks"),
		inBody("hookExpiry", "string", "ISO 8601; null: never"),
	}
	token := within(inBody("token", "string", "secret of the signature, letters and digits"), 32, 64)
	token.Secret = true
	paged := func(a Action) Action {
		a.Paging = PagingWebhooks
		return a
	}

	return []Action{
		row("create-webhook", "Create Webhook", "POST", "/webhooks/v1/systems/{system}/events/{event}/hooks",
			RetryVerify, change, params(
				system, event, must(inBody("callbackUrl", "url", "where callbacks go")),
				must(inBody("scope", "object", `{"folder":"URN"} or {"workflow":"ID"}`)),
				settable, inBody("hubId", "string", "hub of the folder"),
				inBody("projectId", "string", "project of the folder"), inBody("tenant", "string", ""))),
		row("get-webhook", "Get Webhook", "GET", one, RetryIdempotent, read, params(system, event, hook)),
		row("update-webhook", "Update Webhook", "PATCH", one, RetrySameValues, change, params(
			system, event, hook, oneOf(inBody("status", "string", ""), "active", "inactive"), settable,
			token)),
		row("delete-webhook", "Delete Webhook", "DELETE", one, RetryIdempotent, change,
			params(system, event, hook)),
		paged(row("list-webhooks", "List Webhooks", "GET", "/webhooks/v1/hooks", RetryIdempotent, read,
			params(page))),
		paged(row("list-webhooks-by-system", "List Webhooks By System", "GET",
			"/webhooks/v1/systems/{system}/hooks", RetryIdempotent, read, params(system, page))),
	}
}
