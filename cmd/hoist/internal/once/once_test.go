package once_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
	"hoist/cmd/hoist/internal/once"
)

const (
	lookProject   = "b.5c1f0000-0000-4000-8000-0000000000b3"
	lookAccount   = "5c1f0000-0000-4000-8000-0000000000a1"
	lookBIM       = "5c1f0000-0000-4000-8000-0000000000b2"
	lookParent    = "urn:adsk.wipprod:fs.folder:co.HoistDemoFolder0000001"
	lookSource    = "urn:adsk.wipprod:fs.file:vf.HoistDemoItem000000001?version=1"
	lookHook      = "5c1f0000-0000-4000-8000-0000000000e1"
	lookSpareHook = "5c1f0000-0000-4000-8000-0000000000e2"
	lookUser      = "5c1f0000-0000-4000-8000-0000000000c1"
	lookLineage   = "urn:adsk.wipprod:dm.lineage:HoistDemoItem000000001"
)

// row is a call that changes something: what it makes, and how many of it a look at the world
// finds.
type row struct {
	name, action string
	args         []string // name=value, also variant
	body         string   // {storage}: a completed object; {company}: one of the account
	said         string   // in the answer
	list         []string
	made         func(element string) bool
	// that were there already; -1: the call deletes the one that is there
	before int
}

var rows = []row{
	{"folder", "create-folder", []string{"project_id=" + lookProject},
		`{"jsonapi":{"version":"1.0"},"data":{"type":"folders","attributes":{"name":"Drawings",` +
			`"extension":{"type":"folders:autodesk.bim360:Folder","version":"1.0"}},` +
			`"relationships":{"parent":{"data":{"type":"folders","id":"` + lookParent + `"}}}}}`,
		`Drawings`, []string{"list-folder-contents", "project_id=" + lookProject, "folder_id=" + lookParent},
		has(`"folders"`, `Drawings`), 0},
	{"item", "create-item", []string{"project_id=" + lookProject},
		`{"jsonapi":{"version":"1.0"},"data":{"type":"items","attributes":{"displayName":"look.dwg",` +
			`"extension":{"type":"items:autodesk.bim360:File","version":"1.0"}},` +
			`"relationships":{"tip":{"data":{"type":"versions","id":"1"}},` +
			`"parent":{"data":{"type":"folders","id":"` + lookParent +
			`"}}}},"included":[{"type":"versions","id":"1","attributes":{"name":"look.dwg",` +
			`"extension":{"type":"versions:autodesk.bim360:File","version":"1.0"}},` +
			`"relationships":{"storage":{"data":{"type":"objects","id":"{storage}"}}}}]}`,
		`look.dwg`, []string{"list-folder-contents", "project_id=" + lookProject, "folder_id=" + lookParent},
		has(`"items"`, `look.dwg`), 0},
	{"item by copying", "create-item",
		[]string{"project_id=" + lookProject, "copyFrom=" + lookSource},
		`{"jsonapi":{"version":"1.0"},"data":{"type":"items","attributes":{"displayName":"copy.dwg",` +
			`"extension":{"type":"items:autodesk.bim360:File","version":"1.0"}},` +
			`"relationships":{"tip":{"data":{"type":"versions","id":"1"}},` +
			`"parent":{"data":{"type":"folders","id":"` + lookParent +
			`"}}}},"included":[{"type":"versions","id":"1","attributes":{"name":"copy.dwg",` +
			`"extension":{"type":"versions:autodesk.bim360:File","version":"1.0"}}}]}`,
		`copy.dwg`, []string{"list-folder-contents", "project_id=" + lookProject, "folder_id=" + lookParent},
		has(`"items"`, `copy.dwg`), 0},
	{"version", "create-version", []string{"project_id=" + lookProject},
		`{"jsonapi":{"version":"1.0"},"data":{"type":"versions","attributes":{"name":"hello.dwg",` +
			`"extension":{"type":"versions:autodesk.bim360:File","version":"1.0"}},` +
			`"relationships":{"item":{"data":{"type":"items","id":"` + lookLineage + `"}},` +
			`"storage":{"data":{"type":"objects","id":"{storage}"}}}}}`,
		`?version=2`, []string{"list-item-versions", "project_id=" + lookProject, "item_id=" + lookLineage},
		has(`"versions"`), 1},
	{"version by copying", "create-version",
		[]string{"project_id=" + lookProject, "copyFrom=" + lookSource},
		`{"jsonapi":{"version":"1.0"},"data":{"type":"versions"}}`,
		`?version=2`, []string{"list-item-versions", "project_id=" + lookProject, "item_id=" + lookLineage},
		has(`"versions"`), 1},
	{"bucket", "create-bucket", nil, `{"bucketKey":"look-bucket","policyKey":"transient"}`, `look-bucket`,
		[]string{"list-buckets"}, has(`look-bucket`), 0},
	{"webhook", "create-webhook", []string{"system=data", "event=dm.version.deleted"},
		`{"callbackUrl":"https://example.com/look","scope":{"folder":"` + lookParent + `"}}`, ``,
		[]string{"list-webhooks"}, has(`example.com/look`), 0},
	{"project users", "add-project-user",
		[]string{"account_id=" + lookAccount, "project_id=" + lookBIM, "x-user-id=DEMOADMIN001"},
		`[{"email":"dan.drafter@example.com","services":{"document_management":{"access_level":"user"}}}]`,
		``,
		[]string{"list-project-users", "variant=bim360", "projectId=" + lookBIM},
		has(`dan.drafter@example.com`), 0},
	{"project user of ACC", "add-project-user",
		[]string{"variant=acc", "project_id=" + lookProject, "User-Id=DEMOADMIN001"},
		`{"email":"dan.drafter@example.com","products":[{"key":"docs","access":"member"}]}`, `dan.drafter`,
		[]string{"list-project-users", "projectId=" + lookProject}, has(`dan.drafter@example.com`),
		0},
	{"account user", "create-account-user", []string{"account_id=" + lookAccount},
		`{"email":"Look@example.com","first_name":"Lou"}`, `Lou`,
		[]string{"list-account-users", "account_id=" + lookAccount}, has(`Lou`), 0},
	{"account project", "create-account-project", []string{"account_id=" + lookAccount},
		`{"name":"Look Tower","start_date":"2026-01-01","end_date":"2027-01-01","project_type":"Hospital",` +
			`"value":3000,"currency":"USD"}`, `Look Tower`,
		[]string{"list-account-projects", "account_id=" + lookAccount}, has(`Look Tower`), 0},
	{"account project of ACC", "create-account-project",
		[]string{"variant=acc", "account_id=" + lookAccount, "User-Id=DEMOADMIN001"},
		`{"name":"Look Dam","type":"Hospital"}`, `Look Dam`,
		[]string{"list-account-projects", "variant=acc", "account_id=" + lookAccount},
		has(`Look Dam`), 0},

	{"folder renamed", "update-folder", []string{"project_id=" + lookProject, "folder_id=" + lookParent},
		`{"jsonapi":{"version":"1.0"},"data":{"type":"folders","id":"` + lookParent +
			`","attributes":{"name":"Renamed"}}}`,
		`Renamed`, []string{"get-folder", "project_id=" + lookProject, "folder_id=" + lookParent},
		has(`"folders"`, `Renamed`), 0},
	{"item described", "update-item", []string{"project_id=" + lookProject, "item_id=" + lookLineage},
		`{"jsonapi":{"version":"1.0"},"data":{"type":"items","id":"` + lookLineage +
			`","attributes":{"extension":{"type":"items:autodesk.bim360:File","version":"1.0",` +
			`"data":{"description":"the main hall"}}}}}`,
		`the main hall`, []string{"list-folder-contents", "project_id=" + lookProject,
			"folder_id=" + lookParent},
		has(`"items"`, `the main hall`), 0},
	{"webhook changed", "update-webhook",
		[]string{"system=data", "event=dm.version.added", "hook_id=" + lookHook},
		`{"status":"inactive"}`, ``, []string{"list-webhooks"}, has(lookHook, `"inactive"`), 0},
	{"account user changed", "update-account-user",
		[]string{"account_id=" + lookAccount, "user_id=" + lookUser}, `{"default_role":"BIM Manager"}`,
		`BIM Manager`, []string{"list-account-users", "account_id=" + lookAccount}, has(`BIM Manager`), 0},
	{"account project changed", "update-account-project",
		[]string{"account_id=" + lookAccount, "project_id=" + lookBIM}, `{"name":"Tower East"}`, `Tower East`,
		[]string{"list-account-projects", "account_id=" + lookAccount}, has(`Tower East`), 0},
	{"project user changed", "update-project-user", []string{"account_id=" + lookAccount,
		"project_id=" + lookBIM, "user_id=" + lookUser, "x-user-id=DEMOADMIN001"},
		`{"company_id":"{company}"}`, ``,
		[]string{
			"list-project-users",
			"variant=bim360",
			"projectId=" + lookBIM,
		}, has(lookUser, `Other Engineers`), 0},
	{"project user of ACC changed", "update-project-user", []string{"variant=acc",
		"project_id=" + lookProject, "userId=" + lookUser, "User-Id=DEMOADMIN001"},
		`{"companyId":"{company}"}`, ``,
		[]string{"list-project-users", "projectId=" + lookProject}, has(lookUser, `Other Engineers`), 0},
	{"business units", "create-business-units", []string{"account_id=" + lookAccount},
		`{"business_units":[{"id":"5c1f0000-0000-4000-8000-0000000000f9","name":"South Pole"}]}`,
		`South Pole`, []string{"list-business-units", "account_id=" + lookAccount}, has(`South Pole`), 0},
	{
		"object deleted",
		"delete-object",
		[]string{"bucketKey=hoist-demo-bucket", "objectKey=spare.txt"},
		``,
		``,
		[]string{"list-bucket-objects", "bucketKey=hoist-demo-bucket"},
		has(`spare.txt`),
		-1,
	},
	{"bucket deleted", "delete-bucket", []string{"bucketKey=hoist-demo-spare"}, ``, ``,
		[]string{"list-buckets"}, has(`hoist-demo-spare`), -1},
	{"webhook deleted", "delete-webhook",
		[]string{"system=data", "event=dm.version.added", "hook_id=" + lookSpareHook}, ``, ``,
		[]string{"list-webhooks"}, has(lookSpareHook), -1},
}

func has(words ...string) func(string) bool {
	return func(element string) bool {
		for _, w := range words {
			if !strings.Contains(element, w) {
				return false
			}
		}

		return true
	}
}

// struck is a transport under which the first changes have a misfortune.
type struck struct {
	next http.RoundTripper
	// what happens to the n-th change, from 1
	strike func(n int) misfortune
	empty  func() *http.Response // nil: what the answer of a read is replaced by

	mu      sync.Mutex
	changes int
}

type misfortune struct {
	lost  bool          // no answer arrives
	fails bool          // 500, and nothing is done
	late  time.Duration // it is done only then
}

func (s *struck) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasPrefix(r.URL.Path, "/authentication/") {
		return s.next.RoundTrip(r)
	}

	s.mu.Lock()
	read := r.Method == http.MethodGet
	if read && s.changes > 0 && s.empty != nil {
		if resp := s.empty(); resp != nil {
			s.mu.Unlock()
			return resp, nil
		}
	}

	if !read {
		s.changes++
	}

	var m misfortune
	if !read && s.strike != nil {
		m = s.strike(s.changes)
	}

	s.mu.Unlock()

	unheard := func() {
		resp, err := s.next.RoundTrip(r.Clone(context.WithoutCancel(r.Context())))
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
	}
	switch {
	case m.fails:
		return answer(http.StatusInternalServerError, `{"errors":[{"detail":"try later"}]}`), nil
	case m.late > 0:
		time.AfterFunc(m.late, unheard)
		return nil, io.ErrUnexpectedEOF
	case m.lost:
		unheard()
		return nil, io.ErrUnexpectedEOF
	}

	return s.next.RoundTrip(r)
}

func answer(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}},
		ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body))}
}

// world is an emulator with what the examples name, and a client of it.
type world struct {
	t     *testing.T
	cloud *emulator.Server
	net   *struck
	c     *apsclient.Client
}

func newWorld(t *testing.T) *world {
	t.Helper()
	cloud, err := emulator.New(emulator.Config{Dir: t.TempDir(),
		HookTransport: &struck{strike: func(int) misfortune { return misfortune{fails: true} }}})
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = cloud.Close() })
	if err := cloud.AddExamples(); err != nil {
		t.Fatal(err)
	}

	const base = "http://127.0.0.1"
	w := &world{t: t, cloud: cloud, net: &struck{next: cloud.Transport()}}
	w.c, err = apsclient.New(apsclient.Config{BaseURL: base, Transport: w.net,
		Tokens: apsclient.ClientCredentials(base, emulator.DefaultClientID, emulator.DefaultClientSecret)})
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(w.c.Close)

	return w
}

func request(action string, args []string, body string) apsclient.Request {
	r := apsclient.Request{Action: action, Params: map[string]string{}, Query: url.Values{}}
	for _, arg := range args {
		switch name, value, _ := strings.Cut(arg, "="); name {
		case "variant":
			r.Variant = value
		case "copyFrom":
			r.Query.Set(name, value)
		default:
			r.Params[name] = value
		}
	}

	if body != "" {
		r.Body = []byte(body)
	}

	return r
}

func (w *world) do(r apsclient.Request) (*apsclient.Response, error) {
	return once.Do(w.t.Context(), w.c, slog.New(slog.DiscardHandler), r)
}

// request of a row; its storage is made now.
func (w *world) request(x row) apsclient.Request {
	w.t.Helper()
	body := x.body
	if strings.Contains(body, "{storage}") {
		body = strings.ReplaceAll(body, "{storage}", string(w.stored()))
	}

	if strings.Contains(body, "{company}") {
		body = strings.ReplaceAll(body, "{company}",
			w.cloud.AddCompany(lookAccount, "Other Engineers", "Engineering"))
	}

	return request(x.action, x.args, body)
}

// count is how many of what a row makes are there.
func (w *world) count(x row) int {
	w.t.Helper()

	n := 0
	for element, err := range w.c.Elements(w.t.Context(), request(x.list[0], x.list[1:], "")) {
		if err != nil {
			w.t.Fatal(err)
		}

		var line bytes.Buffer
		if err := json.Compact(&line, element); err != nil {
			w.t.Fatal(err)
		}

		if x.made(line.String()) {
			n++
		}
	}

	return n
}

// stored uploads an object into the example project, ready for an item or a version.
func (w *world) stored() apsclient.ObjectID {
	w.t.Helper()
	ctx := w.t.Context()
	object, err := w.c.Items.CreateStorage(ctx, lookProject, lookParent, "look.dwg")
	if err != nil {
		w.t.Fatal(err)
	}

	urls, err := w.c.Objects.UploadURLs(ctx, object, apsclient.UploadURLsRequest{Parts: 1})
	if err != nil {
		w.t.Fatal(err)
	}

	etag, err := w.c.Data.PutPart(ctx, urls.URLs[0],
		apsclient.PartBody{R: bytes.NewReader([]byte("look")), Size: 4})
	if err != nil {
		w.t.Fatal(err)
	}

	if _, err := w.c.Objects.Complete(ctx, object,
		apsclient.Completion{UploadKey: urls.UploadKey, Size: 4, ETags: []string{etag}}); err != nil {
		w.t.Fatal(err)
	}

	return object
}

// TestLostReplies: whatever becomes of the reply, the effect is there exactly once, and the answer
// says what is there.
func TestLostReplies(t *testing.T) {
	first := func(m misfortune) func(int) misfortune {
		return func(n int) misfortune {
			if n == 1 {
				return m
			}

			return misfortune{}
		}
	}
	every := func(m misfortune) func(int) misfortune { return func(int) misfortune { return m } }
	faults := []struct {
		name   string
		strike func(int) misfortune
		done   bool
		calls  int // at most
	}{
		{"the reply is lost", first(misfortune{lost: true}), true, 1},
		{"each reply is lost", every(misfortune{lost: true}), true, 1},
		{"it is done 3 s later", first(misfortune{late: 3 * time.Second}), true, 1},
		{"it is done 29 s later", first(misfortune{late: 29 * time.Second}), true, 1},
		{"it fails before", first(misfortune{fails: true}), true, 2},
		{"it always fails before", every(misfortune{fails: true}), false, 2},
	}

	covered := map[string]bool{}
	for _, x := range rows {
		covered[x.action] = true
		action, _ := apsclient.ActionByName(x.action)
		for _, fault := range faults {
			t.Run(x.name+"/"+fault.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					r := w.request(x)
					w.net.changes, w.net.strike = 0, fault.strike
					resp, err := w.do(r)
					if (err == nil) != fault.done {
						t.Fatalf("%v, want done: %v", err, fault.done)
					}

					if err == nil && !strings.Contains(string(resp.Body), x.said) {
						t.Errorf("answered %s", resp.Body)
					}

					if err != nil && !apsclient.MaybeApplied(err) {
						t.Errorf("no doubt is left: %v", err)
					}

					if action.Retry == apsclient.RetryVerify && w.net.changes > fault.calls {
						t.Errorf("the call was made %d times", w.net.changes)
					}

					w.net.strike = nil
					time.Sleep(time.Minute)

					want := max(x.before, 0)
					if fault.done != (x.before < 0) {
						want++
					}

					if n := w.count(x); n != want {
						t.Errorf("%d are there, want %d", n, want)
					}
				})
			})
		}
	}

	for _, x := range apsclient.Actions() {
		if once.Covers(x.Name) && !covered[x.Name] {
			t.Errorf("no row tries %s", x.Name)
		}

		if x.Method != http.MethodGet && x.Retry != apsclient.RetryWaste && !once.Covers(x.Name) &&
			x.Name != "signed-s3-upload" && x.Name != "upload-binary-to-signed-s3-url" &&
			x.Method != apsclient.MethodComposite {
			t.Errorf("%s changes something, and nothing finds it", x.Name)
		}
	}
}

// TestSomeProjectUsersAreThere: the repeat adds only those that are missing.
func TestSomeProjectUsersAreThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		add := func(emails ...string) string {
			var users []string
			for _, email := range emails {
				users = append(users,
					`{"email":"`+email+`","services":{"document_management":{"access_level":"user"}}}`)
			}

			resp, err := w.do(request("add-project-user", []string{"account_id=" + lookAccount,
				"project_id=" + lookBIM, "x-user-id=DEMOADMIN001"}, "["+strings.Join(users, ",")+"]"))
			if err != nil {
				t.Fatal(err)
			}

			return string(resp.Body)
		}
		add("dan.drafter@example.com")
		w.net.changes = 0
		w.net.strike = func(n int) misfortune { return misfortune{fails: n == 1} }
		out := add("dan.drafter@example.com", "erin.example@example.com", "nina.new@example.com")
		if strings.Contains(out, "dan.drafter") {
			t.Errorf("who was a member was added again: %s", out)
		}

		for _, email := range []string{"dan.drafter@example.com", "erin.example@example.com"} {
			x := row{list: []string{"list-project-users", "variant=bim360", "projectId=" + lookBIM},
				made: has(email)}
			if n := w.count(x); n != 1 {
				t.Errorf("%s is there %d times", email, n)
			}
		}
	})
}
