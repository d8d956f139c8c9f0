package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
	"hoist/cmd/hoist/internal/once"
)

const (
	lookProject = "b.5c1f0000-0000-4000-8000-0000000000b3"
	lookAccount = "5c1f0000-0000-4000-8000-0000000000a1"
	lookBIM     = "5c1f0000-0000-4000-8000-0000000000b2"
	lookParent  = "urn:adsk.wipprod:fs.folder:co.HoistDemoFolder0000001"
	lookSource  = "urn:adsk.wipprod:fs.file:vf.HoistDemoItem000000001?version=1"
	lookLineage = "urn:adsk.wipprod:dm.lineage:HoistDemoItem000000001"
)

// onceOnly are calls that could double their effect: what they make, and how many of it a look at
// the world finds.
var onceOnly = []struct {
	name, action string
	args         []string
	body         string // {storage}: a completed object
	said         string // in the answer
	list         []string
	made         func(element string) bool
	before       int // that were there already
}{
	{"folder", "create-folder", []string{"--param", "project_id=" + lookProject},
		`{"jsonapi":{"version":"1.0"},"data":{"type":"folders","attributes":{"name":"Drawings","extension":{"type":"folders:autodesk.bim360:Folder","version":"1.0"}},"relationships":{"parent":{"data":{"type":"folders","id":"` + lookParent + `"}}}}}`,
		`Drawings`, []string{"list-folder-contents", "--param", "project_id=" + lookProject, "--param",
			"folder_id=" + lookParent}, has(`"folders"`, `Drawings`), 0},
	{"item", "create-item", []string{"--param", "project_id=" + lookProject},
		`{"jsonapi":{"version":"1.0"},"data":{"type":"items","attributes":{"displayName":"look.dwg","extension":{"type":"items:autodesk.bim360:File","version":"1.0"}},"relationships":{"tip":{"data":{"type":"versions","id":"1"}},"parent":{"data":{"type":"folders","id":"` + lookParent + `"}}}},"included":[{"type":"versions","id":"1","attributes":{"name":"look.dwg","extension":{"type":"versions:autodesk.bim360:File","version":"1.0"}},"relationships":{"storage":{"data":{"type":"objects","id":"{storage}"}}}}]}`,
		`look.dwg`, []string{"list-folder-contents", "--param", "project_id=" + lookProject, "--param",
			"folder_id=" + lookParent}, has(`"items"`, `look.dwg`), 0},
	{"item by copying", "create-item",
		[]string{"--param", "project_id=" + lookProject, "--query", "copyFrom=" + lookSource},
		`{"jsonapi":{"version":"1.0"},"data":{"type":"items","attributes":{"displayName":"copy.dwg","extension":{"type":"items:autodesk.bim360:File","version":"1.0"}},"relationships":{"tip":{"data":{"type":"versions","id":"1"}},"parent":{"data":{"type":"folders","id":"` + lookParent + `"}}}},"included":[{"type":"versions","id":"1","attributes":{"name":"copy.dwg","extension":{"type":"versions:autodesk.bim360:File","version":"1.0"}}}]}`,
		`copy.dwg`, []string{"list-folder-contents", "--param", "project_id=" + lookProject, "--param",
			"folder_id=" + lookParent}, has(`"items"`, `copy.dwg`), 0},
	{"version", "create-version", []string{"--param", "project_id=" + lookProject},
		`{"jsonapi":{"version":"1.0"},"data":{"type":"versions","attributes":{"name":"hello.dwg","extension":{"type":"versions:autodesk.bim360:File","version":"1.0"}},"relationships":{"item":{"data":{"type":"items","id":"` + lookLineage + `"}},"storage":{"data":{"type":"objects","id":"{storage}"}}}}}`,
		`?version=2`, []string{"list-item-versions", "--param", "project_id=" + lookProject, "--param",
			"item_id=" + lookLineage}, has(`"versions"`), 1},
	{"version by copying", "create-version",
		[]string{"--param", "project_id=" + lookProject, "--query", "copyFrom=" + lookSource},
		`{"jsonapi":{"version":"1.0"},"data":{"type":"versions"}}`,
		`?version=2`, []string{"list-item-versions", "--param", "project_id=" + lookProject, "--param",
			"item_id=" + lookLineage}, has(`"versions"`), 1},
	{"bucket", "create-bucket", nil, `{"bucketKey":"look-bucket","policyKey":"transient"}`, `look-bucket`,
		[]string{"list-buckets"}, has(`look-bucket`), 0},
	{"webhook", "create-webhook", []string{"--param", "system=data", "--param", "event=dm.version.deleted"},
		`{"callbackUrl":"https://example.com/look","scope":{"folder":"` + lookParent + `"}}`, `"hook_id"`,
		[]string{"list-webhooks"}, has(`example.com/look`), 0},
	{"project users", "add-project-user",
		[]string{"--param", "account_id=" + lookAccount, "--param", "project_id=" + lookBIM, "--param",
			"x-user-id=DEMOADMIN001"},
		`[{"email":"dan.drafter@example.com","services":{"document_management":{"access_level":"user"}}}]`,
		``,
		[]string{"list-project-users", "--variant", "bim360", "--param", "projectId=" + lookBIM},
		has(`dan.drafter@example.com`), 0},
	{"project user of ACC", "add-project-user",
		[]string{"--variant", "acc", "--param", "project_id=" + lookProject, "--param",
			"User-Id=DEMOADMIN001"},
		`{"email":"dan.drafter@example.com","products":[{"key":"docs","access":"member"}]}`, `dan.drafter`,
		[]string{"list-project-users", "--param", "projectId=" + lookProject}, has(`dan.drafter@example.com`),
		0},
	{"account user", "create-account-user", []string{"--param", "account_id=" + lookAccount},
		`{"email":"Look@example.com","first_name":"Lou"}`, `Lou`,
		[]string{"list-account-users", "--param", "account_id=" + lookAccount}, has(`Lou`), 0},
	{"account project", "create-account-project", []string{"--param", "account_id=" + lookAccount},
		`{"name":"Look Tower","start_date":"2026-01-01","end_date":"2027-01-01","project_type":"Hospital","value":3000,"currency":"USD"}`, `Look Tower`,
		[]string{"list-account-projects", "--param", "account_id=" + lookAccount}, has(`Look Tower`), 0},
	{"account project of ACC", "create-account-project",
		[]string{"--variant", "acc", "--param", "account_id=" + lookAccount, "--param",
			"User-Id=DEMOADMIN001"},
		`{"name":"Look Dam","type":"Hospital"}`, `Look Dam`,
		[]string{"list-account-projects", "--variant", "acc", "--param", "account_id=" + lookAccount},
		has(`Look Dam`), 0},
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

// TestLostReplies: whatever becomes of the answer, the effect is there exactly once, and the
// command says what is there.
func TestLostReplies(t *testing.T) {
	covered := map[string]bool{}
	for _, row := range onceOnly {
		covered[row.action] = true
		for _, fault := range []struct {
			name  string
			kind  emulator.FaultKind
			times int32
			code  int
		}{
			{"the reply is lost", emulator.LoseReply, 1, 0},
			{"each reply is lost", emulator.LoseReply, 9, 0},
			{"it fails before", emulator.FailBefore, 1, 0},
			{"it always fails before", emulator.FailBefore, 9, 1},
		} {
			t.Run(row.name+"/"+fault.name, func(t *testing.T) {
				t.Parallel()
				l := newLab(t)
				l.addExamples()
				body := filepath.Join(l.dir, "body.json")
				text := row.body
				if strings.Contains(text, "{storage}") {
					text = strings.ReplaceAll(text, "{storage}", string(l.stored()))
				}

				if err := os.WriteFile(body, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}

				var hit atomic.Int32
				l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
					if r.Op == row.action && hit.Add(1) <= fault.times {
						return emulator.Fault{Kind: fault.kind}
					}

					return emulator.Fault{}
				})
				out, stderr := l.run(fault.code,
					append([]string{"api", row.action, "--body", body}, row.args...)...)
				if hit.Load() == 0 {
					t.Fatalf("the fault never came:\n%+v", l.cloud.Requests())
				}

				if calls := hit.Load(); calls > 2 || fault.kind == emulator.LoseReply && calls > 1 {
					t.Errorf("the call was made %d times", calls)
				}

				if fault.code == 0 && (!strings.Contains(out, row.said) || !json.Valid([]byte(out))) {
					t.Errorf("printed %s\n%s", out, stderr)
				}

				l.cloud.SetFault(nil)
				want := row.before
				if fault.code == 0 {
					want++
				}

				list, _ := l.run(0, append([]string{"api", row.list[0], "--all"}, row.list[1:]...)...)
				n := 0
				for element := range strings.Lines(list) {
					if row.made(element) {
						n++
					}
				}

				if n != want {
					t.Errorf("%d are there, want %d:\n%s", n, want, list)
				}
			})
		}
	}

	for _, x := range apsclient.Actions() {
		if once.Covers(x.Name) && !covered[x.Name] {
			t.Errorf("no row tries %s", x.Name)
		}

		if x.Retry == apsclient.RetryVerify && !once.Covers(x.Name) && x.Name != "signed-s3-upload" &&
			x.Method != apsclient.MethodComposite {
			t.Errorf("%s could double its effect, and nothing finds it", x.Name)
		}
	}
}

// stored uploads an object into the example project, ready for an item or a version.
func (l *lab) stored() apsclient.ObjectID {
	l.t.Helper()
	c, err := apsclient.New(apsclient.Config{
		BaseURL: l.url, Tokens: apsclient.ClientCredentials(l.url, emulator.DefaultClientID,
			emulator.DefaultClientSecret),
	})
	if err != nil {
		l.t.Fatal(err)
	}
	defer c.Close()
	ctx := l.t.Context()
	object, err := c.Items.CreateStorage(ctx, lookProject, lookParent, "look.dwg")
	if err != nil {
		l.t.Fatal(err)
	}

	urls, err := c.Objects.UploadURLs(ctx, object, apsclient.UploadURLsRequest{Parts: 1})
	if err != nil {
		l.t.Fatal(err)
	}

	etag, err := c.Data.PutPart(ctx, urls.URLs[0],
		apsclient.PartBody{R: bytes.NewReader([]byte("look")), Size: 4})
	if err != nil {
		l.t.Fatal(err)
	}

	if _, err := c.Objects.Complete(ctx, object,
		apsclient.Completion{UploadKey: urls.UploadKey, Size: 4, ETags: []string{etag}}); err != nil {
		l.t.Fatal(err)
	}

	return object
}

// TestSomeProjectUsersAreThere: the repeat adds only those that are missing.
func TestSomeProjectUsersAreThere(t *testing.T) {
	l := newLab(t)
	l.addExamples()
	body := filepath.Join(l.dir, "body.json")
	user := func(email string) string {
		return `{"email":"` + email + `","services":{"document_management":{"access_level":"user"}}}`
	}
	add := func(users ...string) string {
		if err := os.WriteFile(body, []byte("["+strings.Join(users, ",")+"]"), 0o600); err != nil {
			t.Fatal(err)
		}

		out, _ := l.run(0, "api", "add-project-user", "--param", "account_id="+lookAccount, "--param",
			"project_id="+lookBIM, "--param", "x-user-id=DEMOADMIN001", "--body", body)

		return out
	}
	add(user("dan.drafter@example.com"))
	var failed atomic.Bool
	l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
		if r.Op == "add-project-user" && failed.CompareAndSwap(false, true) {
			return emulator.Fault{Kind: emulator.FailBefore}
		}

		return emulator.Fault{}
	})
	out := add(user("dan.drafter@example.com"), user("erin.example@example.com"),
		user("nina.new@example.com"))
	if strings.Contains(out, "dan.drafter") {
		t.Errorf("who was a member was added again: %s", out)
	}

	list, _ := l.run(0, "api", "list-project-users", "--variant", "bim360", "--param", "projectId="+lookBIM,
		"--all")
	for _, email := range []string{"dan.drafter@example.com", "erin.example@example.com"} {
		if strings.Count(list, email) != 1 {
			t.Errorf("%s: not there once:\n%s", email, list)
		}
	}
}

// TestLostReplyThroughTheOwner: the same where another process makes the calls.
func TestLostReplyThroughTheOwner(t *testing.T) {
	l := newLab(t)
	l.start("daemon")
	l.owned("daemon")
	body := filepath.Join(l.dir, "body.json")
	if err := os.WriteFile(body, []byte(`{"bucketKey":"look-bucket","policyKey":"transient"}`),
		0o600); err != nil {
		t.Fatal(err)
	}

	l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
		if r.Op == "create-bucket" {
			return emulator.Fault{Kind: emulator.LoseReply}
		}

		return emulator.Fault{}
	})
	out, _ := l.run(0, "api", "create-bucket", "--body", body)
	if !strings.Contains(out, "look-bucket") {
		t.Errorf("printed %s", out)
	}

	n := 0
	for _, r := range l.cloud.Requests() {
		if r.Op == "create-bucket" {
			n++
		}
	}

	if n != 1 {
		t.Errorf("the call was made %d times", n)
	}
}
