package emulator

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// receiver is the far end of callbacks, without sockets.
type receiver struct {
	got    chan delivery
	mu     sync.Mutex
	status func(n int) int
	n      int
}

type delivery struct {
	header http.Header
	body   []byte
}

func (r *receiver) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}

	r.mu.Lock()
	r.n++
	status := r.status(r.n)
	r.mu.Unlock()
	r.got <- delivery{req.Header.Clone(), body}

	return &http.Response{StatusCode: status, Body: http.NoBody, Header: http.Header{}, Request: req}, nil
}

func TestCallbacks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := &receiver{got: make(chan delivery, 100), status: func(n int) int {
			if n == 1 {
				return 500
			}

			return 204
		}}
		a := newAPI(t, Config{HookTransport: far})
		d := a.s.Demo()
		secret := strings.Repeat("k1", 20)
		a.call("POST", "/webhooks/v1/tokens", obj{"token": secret}).want(200)
		body := obj{"callbackUrl": "https://example.com/hook", "scope": obj{"folder": d.Folder},
			"filter": "$[?(@.ext=='dwg')]", "hookAttribute": obj{"a": 1}}
		at := a.call("POST", "/webhooks/v1/systems/data/events/dm.version.*/hooks", body).want(201)
		if len(at.raw) != 0 {
			t.Errorf("body %s", at.raw)
		}

		a.publish("x.txt", "filtered away")
		a.publish("x.dwg", "12345")
		first, second := <-far.got, <-far.got
		if id := first.header.Get("x-adsk-delivery-id"); id == "" ||
			id != second.header.Get("x-adsk-delivery-id") {
			t.Errorf("delivery ids %q and %q", id, second.header.Get("x-adsk-delivery-id"))
		}

		mac := hmac.New(sha1.New, []byte(secret))
		mac.Write(second.body)
		if got, want := second.header.Get("x-adsk-signature"),
			"sha1hash="+hex.EncodeToString(mac.Sum(nil)); got != want {
			t.Errorf("signature %s, want %s", got, want)
		}

		var in struct {
			ResourceUrn string
			Hook        struct{ HookID string }
			Payload     struct {
				Name, Ext, Version, ParentFolderUrn string
				SizeInBytes                         int64
			}
		}
		if err := json.Unmarshal(second.body, &in); err != nil {
			t.Fatal(err)
		}

		if in.Payload.Name != "x.dwg" || in.Payload.SizeInBytes != 5 || in.Payload.Version != "1" ||
			in.Payload.ParentFolderUrn != d.Folder || !strings.HasSuffix(in.ResourceUrn, "?version=1") {
			t.Errorf("payload %s", second.body)
		}

		// when all tries fail the hook goes to sleep
		far.mu.Lock()
		far.status = func(int) int { return 500 }
		far.mu.Unlock()
		a.publish("y.dwg", "1")

		for range 1 + len(deliveryDelays) {
			<-far.got
		}

		synctest.Wait()
		time.Sleep(time.Second)
		a.call("GET", at.header.Get("Location"), nil).want(200).has(`"status":"inactive"`)
		a.call("PATCH", at.header.Get("Location"), obj{"status": "active"}).want(200)
		a.call("GET", at.header.Get("Location"), nil).want(200).has(`"status":"reactivated"`)
	})
}

// TestCallbackOfTheEventAlone: callbackWithEventPayloadOnly leaves the hook out, and nothing else.
func TestCallbackOfTheEventAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := &receiver{got: make(chan delivery, 1), status: func(int) int { return 204 }}
		a := newAPI(t, Config{HookTransport: far})
		a.call("POST", "/webhooks/v1/systems/data/events/dm.version.added/hooks",
			obj{"callbackUrl": "https://example.com/hook", "scope": obj{"folder": a.s.Demo().Folder},
				"callbackWithEventPayloadOnly": true}).want(201)
		a.publish("x.dwg", "12345")
		var in map[string]json.RawMessage
		if err := json.Unmarshal((<-far.got).body, &in); err != nil {
			t.Fatal(err)
		}

		if in["hook"] != nil || in["payload"] == nil || in["resourceUrn"] == nil || in["version"] == nil {
			t.Errorf("the callback holds %v", in)
		}
	})
}

func TestHookErrors(t *testing.T) {
	a := newAPI(t, Config{})
	d := a.s.Demo()

	const path = "/webhooks/v1/systems/data/events/dm.version.added/hooks"
	good := func(change obj) obj {
		b := obj{"callbackUrl": "https://example.com/hook", "scope": obj{"folder": d.Folder}}
		maps.Copy(b, change)
		return b
	}
	for _, tt := range []struct {
		name, path string
		body       obj
		status     int
		headers    []string
	}{
		{"no callback", path, good(obj{"callbackUrl": ""}), 400, nil},
		{"callback scheme", path, good(obj{"callbackUrl": "ftp://x/"}), 400, nil},
		{"no scope", path, good(obj{"scope": obj{}}), 400, nil},
		{"unknown scope", path, good(obj{"scope": obj{"planet": "x"}}), 400, nil},
		{"large attribute", path, good(obj{"hookAttribute": obj{"a": strings.Repeat("x", 1024)}}), 400, nil},
		{"expiry in the past", path, good(obj{"hookExpiry": "2001-01-01T00:00:00Z"}), 400, nil},
		{"filter", path, good(obj{"filter": "nonsense"}), 400, nil},
		{"unknown system", strings.Replace(path, "data", "nope", 1), good(nil), 404, nil},
		{"unknown event", strings.Replace(path, "added", "eaten", 1), good(nil), 404, nil},
		{"unknown region", path + "?region=MOON", good(nil), 400, nil},
		{"media type", path, good(nil), 415, []string{"Content-Type", "text/plain"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a.t = t
			a.call("POST", tt.path, tt.body, tt.headers...).want(tt.status)
		})
	}

	a.t = t
	a.call("POST", path, good(nil)).want(201)
	a.call("GET", "/webhooks/v1/hooks?region=EMEA", nil).want(204)
	a.call("GET", "/webhooks/v1/hooks", nil, "x-ads-region", "EMEA").want(204)

	for i := range 250 {
		a.call("POST", path, good(obj{"callbackUrl": fmt.Sprintf("https://example.com/%d", i)})).want(201)
	}

	n, pages := 0, 0
	for next := "/hooks"; next != ""; pages++ {
		r := a.call("GET", "/webhooks/v1"+next, nil).want(200)
		n, next = n+r.len("data"), r.text("links/next")
	}

	if n != 251 || pages != 2 {
		t.Errorf("%d hooks on %d pages", n, pages)
	}
}

func TestAdminErrors(t *testing.T) {
	a := newAPI(t, Config{})
	d := a.s.Demo()
	hq, ca := "/hq/v1/accounts/"+d.Account, "/construction/admin/v1"
	v2 := "/hq/v2/accounts/" + d.Account + "/projects/" + strings.TrimPrefix(d.BIM360Project, "b.") +
		"/users/import"
	acc := strings.TrimPrefix(d.Project, "b.")
	admin, user := []string{"User-Id", d.Admin}, []string{"User-Id", d.User}

	member := obj{"email": "m@example.com", "products": list{obj{"key": "docs", "access": "member"}}}
	whole := func(change obj) obj {
		b := obj{"name": "P", "start_date": "2026-01-01", "end_date": "2027-01-01", "project_type": "Office"}
		maps.Copy(b, change)
		return b
	}
	for _, tt := range []struct {
		name, method, path string
		body               any
		status             int
		headers            []string
	}{
		{"unknown account", "GET", "/hq/v1/accounts/nope/users", nil, 404, nil},
		{"limit", "GET", hq + "/users?limit=101", nil, 400, nil},
		{"project without name", "POST", hq + "/projects", whole(obj{"name": ""}), 400, nil},
		{"project name with a dot", "POST", hq + "/projects", whole(obj{"name": "a.b"}), 400, nil},
		{"project dates", "POST", hq + "/projects", whole(obj{"end_date": "2025-01-01"}), 400, nil},
		{"project date form", "POST", hq + "/projects", whole(obj{"end_date": "1.1.2027"}), 400, nil},
		{"project unknown field", "POST", hq + "/projects", whole(obj{"colour": "red"}), 400, nil},
		{"project name taken", "POST", hq + "/projects", whole(obj{"name": "Demo Project"}), 409, nil},
		{"patch of an ACC project", "PATCH", hq + "/projects/" + acc, obj{"name": "x"}, 404, nil},
		{"user without email", "POST", hq + "/users", obj{"first_name": "x"}, 400, nil},
		{"user exists", "POST", hq + "/users", obj{"email": "ADA.admin@example.com"}, 409, nil},
		{"unknown user", "GET", hq + "/users/nope", nil, 404, nil},
		{"user status", "PATCH", hq + "/users/" + d.User, obj{"status": "asleep"}, 400, nil},
		{"unit without name", "PUT", hq + "/business_units_structure",
			obj{"business_units": list{obj{"id": "u"}}}, 400, nil},
		{"unit without parent", "PUT", hq + "/business_units_structure",
			obj{"business_units": list{obj{"name": "u", "parent_id": "x"}}}, 400, nil},
		{"import without a user", "POST", v2, list{member}, 403, nil},
		{"import by a drafter", "POST", v2, list{obj{"email": "x@example.com"}}, 403,
			[]string{"x-user-id", d.UserID}},
		{"import by an Autodesk id", "POST", v2, list{member}, 403, []string{"x-user-id", d.Admin}},
		{"import of too many", "POST", v2, make([]obj, 51), 400, []string{"x-user-id", d.AdminID}},
		{"roles of an ACC project", "GET",
			"/hq/v2/accounts/" + d.Account + "/projects/" + acc + "/industry_roles", nil, 404, nil},
		{"new project without a user", "POST", ca + "/accounts/" + d.Account + "/projects",
			obj{"name": "x", "type": "Office"}, 403, nil},
		{"new project by a drafter", "POST", ca + "/accounts/" + d.Account + "/projects",
			obj{"name": "x", "type": "Office"}, 403, user},
		{"new project without type", "POST", ca + "/accounts/" + d.Account + "/projects", obj{"name": "x"},
			400, admin},
		{"template", "POST", ca + "/accounts/" + d.Account + "/projects",
			obj{"name": "x", "type": "Office", "classification": "template"}, 400, admin},
		{"member without a user", "POST", ca + "/projects/" + acc + "/users", member, 403, nil},
		{"member of a BIM 360 project", "POST",
			ca + "/projects/" + strings.TrimPrefix(d.BIM360Project, "b.") + "/users", member, 403, admin},
		{"member without email", "POST", ca + "/projects/" + acc + "/users", obj{"products": list{}}, 400,
			admin},
		{"project administration as member", "POST", ca + "/projects/" + acc + "/users",
			obj{"email": "m@example.com",
				"products": list{obj{"key": "projectAdministration", "access": "member"}}}, 400, admin},
		{"administrator with a member product", "POST", ca + "/projects/" + acc + "/users",
			obj{"email": "m@example.com",
				"products": list{obj{"key": "projectAdministration", "access": "administrator"},
					obj{"key": "docs", "access": "member"}}}, 400, admin},
		{"unknown role", "POST", ca + "/projects/" + acc + "/users",
			obj{"email": "m@example.com", "roleIds": list{"nope"}}, 400, admin},
		{"unknown member", "PATCH", ca + "/projects/" + acc + "/users/nope", obj{"roleIds": list{}}, 404,
			admin},
		{"media type", "POST", ca + "/projects/" + acc + "/users", member, 415,
			[]string{"User-Id", d.Admin, "Content-Type", "text/plain"}},
		{"unknown project", "GET", ca + "/projects/nope/users", nil, 404, nil},
		{"filterTextMatch", "GET", ca + "/projects/" + acc + "/users?filterTextMatch=sounds", nil, 400, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a.t = t
			a.call(tt.method, tt.path, tt.body, tt.headers...).want(tt.status)
		})
	}

	a.t = t
	in := list{obj{"email": "r@example.com", "industry_roles": list{"nope"}},
		obj{"email": "s@example.com", "services": obj{"docs": obj{"access_level": "user"}}},
		obj{"email": "t@example.com", "company_id": "nope"}, obj{"email": "dan.drafter@example.com"},
		obj{"email": "ada.admin@example.com"}}
	if r := a.call("POST", v2, in, "x-user-id", d.AdminID).want(200); r.at("success") != 1.0 ||
		r.at("failure") != 4.0 || r.text("failure_items/3/email") != "ada.admin@example.com" {
		t.Errorf("import: %s", r.raw)
	}

	for i := range 45 {
		a.s.AddUser(d.Account, fmt.Sprintf("u%02d@example.com", i), "U", fmt.Sprint(i), false)
		a.call("POST", ca+"/projects/"+acc+"/users", obj{"email": fmt.Sprintf("u%02d@example.com", i)},
			admin...).want(201)
	}

	n := 0
	for next := ca + "/projects/" + acc + "/users"; next != ""; {
		r := a.call("GET", next, nil).want(200)
		n, next = n+r.len("results"), r.text("pagination/nextUrl")
	}

	if n != 46 {
		t.Errorf("%d members by pages, want 46", n)
	}

	rows := 0
	for offset := 0; ; offset += 10 {
		var page []obj
		r := a.call("GET", fmt.Sprintf("%s/users?offset=%d", hq, offset), nil).want(200)
		if err := json.Unmarshal(r.raw, &page); err != nil {
			t.Fatal(err)
		}

		if len(page) == 0 {
			break
		}

		rows += len(page)
	}

	if rows != 48 {
		t.Errorf("%d users by pages, want 48", rows)
	}

	a.token = a.login("account:read")
	a.call("POST", hq+"/users", obj{"email": "x@example.com"}).want(403).has("AUTH-010")
}
