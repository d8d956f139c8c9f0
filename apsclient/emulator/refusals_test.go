package emulator

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestTokens(t *testing.T) {
	a := newAPI(t, Config{})
	a.s.AddClient("narrow", "s3cret", "data:read")

	good := url.Values{"grant_type": {"client_credentials"}, "scope": {"data:read"}}
	with := func(more ...string) url.Values {
		f := url.Values{}
		maps.Copy(f, good)

		for i := 0; i+1 < len(more); i += 2 {
			f.Set(more[i], more[i+1])
		}

		return f
	}
	for _, tt := range []struct {
		name       string
		form       url.Values
		id, secret string
		status     int
		has        string
	}{
		{"basic", good, DefaultClientID, DefaultClientSecret, 200, `"expires_in":3599`},
		{"body", with("client_id", DefaultClientID, "client_secret", DefaultClientSecret), "", "", 200,
			"Bearer"},
		{"both", with("client_id", DefaultClientID, "client_secret", DefaultClientSecret), DefaultClientID,
			DefaultClientSecret, 400, "not in both"},
		{"wrong secret", good, DefaultClientID, "wrong", 401, "invalid_client"},
		{"unknown client", good, "nobody", "x", 401, "invalid_client"},
		{"no client", good, "", "", 400, "client_id"},
		{"unknown scope", with("scope", "data:read data:fly"), DefaultClientID, DefaultClientSecret, 400,
			"invalid_scope"},
		{"no scope", with("scope", ""), DefaultClientID, DefaultClientSecret, 400, "invalid_scope"},
		{"scope not granted", with("scope", "data:write"), "narrow", "s3cret", 400, "invalid_scope"},
		{"unknown grant", with("grant_type", "password"), DefaultClientID, DefaultClientSecret, 400,
			"unsupported_grant_type"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a.t = t
			a.form(tt.form, tt.id, tt.secret).want(tt.status).has(tt.has)
		})
	}

	a.t = t
	a.token = a.login("data:create")
	a.call("GET", "/project/v1/hubs", nil).want(403).has("AUTH-010")
	a.call("GET", "/oss/v2/buckets", nil).want(401).has("AUTH-010")
	a.token = "nonsense"
	a.call("GET", "/project/v1/hubs", nil).want(401).has("AUTH-006")
	a.token = ""
	a.call("GET", "/project/v1/hubs", nil).want(401)
}

func TestDataErrors(t *testing.T) {
	a := newAPI(t, Config{})
	d := a.s.Demo()
	p := "/data/v1/projects/" + d.Project
	item, version, urn := a.publish("taken.dwg", "x")
	unfinished := a.storage("new.dwg")
	var root string
	a.s.read(func(m *model) { root = m.projects.get(d.Project).Root })
	wrongType := itemBody(d.Folder, "new.dwg", urn)
	wrongType["data"].(obj)["attributes"].(obj)["extension"].(obj)["type"] = typeItemCore
	otherName := itemBody(d.Folder, "new.dwg", urn)
	otherName["data"].(obj)["attributes"].(obj)["displayName"] = "other.dwg"
	noVersion := itemBody(d.Folder, "new.dwg", urn)
	noVersion["included"] = list{}
	plain := itemBody(d.Folder, "new.dwg", urn)
	delete(plain, "jsonapi")

	for _, tt := range []struct {
		name, method, path string
		body               any
		status             int
		has                string
		headers            []string
	}{
		{"media type", "POST", p + "/items", itemBody(d.Folder, "new.dwg", urn), 415,
			"application/vnd.api+json", []string{"Content-Type", "application/json"}},
		{"not json", "POST", p + "/items", "{", 400, "BAD_INPUT", nil},
		{"no jsonapi", "POST", p + "/items", plain, 400, "jsonapi.version", nil},
		{"wrong resource", "POST", p + "/items", folderBody(d.Folder, "x"), 400, "data.type", nil},
		{"name taken", "POST", p + "/items", itemBody(d.Folder, "taken.dwg", urn), 409,
			nameTaken.detail, nil},
		{"folder with the name of a file", "POST", p + "/folders", folderBody(d.Folder, "taken.dwg"), 409,
			nameTaken.detail, nil},
		{"not completed", "POST", p + "/items", itemBody(d.Folder, "new.dwg", unfinished), 400,
			"not completed", nil},
		{"unknown storage", "POST", p + "/items",
			itemBody(d.Folder, "new.dwg", objectURN(wipBucket, "nope.dwg")), 404, "STORAGE_NOT_FOUND", nil},
		{"other extension", "POST", p + "/items", itemBody(d.Folder, "new.rvt", urn), 400, "extension", nil},
		{"core type", "POST", p + "/items", wrongType, 400, typeItem360, nil},
		{"display name differs", "POST", p + "/items", otherName, 400, "displayName", nil},
		{"no included version", "POST", p + "/items", noVersion, 400, "included", nil},
		{"unknown folder", "POST", p + "/items",
			itemBody("urn:adsk.wipprod:fs.folder:co.nope", "new.dwg", urn), 404, "FOLDER_NOT_FOUND", nil},
		{"root folder", "POST", p + "/folders", folderBody(root, "x"), 400, "root", nil},
		{"root storage", "POST", p + "/storage", storageBody(root, "x"), 400, "root", nil},
		{"reserved character", "POST", p + "/folders", folderBody(d.Folder, "a:b"), 400, "reserved", nil},
		{"long name", "POST", p + "/folders", folderBody(d.Folder, strings.Repeat("x", 256)), 400, "255",
			nil},
		{"page limit", "GET", p + "/folders/" + esc(d.Folder) + "/contents?page[limit]=201", nil, 400,
			"page[limit]", nil},
		{"search page", "GET", p + "/folders/" + esc(d.Folder) + "/search?page[number]=50", nil, 400,
			"page[number]", nil},
		{"unknown user", "GET", p + "/items/" + esc(item), nil, 403, "may not act",
			[]string{"x-user-id", "NOBODY"}},
		{"user by the account's id", "GET", p + "/items/" + esc(item), nil, 403, "may not act",
			[]string{"x-user-id", d.AdminID}},
		{"unknown version", "GET", p + "/versions/" + esc(version+"9"), nil, 404, "VERSION_NOT_FOUND", nil},
		{"rename an item", "PATCH", p + "/items/" + esc(item),
			obj{"jsonapi": jsonapi(), "data": obj{"type": "items", "id": item,
				"attributes": obj{"displayName": "z.dwg"}}}, 400, "displayName", nil},
		{"wrong method", "PUT", p + "/items", nil, 405, "PUT", nil},
		{"unknown path", "GET", "/data/v1/nothing", nil, 404, "no such resource", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a.t = t
			a.call(tt.method, tt.path, tt.body, tt.headers...).want(tt.status).has(tt.has)
		})
	}

	a.t = t
	if err := a.s.Reserve(item, d.User); err != nil {
		t.Fatal(err)
	}

	a.call("POST", p+"/versions", versionBody(item, "taken.dwg", urn)).want(423)
	a.s.SetProjectInactive(d.Project, true)
	a.call("GET", p+"/items/"+esc(item), nil).want(403).has("Project is not active: " + d.Project)
}

func TestDeleteRestoreRename(t *testing.T) {
	a := newAPI(t, Config{})
	d := a.s.Demo()
	p := "/data/v1/projects/" + d.Project
	item, version, _ := a.publish("gone.dwg", "1")
	del := obj{"jsonapi": jsonapi(),
		"data": obj{"type": "versions",
			"attributes":    obj{"extension": obj{"type": typeDeleted, "version": "1.0"}},
			"relationships": obj{"item": obj{"data": ref("items", item)}}}}
	marker := a.call("POST", p+"/versions", del).want(201)
	if marker.text("data/attributes/extension/data/originalName") != "gone.dwg" ||
		marker.at("data/relationships/storage") != nil {
		t.Errorf("marker: %s", marker.raw)
	}

	listing := p + "/folders/" + esc(d.Folder) + "/contents"
	if n := a.call("GET", listing, nil).want(200).len("data"); n != 0 {
		t.Errorf("%d members after the deletion", n)
	}

	if n := a.call("GET", listing+"?filter[hidden]=true,false", nil).want(200).len("data"); n != 1 {
		t.Errorf("%d members with hidden ones", n)
	}

	other, _, _ := a.publish("gone.dwg", "another under the old name")
	restore := p + "/versions?copyFrom=" + esc(version)
	a.call("POST", restore, `{"data":{"type":"versions"}}`).want(409)
	got := a.call("POST", restore, `{"data":{"type":"versions","attributes":{"name":"back.dwg"}}}`).want(201)
	if got.text("data/attributes/name") != "back.dwg" || got.at("data/attributes/versionNumber") != 3.0 ||
		got.text("data/relationships/item/data/id") != item {
		t.Errorf("restored: %s", got.raw)
	}

	a.call("POST", p+"/versions?copyFrom="+esc(got.text("data/id")),
		obj{"jsonapi": jsonapi(), "data": obj{"type": "versions",
			"attributes": obj{"name": "renamed.dwg"}}}).want(201)
	if _, ok := a.s.File("Project Files/renamed.dwg"); !ok {
		t.Error("the rename did not arrive")
	}

	if f, ok := a.s.File("Project Files/gone.dwg"); !ok || f.ItemID != other {
		t.Errorf("gone.dwg is %+v", f)
	}

	// folders
	f := a.call("POST", p+"/folders", folderBody(d.Folder, "sub")).want(201).text("data/id")
	patch := func(attributes, parent any) reply {
		body := obj{"type": "folders", "id": f}
		if attributes != nil {
			body["attributes"] = attributes
		}

		if parent != nil {
			body["relationships"] = obj{"parent": obj{"data": ref("folders", parent.(string))}}
		}

		return a.call("PATCH", p+"/folders/"+esc(f), obj{"jsonapi": jsonapi(), "data": body})
	}
	patch(obj{"hidden": true}, nil).want(200)
	a.call("POST", p+"/folders", folderBody(d.Folder, "sub")).want(201)
	patch(obj{"hidden": false}, nil).want(409)
	patch(obj{"hidden": false, "name": "sub 2"}, nil).want(200).has("sub 2")
	into := a.call("POST", p+"/folders", folderBody(d.Folder, "into")).want(201).text("data/id")
	patch(nil, into).want(200)
	patch(nil, f).want(400)
	if got := a.s.Folders(d.Project); fmt.Sprint(
		got) != "[Project Files Project Files/into Project Files/into/sub 2 Project Files/sub Shared]" {
		t.Errorf("folders %q", got)
	}
}

func TestPaging(t *testing.T) {
	a := newAPI(t, Config{})
	d := a.s.Demo()
	for i := range 450 {
		if _, err := a.s.AddFolder(d.Project, fmt.Sprintf("Project Files/f%03d", i)); err != nil {
			t.Fatal(err)
		}
	}

	next := "/data/v1/projects/" + d.Project + "/folders/" + esc(d.Folder) + "/contents?filter[name]=f449"
	pages, found := 0, 0
	for next != "" {
		r := a.call("GET", next, nil).want(200)
		pages, found, next = pages+1, found+r.len("data"), r.text("links/next/href")
	}

	if pages != 3 || found != 1 { // pages are cut before they are filtered
		t.Errorf("%d pages and %d found, want 3 and 1", pages, found)
	}
}

func TestSignedURLs(t *testing.T) {
	a := newAPI(t, Config{})
	urn := a.storage("a.dwg")
	p := objectPath(urn) + "/signeds3upload"
	up := a.call("GET", p+"?parts=2", nil).want(200)
	u, u2 := up.text("urls/0"), up.text("urls/1")
	send := func(method, u string, body []byte, headers ...string) reply {
		t.Helper()
		var r io.Reader
		if body != nil {
			r = bytes.NewReader(body)
		}

		req := a.request(method, u, r)
		for i := 0; i+1 < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}

		return a.send(req)
	}
	send("PUT", u, []byte("x"), "Authorization",
		"Bearer "+a.token).want(400).has("<Code>InvalidArgument</Code>")
	send("PUT", strings.Replace(u, "partNumber=1", "partNumber=2", 1),
		[]byte("x")).want(403).has("<Code>SignatureDoesNotMatch</Code>")
	send("PUT", strings.Replace(u, "X-Amz-Expires=120", "X-Amz-Expires=999", 1),
		[]byte("x")).want(403).has("SignatureDoesNotMatch")
	send("GET", u, nil).want(403).has("SignatureDoesNotMatch")
	send("PUT", u, []byte("x"), "X-Amz-Meta-A", "b").want(403).has("AccessDenied")
	send("PUT", u, []byte("x"), "Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA==").want(400).has("BadDigest")
	req := a.request("PUT", u, io.NopCloser(strings.NewReader("no length")))
	req.ContentLength = -1
	a.send(req).want(411).has("MissingContentLength")
	req = a.request("PUT", u, strings.NewReader("short"))
	req.ContentLength = 10
	a.send(req).want(400).has("IncompleteBody")
	if got := send("PUT", u, []byte("hello")).want(200).header.Get(
		"ETag"); got != `"5d41402abc4b2a76b9719d911017c592"` {
		t.Errorf("ETag %s, want the MD5 in quotes", got)
	}

	a.s.Advance(2 * time.Minute)
	send("PUT", u2, []byte("x")).want(403).has("<Message>Request has expired</Message>")
	again := a.call("GET", p+"?firstPart=2&uploadKey="+url.QueryEscape(up.text("uploadKey"))+
		"&minutesExpiration=60", nil).want(200)
	send("PUT", again.text("urls/0"), []byte("world")).want(200)
	a.call("GET", p+"?parts=26", nil).want(400).has("parts")
	a.call("GET", p+"?minutesExpiration=61", nil).want(400)
	a.call("GET", p+"?uploadKey=nonsense", nil).want(400).has("uploadKey")
	a.call("GET", strings.Replace(p, "wip.dm.prod/objects/", "wip.dm.prod/objects/x", 1), nil).want(403)
	a.call("GET", "/oss/v2/buckets/no-such-bucket/objects/x/signeds3upload", nil).want(404)
	a.s.Advance(24 * time.Hour)
	a.token = a.login(allScopes)
	a.call("GET", p+"?firstPart=2&uploadKey="+url.QueryEscape(up.text("uploadKey")),
		nil).want(400).has("expired")
	a.call("POST", p, obj{"uploadKey": up.text("uploadKey")}).want(400).has("expired")
}

func TestCompletion(t *testing.T) {
	a := newAPI(t, Config{})
	d := a.s.Demo()
	type session struct{ p, key, urn string }
	begin := func(parts ...int) (session, []string) {
		t.Helper()
		urn := a.storage("c.dwg")
		s := session{p: objectPath(urn) + "/signeds3upload", urn: urn}
		up := a.call("GET", fmt.Sprintf("%s?parts=%d", s.p, len(parts)), nil).want(200)

		s.key = up.text("uploadKey")
		var tags []string
		for n, size := range parts {
			tag := "none"
			if size >= 0 {
				tag = unquote(a.put(up.text(fmt.Sprintf("urls/%d", n)),
					make([]byte, size)).want(200).header.Get("ETag"))
			}

			tags = append(tags, tag)
		}

		return s, tags
	}
	complete := func(s session, size int, tags []string) reply {
		t.Helper()
		return a.call("POST", s.p, obj{"uploadKey": s.key, "size": size, "eTags": tags}).want(200)
	}
	const five = 5 << 20
	s, tags := begin(five, -1, 10)
	r := complete(s, five+10, tags)
	if r.text("status") != "error" || r.text("reason") != "MissingOrInvalidParts" ||
		r.text("parts/1/status") != "Pending" || r.text("parts/0/status") != "Ok" {
		t.Errorf("missing part: %s", r.raw)
	}

	s, tags = begin(100, 10)
	if r := complete(s, 110, tags); r.text("parts/0/status") != "TooSmall" ||
		r.text("parts/1/status") != "Ok" {
		t.Errorf("small part: %s", r.raw)
	}

	if r := complete(s, 110, []string{"x", tags[1]}); r.text("parts/0/status") != "Unexpected+TooSmall" {
		t.Errorf("small and wrong part: %s", r.raw)
	}

	s, tags = begin(five, 10)
	if r := complete(s, five+11, tags); r.text("status") != "error" ||
		r.at("size/expected") != float64(five+11) || r.at("size/detected") != float64(five+10) {
		t.Errorf("wrong size: %s", r.raw)
	}

	if r := complete(s, five+10, []string{tags[0], "wrong"}); r.text("parts/1/status") != "Unexpected" {
		t.Errorf("wrong ETag: %s", r.raw)
	}

	a.call("POST", "/data/v1/projects/"+d.Project+"/items", itemBody(d.Folder, "c.dwg", s.urn)).want(400)
	if r := complete(s, five+10, tags); r.text("objectId") != s.urn || r.at("status") != nil {
		t.Errorf("after failed checks: %s", r.raw)
	}

	complete(s, five+10, tags).has("objectId") // once more
	a.s.SetKnobs(func(k *Knobs) { k.SecondCompleteFails = true })
	a.call("POST", s.p, obj{"uploadKey": s.key}).want(400)
	a.s.SetKnobs(func(k *Knobs) { k.CloseOnFailedCheck = true })
	s, tags = begin(10)
	complete(s, 11, tags)
	a.call("POST", s.p, obj{"uploadKey": s.key, "size": 10, "eTags": tags}).want(400)
	// size 0: one empty part
	s, tags = begin(0)
	if tags[0] != "d41d8cd98f00b204e9800998ecf8427e" {
		t.Errorf("ETag of nothing is %s", tags[0])
	}

	complete(s, 0, tags).has("objectId")
	a.s.SetKnobs(func(k *Knobs) { k.RefuseEmptyPart = true })
	up := a.call("GET", objectPath(a.storage("e"))+"/signeds3upload", nil).want(200)
	a.put(up.text("urls/0"), []byte{}).want(400)
	// parts replace each other, user metadata is kept and bounded
	urn := a.storage("m.dwg")
	p := objectPath(urn) + "/signeds3upload"
	up = a.call("GET", p, nil).want(200)
	a.put(up.text("urls/0"), []byte("first")).want(200)
	a.put(up.text("urls/0"), []byte("again")).want(200)
	a.call("POST", p, obj{"uploadKey": up.text("uploadKey")}, "x-ads-user-defined-metadata",
		"not json").want(400)
	a.call("POST", p, obj{"uploadKey": up.text("uploadKey")}, "x-ads-user-defined-metadata",
		`{"job":"1"}`).want(200).has("objectId")
	a.call("GET", objectPath(urn)+"/details?with=userDefinedMetadata", nil).want(200).has(`{\"job\":\"1\"}`)
}

func TestDownloads(t *testing.T) {
	a := newAPI(t, Config{Assembly: time.Hour})
	urn := a.storage("d.bin")
	first, second := noise(5<<20), noise(1000)
	a.upload(urn, first, second)
	p := objectPath(urn) + "/signeds3download"
	r := a.call("GET", p, nil).want(200)
	key := fmt.Sprintf("%d-%d", 5<<20, 5<<20+999)
	if r.text("status") != "chunked" || r.at("sha1") != nil {
		t.Fatalf("unassembled: %s", r.raw)
	}

	var urls = r.at("urls").(map[string]any)
	if got := a.send(a.request("GET", urls[key].(string), nil)).want(200); !bytes.Equal(got.raw, second) {
		t.Error("second chunk differs")
	}

	r = a.call("GET", p+"?public-resource-fallback=true", nil).want(200)
	if r.text("status") != "fallback" {
		t.Fatalf("fallback: %s", r.raw)
	}

	if got := a.send(a.request("GET", r.text("url"), nil)).want(200); len(got.raw) != 5<<20+1000 {
		t.Errorf("%d bytes by the fallback", len(got.raw))
	}

	a.s.Advance(time.Hour)
	a.token = a.login(allScopes)
	r = a.call("GET", p+"?response-content-type=text/plain", nil).want(200)
	if r.text("status") != "complete" || len(r.text("sha1")) != 40 {
		t.Fatalf("assembled: %s", r.raw)
	}

	u := r.text("url")
	get := func(headers ...string) reply {
		t.Helper()

		req := a.request("GET", u, nil)
		for i := 0; i+1 < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}

		return a.send(req)
	}
	if got := get().want(200); got.header.Get("Content-Type") != "text/plain" ||
		!strings.HasSuffix(got.header.Get("ETag"), `-2"`) {
		t.Errorf("headers %v", got.header)
	}

	get("If-Match", `"other"`).want(412).has("PreconditionFailed")
	get("Range", "bytes=9999999-").want(416).has("InvalidRange")
	if got := get("Range", "bytes=-10").want(206); !bytes.Equal(got.raw, second[990:]) {
		t.Error("suffix range differs")
	}

	a.call("GET", p, nil, "If-None-Match", r.text("sha1")).want(304)
	a.s.Advance(3 * time.Minute)
	get().want(403).has("Request has expired")
	a.s.SetKnobs(func(k *Knobs) { k.DenyDownload = true })
	a.call("GET", p, nil).want(403)
}

func TestKnobs(t *testing.T) {
	a := newAPI(t, Config{Visibility: time.Minute, OpaqueETags: true})
	d := a.s.Demo()
	item, _, urn := a.publish("late.dwg", "1")
	listing := "/data/v1/projects/" + d.Project + "/folders/" + esc(d.Folder) + "/contents"
	if n := a.call("GET", listing, nil).want(200).len("data"); n != 0 {
		t.Error("a new item is listed too early")
	}

	a.call("POST", "/data/v1/projects/"+d.Project+"/items", itemBody(d.Folder, "late.dwg", urn)).want(409)
	a.s.Advance(time.Minute)
	if n := a.call("GET", listing, nil).want(200).len("data"); n != 1 {
		t.Error("a new item is not listed")
	}

	a.s.SetKnobs(func(k *Knobs) { k.RewriteStorage = true })
	urn = a.storage("late.dwg")
	a.upload(urn, []byte("22"))
	v := a.call("POST", "/data/v1/projects/"+d.Project+"/versions",
		versionBody(item, "late.dwg", urn)).want(201)
	if got := v.text("data/relationships/storage/data/id"); got == urn || got == "" {
		t.Errorf("storage %s was not rewritten", got)
	} else {
		a.call("GET", objectPath(got)+"/details", nil).want(200)
	}

	a.s.SetKnobs(func(k *Knobs) { k.HideHubs = true })
	a.call("GET", "/project/v1/hubs", nil).want(200).has("BIM360DM_ERROR").has(`"data":[]`)
	a.call("GET", "/project/v1/hubs/"+d.Hub, nil).want(404)
	a.s.SetKnobs(func(k *Knobs) { k.NotProvisioned, k.HideHubs, k.CaseInsensitiveNames = true, false, true })
	a.call("GET", "/hq/v1/accounts/"+d.Account+"/users", nil).want(403)
	info, _ := a.s.File("Project Files/late.dwg")
	if len(info.Versions) != 2 || len(info.Versions[0].ETags[0]) != 32 {
		t.Errorf("info %+v", info)
	}

	if _, err := hex.DecodeString(info.Versions[0].ETags[0]); err != nil ||
		info.Versions[0].ETags[0] == "c4ca4238a0b923820dcc509a6f75849b" {
		t.Errorf("opaque ETag %s", info.Versions[0].ETags[0])
	}
}

func TestLimits(t *testing.T) {
	a := newAPI(t, Config{Limits: true})
	start := len(a.s.Requests())
	for range 50 {
		a.call("GET", "/project/v1/hubs", nil).want(200)
	}

	r := a.call("GET", "/project/v1/hubs", nil).want(429).has(`{"developerMessage":"Quota limit exceeded."}`)
	if after := r.header.Get("Retry-After"); after != "60" && after != "59" {
		t.Errorf("Retry-After %q", after)
	}

	a.call("GET", "/project/v1/hubs/"+a.s.Demo().Hub, nil).want(200) // another class
	if got := a.s.Requests()[start+50]; got.Status != 429 || got.Class != "list-hubs" ||
		got.Op != "list-hubs" {
		t.Errorf("journal %+v", got)
	}

	a.s.Advance(time.Minute)
	a.call("GET", "/project/v1/hubs", nil).want(200)

	for i, tt := range []struct {
		ago  []int
		per  int
		want time.Duration
		kept int
	}{
		{nil, 2, 0, 1},
		{[]int{60, 30}, 2, 0, 2},
		{[]int{59, 30}, 2, time.Second, 2},
		{[]int{50, 40, 30}, 2, 20 * time.Second, 3},
	} {
		now := time.Unix(1000, 0)
		var at []time.Time
		for _, s := range tt.ago {
			at = append(at, now.Add(-time.Duration(s)*time.Second))
		}

		if wait, kept := admit(at, now, tt.per); wait != tt.want || len(kept) != tt.kept {
			t.Errorf("row %d: wait %v, %d kept; want %v, %d", i, wait, len(kept), tt.want, tt.kept)
		}
	}
}
