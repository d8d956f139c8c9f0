package emulator

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func tourRelations(a *api, d Demo) {
	p := "/data/v1/projects/" + d.Project
	item, version, _ := a.publish("relations.dwg", "one")
	_, other, _ := a.publish("xref.dwg", "two")
	a.call("GET", "/project/v1/hubs/"+d.Hub+"/projects/"+d.Project+"/hub", nil).want(200).has("Demo Hub")
	a.call("GET", p+"/items/"+esc(item)+"/parent", nil).want(200).has(d.Folder)
	root := a.call("GET", p+"/folders/"+esc(d.Folder)+"/parent", nil).want(200).text("data/id")
	a.call("GET", p+"/folders/"+esc(root)+"/parent", nil).want(404)
	a.call("GET", p+"/versions/"+esc(version)+"/item", nil).want(200).has(item)

	ends := map[string]string{"folders": d.Folder, "items": item, "versions": version}
	for kind, id := range ends {
		at := p + "/" + kind + "/" + esc(id)
		attach := obj{"type": "auxiliary:autodesk.core:Attachment", "version": "1.0"}
		a.call("POST", at+"/relationships/refs", obj{"jsonapi": jsonapi(), "data": obj{"type": "versions",
			"id": other, "meta": obj{"extension": attach}}}).want(204)
		got := a.call("GET", at+"/relationships/refs?filter[refType]=auxiliary", nil).want(200)
		if got.text("data/0/id") != other || got.text("data/0/meta/direction") != "from" ||
			got.text("included/0/id") != other {
			a.t.Errorf("relations of %s: %s", kind, got.raw)
		}

		got = a.call("GET", at+"/relationships/refs?filter[direction]=to", nil).want(200)
		if got.len("data") != 0 {
			a.t.Errorf("relations to %s: %s", kind, got.raw)
		}

		a.call("GET", at+"/refs?filter[type]=versions", nil).want(200).has(other)
		a.call("GET", at+"/relationships/links", nil).want(200)
	}

	seen := a.call("GET", p+"/versions/"+esc(other)+"/relationships/refs", nil).want(200)
	if seen.len("data") != len(ends) || seen.text("data/0/meta/direction") != "to" {
		a.t.Errorf("relations of the other end: %s", seen.raw)
	}

	rename := obj{"jsonapi": jsonapi(), "data": obj{"type": "versions", "id": version,
		"attributes": obj{"name": "new.dwg"}}}
	a.call("PATCH", p+"/versions/"+esc(version), rename).want(400) // BIM 360 and ACC do not take it
	tourCommands(a, p, item, version)
}

func tourCommands(a *api, p, item, version string) {
	convert := obj{"jsonapi": jsonapi(), "data": obj{"type": "downloads",
		"attributes":    obj{"format": obj{"fileType": "pdf"}},
		"relationships": obj{"source": obj{"data": ref("versions", version)}}}}
	job := a.call("POST", p+"/downloads", convert).want(202).text("data/0/id")
	at := a.call("GET", p+"/jobs/"+job, nil).want(303).header.Get("Location")
	a.call("GET", at, nil).want(200).has("pdf")
	a.call("GET", p+"/downloads/nope", nil).want(404)

	command := func(kind string, data obj, resources ...any) reply {
		return a.call("POST", p+"/commands", obj{"jsonapi": jsonapi(), "data": obj{"type": "commands",
			"attributes":    obj{"extension": obj{"type": kind, "version": "1.0.0", "data": data}},
			"relationships": obj{"resources": obj{"data": resources}}}})
	}
	one := ref("items", item)
	command(cmdListItems, obj{"includePathInProject": true}, one).want(200).has("pathInProject")
	command(cmdListRefs, obj{}, ref("versions", version)).want(200).has("xref.dwg")
	command(cmdPermission, obj{"requiredActions": list{"download"}}, one).want(200).has("permissions")
	command(cmdPublish, obj{}, one).want(200).has("committed")
	command(cmdPublishAlone, obj{}, ref("items", item)).want(200).has("committed")
	command(cmdPublishJob, obj{}, ref("items", item)).want(200).has("complete")
	command("commands:autodesk.core:Nothing", obj{}, ref("items", item)).want(400)
	command(cmdListItems, obj{}, ref("items", "urn:nobody")).want(404)
}

func tourOpenID(a *api) {
	a.call("GET", "/.well-known/openid-configuration", nil).want(200).has("/authentication/v2/introspect")
	a.call("GET", "/authentication/v2/keys", nil).want(200).has(oidcKeyID)
	if to := a.call("GET", "/authentication/v2/logout?post_logout_redirect_uri=https://example.com/out",
		nil).want(302).header.Get("Location"); to != "https://example.com/out" {
		a.t.Errorf("logout leads to %q", to)
	}

	f := url.Values{"token": {a.token}}
	got := a.formTo("/authentication/v2/introspect", f).want(200)
	if got.at("active") != true || got.text("client_id") != DefaultClientID || got.at("exp") == nil {
		a.t.Errorf("introspection: %s", got.raw)
	}

	if got := a.formTo("/authentication/v2/introspect", url.Values{"token": {"dead"}}).want(200); got.at(
		"active") != false {
		a.t.Errorf("introspection of a dead token: %s", got.raw)
	}
}

// formTo posts a form with the demonstration application's credentials.
func (a *api) formTo(path string, f url.Values) reply {
	a.t.Helper()
	req := a.request(http.MethodPost, a.base+path, strings.NewReader(f.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(DefaultClientID, DefaultClientSecret)

	return a.send(req)
}

func tourSigned(a *api) {
	defer func(token string) { a.token = token }(a.token)
	a.token = a.login(allScopes + " bucket:update")
	a.call("POST", "/oss/v2/buckets", obj{"bucketKey": "signed-bucket", "policyKey": "transient"}, "region",
		"US").want(200)
	a.upload(objectURN("signed-bucket", "a"), []byte("content"))
	o := "/oss/v2/buckets/signed-bucket/objects/"
	a.call("PUT", o+"a/copyto/b", nil).want(200).has(`"objectKey":"b"`)
	a.call("PUT", o+"nope/copyto/b", nil).want(404)
	a.call("DELETE", o+"a", nil).want(200) // the copy keeps the bytes

	read := a.call("POST", o+"b/signed?access=Read", obj{"minutesExpiration": 5}).want(200).text("signedUrl")
	if got := a.send(a.request("GET", read, nil)).want(200); string(got.raw) != "content" {
		a.t.Errorf("signed read: %q", got.raw)
	}

	a.send(a.request("PUT", read, strings.NewReader("x"))).want(403)
	write := a.call("POST", o+"c/signed?access=ReadWrite", obj{}).want(200).text("signedUrl")
	a.send(a.request("PUT", write, strings.NewReader("written"))).want(200).has(`"size":7`)

	at, _, _ := strings.Cut(write, "?")
	for i, chunk := range []string{"12345", "678"} {
		req := a.request("PUT", at+"/resumable", strings.NewReader(chunk))
		req.Header.Set("Session-Id", "s")
		req.Header.Set("Content-Range", []string{"bytes 0-4/8", "bytes 5-7/8"}[i])
		a.send(req).want([]int{202, 200}[i])
	}

	if got := a.send(a.request("GET", write, nil)).want(200); string(got.raw) != "12345678" {
		a.t.Errorf("chunks: %q", got.raw)
	}

	a.send(a.request("DELETE", at, nil)).want(200)
	a.send(a.request("GET", write, nil)).want(404)
	once := a.call("POST", o+"b/signed", obj{"singleUse": true}).want(200).text("signedUrl")
	a.send(a.request("GET", once, nil)).want(200)
	a.send(a.request("GET", once, nil)).want(403)

	for method, path := range map[string]string{"PUT": o + "b/resumable", "GET": o + "b/status/s"} {
		a.call(method, path, nil).want(403).has("Legacy endpoint is deprecated")
	}

	a.call("PUT", o+"b", "bytes").want(403)
	a.call("GET", o+"b", nil).want(403)
	a.call("POST", "/oss/v2/buckets/signed-bucket/protect",
		obj{"protection": true}).want(200).has("set to true")
	a.call("DELETE", "/oss/v2/buckets/signed-bucket", nil).want(403)
	a.call("POST", "/oss/v2/buckets/signed-bucket/protect", obj{"protection": false}).want(200)
	a.call("DELETE", "/oss/v2/buckets/signed-bucket", nil).want(200)
}

func tourCompanies(a *api, d Demo) {
	account := "/hq/v1/accounts/" + d.Account
	made := a.call("POST", account+"/companies", obj{"name": "Roof & Co", "trade": "Electrical",
		"city": "Basel"}).want(201).text("id")
	a.call("POST", account+"/companies", obj{"name": "Roof & Co", "trade": "Electrical"}).want(409)
	in := a.call("POST", account+"/companies/import", list{obj{"name": "New", "trade": "Concrete"},
		obj{"name": "Roof & Co", "trade": "Electrical"}}).want(201)
	if in.at("success") != 1.0 || in.at("failure") != 1.0 {
		a.t.Errorf("import: %s", in.raw)
	}

	a.call("GET", account+"/companies/"+made, nil).want(200).has("Basel")
	a.call("GET", account+"/companies/nobody", nil).want(404)
	a.call("PATCH", account+"/companies/"+made, obj{"city": "Bern"}).want(200).has("Bern")
	a.call("GET", account+"/companies/search?name=Roof&partial=true", nil).want(200).has(made)
	a.call("GET", account+"/projects/"+strings.TrimPrefix(d.BIM360Project, "b.")+"/companies", nil).want(200)
	picture := func(path string) {
		req := a.request("PATCH", a.base+account+path, strings.NewReader("body=png"))
		req.Header.Set("Authorization", "Bearer "+a.token)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		a.send(req).want(200)
	}
	picture("/companies/" + made + "/image")
	picture("/projects/" + strings.TrimPrefix(d.BIM360Project, "b.") + "/image")

	for view, want := range map[string]string{"projects": "accessLevels", "products": "projectIds",
		"roles": "pagination"} {
		a.call("GET", "/construction/admin/v1/accounts/"+d.Account+"/users/"+d.Admin+"/"+view,
			nil).want(200).has(want)
	}
}

// TestIDToken checks an id token as a client does: with the key that the service publishes.
func TestIDToken(t *testing.T) {
	a := newAPI(t, Config{})
	raw := strings.Split(a.s.idToken(base, "client", "user", "nonce", a.s.now()), ".")
	keys := a.call("GET", "/authentication/v2/keys", nil).want(200)
	n, err := base64.RawURLEncoding.DecodeString(keys.text("keys/0/n"))
	if err != nil {
		t.Fatal(err)
	}

	sig, err := base64.RawURLEncoding.DecodeString(raw[2])
	if err != nil {
		t.Fatal(err)
	}

	sum := sha256.Sum256([]byte(raw[0] + "." + raw[1]))
	key := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: 65537}
	if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], sig); err != nil {
		t.Error(err)
	}
}

// TestOldSignIn takes a token at each path of the first version of authentication.
func TestOldSignIn(t *testing.T) {
	a := newAPI(t, Config{})
	credentials := url.Values{"client_id": {DefaultClientID}, "client_secret": {DefaultClientSecret}}
	post := func(path string, more url.Values) reply {
		f := url.Values{}
		for _, v := range []url.Values{credentials, more} {
			for k := range v {
				f.Set(k, v.Get(k))
			}
		}

		req := a.request(http.MethodPost, a.base+"/authentication/v1/"+path, strings.NewReader(f.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")

		return a.send(req)
	}
	post("authenticate", url.Values{"grant_type": {"client_credentials"}, "scope": {"data:read"}}).want(200)
	a.token = ""
	to := a.call("GET", "/authentication/v1/authorize?response_type=code&client_id="+DefaultClientID+
		"&redirect_uri="+url.QueryEscape(RedirectURI)+"&scope=user-profile:read", nil).want(302)
	u, err := url.Parse(to.header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}

	got := post("gettoken", url.Values{"grant_type": {"authorization_code"}, "code": {u.Query().Get("code")},
		"redirect_uri": {RedirectURI}}).want(200)
	got = post("refreshtoken", url.Values{"grant_type": {"refresh_token"},
		"refresh_token": {got.text("refresh_token")}}).want(200)
	a.token = got.text("access_token")
	a.call("GET", "/userprofile/v1/users/@me", nil).want(200).has("ada.admin@example.com")
}

// TestHubKinds walks hubs of each kind and region: what they are called, where their bytes are, and
// that a personal hub neither hides nor deletes.
func TestHubKinds(t *testing.T) {
	for _, row := range []struct {
		name         string
		kind         HubKind
		region       string
		ext, urn     string
		store        string
		hidden       bool
		deleteStatus int
	}{
		{"account", HubAccount, "US", "hubs:autodesk.bim360:Account", "urn:adsk.wipprod:", "wip.dm.prod",
			true, 201},
		{"account in Europe", HubAccount, "EMEA", "hubs:autodesk.bim360:Account", "urn:adsk.wipemea:",
			"wip.dm.emea.2", true, 201},
		{"team", HubTeam, "US", "hubs:autodesk.core:Hub", "urn:adsk.wipprod:", "wip.dm.prod", true, 201},
		{"personal", HubPersonal, "US", "hubs:autodesk.a360:PersonalHub", "urn:adsk.wipprod:", "wip.dm.prod",
			false, 400},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := newAPI(t, Config{})
			hub := a.s.AddHubIn("Hub", row.kind, row.region)
			project, err := a.s.AddProject(hub, "Project", "")
			if err != nil {
				t.Fatal(err)
			}

			folder, err := a.s.AddFolder(project, "Project Files/Old")
			if err != nil {
				t.Fatal(err)
			}

			got := a.call("GET", "/project/v1/hubs/"+hub, nil).want(200)
			if got.text("data/attributes/extension/type") != row.ext ||
				got.text("data/attributes/region") != row.region {
				t.Errorf("hub: %s", got.raw)
			}

			p := "/data/v1/projects/" + project
			storage := a.call("POST", p+"/storage", storageBody(folder, "a.dwg")).want(201).text("data/id")
			if b, _, _ := splitURN(storage); b != row.store || !strings.HasPrefix(folder, row.urn) {
				t.Errorf("storage %s, folder %s", storage, folder)
			}

			a.upload(storage, []byte("content"))
			itemType, versionType := typeItem360, typeVersion360
			if row.kind != HubAccount {
				itemType, versionType = typeItemCore, typeVersionCore
			}

			in := itemBody(folder, "a.dwg", storage)
			in["data"].(obj)["attributes"].(obj)["extension"].(obj)["type"] = itemType
			in["included"].(list)[0].(obj)["attributes"].(obj)["extension"].(obj)["type"] = versionType
			item := a.call("POST", p+"/items", in).want(201).text("data/id")
			if !strings.HasPrefix(item, row.urn) {
				t.Errorf("item %s", item)
			}

			hide := obj{"jsonapi": jsonapi(), "data": obj{"type": "folders", "id": folder,
				"attributes": obj{"hidden": true}}}
			if got := a.call("PATCH", p+"/folders/"+esc(folder), hide).want(200); got.at(
				"data/attributes/hidden") != row.hidden {
				t.Errorf("hidden: %s", got.raw)
			}

			deleted := obj{"type": typeDeleted, "version": "1.0"}
			a.call("POST", p+"/versions", obj{"jsonapi": jsonapi(), "data": obj{"type": "versions",
				"attributes":    obj{"name": "a.dwg", "extension": deleted},
				"relationships": obj{"item": obj{"data": ref("items", item)}}}}).want(row.deleteStatus)
		})
	}
}

// TestHQRegion: an account of another region than the United States is found by the header or the
// path only.
func TestHQRegion(t *testing.T) {
	a := newAPI(t, Config{})
	account := strings.TrimPrefix(a.s.AddHubIn("Europe", HubAccount, "EMEA"), "b.")
	got := a.call("GET", "/hq/v1/accounts/"+account+"/companies", nil).want(404)
	if got.at("code") != 1004.0 {
		t.Errorf("code: %s", got.raw)
	}

	a.call("GET", "/hq/v1/accounts/"+account+"/companies", nil, "Region", "EMEA").want(200)
	a.call("GET", "/hq/v1/regions/eu/accounts/"+account+"/companies", nil).want(200)
	a.call("GET", "/hq/v1/accounts/"+a.s.Demo().Account+"/companies", nil, "Region", "EMEA").want(404)
	a.call("GET", "/construction/admin/v1/accounts/"+account+"/companies", nil).want(200)
}
