package apsclient_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"hoist/apsclient"
)

// TestSuccessIsNotTheEffect: what a 2xx says inside is read, whoever makes the call by its name.
func TestSuccessIsNotTheEffect(t *testing.T) {
	object := map[string]string{"bucketKey": "bucket", "objectKey": "key"}
	bucket := map[string]string{"bucketKey": "bucket"}
	users := map[string]string{"account_id": "a", "project_id": "p"}
	folder := map[string]string{"project_id": "b.p", "folder_id": "urn:f"}
	hide :=
		`{"jsonapi":{"version":"1.0"},"data":{"type":"folders","id":"urn:f","attributes":{"hidden":true}}}`
	type check = func(error) bool

	refused := func(err error) bool { _, ok := errors.AsType[*apsclient.PartsError](err); return ok }
	partly := func(err error) bool { _, ok := errors.AsType[*apsclient.PartialError](err); return ok }
	ignored := func(err error) bool { _, ok := errors.AsType[*apsclient.IgnoredError](err); return ok }
	inside := func(err error) bool { _, ok := errors.AsType[*apsclient.Error](err); return ok }
	fine := func(err error) bool { return err == nil }

	for _, row := range []struct {
		name, action string
		params       map[string]string
		body, answer string
		check        check
		says         string
	}{
		{"completed", "signed-s3-upload", object, `{}`, `{"objectId":"urn:o","size":4}`, fine, ""},
		{"parts refused", "signed-s3-upload", object, `{}`,
			`{"status":"error","reason":"MissingOrInvalidParts","size":{"expected":1,"detected":2}}`, refused,
			"MissingOrInvalidParts"},
		{"dead key", "signed-s3-upload", object, `{}`, `{"status":"error","reason":"InvalidUploadKey"}`,
			refused,
			"InvalidUploadKey"},
		{"all users added", "add-project-user", users, `[{}]`,
			`{"success":1,"failure":0,"success_items":[{}],"failure_items":[]}`, fine, ""},
		{"no user added", "add-project-user", users, `[{}]`, `{"success":0,"failure":1,"failure_items":[` +
			`{"email":"a@example.com","errors":[{"code":1003,"message":"Invalid services"}]}]}`, partly,
			"0 done, 1 refused: a@example.com: Invalid services"},
		{"some users added", "add-project-user", users, `[{},{},{}]`,
			`{"success":1,"failure":2,"failure_items":[` +
				`{"email":"a@example.com","errors":[{"message":"one"},{"message":"two"}]},` +
				`{"user_id":"U2","errors":"three"}]}`, partly,
			"1 done, 2 refused: a@example.com: one; two; U2: three"},
		{"hidden", "update-folder", folder, hide,
			`{"data":{"type":"folders","id":"urn:f","attributes":{"hidden":true}}}`, fine, ""},
		{"not hidden", "update-folder", folder, hide,
			`{"data":{"type":"folders","id":"urn:f","attributes":{"hidden":false}}}`, ignored,
			"hidden is false"},
		{"an answer that does not show it", "update-folder", folder, hide,
			`{"data":{"type":"folders","id":"urn:f","attributes":{"name":"x"}}}`, fine, ""},
		{"not renamed", "update-folder", folder,
			`{"data":{"type":"folders","id":"urn:f","attributes":{"name":"New"}}}`,
			`{"data":{"type":"folders","id":"urn:f","attributes":{"name":"Old"}}}`, ignored,
			`"Old", not "New"`},
		{"a user who stays active", "update-account-user",
			map[string]string{"account_id": "a", "user_id": "u"},
			`{"status":"inactive"}`, `{"id":"u","status":"active"}`, ignored, `"active", not "inactive"`},
		{"parts refused in other words", "signed-s3-upload", object, `{}`,
			`{"status":"Error","reason":7,"parts":[{"part":"1","size":"5","status":"Pending"}]}`, refused,
			"1 of 1 parts wrong"},
		{"a reason alone", "signed-s3-upload", object, `{}`, `{"reason":"InvalidUploadKey"}`, refused,
			"InvalidUploadKey"},
		{"a count of failures alone", "add-project-user", users, `[{},{}]`, `{"success":"1","failure":"1"}`,
			partly, "1 done, 1 refused: a user, for a reason"},
		{"failures as a list", "add-project-user", users, `[{}]`,
			`{"success":[],"failure":[{"item":{"email":"a@example.com"},"error":{"message":"no"}}]}`, partly,
			"0 done, 1 refused: a@example.com: no"},
		{"one of another form", "add-project-user", users, `[{}]`, `{"failure_items":["a@example.com"]}`,
			partly, "a@example.com"},
		{"one URL of a batch", "batch-signed-s3-upload", bucket, `{}`, `{"results":{"a":{"uploadKey":"k",` +
			`"urls":["u"]},"b":{"status":"404","reason":"no such bucket"},"c":{"status":503}}}`, partly,
			"1 done, 2 refused: b: no such bucket; c: status 503"},
		{"one object of a batch", "batch-complete-upload", bucket, `{}`,
			`{"results":{"a":{"objectId":"urn:o"},"b":{"status":"error","reason":"InvalidUploadKey"}}}`,
			partly, "1 done, 1 refused: b: InvalidUploadKey"},
		{"a batch", "batch-complete-upload", bucket, `{}`,
			`{"results":{"a":{"objectId":"urn:o"}}}`, fine, ""},
		{"a URL refused", "get-signed-s3-download-url", object, ``,
			`{"status":"error","reason":"no"}`, inside, "400 bad request (inside a success): no"},
		{"errors in the place of data", "get-hub", map[string]string{"hub_id": "b.h"}, ``,
			`{"jsonapi":{"version":"1.0"},"errors":[{"status":"403","code":"C","detail":"not you"}]}`, inside,
			"403 forbidden (inside a success): not you (C)"},
		{"a fault", "list-webhooks", nil, ``, `{"fault":{"faultstring":"no quota"}}`, inside, "no quota"},
		{"one failure that is no list", "add-project-user", users, `[{}]`,
			`{"success":0,"failure":{"email":"a@example.com","reason":"nope"}}`, partly,
			"a@example.com: nope"},
		{"failures in other words", "add-project-user", users, `[{},{}]`,
			`{"succeeded":1,"failed":1,"failedItems":[{"email":"a@example.com","error":"no seat"}]}`, partly,
			"1 done, 1 refused: a@example.com: no seat"},
		{"failures among the results", "add-project-user", users, `[{},{}]`,
			`{"results":[{"email":"a@example.com","status":"failed","errors":[{"detail":"no seat"}]},` +
				`{"email":"b"}]}`,
			partly, "1 done, 1 refused: a@example.com: no seat"},
		{"a user of ACC who failed before", "add-project-user", users, `{}`,
			`{"id":"u","status":"pending","failures":3}`, fine, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := &service{answer: func(int, *http.Request, string) (*http.Response, error) {
				return reply(200, "application/json", row.answer), nil
			}}
			resp, err := newClient(t, s, quiet).Do(t.Context(), apsclient.Request{Action: row.action,
				Params: row.params, Body: []byte(row.body)})
			if !row.check(err) || resp == nil || string(resp.Body) != row.answer {
				t.Errorf("got %v, %v", resp, err)
				return
			}

			if err != nil && (!strings.Contains(err.Error(), row.says) || apsclient.MaybeApplied(err)) {
				t.Errorf("says %v", err)
			}
		})
	}
}

// TestRefusalsInsideASuccess: what has the form of a refusal is none of the answers to any call,
// whatever the status in front of it; its own status decides what it is.
func TestRefusalsInsideASuccess(t *testing.T) {
	read := apsclient.Request{Action: "get-account-user",
		Params: map[string]string{"account_id": "a", "user_id": "u"}}
	create := apsclient.Request{Action: "create-folder", Params: map[string]string{"project_id": "b.p"}}
	object := map[string]string{"bucketKey": "bucket", "objectKey": "key"}
	complete := apsclient.Request{Action: "signed-s3-upload", Params: object}
	remove := apsclient.Request{Action: "delete-object", Params: object}

	for _, row := range []struct {
		r            apsclient.Request
		answer, says string // "": it is an answer
		is           error
	}{
		{create, `{"errors":[{"status":"409","code":"C","detail":"taken"}],"data":null}`, "taken (C)",
			apsclient.ErrConflict},
		{create, `{"errors":[{"detail":"odd"}],"data":[],"meta":{}}`, "odd", apsclient.ErrBadRequest},
		{create, `{"errors":[{"detail":"odd"}],"data":{"id":"urn:f","type":"folders"}}`, "", nil},
		{read, `{"error":"no","error_description":"because"}`, "because (no)", apsclient.ErrBadRequest},
		{read, `{"error":{"code":404,"message":"who?"}}`, "who? (404)", apsclient.ErrNotFound},
		{complete, `{"developerMessage":"no product","moreInfo":"x","errorCode":"AUTH-001"}`,
			"no product (AUTH-001)", apsclient.ErrBadRequest},
		{read, `{"code":1004,"message":"this account doesn't exist."}`, "doesn't exist. (1004)",
			apsclient.ErrBadRequest},
		{remove, `{"reason":"the object is held"}`, "the object is held", apsclient.ErrBadRequest},
		{read, `{"success":false,"message":"later"}`, "later", apsclient.ErrBadRequest},
		{read, `{"type":"about:blank","title":"Bad","status":503,"detail":"down"}`, "down",
			apsclient.ErrUnavailable},
		{read, `{"statusCode":"403","message":"Forbidden"}`, "403 forbidden", apsclient.ErrForbidden},
		{read, `{"message":"Not here"}`, "Not here", apsclient.ErrBadRequest},
		{read, `"no such user"`, "no such user", apsclient.ErrBadRequest},
		{complete, `[{"status":"error","reason":"InvalidUploadKey"}]`, "InvalidUploadKey",
			apsclient.ErrBadRequest},
		{remove, `{"status":"failed"}`, "failed", apsclient.ErrBadRequest},

		{remove, `{"message":"deleted"}`, "", nil},
		{remove, `{"status":200,"detail":["deleted"]}`, "", nil},
		{remove, `{"success":true,"code":"OK","message":"deleted"}`, "", nil},
		{read, `{"id":"u","status":"error","company":"x","error":null}`, "", apsclient.ErrBadRequest},
		{read, `{"id":"u","name":"x","status":"active","code":7,"reason":"x"}`, "", nil},
		{read, `{"errors":[],"error":"","status":"active"}`, "", nil},
	} {
		t.Run(row.r.Action+" "+row.answer, func(t *testing.T) {
			s := &service{answer: func(int, *http.Request, string) (*http.Response, error) {
				return reply(200, "application/json", row.answer, "X-Ads-Request-Id", "REQ"), nil
			}}
			resp, err := newClient(t, s, quiet).Do(t.Context(), row.r)
			if row.says == "" && row.is == nil {
				if err != nil {
					t.Error(err)
				}

				return
			}

			e, ok := errors.AsType[*apsclient.Error](err)
			if !ok || resp == nil || string(resp.Body) != row.answer {
				t.Fatalf("got %v, %v", resp, err)
			}

			if !strings.Contains(err.Error(), "(inside a success)") ||
				!strings.Contains(err.Error(), row.says) ||
				!errors.Is(err, row.is) || e.RequestID != "REQ" {
				t.Errorf("says %v", err)
			}
		})
	}
}

// TestChangesThatWereNotMade: each action that sets values compares them with its answer, and takes
// another spelling, order or precision for the same.
func TestChangesThatWereNotMade(t *testing.T) {
	project := map[string]string{"account_id": "a", "project_id": "p"}
	member := map[string]string{"account_id": "a", "project_id": "p", "user_id": "u"}
	person := map[string]string{"account_id": "a", "user_id": "u"}
	hook := map[string]string{"system": "data", "event": "dm.version.added", "hook_id": "h"}
	folder := map[string]string{"project_id": "b.p", "folder_id": "urn:f"}
	item := map[string]string{"project_id": "b.p", "item_id": "urn:i"}
	data := func(s string) string { return `{"data":{"id":"urn:x","type":"t",` + s + `}}` }

	for _, row := range []struct {
		action, variant string
		params          map[string]string
		asked, answer   string
		says            string // "": the change was made, for all that the answer says
	}{
		{"update-folder", "", folder,
			data(`"relationships":{"parent":{"data":{"type":"folders","id":"urn:b"}}}`),
			data(`"relationships":{"parent":{"data":{"type":"folders","id":"urn:a"}}}`),
			`parent is "urn:a", not "urn:b"`},
		{"update-folder", "", folder, data(`"attributes":{"hidden":false}`),
			data(`"attributes":{"hidden":true}`), "hidden is true, not false"},
		{"update-folder", "", folder, data(`"attributes":{"hidden":true}`),
			data(`"attributes":{"hidden":"true"}`), ""},
		{"update-folder", "", folder, data(`"attributes":{"name":"A "}`),
			data(`"attributes":{"name":"A"}`), ""},
		{"update-item", "", item, data(`"attributes":{"displayName":"b.dwg"}`),
			data(`"attributes":{"displayName":"a.dwg"}`), `displayName is "a.dwg"`},
		{"update-item", "", item,
			data(`"attributes":{"extension":{"type":"T","data":{"description":"new"}}}`),
			data(`"attributes":{"extension":{"type":"U","data":{"description":"old"}}}`),
			`description is "old"`},
		{"update-webhook", "", hook, `{"status":"inactive"}`, `{"hookId":"h","status":"active"}`,
			`status is "active"`},
		{"update-webhook", "", hook, `{"autoReactivateHook":true}`, `{"autoReactivateHook":false}`,
			"autoReactivateHook is false"},
		{"update-webhook", "", hook, `{"hookAttribute":{"a":1}}`, `{"hookAttribute":{"a":2,"b":1}}`,
			"hookAttribute is"},
		{"update-webhook", "", hook, `{"hookExpiry":null}`, `{"hookExpiry":"2027-01-01T00:00:00Z"}`,
			"hookExpiry is"},
		{"update-webhook", "", hook,
			`{"hookExpiry":"2027-09-21T17:04:10.444Z","status":"active","token":"x",` +
				`"filter":null,"hookAttribute":{"a":1}}`, `{"hookExpiry":"2027-09-21T17:04:10.444+0000",` +
				`"status":"reactivated","token":"other","filter":"","hookAttribute":{"b":2,"a":1.0}}`, ""},
		{"update-account-project", "", project, `{"job_number":"2"}`, `{"job_number":"1"}`,
			`job_number is "1"`},
		{"update-account-project", "", project, `{"end_date":"2027-01-01"}`, `{"end_date":"2026-01-01"}`,
			"end_date is"},
		{"update-account-project", "", project, `{"value":3000,"end_date":"2027-01-01","city":"Rome"}`,
			`{"value":"3000.00","end_date":"2027-01-01T00:00:00.000Z"}`, ""},
		{"update-account-user", "", person, `{"company_id":"A"}`, `{"company_id":null}`,
			"company_id is null"},
		{"update-account-user", "", person, `{"company_id":"abc"}`, `{"company_id":"ABC"}`, ""},
		{"update-project-user", "", member, `{"industry_roles":["r1","r2"]}`, `{"industry_roles":["r2"]}`,
			"industry_roles is"},
		{"update-project-user", "", member, `{"services":{"document_management":{"access_level":"admin"}}}`,
			`{"services":{"document_management":{"access_level":"user"}}}`, "services is"},
		{"update-project-user", "", member, `{"industry_roles":["r1","r2"]}`,
			`{"industry_roles":[{"id":"r1"}],"services":[]}`, ""},
		{"update-project-user", "acc", map[string]string{"projectId": "p", "userId": "u"},
			`{"products":[{"key":"docs","access":"administrator"}]}`,
			`{"id":"u","products":[{"key":"docs","access":"member"},` +
				`{"key":"build","access":"administrator"}]}`,
			"products is"},
		{"update-project-user", "acc", map[string]string{"projectId": "p", "userId": "u"},
			`{"roleIds":["a","b"],"products":[{"key":"docs","access":"member"}]}`,
			`{"id":"u","roleIds":["b","a"],"products":[{"key":"x"},{"access":"member","key":"docs"}]}`, ""},
	} {
		t.Run(row.action+" "+row.asked, func(t *testing.T) {
			s := &service{answer: func(int, *http.Request, string) (*http.Response, error) {
				return reply(200, "application/json", row.answer), nil
			}}
			_, err := newClient(t, s, quiet).Do(t.Context(), apsclient.Request{Action: row.action,
				Variant: row.variant, Params: row.params, Body: []byte(row.asked)})
			if row.says == "" {
				if err != nil {
					t.Error(err)
				}

				return
			}

			if _, ok := errors.AsType[*apsclient.IgnoredError](err); !ok ||
				!strings.Contains(err.Error(), row.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestRefusalsAreJoined(t *testing.T) {
	warn := func(region, status, detail string) apsclient.Warning {
		return apsclient.Warning{Status: status, Title: "Unable to get hubs from BIM360DM " + region + ".",
			Detail: detail}
	}
	got := strings.Join(
		apsclient.Refusals([]apsclient.Warning{warn("EMEA", "403", "no"), warn("JPN", "403", "no"),
			warn("US", "401", "not you"), {Title: "Odd", Detail: "thing"}}),
		" | ",
	)
	if got != "EMEA, JPN: no (403) | US: not you (401) | Odd thing" {
		t.Errorf("got %s", got)
	}
}
