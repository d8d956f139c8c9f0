package apsclient

import (
	"fmt"
	"slices"
	"strings"
)

// MethodComposite is the Method of an action that consists of others.
const MethodComposite = "COMPOSITE"

const (
	actionPutBinary = "upload-binary-to-signed-s3-url"
	actionUpload    = "upload-file-in-project-folder"
)

// The API products that are enabled for a client id in the developer portal.
const (
	productData     = "Data Management API"
	productAdmin    = "Autodesk Construction Cloud API"
	productWebhooks = "Webhooks API"
)

// APIs returns the products to enable for the client id: the action's own, and those that grant its
// scopes.
func (a Action) APIs() []string {
	var out []string
	if a.Product != "" {
		out = append(out, a.Product)
	}

	for _, s := range a.Scopes {
		product := productData // data:*, bucket:*
		if strings.HasPrefix(s, "account:") {
			product = productAdmin
		}

		if !slices.Contains(out, product) {
			out = append(out, product)
		}
	}

	return out
}

// Contexts, see Action.
var (
	userOptional = []string{"2L", "2L+user", "3L"}
	userRequired = []string{"2L+user", "3L"}
	appOnly      = []string{"2L"}
	anyToken     = []string{"2L", "3L"} // acts as the application whatever the token
)

// registryRows are all actions, the 51 then those the engine needs beyond them.
func registryRows() []Action {
	rows := dataRows()
	rows = append(rows, ossRows()...)
	rows = append(rows, webhookRows()...)

	rows = append(rows, adminRows()...)
	rows = append(rows, extraRows()...)
	for i := range rows {
		addExamples(&rows[i])
	}

	return rows
}

// Parameters that several rows share.

func inPath(name, kind, help string) Param {
	return Param{Name: name, In: InPath, Type: kind, Required: true, Help: help}
}

func inQuery(name, kind, help string) Param {
	return Param{Name: name, In: InQuery, Type: kind, Help: help}
}

func inHeader(name, help string) Param {
	return Param{Name: name, In: InHeader, Type: "string", Help: help}
}

func inBody(name, kind, help string) Param {
	return Param{Name: name, In: InBody, Type: kind, Help: help}
}

func must(p Param) Param {
	p.Required = true
	return p
}

func within(p Param, low, high int64) Param {
	p.Min, p.Max = low, high
	return p
}

func oneOf(p Param, values ...string) Param {
	p.Enum = values
	return p
}

func with(fallback string, p Param) Param {
	p.Default = fallback
	return p
}

func params(groups ...any) []Param {
	var out []Param
	for _, g := range groups {
		switch g := g.(type) {
		case Param:
			out = append(out, g)
		case []Param:
			out = append(out, g...)
		default:
			panic(fmt.Sprintf("apsclient: parameter group %T", g))
		}
	}

	return out
}

var (
	hubID     = inPath("hub_id", "id", "hub id, b. + account id for ACC and BIM 360")
	projectID = inPath("project_id", "id", "project id, with or without b.")
	folderID  = inPath("folder_id", "urn", "folder URN")
	itemID    = inPath("item_id", "urn", "item (lineage) URN")
	versionID = inPath("version_id", "urn", "version URN with ?version=N")
	bucketKey = Param{Name: "bucketKey", In: InPath, Type: "string", Required: true, Min: 3, Max: 128,
		Pattern: `^[-_.a-z0-9]{3,128}$`, Help: "bucket"}
	objectKey  = inPath("objectKey", "string", "object key, plain (it is escaped here)")
	xUserID    = inHeader("x-user-id", "act as this user with a two-legged token")
	pageNumber = with("0", within(inQuery("page[number]", "int", "page, from 0"), 0, 1<<31-1))
	pageLimit  = with("200", within(inQuery("page[limit]", "int", "elements a page"), 1, 200))
	jsonAPI    = []Param{pageNumber, pageLimit}
	ossPaging  = []Param{
		with("10", within(inQuery("limit", "int", "elements a page"), 1, 100)),
		inQuery("startAt", "string", "last key of the page before"),
	}
	minutes = with("2", within(inQuery("minutesExpiration", "int", "lifetime of the URLs in minutes"), 1, 60))
	regions = []string{"US", "EMEA", "AUS", "CAN", "DEU", "IND", "JPN", "GBR"}
)

// jsonAPIBody are the fields that every JSON:API body of a type holds.
func jsonAPIBody(kind string, fields ...Param) []Param {
	out := []Param{
		must(inBody("data", "object", "the resource")),
		must(oneOf(inBody("data.type", "string", "resource type"), kind)),
	}

	return append(out, fields...)
}
