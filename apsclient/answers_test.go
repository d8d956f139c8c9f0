package apsclient_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient"
)

func TestErrorBodiesOfEveryFamily(t *testing.T) {
	tests := []struct {
		name, body string
		status     int
		header     []string
		want       string
		code       string
		is         error
	}{
		{"JSON:API",
			`{"jsonapi":{"version":"1.0"},"errors":[{"id":"x","status":"404","code":"FOLDER_NOT_FOUND",` +
				`"title":"Not found","detail":"The folder is gone"}]}`, 404, nil,
			"get folder: 404 not found: The folder is gone (FOLDER_NOT_FOUND)", "FOLDER_NOT_FOUND",
			apsclient.ErrNotFound},
		{"OSS", `{"reason":"Bucket already exists"}`, 409, nil,
			"get folder: 409 conflict: Bucket already exists", "", apsclient.ErrConflict},
		{"gateway",
			`{"developerMessage":"Token expired","userMessage":"","errorCode":"Auth-006",` +
				`"more info":"http://x"}`, 403, nil, "get folder: 403 forbidden: Token expired (Auth-006)",
			"Auth-006", apsclient.ErrForbidden},
		{"OAuth", `{"error":"invalid_scope","error_description":"no"}`, 400, nil,
			"get folder: 400 bad request: no (invalid_scope)", "invalid_scope", apsclient.ErrBadRequest},
		{"hq", `{"code":1004,"message":"this operation is not allowed"}`, 422, nil,
			"get folder: 422 unprocessable entity: this operation is not allowed (1004)", "1004",
			apsclient.ErrBadRequest},
		{"webhooks",
			`{"id":"1","status":409,"code":"CONFLICT_ERROR","title":"Conflict",` +
				`"detail":["exists","already"]}`,
			409, nil, "get folder: 409 conflict: exists; already (CONFLICT_ERROR)", "CONFLICT_ERROR",
			apsclient.ErrConflict},
		{"S3",
			`<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Request has ` +
				`expired</Message></Error>`,
			403, nil, "get folder: 403 forbidden: Request has expired (AccessDenied)", "AccessDenied",
			apsclient.ErrForbidden},
		{"locked", ``, 423, nil, "get folder: 423 locked", "", apsclient.ErrLocked},
		{"precondition", `[]`, 412, nil, "get folder: 412 precondition failed", "",
			apsclient.ErrPrecondition},
		{"fields with lists", `{"title":"Invalid","errors":{"name":["too long","taken"],"email":"missing"}}`,
			422, nil, "get folder: 422 unprocessable entity: email: missing; name: too long; taken", "",
			apsclient.ErrBadRequest},
		{"parameters of the problem form",
			`{"title":"Invalid","invalid-params":[{"name":"age","reason":"must be positive"}]}`, 400, nil,
			"get folder: 400 bad request: age: must be positive", "", apsclient.ErrBadRequest},
		{"a pointer to the field",
			`{"errors":[{"title":"Bad","source":{"pointer":"/data/attributes/name"}}]}`, 400, nil,
			"get folder: 400 bad request: /data/attributes/name: Bad", "", apsclient.ErrBadRequest},
		{"messages as a list", `{"statusCode":400,"message":["a is bad","b is bad"]}`, 400, nil,
			"get folder: 400 bad request: a is bad; b is bad", "", apsclient.ErrBadRequest},
		{"an answer inside of another", `{"response":{"errors":[{"reason":"inner"}]}}`, 400, nil,
			"get folder: 400 bad request: inner", "", apsclient.ErrBadRequest},
		{"XML with a namespace",
			`<s:Error xmlns:s="http://s3.amazonaws.com/doc/2006-03-01/"><Code>SlowUp</Code>` +
				`<Message>a &amp; b</Message></s:Error>`, 403, nil,
			"get folder: 403 forbidden: a & b (SlowUp)", "SlowUp",
			apsclient.ErrForbidden},
		{"XML of another form", `<error><text>a &amp; b</text></error>`, 403, nil,
			"get folder: 403 forbidden: a & b", "", apsclient.ErrForbidden},
		{"errors of another shape", `{"errors":["bad thing"],"message":"m"}`, 400, nil,
			"get folder: 400 bad request: m; bad thing", "", apsclient.ErrBadRequest},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &service{answer: func(int, *http.Request, string) (*http.Response, error) {
				return reply(tt.status, "", tt.body, append(tt.header, "X-Ads-Request-Id", "REQ")...), nil
			}}
			_, err := newClient(t, s).Folders.Folder(t.Context(), "b.p", "urn:x")
			e, ok := errors.AsType[*apsclient.Error](err)
			if !ok || err.Error() != tt.want || e.Code != tt.code || e.RequestID != "REQ" ||
				e.Status != tt.status {
				t.Fatalf("got  %v\nwant %s", err, tt.want)
			}

			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("%v does not match %v", err, tt.is)
			}
		})
	}
}

func TestRetryableAndMaybeApplied(t *testing.T) {
	service := func(status int, code string) error {
		return &apsclient.Error{Status: status, Code: code, RetryAfter: 5 * time.Second}
	}

	tests := []struct {
		name             string
		err              error
		again, maybeDone bool
	}{
		{"nothing", nil, false, false},
		{"never sent", &apsclient.NetError{Err: io.EOF}, true, false},
		{"reply lost", fmt.Errorf("wrapped: %w", &apsclient.NetError{Err: io.EOF, Sent: true}), true, true},
		{"stopped by us in flight", &apsclient.NetError{Err: context.Canceled, Sent: true}, false, true},
		{"stalled", &apsclient.NetError{Err: fmt.Errorf("%w (%w)", apsclient.ErrStalled, context.Canceled),
			Sent: true}, true, true},
		{"success not understood", &apsclient.DecodeError{Err: io.EOF}, false, true},
		{"400", service(400, ""), false, false},
		{"BadDigest", service(400, "BadDigest"), true, false},
		{"401", service(401, ""), false, false},
		{"403", service(403, "AccessDenied"), false, false},
		{"404", service(404, ""), false, false},
		{"408", service(408, ""), true, true},
		{"409", service(409, ""), false, false},
		{"412", service(412, ""), false, false},
		{"422", service(422, ""), false, false},
		{"423", service(423, ""), true, false},
		{"429", service(429, ""), true, false},
		{"500", service(500, ""), true, true},
		{"503", service(503, "SlowDown"), true, true},
		{"505", service(505, ""), false, true},
		{"token refused", &apsclient.AuthError{Status: 401}, false, false},
		{"parts refused", &apsclient.PartsError{}, false, false},
		{"cancelled before", context.Canceled, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			after, again := apsclient.Retryable(tt.err)
			if again != tt.again || apsclient.MaybeApplied(tt.err) != tt.maybeDone {
				t.Errorf("retryable %v, maybe applied %v; want %v, %v", again, apsclient.MaybeApplied(tt.err),
					tt.again, tt.maybeDone)
			}

			_, answered := errors.AsType[*apsclient.Error](tt.err)
			if again && answered && after != 5*time.Second {
				t.Errorf("after %v, want what the service asked for", after)
			}
		})
	}
}

func TestPagesFollowTheQueryOfNextOnly(t *testing.T) {
	jsonAPI := func(next string, ids ...string) string {
		var data []string
		for _, id := range ids {
			data = append(data, fmt.Sprintf(`{"type":"projects","id":%q,"attributes":{"name":"n"}}`, id))
		}

		links := "{}"
		if next != "" {
			links = fmt.Sprintf(`{"next":{"href":%q}}`, next)
		}

		return fmt.Sprintf(`{"data":[%s],"links":%s}`, strings.Join(data, ","), links)
	}

	tests := []struct {
		name  string
		r     apsclient.Request
		pages []string // bodies
		want  []string // path and query asked for
		n     int      // elements
		fails bool
	}{
		{"JSON:API, hostile host, short and empty pages",
			apsclient.Request{Action: "list-projects", Params: map[string]string{"hub_id": "b.h"}},
			[]string{jsonAPI("http://evil.example.com/steal?page%5Bnumber%5D=1&page%5Blimit%5D=200", "b.1"),
				jsonAPI("//evil/?page%5Bnumber%5D=2"), jsonAPI("", "b.2", "b.3")},
			[]string{"/project/v1/hubs/b.h/projects?page%5Blimit%5D=200",
				"/project/v1/hubs/b.h/projects?page%5Blimit%5D=200&page%5Bnumber%5D=1",
				"/project/v1/hubs/b.h/projects?page%5Blimit%5D=200&page%5Bnumber%5D=2"}, 3, false},
		{"a next that leads back", apsclient.Request{Action: "list-projects",
			Params: map[string]string{"hub_id": "b.h"}},
			[]string{jsonAPI("?a=1", "b.1"), jsonAPI("?a=1", "b.1")}, nil, 2, true},
		{"OSS", apsclient.Request{Action: "list-bucket-objects",
			Params: map[string]string{"bucketKey": "bucket"},
			Query:  map[string][]string{"beginsWith": {"a/"}}},
			[]string{
				`{"items":[{"objectKey":"a/1"},{"objectKey":"a/2"}],` +
					`"next":"https://x/oss/v2/buckets/bucket/objects?limit=2&startAt=a%2F2&beginsWith=a%2F"}`,
				`{"items":[{"objectKey":"a/3"}]}`,
			},
			[]string{"/oss/v2/buckets/bucket/objects?beginsWith=a%2F&limit=100",
				"/oss/v2/buckets/bucket/objects?beginsWith=a%2F&limit=2&startAt=a%2F2"}, 3, false},
		{"hq ends with a short page",
			apsclient.Request{Action: "list-account-users",
				Params: map[string]string{"account_id": "b.A", "limit": "2", "sort": "name"}},
			[]string{`[{"id":"1"},{"id":"2"}]`, `[{"id":"3"},{"id":"4"}]`, `[]`},
			[]string{"/hq/v1/accounts/A/users?limit=2&offset=0&sort=name",
				"/hq/v1/accounts/A/users?limit=2&offset=2&sort=name",
				"/hq/v1/accounts/A/users?limit=2&offset=4&sort=name"}, 4, false},
		{"construction/admin", apsclient.Request{Action: "list-project-users",
			Params: map[string]string{"projectId": "b.P"}},
			[]string{
				`{"pagination":{"limit":1,"offset":0,"totalResults":2,` +
					`"nextUrl":"https://x/y?limit=1&offset=1"},"results":[{"id":"1"}]}`,
				`{"pagination":{"nextUrl":null},"results":[{"id":"2"}]}`,
			},
			[]string{"/construction/admin/v1/projects/P/users?limit=200",
				"/construction/admin/v1/projects/P/users?limit=1&offset=1"}, 2, false},
		{"construction/admin, a link as an object",
			apsclient.Request{Action: "list-project-users", Params: map[string]string{"projectId": "b.P"}},
			[]string{`{"pagination":{"nextUrl":{"href":"?offset=1"}},"results":[{"id":"1"}]}`,
				`{"pagination":{},"results":[{"id":"2"}]}`},
			[]string{"/construction/admin/v1/projects/P/users?limit=200",
				"/construction/admin/v1/projects/P/users?limit=200&offset=1"}, 2, false},
		{"construction/admin, links beside the pagination",
			apsclient.Request{Action: "list-project-users", Params: map[string]string{"projectId": "b.P"}},
			[]string{`{"links":{"next":{"href":"?offset=1"}},"pagination":[],"results":[{"id":"1"}]}`,
				`{"results":[{"id":"2"}],"links":null}`}, nil, 2, false},
		{"construction/admin, a total without links",
			apsclient.Request{Action: "list-project-users",
				Params: map[string]string{"projectId": "b.P", "offset": "1"},
				Query:  map[string][]string{"filter[name]": {"a"}}},
			[]string{`{"pagination":{"limit":2,"offset":1,"totalResults":"4"},"results":[{"id":"1"},` +
				`{"id":"2"}]}`,
				`{"pagination":{"totalResults":4,"nextUrl":null},"results":[{"id":"3"}]}`},
			[]string{"/construction/admin/v1/projects/P/users?filter%5Bname%5D=a&limit=200&offset=1",
				"/construction/admin/v1/projects/P/users?filter%5Bname%5D=a&limit=200&offset=3"}, 3, false},
		{"construction/admin, a total that is never reached",
			apsclient.Request{Action: "list-project-users", Params: map[string]string{"projectId": "b.P"}},
			[]string{`{"pagination":{"totalResults":9},"results":[{"id":"1"}]}`,
				`{"pagination":{"totalResults":9},"results":[]}`}, nil, 1, false},
		{"webhooks, relative", apsclient.Request{Action: "list-webhooks"},
			[]string{`{"links":{"next":"/hooks?pageState=abc"},"data":[{"hookId":"1"}]}`,
				`{"links":{"next":null},"data":[{"hookId":"2"}]}`},
			[]string{"/webhooks/v1/hooks", "/webhooks/v1/hooks?pageState=abc"}, 2, false},
		{"webhooks, none", apsclient.Request{Action: "list-webhooks"}, []string{""},
			[]string{"/webhooks/v1/hooks"}, 0, false},
		{"no paging", apsclient.Request{Action: "list-hubs"},
			[]string{`{"data":[{"id":"b.1"}],"links":{"next":{"href":"?x=1"}}}`},
			[]string{"/project/v1/hubs"}, 1, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &service{answer: func(n int, r *http.Request, _ string) (*http.Response, error) {
				if r.URL.Host != "developer.api.autodesk.com" || r.URL.Scheme != "https" {
					t.Errorf("asked %s", r.URL.Host)
				}

				if n > len(tt.pages) {
					return nil, errors.New("one page too many")
				}

				if tt.pages[n-1] == "" {
					return reply(204, "", ""), nil
				}

				return reply(200, "application/json", tt.pages[n-1]), nil
			}}

			n := 0
			var failed error
			for e, err := range newClient(t, s).Elements(t.Context(), tt.r) {
				if err != nil {
					failed = err
					continue
				}

				if !json.Valid(e) {
					t.Errorf("element %s", e)
				}

				n++
			}

			_, loop := errors.AsType[*apsclient.DecodeError](failed)
			if tt.fails && (!loop || s.count() != len(tt.pages)) {
				t.Errorf("got %v after %d pages", failed, s.count())
			}

			if n != tt.n || (failed != nil) != tt.fails {
				t.Errorf("%d elements, %v; want %d", n, failed, tt.n)
			}

			for i, want := range tt.want {
				if i >= len(s.requests) {
					t.Fatalf("page %d was not asked for", i)
				}

				if got := s.requests[i].URL.EscapedPath() + "?" +
					s.requests[i].URL.RawQuery; strings.TrimSuffix(got, "?") != want {
					t.Errorf("page %d: asked %s, want %s", i, got, want)
				}
			}
		})
	}
}

func TestCompleteTellsRefusalsFromSuccess(t *testing.T) {
	id := apsclient.NewObjectID("bucket", "key")
	tests := []struct {
		name, body string
		parts      int // of a *PartsError; 0: success; -1: not understood
	}{
		{"success",
			`{"bucketKey":"bucket","objectId":"urn:adsk.objects:os.object:bucket/key","objectKey":"key",` +
				`"size":12,"contentType":"x","location":"l"}`, 0},
		{"refused with 200",
			`{"uploadKey":"k","status":"error","reason":"MissingOrInvalidParts","size":{"expected":1,` +
				`"detected":12},"parts":[{"part":1,"size":5,"eTag":"a","status":"Unexpected"},` +
				`{"part":2,"size":7,"eTag":"b","status":"Ok"}]}`, 2},
		{"refused without parts",
			`{"status":"error","reason":"InvalidSize","size":{"expected":1,"detected":12}}`, 0x100},
		{"nothing", `{}`, -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &service{answer: func(_ int, r *http.Request, body string) (*http.Response, error) {
				if body != `{"eTags":["a","b"],"size":12,"uploadKey":"k"}` ||
					r.Header.Get("X-Ads-User-Defined-Metadata") != `{"job":"1"}` {
					t.Errorf("body %s", body)
				}

				return reply(200, "application/json", tt.body), nil
			}}
			o, err := newClient(t, s).Objects.Complete(t.Context(), id,
				apsclient.Completion{UploadKey: "k", Size: 12, ETags: []string{"a", "b"},
					UserMetadata: `{"job":"1"}`})

			p, missing := errors.AsType[*apsclient.PartsError](err)
			_, garbled := errors.AsType[*apsclient.DecodeError](err)

			switch {
			case tt.parts == 0:
				if err != nil || o.ID != id || o.Size != 12 {
					t.Errorf("got %v, %v", o, err)
				}
			case tt.parts == -1:
				if !garbled || !apsclient.MaybeApplied(err) {
					t.Errorf("got %v", err)
				}
			case !missing || p.Expected != 1 || p.Detected != 12 || len(p.Parts) != tt.parts&0xff:
				t.Errorf("got %#v", err)
			}
		})
	}
}

func TestObjectIDs(t *testing.T) {
	tests := []struct {
		id          apsclient.ObjectID
		bucket, key string
	}{
		{"urn:adsk.objects:os.object:wip.dm.prod/2a6d61f2.rvt", "wip.dm.prod", "2a6d61f2.rvt"},
		{apsclient.NewObjectID("my-bucket", "a/b:c?d.dwg"), "my-bucket", "a/b:c?d.dwg"},
		{"urn:adsk.objects:os.object:wip.dm.prod", "", ""},
		{"urn:adsk.objects:os.object:a/b", "", ""},
		{"", "", ""},
	}
	for _, tt := range tests {
		bucket, key, err := tt.id.Split()
		if bucket != tt.bucket || key != tt.key || (err == nil) != (tt.bucket != "") {
			t.Errorf("%q: got %q, %q, %v", tt.id, bucket, key, err)
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	type config struct {
		Secret apsclient.Secret
		URL    apsclient.SignedURL
	}
	c := config{"hush", "https://s3/x?sig=hush"}
	j, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}

	for _, got := range []string{fmt.Sprint(c),
		fmt.Sprintf("%+v %#v %q %x %s %d", c, c, c.Secret, c.Secret, c.URL, c.URL), string(j),
		fmt.Sprint(&c.Secret)} {
		if strings.Contains(got, "hush") || strings.Contains(got, "68757368") ||
			!strings.Contains(got, "redacted") && !strings.HasPrefix(got, "0x") {
			t.Errorf("got %s", got)
		}
	}
}

func TestAnswerCutWithoutALength(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		whole := `{"data":{"type":"folders","id":"urn:x","attributes":{"name":"plans"}}}`
		s := &service{answer: func(n int, _ *http.Request, _ string) (*http.Response, error) {
			body := whole
			if n == 1 {
				body = whole[:len(whole)/2]
			}

			return &http.Response{StatusCode: 200, ProtoMajor: 1, ContentLength: -1, Header: http.Header{},
				Body: io.NopCloser(strings.NewReader(body))}, nil
		}}
		f, err := newClient(t, s).Folders.Folder(t.Context(), "b.p", "urn:x")
		if err != nil || f.Name != "plans" || s.count() != 2 {
			t.Errorf("%+v, %v after %d calls", f, err, s.count())
		}
	})
}

// TestByteOrderMarks: a mark before JSON changes nothing, of a token, an object, a list or a resource.
func TestByteOrderMarks(t *testing.T) {
	const mark = "\ufeff"
	answers := []string{`{"data":{"type":"folders","id":"urn:x","attributes":{"name":"plans"}}}`,
		`[{"id":"1"}]`, `{"bucketKey":"bucket","objectKey":"key","size":7}`}
	s := &service{
		answer: func(n int, _ *http.Request, _ string) (*http.Response, error) {
			return reply(200, "application/json", mark+answers[n-1]), nil
		},
		token: func(int, *http.Request, string) (*http.Response, error) {
			return reply(200, "application/json",
				mark+`{"access_token":"t","token_type":"Bearer","expires_in":3599}`), nil
		},
	}
	c := newClient(t, s, quiet)
	f, err := c.Folders.Folder(t.Context(), "b.p", "urn:x")
	if err != nil || f.Name != "plans" {
		t.Errorf("%+v, %v", f, err)
	}

	for e, err := range c.Elements(t.Context(), apsclient.Request{Action: "list-account-users",
		Params: map[string]string{"account_id": "a"}}) {
		if err != nil || string(e) != `{"id":"1"}` {
			t.Errorf("%s, %v", e, err)
		}
	}

	o, err := c.Objects.Details(t.Context(), apsclient.NewObjectID("bucket", "key"))
	if err != nil || o.Size != 7 {
		t.Errorf("%+v, %v", o, err)
	}
}

// pagedLists are one list of each paging style that has links, with a filter of the caller's own, and
// the page that ends in a link.
var pagedLists = []struct {
	action     string
	path       map[string]string
	filters    map[string]string
	page, size string // keys of the link
	body       string // %q is the link
}{
	{"list-folder-contents", map[string]string{"project_id": "b.p", "folder_id": "urn:f"},
		map[string]string{"includeHidden": "true", "filter[type]": "items"}, "page[number]", "page[limit]",
		`{"data":[{"id":"1","type":"items"}],"links":{"next":{"href":%q}}}`},
	{"list-projects", map[string]string{"hub_id": "b.h"}, map[string]string{"filter[name]": "A & B"},
		"page[number]", "page[limit]", `{"data":[{"id":"1","type":"projects"}],"links":{"next":%q}}`},
	{"list-bucket-objects", map[string]string{"bucketKey": "bucket"},
		map[string]string{"beginsWith": "a b/"}, "startAt", "limit",
		`{"items":[{"objectKey":"a b/1"}],"next":%q}`},
	{"list-buckets", nil, map[string]string{"region": "EMEA"}, "startAt", "limit",
		`{"items":[{"bucketKey":"one"}],"next":%q}`},
	{"list-project-users", map[string]string{"projectId": "p"},
		map[string]string{"filter[name]": "a,b", "sort": "name desc"}, "offset", "limit",
		`{"results":[{"id":"1"}],"pagination":{"nextUrl":%q}}`},
	{"list-webhooks", nil, map[string]string{"status": "active", "region": "EMEA"}, "pageState", "limit",
		`{"data":[{"hookId":"1"}],"links":{"next":%q}}`},
}

// TestTheCallersQueryStays: a next link that holds the page key alone, or is relative, or names
// another host, goes on with the filters of the first page at our own host; its keys override.
func TestTheCallersQueryStays(t *testing.T) {
	for _, list := range pagedLists {
		page, size := url.QueryEscape(list.page)+"=2%3D", url.QueryEscape(list.size)+"=50"
		for _, link := range []string{"?" + page, list.page + "=2%3D", "/y?" + page, "y?" + page + "&" + size,
			"https://developer.api.autodesk.com/y?" + size + "&" + page, "//elsewhere.example.com/?" + page,
			"https://elsewhere.example.com/y?" + page + "&" + size + "#end", "http://127.0.0.1:1/?" + page} {
			if !strings.Contains(link, "?") {
				link = "?" + link // brackets as they are
			}

			path := ""
			s := &service{answer: func(n int, r *http.Request, _ string) (*http.Response, error) {
				q := r.URL.Query()
				for name, want := range list.filters {
					if got := q[name]; len(got) != 1 || got[0] != want {
						t.Errorf("%s, %s, page %d: %s is %q", list.action, link, n, name, got)
					}
				}

				if n == 1 {
					path = r.URL.Path
					return reply(200, "", fmt.Sprintf(list.body, link)), nil
				}

				if q.Get(list.page) != "2=" || r.URL.Host != "developer.api.autodesk.com" ||
					r.URL.Path != path ||
					r.URL.Scheme != "https" || strings.Contains(link, size) && q.Get(list.size) != "50" {
					t.Errorf("%s, %s: went on with %s", list.action, link, r.URL)
				}

				return reply(200, "",
					strings.Replace(fmt.Sprintf(list.body, ""), `:{"href":""}`, `:null`, 1)), nil
			}}
			r := apsclient.Request{Action: list.action, Params: map[string]string{}, Query: url.Values{}}
			maps.Copy(r.Params, list.path)
			for name, v := range list.filters {
				if r.Query.Set(name, v); strings.HasPrefix(link, "?") { // also as --param
					r.Query.Del(name)
					r.Params[name] = v
				}
			}

			n := 0
			for _, err := range newClient(t, s, quiet).Elements(t.Context(), r) {
				if err != nil {
					t.Errorf("%s, %s: %v", list.action, link, err)
				}

				n++
			}

			if s.count() != 2 || n != 2 {
				t.Errorf("%s, %s: %d pages, %d elements", list.action, link, s.count(), n)
			}
		}
	}
}
