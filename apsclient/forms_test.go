package apsclient_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"unicode"

	"hoist/apsclient"
)

// errorForms are the bodies that refusals of the service, its gateway and its storage were seen to
// have; says is what has to be shown of each.
var errorForms = []struct {
	name, kind, body, says string
	header                 []string
}{
	{"text", "text/plain", "Token does not have the privilege for this request.",
		": Token does not have the privilege for this request.", nil},
	{"empty", "", "", ": The input urn is not authorized.",
		[]string{"X-Ads-Troubleshooting", "The input urn is not authorized."}},
	{"XML", "application/xml",
		"<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code><Message>no &lt;way&gt;" +
			"</Message><RequestId>R</RequestId></Error>", ": no <way> (AccessDenied)", nil},
	{"fault", "application/json",
		`{"fault":{"faultstring":"Quota violated","detail":{"errorcode":"policies.QuotaViolation"}}}`,
		": Quota violated (policies.QuotaViolation)", nil},
	{"array", "application/json", `["one","two","one"]`, ": one; two", nil},
	{"array of objects", "application/json", `[{"code":1003,"message":"one"},{"code":9,"message":"two"}]`,
		": one; two (1003)", nil},
	{"string", "application/json", `"just words"`, ": just words", nil},
	{"byte order mark", "application/json", "\ufeff{\"reason\":\"words\"}\r\n", ": words", nil},
	{"gateway", "application/json",
		`{"developerMessage":"words","userMessage":" ","more info":"https://x/?a=b","errorCode":"AUTH-010"}`,
		": words (AUTH-010)", nil},
	{"gateway since", "application/json", `{"developerMessage":"","userMessage":"words","moreInfo":"x",` +
		`"errorCode":"AUTH-001"}`, ": words (AUTH-001)", nil},
	{"problem", "application/problem+json", `{"type":"T","title":"invalid","detail":"see errors","errors":[` +
		`{"field":"name","detail":"too long"},{"field":"value","title":"no number"}]}`,
		": see errors; name: too long; value: no number", nil},
	{"several", "application/vnd.api+json",
		`{"errors":[{"code":"A","detail":"one"},{"code":"B","title":"two"}]}`,
		": one; two (A)", nil},
	{"detail as a list", "application/json", `{"code":"C","title":"t","detail":["one","two"]}`,
		": one; two (C)", nil},
	{"numeric code", "application/json", `{"code":1003,"message":"words"}`, ": words (1003)", nil},
	{"unknown", "application/octet-stream", "odd \x1b[31m bytes\x00", ": odd [31m bytes",
		[]string{"X-Ads-Request-Id", "R"}},
	{"cut", "application/json", `{"reason":"wor`, `: {"reason":"wor`, []string{"X-Request-Id", "R"}},
	{"unknown JSON", "application/json", `{"what":{"ever":1}}`, `: {"what":{"ever":1}}`, nil},
	{"too long", "text/plain", strings.Repeat("long ", 1000), ": long long", nil},
}

// TestEveryErrorFormOnEveryAction: whatever form a refusal has, every action shows its words, cleaned
// and bounded, and makes the call once.
func TestEveryErrorFormOnEveryAction(t *testing.T) {
	for _, a := range apsclient.Actions() {
		if a.Method == apsclient.MethodComposite {
			continue
		}

		for i, f := range errorForms {
			status := []int{400, 403, 404, 409, 415, 422}[i%6]
			r := apsclient.Request{Action: a.Name, Params: map[string]string{}, Body: []byte(`{}`)}
			for _, p := range a.Params {
				if p.In == apsclient.InPath {
					r.Params[p.Name] = "x"
				}
			}

			if a.Path == "" {
				r.Params["url"] = "https://s3.example.com/x?partNumber=1"
			}

			s := &service{answer: func(int, *http.Request, string) (*http.Response, error) {
				return reply(status, f.kind, f.body, f.header...), nil
			}}
			synctest.Test(t, func(t *testing.T) {
				_, err := newClient(t, s, quiet).Do(t.Context(), r)
				e, ok := errors.AsType[*apsclient.Error](err)
				if !ok || e.Status != status || !strings.Contains(err.Error(), f.says) ||
					len(err.Error()) > 500 ||
					strings.ContainsFunc(err.Error(), unicode.IsControl) || s.count() != 1 {
					t.Errorf("%s, %s: %v after %d calls", a.Name, f.name, err, s.count())
				}
			})
		}
	}
}

// TestEveryErrorFormOfTheToken: the same of a refusal of the token.
func TestEveryErrorFormOfTheToken(t *testing.T) {
	for _, f := range errorForms {
		if f.name == "cut" || f.name == "unknown JSON" {
			continue // may be anybody's
		}

		for _, status := range []int{400, 401, 403} {
			s := &service{token: func(int, *http.Request, string) (*http.Response, error) {
				return reply(status, f.kind, f.body, f.header...), nil
			}}
			synctest.Test(t, func(t *testing.T) {
				_, _, err := newClient(t, s, quiet).Hubs.List(t.Context())
				e, ok := errors.AsType[*apsclient.AuthError](err)
				if !ok || e.Status != status || !strings.Contains(err.Error(), f.says) ||
					len(err.Error()) > 500 ||
					strings.ContainsFunc(err.Error(), unicode.IsControl) || s.count() != 0 {
					t.Errorf("%s %d: %v", f.name, status, err)
				}
			})
		}
	}
}
