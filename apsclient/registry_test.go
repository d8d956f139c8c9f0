package apsclient_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hoist/apsclient"
)

// the51 is the list that people know.
const the51 = `Add Project User, Create Account Project, Create Account User, Create Bucket,
Create Business Units, Create Folder, Create Item, Create Storage, Create Version, Create Webhook,
Delete Bucket, Delete Object, Delete Webhook, Get Account User, Get Bucket Details, Get Folder, Get Hub,
Get Item, Get Item Tip Version, Get Project, Get Signed S3 Download URL, Get Signed S3 Upload URLs,
Get Version, Get Version Download Formats, Get Version Downloads, Get Webhook, List Account Companies,
List Account Projects, List Account Users, List Bucket Objects, List Buckets, List Business Units,
List Folder Contents, List Hubs, List Item Versions, List Project Industry Roles, List Project Users,
List Projects, List Top Folders, List Webhooks, List Webhooks By System, Search Folder, Signed S3 Upload,
Update Account Project, Update Account User, Update Folder, Update Item, Update Project User,
Update Webhook, Upload Binary To Signed S3 URL, Upload File In Project Folder`

func TestRegistryHoldsThe51(t *testing.T) {
	var want, got []string
	for title := range strings.SplitSeq(the51, ",") {
		want = append(want, strings.TrimSpace(title))
	}

	for _, a := range apsclient.Actions() {
		got = append(got, a.Title)
		if kebab := strings.ReplaceAll(strings.ToLower(a.Title), " ", "-"); a.Name != kebab {
			t.Errorf("%s is named %s, want %s", a.Title, a.Name, kebab)
		}
	}

	slices.Sort(want)
	slices.Sort(got)
	if len(got) != 51 || !slices.Equal(got, want) {
		t.Errorf("%d actions, want these 51: %v", len(got), want)
	}
}

func TestRegistryRowsAreWhole(t *testing.T) {
	limits := apsclient.DocumentedLimits()
	for _, a := range apsclient.Actions() {
		t.Run(a.Name, func(t *testing.T) {
			check := func(method, path string, params []apsclient.Param, body string,
				budget apsclient.BudgetClass, retry apsclient.RetryClass) {
				t.Helper()

				for _, p := range params {
					if p.In == apsclient.InPath && !strings.Contains(path, "{"+p.Name+"}") {
						t.Errorf("path %s has no %s", path, p.Name)
					}

					if p.Min > p.Max && p.Max != 0 {
						t.Errorf("%s is from %d to %d", p.Name, p.Min, p.Max)
					}
				}

				if strings.Count(path, "{") != len(
					slices.DeleteFunc(slices.Clone(params), func(p apsclient.Param) bool {
						return p.In != apsclient.InPath
					})) {
					t.Errorf("path %s and its parameters disagree", path)
				}

				if (method == "GET" || method == "DELETE") != (body == "") {
					t.Errorf("%s with body %q", method, body)
				}

				if (method == "GET" || method == "DELETE") && retry != apsclient.RetryIdempotent &&
					retry != apsclient.RetryWaste {
					t.Errorf("%s is %s", method, retry)
				}

				if method == "POST" && retry == apsclient.RetryIdempotent {
					t.Error("a POST is not idempotent")
				}

				if _, ok := limits[budget]; !ok && budget != apsclient.BudgetWebhooks &&
					strings.HasPrefix(path, "/") {
					t.Errorf("no limit for class %q", budget)
				}
			}
			check(a.Method, a.Path, a.Params, a.Body, a.Budget, a.Retry)

			for _, v := range a.Variants {
				check(v.Method, v.Path, v.Params, v.Body, v.Budget, v.Retry)
				if v.Name == a.Platform || v.Name != "acc" && v.Name != "bim360" {
					t.Errorf("variant %q beside platform %q", v.Name, a.Platform)
				}
			}

			if len(a.Scopes) == 0 && a.Name != "upload-binary-to-signed-s3-url" {
				t.Error("no scopes")
			}

			if a.Title == "" || a.Family == "" || len(a.Contexts) == 0 || len(a.Example) == 0 {
				t.Errorf("not whole: %+v", a)
			}

			for _, line := range a.Example {
				if strings.Contains(line, "=b.{") || strings.Contains(line, "{project}") ||
					strings.Contains(line, "{folder}") {
					t.Errorf("example with a hole: %s", line)
				}
			}
		})
	}
}

func TestValidate(t *testing.T) {
	folder := map[string]string{"project_id": "b.5c1f0000-0000-4000-8000-0000000000b1",
		"folder_id": "urn:adsk.wipprod:fs.folder:co.F"}
	with := func(more ...string) map[string]string {
		out := map[string]string{}
		maps.Copy(out, folder)

		for i := 0; i+1 < len(more); i += 2 {
			out[more[i]] = more[i+1]
		}

		return out
	}
	account := map[string]string{"account_id": "5c1f0000-0000-4000-8000-0000000000a1"}

	tests := []struct {
		name string
		r    apsclient.Request
		want string // "" valid
	}{
		{"unknown action", apsclient.Request{Action: "list-hub"},
			"unknown action list-hub; did you mean list-hubs?"},
		{"valid", apsclient.Request{Action: "get-folder", Params: folder}, ""},
		{"filters over any attribute",
			apsclient.Request{Action: "list-folder-contents", Params: folder,
				Query: map[string][]string{"filter[displayName]-starts": {"a"},
					"filter[type]": {"folders,items"}}}, ""},
		{"missing", apsclient.Request{Action: "get-folder", Params: map[string]string{"project_id": "b.x"}},
			"get-folder: parameter folder_id: missing: takes a URN (urn:...)"},
		{"unknown parameter", apsclient.Request{Action: "get-folder", Params: with("folderid2", "x")},
			"get-folder: parameter folderid2: unknown: this action takes project_id, folder_id, " +
				"If-Modified-Since, x-user-id; did you mean folder_id?"},
		{"a name in the query that may be new", apsclient.Request{Action: "list-account-users",
			Params: account, Query: map[string][]string{"limt": {"0"}}}, ""},
		{"a name in the query that belongs into the path", apsclient.Request{Action: "get-folder",
			Params: folder, Query: map[string][]string{"folder_id": {"urn:x"}}},
			"get-folder: parameter folder_id: unknown: this action takes project_id, folder_id, " +
				"If-Modified-Since, x-user-id"},
		{"status of companies", apsclient.Request{Action: "list-account-companies", Variant: "acc",
			Params: account, Query: map[string][]string{"filter[status]": {"gone"}}},
			`list-account-companies: parameter filter[status]: "gone" is not one of active, inactive, all`},
		{"not a URN", apsclient.Request{Action: "get-folder", Params: with("folder_id", "co.F")},
			`get-folder: parameter folder_id: "co.F" is not a URN (urn:...)`},
		{"limit out of range", apsclient.Request{Action: "list-folder-contents",
			Params: with("page[limit]", "201")},
			`list-folder-contents: parameter page[limit]: "201" is not a whole number from 1 to 200`},
		{"limit of hq", apsclient.Request{Action: "list-account-users", Params: account,
			Query: map[string][]string{"limit": {"0"}}},
			`list-account-users: parameter limit: "0" is not a whole number from 1 to 100`},
		{"limit of text", apsclient.Request{Action: "list-buckets",
			Params: map[string]string{"limit": "ten"}},
			`list-buckets: parameter limit: "ten" is not a whole number from 1 to 100`},
		{"bool", apsclient.Request{Action: "list-folder-contents", Params: with("includeHidden", "yes")},
			`list-folder-contents: parameter includeHidden: "yes" is not true or false`},
		{"enum", apsclient.Request{Action: "list-buckets", Params: map[string]string{"region": "EMAE"}},
			`list-buckets: parameter region: "EMAE" is not one of US, EMEA, AUS, CAN, DEU, IND, JPN, GBR; ` +
				`did you mean EMEA?`},
		{"bucket name", apsclient.Request{Action: "delete-bucket",
			Params: map[string]string{"bucketKey": "Big"}},
			`delete-bucket: parameter bucketKey: "Big" is not text of 3 to 128 characters matching ` +
				`^[-_.a-z0-9]{3,128}$`},
		{"the other spelling", apsclient.Request{Action: "list-account-users",
			Params: map[string]string{"accountId": "b.5c1f0000-0000-4000-8000-0000000000a1"}}, ""},
		{"variant", apsclient.Request{Action: "list-account-projects", Variant: "acc", Params: account}, ""},
		{"no variant", apsclient.Request{Action: "list-hubs", Variant: "acc"},
			"list-hubs: parameter variant: unknown variant acc: this action has no variants"},
		{"malformed JSON", apsclient.Request{Action: "create-bucket", Body: []byte(`{"bucketKey":`)},
			"create-bucket: parameter body: not JSON: unexpected EOF"},
		{"no body", apsclient.Request{Action: "create-bucket"},
			"create-bucket: parameter body: missing: takes JSON with bucketKey, policyKey"},
		{"body of a read", apsclient.Request{Action: "list-hubs", Body: []byte("{}")},
			"list-hubs: parameter body: this action takes none"},
		{"field missing", apsclient.Request{Action: "create-bucket", Body: []byte(`{"bucketKey":"abc"}`)},
			"create-bucket: parameter policyKey: missing in the body: takes one of transient, temporary, " +
				"persistent"},
		{"field of another type", apsclient.Request{Action: "create-bucket",
			Body: []byte(`{"bucketKey":7,"policyKey":"transient"}`)}, "create-bucket: parameter bucketKey: " +
			"in the body is not text of 3 to 128 characters matching ^[-_.a-z0-9]{3,128}$"},
		{"array where an object belongs", apsclient.Request{Action: "create-bucket", Body: []byte(`[]`)},
			"create-bucket: parameter body: takes a JSON object"},
		{"another resource type", apsclient.Request{Action: "create-storage",
			Params: map[string]string{"project_id": "b.x"}, Body: []byte(`{"data":{"type":"items"}}`)},
			"create-storage: parameter data.type: in the body is not one of objects"},
		{"users in an array", apsclient.Request{Action: "add-project-user",
			Params: map[string]string{"account_id": account["account_id"],
				"project_id": account["account_id"]}, Body: []byte(`{}`)},
			"add-project-user: parameter body: takes a JSON array of 1 to 50 elements: users: email or " +
				"user_id, services, company_id, industry_roles"},
		{"51 users", apsclient.Request{Action: "add-project-user",
			Params: map[string]string{"account_id": account["account_id"],
				"project_id": account["account_id"]}, Body: []byte("[" + strings.Repeat("{},", 50) + "{}]")},
			"add-project-user: parameter body: takes a JSON array of 1 to 50 elements: users: email or " +
				"user_id, services, company_id, industry_roles"},
		{"a field as a parameter", apsclient.Request{Action: "create-bucket",
			Params: map[string]string{"policyKey": "transient"}}, "create-bucket: parameter policyKey: a " +
			"field of the body (--body): takes one of transient, temporary, persistent"},
		{"version numbers", apsclient.Request{Action: "list-item-versions",
			Params: map[string]string{"project_id": "b.x", "item_id": "urn:x"},
			Query:  map[string][]string{"filter[versionNumber]": {"1,2"}}}, ""},
		{"one that is no version number",
			apsclient.Request{Action: "list-item-versions",
				Params: map[string]string{"project_id": "b.x", "item_id": "urn:x"},
				Query:  map[string][]string{"filter[versionNumber]": {"1,b"}}},
			`list-item-versions: parameter filter[versionNumber]: "b" is not a whole number`},
		{"a secret is not shown", apsclient.Request{Action: "upload-binary-to-signed-s3-url",
			Params: map[string]string{"url": "sig=SECRET"}},
			"upload-binary-to-signed-s3-url: parameter url: the value is not a URL"},
		{"composite", apsclient.Request{Action: "upload-file-in-project-folder",
			Params: with("conflict", "rename")},
			`upload-file-in-project-folder: parameter conflict: "rename" is not one of version, skip`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := apsclient.Validate(tt.r)
			got := ""
			if err != nil {
				got = err.Error()
			}

			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	const id = "5c1f0000-0000-4000-8000-0000000000a1"

	project := map[string]string{"projectId": id}
	both := map[string]string{"account_id": id, "project_id": id}

	tests := []struct {
		name, action, variant string
		params                map[string]string
		query                 string // k=v
		want                  string // "" none
	}{
		{"known", "list-buckets", "", nil, "limit=5", ""},
		{"unknown", "list-buckets", "", nil, "limt=5", "list-buckets: parameter limt: unknown: this action " +
			"takes region, limit, startAt; did you mean limit?"},
		{"any filter of Data Management", "list-hubs", "", nil, "filter[new]=a", ""},
		{"status of companies", "list-account-companies", "acc", map[string]string{"account_id": id},
			"filter[status]=all", ""},
		{"import without e-mails", "add-project-user", "", both, "suppressAdministrativeEmails=true", ""},
		{"status of users", "list-project-users", "", project, "filter[status]=active", ""},
		{"deprecated", "list-project-users", "", project, "filter[status]=active,reactivated",
			`list-project-users: parameter filter[status]: "reactivated" is deprecated`},
		{"deprecated in BIM 360", "list-project-users", "bim360", project, "filter[status]=reactivated",
			`list-project-users: parameter filter[status]: "reactivated" is deprecated`},
		{"deprecated as a parameter", "list-project-users", "",
			map[string]string{"projectId": id, "filter[status]": "reactivated"}, "",
			`list-project-users: parameter filter[status]: "reactivated" is deprecated`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := apsclient.Request{Action: tt.action, Variant: tt.variant, Params: tt.params}
			if k, v, ok := strings.Cut(tt.query, "="); ok {
				r.Query = map[string][]string{k: {v}}
			}

			if r.Action == "add-project-user" {
				r.Body = []byte(`[{}]`)
			}

			if err := apsclient.Validate(r); err != nil {
				t.Errorf("refused: %v", err)
			}

			var got []string
			for _, w := range apsclient.Warnings(r) {
				got = append(got, w.Error())
			}

			if strings.Join(got, "\n") != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestPlanSpellsPathsAsTheFamilyNeeds(t *testing.T) {
	c, err := apsclient.New(apsclient.Config{UserID: "USER1", Region: "EMEA",
		Tokens: apsclient.ClientCredentials("", "id", "s")})
	if err != nil {
		t.Fatal(err)
	}

	const uuid = "5c1f0000-0000-4000-8000-0000000000b1"

	tests := []struct {
		name    string
		r       apsclient.Request
		url     string
		headers string
	}{
		{"b. is added", apsclient.Request{Action: "get-version",
			Params: map[string]string{"projectId": uuid,
				"version_id": "urn:adsk.wipprod:fs.file:vf.L?version=2"}},
			"/data/v1/projects/b." + uuid + "/versions/urn:adsk.wipprod:fs.file:vf.L%3Fversion%3D2",
			"X-User-Id=USER1"},
		{"b. is stripped", apsclient.Request{Action: "list-project-users",
			Params: map[string]string{"project_id": "b." + uuid}},
			"/construction/admin/v1/projects/" + uuid + "/users", "User-Id=USER1 Region=EMEA"},
		{"hub of an account", apsclient.Request{Action: "list-account-users",
			Params: map[string]string{"accountId": "b." + uuid}},
			"/hq/v1/accounts/" + uuid + "/users", "Region=EMEA"},
		{"a. stays", apsclient.Request{Action: "get-hub", Params: map[string]string{"hub_id": "a.Yns"}},
			"/project/v1/hubs/a.Yns", "X-User-Id=USER1"},
		{"object keys", apsclient.Request{Action: "delete-object",
			Params: map[string]string{"bucketKey": "bucket", "objectKey": "a/b c+d%e?.dwg"}},
			"/oss/v2/buckets/bucket/objects/a%2Fb%20c%2Bd%25e%3F.dwg", ""},
		{"a key of dots", apsclient.Request{Action: "delete-object",
			Params: map[string]string{"bucketKey": "bucket", "objectKey": ".."}},
			"/oss/v2/buckets/bucket/objects/%2E%2E", ""},
		{"region of buckets", apsclient.Request{Action: "list-buckets"}, "/oss/v2/buckets?region=EMEA", ""},
		{"region of hooks", apsclient.Request{Action: "list-webhooks"}, "/webhooks/v1/hooks",
			"X-Ads-Region=EMEA"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := c.Plan(tt.r)
			if err != nil {
				t.Fatal(err)
			}

			if got := strings.TrimPrefix(p.URL, apsclient.DefaultBaseURL); got != tt.url {
				t.Errorf("got %s, want %s", got, tt.url)
			}

			for h := range strings.FieldsSeq(tt.headers) {
				if k, v, _ := strings.Cut(h, "="); p.Header[k] != v {
					t.Errorf("header %s is %q, want %q", k, p.Header[k], v)
				}
			}

			if p.Header["Authorization"] != "redacted" {
				t.Errorf("authorization %q", p.Header["Authorization"])
			}
		})
	}

	secret := strings.Repeat("s", 32)
	p, err := c.Plan(apsclient.Request{Action: "update-webhook",
		Body:   []byte(`{"status":"active","token":"` + secret + `"}`),
		Params: map[string]string{"system": "data", "event": "dm.version.added", "hook_id": "1"}})
	if want := `{"status":"active","token":"redacted"}`; err != nil || p.Body != want {
		t.Errorf("the plan shows %s (%v), want %s", p.Body, err, want)
	}

	if _, err := c.Plan(apsclient.Request{Action: "upload-binary-to-signed-s3-url",
		Params: map[string]string{"url": "https://s3/x?sig=S"}}); err != nil {
		t.Error(err)
	}
}

func TestConfig(t *testing.T) {
	tests := []struct {
		name, base string
		ok         bool
	}{
		{"the service", "", true},
		{"https elsewhere", "https://aps.example.com", true},
		{"with a slash", "https://aps.example.com/", true},
		{"http to localhost", "http://localhost:8080", true},
		{"http to 127.x", "http://127.9.9.9:1", true},
		{"http to ::1", "http://[::1]:8080", true},
		{"http elsewhere", "http://aps.example.com", false},
		{"http to a name that looks like loopback", "http://127.0.0.1.example.com", false},
		{"a path", "https://aps.example.com/x", false},
		{"a password", "https://u:p@aps.example.com", false},
		{"no scheme", "aps.example.com", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := apsclient.New(apsclient.Config{BaseURL: tt.base})
			if (err == nil) != tt.ok {
				t.Errorf("got %v", err)
			}

			if err != nil && !bytes.HasPrefix([]byte(err.Error()), []byte("APS_BASE_URL: ")) {
				t.Errorf("the setting is not named: %v", err)
			}
		})
	}
}

func TestLoadRootsAddsToTheSystems(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"e"`)
	}))
	defer srv.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file,
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}),
		0o600); err != nil {
		t.Fatal(err)
	}

	roots, err := apsclient.LoadRoots(file)
	if err != nil {
		t.Fatal(err)
	}

	c := loopbackClient(t, srv, func(c *apsclient.Config) { c.RootCAs = roots })
	if _, err := c.Data.PutPart(t.Context(), apsclient.SignedURL(srv.URL+"/b/k"),
		apsclient.PartBody{}); err != nil {
		t.Error(err)
	}

	strict := loopbackClient(t, srv, func(c *apsclient.Config) { c.RootCAs = nil })
	_, err = strict.Data.PutPart(t.Context(), apsclient.SignedURL(srv.URL+"/b/k"), apsclient.PartBody{})
	n, ok := errors.AsType[*apsclient.NetError](err)
	if !ok || n.Sent {
		t.Errorf("an unknown certificate: %v", err)
	}

	alone := x509.NewCertPool()
	alone.AddCert(srv.Certificate())
	if system, err := x509.SystemCertPool(); err == nil && !system.Equal(x509.NewCertPool()) &&
		roots.Equal(alone) {
		t.Error("the system's roots are gone")
	}

	for _, bad := range []string{filepath.Join(t.TempDir(), "none.pem"), "registry_test.go"} {
		_, err := apsclient.LoadRoots(bad)
		c, ok := errors.AsType[*apsclient.ConfigError](err)
		if !ok || c.Name != "SSL_CERT_FILE" {
			t.Errorf("%s: %v", bad, err)
		}
	}

	if roots, err := apsclient.LoadRoots(""); roots != nil || err != nil {
		t.Errorf("without a file: %v, %v", roots, err)
	}
}
