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
	users := map[string]string{"account_id": "a", "project_id": "p"}
	folder := map[string]string{"project_id": "b.p", "folder_id": "urn:f"}
	hide :=
		`{"jsonapi":{"version":"1.0"},"data":{"type":"folders","id":"urn:f","attributes":{"hidden":true}}}`
	type check = func(error) bool

	refused := func(err error) bool { _, ok := errors.AsType[*apsclient.PartsError](err); return ok }
	partly := func(err error) bool { _, ok := errors.AsType[*apsclient.PartialError](err); return ok }
	ignored := func(err error) bool { _, ok := errors.AsType[*apsclient.IgnoredError](err); return ok }
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
	} {
		t.Run(row.name, func(t *testing.T) {
			s := &service{answer: func(int, *http.Request, string) (*http.Response, error) {
				return reply(200, "application/json", row.answer), nil
			}}
			resp, err := newClient(t, s, quiet).Do(t.Context(), apsclient.Request{Action: row.action,
				Params: row.params, Body: []byte(row.body)})
			if !row.check(err) || resp == nil || string(resp.Body) != row.answer {
				t.Errorf("got %v, %v", resp, err)
			}

			if err != nil && (!strings.Contains(err.Error(), row.says) || apsclient.MaybeApplied(err)) {
				t.Errorf("says %v", err)
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
