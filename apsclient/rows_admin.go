package apsclient

// acceptLanguage is in the specification of construction/admin, which says that it has no effect yet.
var acceptLanguage = inHeader("Accept-Language", "language of the texts in the answer; of no effect yet")

// adminRows are account administration: the BIM 360 family (hq, two-legged) and the ACC family
// (construction/admin).
func adminRows() []Action {
	row := func(name, title, method, path string, retry RetryClass, p []Param) Action {
		a := Action{
			Name: name, Title: title, Family: "admin", Method: method, Path: path,
			Scopes: []string{"account:read"}, Budget: BudgetHQ, Retry: retry,
			Params:   append(p, oneOf(inHeader("Region", "region of the account, default US"), regions...)),
			Contexts: appOnly, Product: productAdmin, CustomIntegration: true, Platform: "bim360",
		}
		if method != "GET" {
			a.Scopes, a.Body = []string{"account:write"}, "json"
		}

		return a
	}
	acc := func(a Action, method, path string, contexts []string, paging Paging, p []Param) Action {
		v := Variant{Name: "acc", Method: method, Path: path, Contexts: contexts, Budget: BudgetAdminRead,
			Retry: a.Retry, Paging: paging, Body: a.Body,
			Params: append(p, acceptLanguage, inHeader("User-Id", "act as this user with a two-legged token"),
				oneOf(inHeader("Region", "region of the account, default US"), regions...))}
		if method != "GET" {
			v.Budget = BudgetAdminWrite
		}

		a.Variants = append(a.Variants, v)

		return a
	}
	const (
		account = "/hq/v1/accounts/{account_id}"
		v2      = "/hq/v2/accounts/{account_id}/projects/{project_id}"
		ca      = "/construction/admin/v1"
	)
	accountID, caAccount := inPath("account_id", "uuid", "account id without b."),
		inPath("accountId", "uuid", "account id without b.")
	bareProject, caProject := inPath("project_id", "uuid", "project id without b."),
		inPath("projectId", "uuid", "project id without b.")
	user, caUser := inPath("user_id", "string", "user id of the account"),
		inPath("userId", "string", "ACC or Autodesk user id")
	offset := with("0", within(inQuery("offset", "int", "elements to leave out"), 0, 1<<31-1))
	hqPage := []Param{with("10", within(inQuery("limit", "int", "elements a page"), 1, 100)), offset,
		inQuery("sort", "string", "fields, - before one reverses"),
		inQuery("field", "string", "fields to give")}
	caPage := []Param{with("20", within(inQuery("limit", "int", "elements a page"), 1, 200)), offset,
		inQuery("sort", "string", "fields with asc or desc"), inQuery("fields", "string", "fields to give"),
		oneOf(inQuery("filterTextMatch", "string", ""), "contains", "startsWith", "endsWith", "equals")}
	hqPaged := func(a Action) Action {
		a.Paging = PagingHQ
		return a
	}
	filters := func(names ...string) []Param {
		var out []Param
		for _, n := range names {
			out = append(out, inQuery("filter["+n+"]", "string", "only these"))
		}

		return out
	}
	userFields := params(inBody("company_id", "uuid", "company"), inBody("default_role", "string", "role"))
	texts := func(names ...string) []Param {
		var out []Param
		for _, n := range names {
			out = append(out, inBody(n, "string", ""))
		}

		return out
	}
	address := texts("address_line_1", "address_line_2", "city", "state_or_province", "postal_code",
		"country")
	projectFields := params(within(inBody("job_number", "string", ""), 0, 100),
		inBody("business_unit_id", "uuid", ""),
		inBody("value", "number", "of the project"), inBody("currency", "string", "of the value"),
		texts("service_types", "construction_type", "contract_type", "timezone", "language"), address)

	list := acc(hqPaged(row("list-account-projects", "List Account Projects", "GET", account+"/projects",
		RetryIdempotent, params(accountID, hqPage))),
		"GET", ca+"/accounts/{accountId}/projects", userOptional, PagingAdmin, params(caAccount, caPage,
			filters("classification", "platform", "products", "name", "type", "status", "businessUnitId",
				"jobNumber", "updatedAt")))
	create := acc(row("create-account-project", "Create Account Project", "POST", account+"/projects",
		RetryVerify, params(
			accountID, must(within(inBody("name", "string", "name"), 1, 255)),
			must(inBody("start_date", "date", "")), must(inBody("end_date", "date", "after the start")),
			must(inBody("project_type", "string", "such as Hospital")), projectFields)),
		"POST", ca+"/accounts/{accountId}/projects", userRequired, PagingNone, params(
			caAccount, must(within(inBody("name", "string", "name"), 1, 255)),
			must(inBody("type", "string", "such as Hospital")),
			inBody("startDate", "date", ""), inBody("endDate", "date", ""), inBody("jobNumber", "string", ""),
			inBody("businessUnitId", "uuid", ""),
			inBody("projectValue", "object", "{value, currency}"),
			inBody("template", "object", "{projectId, options}; needs classification template"),
			texts("classification", "constructionType", "contractType", "deliveryMethod", "currentPhase",
				"timezone",
				"addressLine1", "addressLine2", "city", "stateOrProvince", "postalCode", "country",
				"latitude", "longitude")))
	companyStatus := oneOf(inQuery("filter[status]", "string", "only these"), "active", "inactive", "all")
	companies := acc(hqPaged(row("list-account-companies", "List Account Companies", "GET",
		account+"/companies", RetryIdempotent, params(accountID, hqPage, companyStatus))),
		"GET", ca+"/accounts/{accountId}/companies", userOptional, PagingAdmin,
		params(caAccount, caPage, inQuery("orFilters", "string", "filters joined by or"), companyStatus,
			filters("name", "trade", "erpId", "taxId", "updatedAt")))

	people := params(caPage, inQuery("orFilters", "string", "filters joined by or"),
		filters("products", "name", "email", "accessLevels", "addedOn",
			"companyId", "companyName", "autodeskId", "id", "roleId", "roleIds"),
		Param{Name: "filter[status]", In: InQuery, Type: "string", Help: "only these",
			Deprecated: []string{"reactivated"}})
	projectUsers := Action{
		Name: "list-project-users", Title: "List Project Users", Family: "admin", Method: "GET",
		Path:   ca + "/projects/{projectId}/users",
		Scopes: []string{"account:read"}, Budget: BudgetAdminRead, Retry: RetryIdempotent,
		Paging: PagingAdmin, Contexts: userOptional,
		Product: productAdmin, CustomIntegration: true, Platform: "acc",
		Params: params(caProject, people, acceptLanguage,
			inHeader("User-Id", "act as this user with a two-legged token"),
			oneOf(inHeader("Region", "region of the account, default US"), regions...)),
	}
	projectUsers.Variants = []Variant{{
		Name: "bim360", Method: "GET", Path: "/bim360/admin/v1/projects/{projectId}/users",
		Params: projectUsers.Params, Budget: BudgetBIM360Admin,
		Retry: RetryIdempotent, Paging: PagingAdmin, Contexts: userOptional,
	}}
	suppressEmails := inQuery("suppressAdministrativeEmails", "bool", "send nobody an e-mail about it")
	add := acc(row("add-project-user", "Add Project User", "POST", v2+"/users/import", RetryVerify,
		params(accountID, bareProject, xUserID,
			within(inBody("[]", "array", "users: email or user_id, services, company_id, industry_roles"), 1,
				50), suppressEmails)),
		"POST", ca+"/projects/{projectId}/users", userRequired, PagingNone,
		params(caProject, must(inBody("email", "email", "of the user")),
			inBody("companyId", "uuid", ""), inBody("roleIds", "array", ""),
			inBody("products", "array", "{key, access}"),
			inBody("suppressAdministrativeEmails", "bool", "")))
	update := acc(row("update-project-user", "Update Project User", "PATCH", v2+"/users/{user_id}",
		RetrySameValues, params(accountID, bareProject, user, xUserID,
			inBody("company_id", "uuid", "company"), inBody("industry_roles", "array", ""),
			inBody("services", "object", ""))),
		"PATCH", ca+"/projects/{projectId}/users/{userId}", userRequired, PagingNone,
		params(caProject, caUser, inBody("companyId", "uuid", ""),
			inBody("roleIds", "array", ""), inBody("products", "array", "{key, access}")))
	add.Contexts, update.Contexts = userRequired, userRequired
	roles := row("list-project-industry-roles", "List Project Industry Roles", "GET", v2+"/industry_roles",
		RetryIdempotent, params(accountID, bareProject, xUserID))
	roles.Contexts = userOptional

	return []Action{
		list, create,
		row("update-account-project", "Update Account Project", "PATCH", account+"/projects/{project_id}",
			RetrySameValues, params(
				accountID, bareProject, within(inBody("name", "string", "name"), 1, 255),
				oneOf(inBody("status", "string", ""), "active", "inactive", "archived"),
				inBody("start_date", "date", ""), inBody("end_date", "date", ""), projectFields)),
		hqPaged(row("list-account-users", "List Account Users", "GET", account+"/users", RetryIdempotent,
			params(accountID, hqPage))),
		row("create-account-user", "Create Account User", "POST", account+"/users", RetryVerify, params(
			accountID, must(within(inBody("email", "email", "at most 255 characters"), 3, 255)), userFields,
			texts("first_name", "last_name", "nickname", "image_url", "phone", "company", "job_title",
				"industry", "about_me"), address)),
		row("get-account-user", "Get Account User", "GET", account+"/users/{user_id}", RetryIdempotent,
			params(accountID, user)),
		row("update-account-user", "Update Account User", "PATCH", account+"/users/{user_id}",
			RetrySameValues, params(
				accountID, user, oneOf(inBody("status", "string", "not while pending or not invited"),
					"active",
					"inactive"), userFields)),
		companies,
		row("list-business-units", "List Business Units", "GET", account+"/business_units_structure",
			RetryIdempotent, params(accountID)),
		row("create-business-units", "Create Business Units", "PUT", account+"/business_units_structure",
			RetrySameValues, params(
				accountID, must(inBody("business_units", "array", "the whole tree: what is left out may be "+
					"removed; give each an id, so that a repeat is harmless")))),
		projectUsers, add, update, roles,
	}
}
