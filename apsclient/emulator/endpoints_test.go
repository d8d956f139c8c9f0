package emulator

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestTour makes a valid call to every endpoint; each request and answer is checked against the
// published specification.
func TestTour(t *testing.T) {
	sp := loadSpecs(t)
	a := newAPI(t, Config{Knobs: Knobs{CreateHookBody: true}})
	a.http.Transport = &checked{base: a.s.Transport(), specs: sp}
	a.token = a.login(allScopes)
	d := a.s.Demo()
	tourProjects(a, d)
	tourData(a, d)
	tourOSS(a)
	tourHooks(a, d)
	tourHQ(a, d)
	tourAdmin(a, d)
	tourRobots(a)
	tourRelations(a, d)
	tourOpenID(a)
	tourSigned(a)
	tourCompanies(a, d)

	called := map[string]bool{}
	for _, r := range a.s.Requests() {
		called[r.Op] = true
	}

	elsewhere := []string{"authorize", "revoke", "user-info", "s3-head", "get-user-profile",
		"list-version-links"}
	for _, rt := range a.s.routes.routes {
		if !called[rt.op] && !slices.Contains(elsewhere, rt.op) {
			t.Errorf("%s was not called", rt.op)
		}
	}

	if n := len(sp.seen); n < 45 {
		t.Errorf("only %d operations of the specification were checked: %v", n,
			slices.Sorted(maps.Keys(sp.seen)))
	}
}

func tourProjects(a *api, d Demo) {
	a.call("GET", "/project/v1/hubs", nil).want(200)
	a.call("GET", "/project/v1/hubs?filter[name]=Demo%20Hub", nil).want(200)
	a.call("GET", "/project/v1/hubs/"+d.Hub, nil).want(200)
	a.call("GET", "/project/v1/hubs/"+d.Hub+"/projects?page[limit]=1",
		nil).want(200).has("page%5Bnumber%5D=1")
	a.call("GET", "/project/v1/hubs/"+d.Hub+"/projects/"+d.Project, nil).want(200)
	a.call("GET", "/project/v1/hubs/"+d.Hub+"/projects/"+d.Project+"/topFolders", nil).want(200)
	a.call("GET", "/project/v1/hubs/nope", nil).want(404)
}

func tourData(a *api, d Demo) {
	p := "/data/v1/projects/" + d.Project
	f := a.call("POST", p+"/folders", folderBody(d.Folder, "Drawings")).want(201).text("data/id")
	a.call("GET", p+"/folders/"+esc(f), nil).want(200)
	item, version, _ := a.publish("tour.dwg", "tour")
	a.call("GET", p+"/folders/"+esc(d.Folder)+"/contents?page[limit]=1", nil).want(200)
	a.call("GET", p+"/folders/"+esc(d.Folder)+"/search?filter[name]=tour.dwg", nil).want(200).has(item)
	a.call("PATCH", p+"/folders/"+esc(f),
		obj{"jsonapi": jsonapi(), "data": obj{"type": "folders", "id": f,
			"attributes": obj{"name": "Plans 2"}}}).want(200)
	a.call("GET", p+"/items/"+esc(item)+"?includePathInProject=true", nil).want(200).has("/Project Files")
	a.call("PATCH", p+"/items/"+esc(item), obj{"jsonapi": jsonapi(), "data": obj{"type": "items", "id": item,
		"attributes": obj{"extension": obj{"data": obj{"description": "checked"}}}}}).want(200).has("checked")
	a.call("GET", p+"/items/"+esc(item)+"/tip", nil).want(200)
	a.call("GET", p+"/items/"+esc(item)+"/versions", nil).want(200)
	a.call("GET", p+"/versions/"+esc(version), nil).want(200)
	a.call("GET", p+"/versions/"+esc(version)+"/downloadFormats", nil).want(200)
	a.call("GET", p+"/versions/"+esc(version)+"/downloads?filter[format.fileType]=pdf",
		nil).want(200).has("pdf")
	urn := a.storage("tour.dwg")
	a.upload(urn, []byte("second"))
	a.call("POST", p+"/versions", versionBody(item, "tour.dwg", urn)).want(201)
	a.call("POST", p+"/items?copyFrom="+esc(version), obj{"jsonapi": jsonapi(), "data": obj{"type": "items",
		"attributes": obj{"displayName": "copy.dwg",
			"extension": obj{"type": typeItem360, "version": "1.0"}},
		"relationships": obj{"tip": obj{"data": ref("versions", "1")},
			"parent": obj{"data": ref("folders", f)}}},
		"included": list{obj{"type": "versions", "id": "1",
			"attributes": obj{"name": "copy.dwg",
				"extension": obj{"type": typeVersion360, "version": "1.0"}}}}}).want(201)
	a.call("GET", "/data/v1/projects/b.nope/folders/x", nil).want(404).has("PROJECT_NOT_FOUND")
}

func folderBody(parent, name string) obj {
	return obj{"jsonapi": jsonapi(),
		"data": obj{"type": "folders",
			"attributes":    obj{"name": name, "extension": obj{"type": typeFolder360, "version": "1.0"}},
			"relationships": obj{"parent": obj{"data": ref("folders", parent)}}}}
}

func tourOSS(a *api) {
	a.call("POST", "/oss/v2/buckets", obj{"bucketKey": "tour-bucket", "policyKey": "transient"}, "region",
		"US").want(200)
	a.call("GET", "/oss/v2/buckets?region=US&limit=5", nil).want(200).has("tour-bucket")
	a.call("GET", "/oss/v2/buckets/tour-bucket/details", nil).want(200)

	for _, key := range []string{"a/b c.bin", "a/z.bin", "other"} {
		a.upload(objectURN("tour-bucket", key), []byte(key))
	}

	o := "/oss/v2/buckets/tour-bucket/objects"
	if got := a.call("GET", o+"?beginsWith=a/&limit=1",
		nil).want(200).has("next").text("items/0/objectKey"); got != "a/b c.bin" {
		a.t.Errorf("first key %q", got)
	}

	a.call("GET", o+"/"+esc("a/b c.bin")+"/details?with=createdDate&with=userDefinedMetadata",
		nil).want(200).has("sha1")
	get := a.call("GET", o+"/other/signeds3download", nil).want(200)
	a.send(a.request("GET", get.text("url"), nil)).want(200)

	up := a.call("POST", o+"/batchsigneds3upload?minutesExpiration=5",
		obj{"requests": list{obj{"objectKey": "b1", "firstPart": 1, "parts": 1},
			obj{"objectKey": "b2"}}}).want(200)
	done := list{}
	for _, k := range []string{"b1", "b2"} {
		a.put(up.text("results/"+k+"/urls/0"), []byte(k)).want(200)
		done = append(done, obj{"objectKey": k, "uploadKey": up.text("results/" + k + "/uploadKey"),
			"size": 2})
	}

	a.call("POST", o+"/batchcompleteupload", obj{"requests": done}).want(200).has("objectId")
	a.call("POST", o+"/batchsigneds3download",
		obj{"requests": list{obj{"objectKey": "b1"}}}).want(200).has("complete")
	a.call("DELETE", o+"/other", nil).want(200)
	a.call("DELETE", o+"/other", nil).want(404)
	a.call("DELETE", "/oss/v2/buckets/tour-bucket", nil).want(200)
	a.call("DELETE", "/oss/v2/buckets/tour-bucket", nil).want(409)
}

func tourHooks(a *api, d Demo) {
	const base = "/webhooks/v1"
	a.call("GET", base+"/hooks", nil).want(204)
	body := obj{"callbackUrl": "https://example.com/hook", "scope": obj{"folder": d.Folder},
		"hookAttribute": obj{"projectId": d.Project}}
	made := a.call("POST", base+"/systems/data/events/dm.version.added/hooks", body).want(201)
	at := made.header.Get("Location")
	a.call("POST", base+"/systems/data/events/dm.version.added/hooks", body).want(409)
	a.call("GET", at, nil).want(200)
	a.call("PATCH", at, obj{"status": "inactive", "autoReactivateHook": true}).want(200)
	a.call("GET", base+"/hooks?status=inactive", nil).want(200)
	a.call("GET", base+"/systems/data/hooks", nil).want(200)
	a.call("GET", base+"/systems/data/events/dm.version.added/hooks", nil).want(200)
	a.call("GET", base+"/app/hooks", nil).want(200)
	a.call("DELETE", at, nil).want(204)
	a.call("DELETE", at, nil).want(404)
	a.call("POST", base+"/systems/data/hooks",
		obj{"callbackUrl": "https://example.com/all",
			"scope": obj{"folder": "urn:adsk.wipprod:fs.folder:co.elsewhere"}}).want(201)
	secret := obj{"token": strings.Repeat("aB3", 12)}
	a.call("POST", base+"/tokens", secret).want(200)
	a.call("POST", base+"/tokens", secret).want(400)
	a.call("PUT", base+"/tokens/@me", secret).want(204)
	a.call("DELETE", base+"/tokens/@me", nil).want(204)
}

func tourHQ(a *api, d Demo) {
	account := "/hq/v1/accounts/" + d.Account
	a.call("GET", account+"/projects?limit=100", nil).want(200)
	made := a.call("POST", account+"/projects",
		obj{"name": "Tower", "start_date": "2026-01-01", "end_date": "2027-01-01", "project_type": "Hospital",
			"value": 3000, "currency": "USD"}).want(201)
	if made.text("status") != "pending" {
		a.t.Errorf("new project: %s", made.raw)
	}

	id := made.text("id")
	a.call("GET", account+"/projects/"+id, nil).want(200)
	a.call("PATCH", account+"/projects/"+id,
		obj{"name": "Tower East", "job_number": "0219-02"}).want(200).has("Tower East")
	user := a.call("POST", account+"/users",
		obj{"email": "john.smith@example.com", "first_name": "John", "last_name": "Smith"}).want(201).text(
		"id")
	a.call("POST", account+"/users/import",
		list{obj{"email": "jane@example.com"}, obj{"email": "jane@example.com"}}).want(201)
	a.call("GET", account+"/users?sort=-email&field=email,name", nil).want(200)
	a.call("GET", account+"/users/search?email=jane&partial=true", nil).want(200).has("jane@")
	a.call("GET", account+"/users/"+user, nil).want(200)
	a.call("PATCH", account+"/users/"+user,
		obj{"company_id": a.call("GET", account+"/companies", nil).want(200).text("0/id")}).want(200).has(
		"Demo Architects")
	a.call("PUT", account+"/business_units_structure",
		obj{"business_units": list{obj{"id": "u1", "name": "North"},
			obj{"id": "u2", "parent_id": "u1", "name": "West"}}}).want(200)
	a.call("GET", account+"/business_units_structure", nil).want(200).has("West")
	v2 := "/hq/v2/accounts/" + d.Account + "/projects/" + id
	role := a.call("GET", v2+"/industry_roles", nil).want(200).text("0/id")
	in := list{obj{"email": "john.smith@example.com",
		"services":       obj{"project_administration": obj{"access_level": "admin"}},
		"industry_roles": list{role}}, obj{"email": "bad"}}
	got := a.call("POST", v2+"/users/import", in, "x-user-id", d.AdminID).want(200)
	if got.at("success") != 1.0 || got.at("failure") != 1.0 {
		a.t.Errorf("import: %s", got.raw)
	}

	a.call("PATCH", v2+"/users/"+user, obj{"industry_roles": list{role}}, "x-user-id", d.AdminID).want(200)
	if got := a.call("GET", account+"/projects/"+id, nil).want(200).text("status"); got != "active" {
		a.t.Errorf("status with an administrator is %q", got)
	}
}

func tourAdmin(a *api, d Demo) {
	ca := "/construction/admin/v1"
	page := a.call("GET", ca+"/accounts/"+d.Account+
		"/projects?filter[platform]=acc&fields=name&fields=platform&sort=name%20desc", nil).want(200)
	if page.text("results/0/platform") != "acc" {
		a.t.Errorf("projects: %s", page.raw)
	}

	made := a.call("POST", ca+"/accounts/"+d.Account+"/projects", obj{"name": "Bridge", "type": "Bridge"},
		"User-Id", d.Admin).want(202)
	id := made.text("id")
	if got := a.call("GET", ca+"/projects/"+id, nil).want(200).text("status"); got != "active" {
		a.t.Errorf("status %q", got)
	}

	a.call("GET", ca+"/accounts/"+d.Account+"/companies?limit=1", nil).want(200).has("nextUrl")
	for status, none := range map[string]bool{"active": false, "inactive": true, "all": false} {
		got := a.call("GET", ca+"/accounts/"+d.Account+"/companies?filter[status]="+status, nil).want(200)
		if n := got.len("results"); (n == 0) != none {
			a.t.Errorf("%d companies of status %s", n, status)
		}
	}

	users := ca + "/projects/" + id + "/users"
	body := obj{"email": "new@example.com", "products": list{obj{"key": "docs", "access": "member"}}}
	user := a.call("POST", users, body, "User-Id", d.Admin).want(201).text("id")
	a.call("POST", users, body, "User-Id", d.Admin).want(409)
	a.call("GET", users+"?filter[email]=new@&limit=500", nil).want(200).has("new@example.com")
	a.call("GET", "/bim360/admin/v1/projects/"+d.BIM360Project+"/users", nil).want(200).has("ada.admin")
	a.call("GET", users+"/"+user, nil).want(200)
	a.call("PATCH", users+"/"+user, obj{"products": list{obj{"key": "docs", "access": "administrator"}}},
		"User-Id", d.Admin).want(200).has("administrator")
	a.call("POST", "/construction/admin/v2/projects/"+id+"/users:import", obj{"users": list{body}}, "User-Id",
		d.Admin).want(202)
	a.call("DELETE", users+"/"+user, nil, "User-Id", d.Admin).want(204)
}

// tourRobots makes, uses up and removes a secure service account and its keys.
func tourRobots(a *api) {
	const base = "/authentication/v2/service-accounts"

	a.call("GET", base, nil).want(403) // the token does not hold the scope
	defer func(token string) { a.token = token }(a.token)
	a.token = a.login("application:service_account:read application:service_account:write " +
		"application:service_account_key:read application:service_account_key:write")
	in := obj{"name": "tour-robot", "firstName": "Tour-", "lastName": "Robot"}
	a.call("POST", base, obj{"name": "x", "firstName": "Tour-", "lastName": "Robot"}).want(400)
	id := a.call("POST", base, in).want(201).has("tour-robot@" + DefaultClientID).text("serviceAccountId")
	a.call("POST", base, in).want(403)
	a.call("GET", base, nil).want(200).has(id).has(demoRobot)
	a.call("GET", base+"/"+id, nil).want(200).has("ENABLED")
	a.call("GET", base+"/NOBODY", nil).want(404)

	kid := a.call("POST", base+"/"+id+"/keys", nil).want(201).has("BEGIN PRIVATE KEY").text("kid")
	for range 2 {
		a.call("POST", base+"/"+id+"/keys", nil).want(201)
	}

	a.call("POST", base+"/"+id+"/keys", nil).want(403)
	a.call("GET", base+"/"+id+"/keys", nil).want(200).has(kid)
	key := base + "/" + id + "/keys/" + kid
	a.call("PATCH", key, obj{"status": "ENABLED"}).want(400)
	a.call("PATCH", key, obj{"status": "DISABLED"}).want(204)
	a.call("DELETE", key, nil).want(204)
	a.call("DELETE", key, nil).want(404)
	a.call("PATCH", base+"/"+id, obj{"status": "ENABLED"}).want(400)
	a.call("PATCH", base+"/"+id, obj{"status": "DISABLED"}).want(200).has("DISABLED")
	a.call("POST", base+"/"+id+"/keys", nil).want(400)
	a.call("DELETE", base+"/"+id, nil).want(204)
	a.call("DELETE", base+"/"+id, nil).want(404)
}
