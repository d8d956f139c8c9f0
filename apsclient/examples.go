package apsclient

import "strings"

// What `hoist emulator` puts into its world (emulator.Server.AddExamples), so that the examples
// work there as printed, in any order: what one deletes ("spare") no other names.
var demoWorld = strings.NewReplacer(
	"{hub}", "b.5c1f0000-0000-4000-8000-0000000000a1",
	"{account}", "5c1f0000-0000-4000-8000-0000000000a1",
	"{project}", "b.5c1f0000-0000-4000-8000-0000000000b3",
	"{bim360}", "5c1f0000-0000-4000-8000-0000000000b2",
	"{folder}", "urn:adsk.wipprod:fs.folder:co.HoistDemoFolder0000001",
	"{item}", "urn:adsk.wipprod:dm.lineage:HoistDemoItem000000001",
	"{version}", "urn:adsk.wipprod:fs.file:vf.HoistDemoItem000000001?version=1",
	"{bucket}", "hoist-demo-bucket",
	"{spare bucket}", "hoist-demo-spare",
	"{object}", "hello.txt",
	"{spare object}", "spare.txt",
	"{hook}", "5c1f0000-0000-4000-8000-0000000000e1",
	"{spare hook}", "5c1f0000-0000-4000-8000-0000000000e2",
	"{user}", "5c1f0000-0000-4000-8000-0000000000c1",
	"{company}", "5c1f0000-0000-4000-8000-0000000000d1",
	"{unit}", "5c1f0000-0000-4000-8000-0000000000f1",
)

const (
	inDemoProject = " --param project_id={project}"
	inDemoBIM360  = " --param account_id={account} --param project_id={bim360}"
	inDemoBucket  = " --param bucketKey={bucket}"
	onDemoObject  = inDemoBucket + " --param objectKey={object}"
	onDemoHook    = inDemoEvent + " --param hook_id={hook}"
	inDemoEvent   = " --param system=data --param event=dm.version.added"
)

// fromStdin is an example whose body comes from standard input.
func fromStdin(body, command string) string {
	return "echo '" + body + "' | hoist api " + command + " --body -"
}

var examples = map[string][]string{
	"list-hubs":        {"hoist api list-hubs"},
	"get-hub":          {"hoist api get-hub --param hub_id={hub}"},
	"list-projects":    {"hoist api list-projects --param hub_id={hub} --all"},
	"get-project":      {"hoist api get-project --param hub_id={hub} --param project_id={project}"},
	"list-top-folders": {"hoist api list-top-folders --param hub_id={hub} --param project_id={project}"},
	"get-folder":       {"hoist api get-folder" + inDemoProject + " --param folder_id={folder}"},
	"list-folder-contents": {"hoist api list-folder-contents" + inDemoProject +
		" --param folder_id={folder} --all"},
	"search-folder": {"hoist api search-folder" + inDemoProject +
		" --param folder_id={folder} --query 'filter[attributes.name]=hello.dwg'"},
	"create-folder": {fromStdin(
		`{"jsonapi":{"version":"1.0"},"data":{"type":"folders","attributes":{"name":"Drawings",`+
			`"extension":{"type":"folders:autodesk.bim360:Folder","version":"1.0"}},`+
			`"relationships":{"parent":{"data":{"type":"folders","id":"{folder}"}}}}}`,
		"create-folder"+inDemoProject)},
	"update-folder": {fromStdin(
		`{"jsonapi":{"version":"1.0"},"data":{"type":"folders","id":"{folder}",`+
			`"attributes":{"hidden":false}}}`,
		"update-folder"+inDemoProject+" --param folder_id={folder}")},
	"create-storage": {fromStdin(
		`{"jsonapi":{"version":"1.0"},"data":{"type":"objects","attributes":{"name":"a.dwg"},`+
			`"relationships":{"target":{"data":{"type":"folders","id":"{folder}"}}}}}`,
		"create-storage"+inDemoProject)},
	"create-item": {fromStdin(
		`{"jsonapi":{"version":"1.0"},"data":{"type":"items","attributes":{"displayName":"copy.dwg",`+
			`"extension":{"type":"items:autodesk.bim360:File","version":"1.0"}},`+
			`"relationships":{"tip":{"data":{"type":"versions","id":"1"}},`+
			`"parent":{"data":{"type":"folders","id":"{folder}"}}}},`+
			`"included":[{"type":"versions","id":"1","attributes":{"name":"copy.dwg",`+
			`"extension":{"type":"versions:autodesk.bim360:File","version":"1.0"}}}]}`,
		"create-item"+inDemoProject+" --query 'copyFrom={version}'")},
	"get-item": {"hoist api get-item" + inDemoProject + " --param item_id={item}"},
	"update-item": {fromStdin(
		`{"jsonapi":{"version":"1.0"},"data":{"type":"items","id":"{item}","attributes":{`+
			`"extension":{"type":"items:autodesk.bim360:File","version":"1.0",`+
			`"data":{"description":"checked"}}}}}`,
		"update-item"+inDemoProject+" --param item_id={item}")},
	"get-item-tip-version": {"hoist api get-item-tip-version" + inDemoProject + " --param item_id={item}"},
	"list-item-versions": {"hoist api list-item-versions" + inDemoProject +
		" --param item_id={item} --all"},
	"create-version": {fromStdin(`{"jsonapi":{"version":"1.0"},"data":{"type":"versions"}}`,
		"create-version"+inDemoProject+" --query 'copyFrom={version}'")},
	"get-version": {"hoist api get-version" + inDemoProject +
		" --param 'version_id={version}'"},
	"get-version-download-formats": {"hoist api get-version-download-formats" + inDemoProject +
		" --param 'version_id={version}'"},
	"get-version-downloads": {"hoist api get-version-downloads" + inDemoProject +
		" --param 'version_id={version}'"},
	"create-bucket": {fromStdin(`{"bucketKey":"hoist-example-bucket","policyKey":"transient"}`,
		"create-bucket")},
	"list-buckets":        {"hoist api list-buckets --all"},
	"get-bucket-details":  {"hoist api get-bucket-details" + inDemoBucket},
	"delete-bucket":       {"hoist api delete-bucket --param bucketKey={spare bucket}"},
	"list-bucket-objects": {"hoist api list-bucket-objects" + inDemoBucket + " --all"},
	"delete-object": {"hoist api delete-object" + inDemoBucket +
		" --param objectKey={spare object}"},
	"get-signed-s3-upload-urls": {"hoist api get-signed-s3-upload-urls" + onDemoObject +
		" --param parts=1"},
	actionPutBinary: {
		"hoist api get-signed-s3-upload-urls" + onDemoObject +
			` | sed 's/.*"urls": *\["\([^"]*\)".*/\1/' > url.txt`,
		"echo hello | hoist api upload-binary-to-signed-s3-url --param url=@url.txt --body -",
	},
	"signed-s3-upload": {
		"hoist api get-signed-s3-upload-urls" + onDemoObject + " > urls.json",
		`sed 's/.*"urls": *\["\([^"]*\)".*/\1/' urls.json > url.txt`,
		"echo hello | hoist api upload-binary-to-signed-s3-url --param url=@url.txt --body -",
		`sed 's/.*"uploadKey": *"\([^"]*\)".*/{"uploadKey":"\1","size":6}/' urls.json | ` +
			`hoist api signed-s3-upload` + onDemoObject + " --body -",
	},
	"get-signed-s3-download-url": {"hoist api get-signed-s3-download-url" + onDemoObject},
	actionUpload: {"echo hello > note.txt",
		"hoist api upload-file-in-project-folder" + inDemoProject +
			" --param folder_id={folder} --body note.txt"},
	"create-webhook": {fromStdin(
		`{"callbackUrl":"https://example.com/callback","scope":{"folder":"{folder}"}}`,
		"create-webhook --param system=data --param event=dm.version.deleted")},
	"get-webhook":             {"hoist api get-webhook" + onDemoHook},
	"update-webhook":          {fromStdin(`{"status":"active"}`, "update-webhook"+onDemoHook)},
	"delete-webhook":          {"hoist api delete-webhook" + inDemoEvent + " --param hook_id={spare hook}"},
	"list-webhooks":           {"hoist api list-webhooks --all"},
	"list-webhooks-by-system": {"hoist api list-webhooks-by-system --param system=data --all"},
	"list-account-projects": {"hoist api list-account-projects --param account_id={account} --all",
		"hoist api list-account-projects --variant acc --param account_id={account} --all"},
	"create-account-project": {fromStdin(
		`{"name":"Tower","start_date":"2026-01-01","end_date":"2027-01-01",`+
			`"project_type":"Hospital","value":3000,"currency":"USD"}`,
		"create-account-project --param account_id={account}")},
	"update-account-project": {fromStdin(`{"name":"Tower East"}`, "update-account-project"+inDemoBIM360)},
	"list-account-users":     {"hoist api list-account-users --param account_id={account} --all"},
	"create-account-user": {fromStdin(`{"email":"new@example.com","first_name":"New"}`,
		"create-account-user --param account_id={account}")},
	"get-account-user": {"hoist api get-account-user --param account_id={account} --param " +
		"user_id={user}"},
	"update-account-user": {fromStdin(`{"default_role":"BIM Manager"}`,
		"update-account-user --param account_id={account} --param user_id={user}")},
	"list-account-companies": {"hoist api list-account-companies --param account_id={account} --all"},
	"list-business-units":    {"hoist api list-business-units --param account_id={account}"},
	"create-business-units": {fromStdin(`{"business_units":[{"id":"{unit}","name":"North America"}]}`,
		"create-business-units --param account_id={account}")},
	"list-project-users": {"hoist api list-project-users --param project_id={project} --all"},
	"add-project-user": {
		fromStdin(
			`[{"email":"dan.drafter@example.com",`+
				`"services":{"document_management":{"access_level":"user"}}}]`,
			"add-project-user"+inDemoBIM360+" --param x-user-id=DEMOADMIN001"),
		fromStdin(`{"email":"dan.drafter@example.com","products":[{"key":"docs","access":"member"}]}`,
			"add-project-user --variant acc"+inDemoProject+" --param User-Id=DEMOADMIN001"),
	},
	"update-project-user": {
		fromStdin(`{"company_id":"{company}"}`,
			"update-project-user"+inDemoBIM360+" --param user_id={user} --param x-user-id=DEMOADMIN001"),
	},
	"list-project-industry-roles": {"hoist api list-project-industry-roles" + inDemoBIM360},
}

func addExamples(a *Action) {
	for _, line := range examples[a.Name] {
		a.Example = append(a.Example, demoWorld.Replace(line))
	}
}
