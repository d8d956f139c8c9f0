package apsclient

// bucketRegion is a region of buckets, where the old name of AUS is still in the specification.
func bucketRegion(p Param) Param {
	p.Enum, p.Deprecated = regions, []string{"APAC"}
	return p
}

// ossRows are buckets and objects, the part PUT and the composite upload.
func ossRows() []Action {
	row := func(name, title, method, path string, retry RetryClass, scopes []string, p []Param) Action {
		return Action{
			Name: name, Title: title, Family: "buckets", Method: method, Path: path, Scopes: scopes,
			Budget: BudgetOSS, Retry: retry, Params: p,
			Contexts: anyToken, Product: productData,
		}
	}
	const (
		bucket = "/oss/v2/buckets/{bucketKey}"
		object = bucket + "/objects/{objectKey}"
	)
	upload := []string{"data:write", "data:create"}
	create := row("create-bucket", "Create Bucket", "POST", "/oss/v2/buckets", RetryVerify,
		[]string{"bucket:create"}, params(
			bucketRegion(inHeader("region", "region of the bucket, default US")),
			bucketRegion(inHeader("x-ads-region", "the same by its older name")),
			must(Param{Name: "bucketKey", In: InBody, Type: "string", Min: 3, Max: 128,
				Pattern: bucketKey.Pattern, Help: "globally unique name"}),
			must(oneOf(inBody("policyKey", "string", "how long objects live"), "transient", "temporary",
				"persistent")),
			inBody("allow", "array", "other applications, {authId, access}")))
	create.Body = "json"
	list := row("list-buckets", "List Buckets", "GET", "/oss/v2/buckets", RetryIdempotent,
		[]string{"bucket:read"}, params(
			bucketRegion(inQuery("region", "string", "one region a call, default US")), ossPaging))
	list.Paging = PagingOSS
	objects := row("list-bucket-objects", "List Bucket Objects", "GET", bucket+"/objects", RetryIdempotent,
		[]string{"data:read"}, params(
			bucketKey, inQuery("beginsWith", "string", "prefix of the keys"), ossPaging))
	objects.Paging = PagingOSS
	complete := row("signed-s3-upload", "Signed S3 Upload", "POST", object+"/signeds3upload", RetryVerify,
		upload, params(
			bucketKey, objectKey, oneOf(inHeader("Content-Type", "media type of the call"), "application/json"),
			inHeader("x-ads-meta-Content-Type", "media type of the object"),
			inHeader("x-ads-meta-Content-Disposition", ""), inHeader("x-ads-meta-Content-Encoding", ""),
			inHeader("x-ads-meta-Cache-Control", ""),
			within(inHeader("x-ads-user-defined-metadata", "JSON object under 100 bytes"), 0, 99),
			must(within(inBody("uploadKey", "string", "of the upload"), 1, 0)),
			within(inBody("size", "int", "bytes; checked when given"), 0, 1<<62),
			inBody("eTags", "array", "of all parts, in order; checked when given")))
	complete.Body = "json"
	put := Action{
		Name: actionPutBinary, Title: "Upload Binary To Signed S3 URL", Family: "buckets", Method: "PUT",
		Path: "", Scopes: []string{},
		Retry: RetryIdempotent, Body: "bytes", Contexts: []string{"none"},
		Params: params(Param{Name: "url", In: InInput, Type: "url", Required: true, Secret: true,
			Help: "signed URL; give it as @FILE or @-"}),
	}
	composite := Action{
		Name: actionUpload, Title: "Upload File In Project Folder", Family: "items", Method: MethodComposite,
		Path:   "",
		Scopes: TransferScopes, Retry: RetryVerify, Body: "bytes", Contexts: userOptional,
		Product: productData, CustomIntegration: true,
		Params: params(
			Param{Name: "project_id", In: InInput, Type: "id", Required: true, Help: projectID.Help},
			Param{Name: "folder_id", In: InInput, Type: "urn", Required: true, Help: folderID.Help},
			Param{Name: "name", In: InInput, Type: "string", Min: 1, Max: 255,
				Help: "name in the folder; default: that of the file"},
			Param{Name: "conflict", In: InInput, Type: "string", Enum: []string{"version", "skip"},
				Default: "version", Help: "where the name exists"}),
	}

	return []Action{
		create, list,
		row("get-bucket-details", "Get Bucket Details", "GET", bucket+"/details", RetryIdempotent,
			[]string{"bucket:read"}, params(bucketKey)),
		row("delete-bucket", "Delete Bucket", "DELETE", bucket, RetryIdempotent, []string{"bucket:delete"},
			params(bucketKey)),
		objects,
		row("delete-object", "Delete Object", "DELETE", object, RetryIdempotent, []string{"data:write"},
			params(bucketKey, objectKey)),
		row("get-signed-s3-upload-urls", "Get Signed S3 Upload URLs", "GET", object+"/signeds3upload",
			RetryWaste, upload, params(
				bucketKey, objectKey, with("1", within(inQuery("parts", "int", "URLs wanted"), 1, 25)),
				with("1", within(inQuery("firstPart", "int", "number of the first part"), 1, 10000)),
				inQuery("uploadKey", "string", "continues an upload"), minutes,
				with("true", inQuery("useAcceleration", "bool", "S3 acceleration hosts")))),
		put, complete,
		row("get-signed-s3-download-url", "Get Signed S3 Download URL", "GET", object+"/signeds3download",
			RetryIdempotent, []string{"data:read"}, params(
				bucketKey, objectKey, minutes, with("false", inQuery("useCdn", "bool", "a CDN URL")),
				with("false", inQuery("public-resource-fallback", "bool",
					"an OSS URL while the object is not assembled")),
				inQuery("response-content-type", "string", ""),
				inQuery("response-content-disposition", "string", ""),
				inQuery("response-cache-control", "string", ""), inHeader("If-None-Match", ""),
				inHeader("If-Modified-Since", ""))),
		composite,
	}
}

// extraRows are calls beyond the 51 that the engine needs.
func extraRows() []Action {
	row := func(name, title, method, path string, retry RetryClass, scopes []string, p []Param) Action {
		return Action{
			Name: name, Title: title, Family: "buckets", Method: method, Path: path, Scopes: scopes,
			Budget: BudgetOSS, Retry: retry, Params: p,
			Contexts: anyToken, Product: productData, Extra: true,
		}
	}
	const bucket = "/oss/v2/buckets/{bucketKey}"
	upload := []string{"data:write", "data:create"}
	details := row("get-object-details", "Get Object Details", "GET", bucket+"/objects/{objectKey}/details",
		RetryIdempotent, []string{"data:read"}, params(
			bucketKey, objectKey, inQuery("with", "string", "extra fields")))
	batchURLs := row("batch-signed-s3-upload", "Batch Signed S3 Upload URLs", "POST",
		bucket+"/objects/batchsigneds3upload", RetryWaste, upload, params(
			bucketKey, with("true", inQuery("useAcceleration", "bool", "S3 acceleration hosts")), minutes,
			must(within(inBody("requests", "array", "objects"), 1, 25))))
	batchURLs.Body = "json"
	batchComplete := row("batch-complete-upload", "Batch Complete Upload", "POST",
		bucket+"/objects/batchcompleteupload", RetryVerify, upload, params(
			bucketKey, must(within(inBody("requests", "array", "objects"), 1, 25))))
	batchComplete.Body = "json"
	batchDownloads := row("batch-signed-s3-download", "Batch Signed S3 Download URLs", "POST",
		bucket+"/objects/batchsigneds3download", RetryIdempotent, []string{"data:read"}, params(
			bucketKey, with("false", inQuery("public-resource-fallback", "bool",
				"an OSS URL while the object is not assembled")), minutes,
			must(within(inBody("requests", "array", "objects"), 1, 25))))
	batchDownloads.Body = "json"
	accountProject := Action{
		Name: "get-admin-project", Title: "Get Admin Project", Family: "admin", Method: "GET",
		Path:   "/construction/admin/v1/projects/{projectId}",
		Scopes: []string{"account:read"}, Budget: BudgetAdminRead, Retry: RetryIdempotent,
		Params:   params(inPath("projectId", "uuid", "project id without b.")),
		Contexts: userOptional, Product: productAdmin, CustomIntegration: true, Extra: true,
	}
	commands := Action{
		Name: "run-command", Title: "Run Command", Family: "items", Method: "POST",
		Path: "/data/v1/projects/{project_id}/commands", Body: "jsonapi",
		Scopes: []string{"data:read"}, Budget: BudgetPostCommands, Retry: RetryIdempotent,
		Params: params(projectID, xUserID), Contexts: userOptional, Product: productData,
		CustomIntegration: true, Extra: true,
	}
	search := Action{
		Name: "search-account-users", Title: "Search Account Users", Family: "admin", Method: "GET",
		Path:   "/hq/v1/accounts/{account_id}/users/search",
		Scopes: []string{"account:read"}, Budget: BudgetHQ, Retry: RetryIdempotent, Paging: PagingHQ,
		Contexts: appOnly, Product: productAdmin,
		CustomIntegration: true, Extra: true,
		Params: params(inPath("account_id", "uuid", "account id"), inQuery("email", "string", ""),
			inQuery("name", "string", ""),
			inQuery("company_name", "string", ""), oneOf(inQuery("operator", "string", ""), "OR", "AND"),
			inQuery("partial", "bool", ""),
			within(inQuery("limit", "int", ""), 1, 100), within(inQuery("offset", "int", ""), 0, 1<<31-1)),
	}

	return []Action{details, batchURLs, batchComplete, batchDownloads, accountProject, commands, search}
}
