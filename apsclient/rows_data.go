package apsclient

// dataRows are hubs, projects, folders, items and versions (Data Management).
func dataRows() []Action {
	row := func(name, title, family, method, path string, budget BudgetClass, retry RetryClass,
		scopes []string, p []Param) Action {
		a := Action{
			Name: name, Title: title, Family: family, Method: method, Path: path, Scopes: scopes,
			Budget: budget, Retry: retry,
			Params: append(p, xUserID), Contexts: userOptional, Product: productData, CustomIntegration: true,
		}
		if method != "GET" {
			a.Body = "jsonapi"
		}

		return a
	}
	read, create, write := []string{"data:read"}, []string{"data:create"}, []string{"data:write"}
	const (
		hub     = "/project/v1/hubs/{hub_id}"
		project = "/data/v1/projects/{project_id}"
		folder  = project + "/folders/{folder_id}"
		item    = project + "/items/{item_id}"
		version = project + "/versions/{version_id}"
	)
	paged := func(a Action) Action {
		a.Paging = PagingJSONAPI
		return a
	}
	extension := inBody("data.attributes.extension", "object", "extension type and version")
	copyFrom := inQuery("copyFrom", "urn", "version URN to copy instead of using storage")

	return []Action{
		row("list-hubs", "List Hubs", "hubs", "GET", "/project/v1/hubs", BudgetHubs, RetryIdempotent, read,
			params(
				inQuery("filter[id]", "string", "hub ids"), inQuery("filter[name]", "string", "names"),
				inQuery("filter[extension.type]", "string", "extension types"))),
		row("get-hub", "Get Hub", "hubs", "GET", hub, BudgetHub, RetryIdempotent, read, params(hubID)),
		paged(row("list-projects", "List Projects", "hubs", "GET", hub+"/projects", BudgetProjects,
			RetryIdempotent, read, params(
				hubID, inQuery("filter[id]", "string", "project ids"),
				inQuery("filter[name]", "string", "names"),
				inQuery("filter[extension.type]", "string", "extension types"), jsonAPI))),
		row("get-project", "Get Project", "hubs", "GET", hub+"/projects/{project_id}", BudgetProject,
			RetryIdempotent, read, params(hubID, projectID)),
		row("list-top-folders", "List Top Folders", "hubs", "GET", hub+"/projects/{project_id}/topFolders",
			BudgetTopFolders, RetryIdempotent, read, params(
				hubID, projectID, with("false",
					inQuery("excludeDeleted", "bool", "leave deleted folders out (user context)")),
				with("false", inQuery("projectFilesOnly", "bool", "Project Files only (user context)")))),
		row("get-folder", "Get Folder", "folders", "GET", folder, BudgetFolder, RetryIdempotent, read, params(
			projectID, folderID, inHeader("If-Modified-Since",
				"304 when unchanged since, YYYY-MM-DDThh:mm:ss.sz"))),
		paged(row("list-folder-contents", "List Folder Contents", "folders", "GET", folder+"/contents",
			BudgetContents, RetryIdempotent, read, params(
				projectID, folderID, oneOf(inQuery("filter[type]", "string",
					"resource types, comma separated"),
					"folders", "items"),
				inQuery("filter[id]", "string", "ids"),
				inQuery("filter[extension.type]", "string", "extension types"),
				inQuery("filter[lastModifiedTimeRollup]", "string",
					"time of the last change below; -ge, -le and the like after the name"),
				with("false", inQuery("includeHidden", "bool", "deleted ones too")), jsonAPI))),
		paged(row("search-folder", "Search Folder", "folders", "GET", folder+"/search", BudgetSearch,
			RetryIdempotent, []string{"data:read", "data:search"}, params(
				projectID, folderID, within(inQuery("page[number]", "int", "page, 0 to 49"), 0, 49)))),
		row("create-folder", "Create Folder", "folders", "POST", project+"/folders", BudgetPostFolders,
			RetryVerify, create, params(
				projectID, jsonAPIBody("folders",
					must(within(inBody("data.attributes.name", "string", "name"), 1, 255)), must(extension),
					must(inBody("data.relationships.parent.data.id", "urn", "parent folder"))))),
		row("update-folder", "Update Folder", "folders", "PATCH", folder, BudgetPatchFolders, RetrySameValues,
			write, params(
				projectID, folderID, jsonAPIBody("folders",
					must(inBody("data.id", "urn", "the folder, plain")),
					within(inBody("data.attributes.name", "string", "new name"), 1, 255),
					inBody("data.attributes.hidden", "bool", "true deletes, false restores"),
					inBody("data.relationships.parent.data.id", "urn", "new parent")))),
		row("create-storage", "Create Storage", "items", "POST", project+"/storage", BudgetPostStorage,
			RetryWaste, create, params(
				projectID, jsonAPIBody("objects",
					must(within(inBody("data.attributes.name", "string", "file name with extension"), 1,
						255)),
					must(inBody("data.relationships.target.data.id", "urn",
						"folder (or item) that will hold the file"))))),
		row("create-item", "Create Item", "items", "POST", project+"/items", BudgetPostItems, RetryVerify,
			create, params(
				projectID, copyFrom, jsonAPIBody("items",
					within(inBody("data.attributes.displayName", "string", "name"), 1, 255),
					must(inBody("data.relationships.parent.data.id", "urn", "folder")),
					inBody("included", "array", "the first version")))),
		row("get-item", "Get Item", "items", "GET", item, BudgetItem, RetryIdempotent, read, params(
			projectID, itemID, with("false",
				inQuery("includePathInProject", "bool", "adds pathInProject (ACC, BIM 360)")))),
		row("update-item", "Update Item", "items", "PATCH", item, BudgetPatchItems, RetrySameValues, write,
			params(
				projectID, itemID, jsonAPIBody("items", must(inBody("data.id", "urn", "the item, plain")),
					within(inBody("data.attributes.displayName", "string",
						"new name (not in ACC and BIM 360)"),
						1, 255),
					within(inBody("data.attributes.extension.data.description", "string", "description"), 0,
						255)))),
		row("get-item-tip-version", "Get Item Tip Version", "items", "GET", item+"/tip", BudgetTip,
			RetryIdempotent, read, params(projectID, itemID)),
		paged(row("list-item-versions", "List Item Versions", "items", "GET", item+"/versions",
			BudgetItemVersions, RetryIdempotent, read, params(
				projectID, itemID, inQuery("filter[id]", "string", "version URNs"),
				inQuery("filter[extension.type]", "string", "extension types"),
				inQuery("filter[versionNumber]", "int", "version number"), jsonAPI))),
		row("create-version", "Create Version", "items", "POST", project+"/versions", BudgetPostVersions,
			RetryVerify, create, params(
				projectID, copyFrom, jsonAPIBody("versions",
					within(inBody("data.attributes.name", "string", "name; another one renames the file"), 1,
						255),
					inBody("data.relationships.item.data.id", "urn", "item"),
					inBody("data.relationships.storage.data.id", "urn", "completed storage object")))),
		row("get-version", "Get Version", "items", "GET", version, BudgetVersion, RetryIdempotent, read,
			params(projectID, versionID)),
		row("get-version-download-formats", "Get Version Download Formats", "items", "GET",
			version+"/downloadFormats", BudgetDownloadFormats, RetryIdempotent, read,
			params(projectID, versionID)),
		row("get-version-downloads", "Get Version Downloads", "items", "GET", version+"/downloads",
			BudgetDownloads, RetryIdempotent, read, params(
				projectID, versionID, inQuery("filter[format.fileType]", "string", "file types"))),
	}
}
