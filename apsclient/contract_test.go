package apsclient_test

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // the ETag of a part is its MD5
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
)

// world is an emulator with a client on it whose every exchange is held against the specifications
// (when they are there).
type world struct {
	t     *testing.T
	srv   *emulator.Server
	c     *apsclient.Client
	demo  emulator.Demo
	check *checker // nil: not checked
}

func newWorld(t *testing.T, s *specs, change ...func(*apsclient.Config)) *world {
	t.Helper()
	srv, err := emulator.New(emulator.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{t: t, srv: srv, demo: srv.Demo()}
	transport := srv.Transport()
	if s != nil {
		w.check = newChecker(transport, s)
		transport = w.check
	}

	cfg := apsclient.Config{
		Tokens:    apsclient.ClientCredentials("", emulator.DefaultClientID, emulator.DefaultClientSecret),
		Transport: transport,
		Limits:    apsclient.DocumentedLimits(), UserID: w.demo.Admin,
	}
	for _, f := range change {
		f(&cfg)
	}

	if w.c, err = apsclient.New(cfg); err != nil {
		t.Fatal(err)
	}

	return w
}

// upload puts content into an object and completes it.
func (w *world) upload(id apsclient.ObjectID, content []byte) {
	w.t.Helper()
	ctx := w.t.Context()
	const part = 5 << 20
	n := (len(content) + part - 1) / part
	u, err := w.c.Objects.UploadURLs(ctx, id, apsclient.UploadURLsRequest{Parts: n, Minutes: 10})
	if err != nil {
		w.t.Fatal(err)
	}

	var etags []string
	for i := range n {
		size := min(part, len(content)-i*part)
		etag, err := w.c.Data.PutPart(ctx, u.URLs[i],
			apsclient.PartBody{R: bytes.NewReader(content), Offset: int64(i * part), Size: int64(size)})
		if err != nil {
			w.t.Fatal(err)
		}

		if sum := md5.Sum(content[i*part : i*part+size]); etag != hex.EncodeToString(
			sum[:],
		) { //nolint:gosec // as above
			w.t.Errorf("part %d: ETag %s", i+1, etag)
		}

		etags = append(etags, etag)
	}

	_, err = w.c.Objects.Complete(ctx, id,
		apsclient.Completion{UploadKey: u.UploadKey, Size: 1, ETags: etags})
	refused, ok := errors.AsType[*apsclient.PartsError](err)
	if !ok || len(refused.Parts) != n {
		w.t.Fatalf("completing with a wrong size: %v", err)
	}

	o, err := w.c.Objects.Complete(ctx, id,
		apsclient.Completion{UploadKey: u.UploadKey, Size: int64(len(content)), ETags: etags,
			UserMetadata: `{"job":"1"}`})
	if err != nil || o.Size != int64(len(content)) {
		w.t.Fatalf("complete: %v, %v", o, err)
	}
}

func (w *world) download(id apsclient.ObjectID) []byte {
	w.t.Helper()
	d, err := w.c.Objects.DownloadURL(w.t.Context(), id, apsclient.DownloadURLRequest{Minutes: 5})
	if err != nil || d.Status != "complete" {
		w.t.Fatalf("%v, %v", d, err)
	}

	var out []byte
	etag := ""
	for from := int64(0); from < d.Size; from += 4 << 20 {
		r, err := w.c.Data.GetRange(w.t.Context(), d.URL, from, min(from+4<<20, d.Size)-1, etag)
		if err != nil {
			w.t.Fatal(err)
		}

		b, err := io.ReadAll(r.Body)
		if err != nil {
			w.t.Fatal(err)
		}

		_ = r.Body.Close()
		out, etag = append(out, b...), r.ETag
	}

	return out
}

func all[T any](t *testing.T, seq iter.Seq2[T, error]) []T {
	t.Helper()

	var out []T
	for v, err := range seq {
		if err != nil {
			t.Fatal(err)
		}

		out = append(out, v)
	}

	return out
}

func must1[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}

		return v
	}
}

// TestThePipelineOnTheEmulator walks the way of a drawing through the typed calls.
func TestThePipelineOnTheEmulator(t *testing.T) {
	w := newWorld(t, nil)
	w.pipeline()
	if n := w.c.TokenRequests(); n > 6 {
		t.Errorf("%d token requests", n)
	}
}

func (w *world) pipeline() (item apsclient.Item, project apsclient.ProjectID, folder apsclient.Folder) {
	t, ctx, c := w.t, w.t.Context(), w.c
	t.Helper()
	hubs, warnings, err := c.Hubs.List(ctx)
	if err != nil || len(hubs) == 0 {
		t.Fatalf("%v %v %v", hubs, warnings, err)
	}

	hub := hubs[0]
	if hub.ID != apsclient.HubID(w.demo.Hub) || hub.Name != "Demo Hub" || hub.Core() {
		t.Errorf("hub %+v", hub)
	}

	var found apsclient.Project
	for _, p := range all(t, c.Projects.List(ctx, hub.ID)) {
		if p.Name == "Demo Project" {
			found = p
		}
	}

	project = found.ID
	if p := must1[apsclient.Project](t)(c.Projects.Project(ctx, hub.ID, project)); p != found {
		t.Errorf("project %+v, listed %+v", p, found)
	}

	top := must1[[]apsclient.Folder](t)(c.Projects.TopFolders(ctx, hub.ID, project))
	if len(top) == 0 {
		t.Fatal("no top folders")
	}

	files := must1[apsclient.Folder](t)(c.Folders.Folder(ctx, project, apsclient.FolderID(w.demo.Folder)))
	folder = must1[apsclient.Folder](t)(c.Folders.Create(ctx, project, files, "Ünïted & 100% plans"))
	if _, err := c.Folders.Create(ctx, project, files, folder.Name); !errors.Is(err, apsclient.ErrConflict) {
		t.Errorf("the same folder again: %v", err)
	}

	content := bytes.Repeat([]byte("drawing "), 800_000)
	storage := must1[apsclient.ObjectID](t)(c.Items.CreateStorage(ctx, project, folder.ID, "a b.dwg"))
	w.upload(storage, content)
	item = must1[apsclient.Item](t)(
		c.Items.Create(ctx, project, apsclient.NewItem{Folder: folder.ID, Name: "a b.dwg", Storage: storage}))
	if item.Tip == nil || item.Tip.Number != 1 || item.Tip.Storage != storage {
		t.Errorf("new item %+v, tip %+v", item, item.Tip)
	}

	second := must1[apsclient.ObjectID](t)(c.Items.CreateStorage(ctx, project, folder.ID, "a b.dwg"))
	w.upload(second, content[8:])
	v := must1[apsclient.Version](t)(
		c.Versions.Create(ctx, project,
			apsclient.NewVersion{Item: item.ID, Name: "a b.dwg", Storage: second}))
	if v.Number != 2 || v.Item != item.ID {
		t.Errorf("new version %+v", v)
	}

	versions := all(t, c.Items.Versions(ctx, project, item.ID))
	if len(versions) != 2 || versions[0].Storage == versions[1].Storage {
		t.Errorf("versions %+v", versions)
	}

	if got := must1[apsclient.Item](t)(c.Items.Item(ctx, project, item.ID)); got.Tip == nil ||
		got.Tip.Number != 2 || got.Tip.Size != int64(len(content)-8) {
		t.Errorf("item %+v, tip %+v", got, got.Tip)
	}

	if got := must1[apsclient.Version](t)(c.Versions.Version(ctx, project, v.ID)); got.Storage != second ||
		got.Item != item.ID {
		t.Errorf("version %+v", got)
	}

	entries := all(t, c.Folders.Contents(ctx, project, folder.ID,
		apsclient.ContentsOptions{IncludeHidden: true}))
	if len(entries) != 1 || entries[0].Item == nil || entries[0].Item.Tip == nil ||
		entries[0].Item.Tip.Number != 2 || entries[0].Item.Name != "a b.dwg" {
		t.Errorf("contents %+v", entries)
	}

	if !bytes.Equal(w.download(storage), content) || !bytes.Equal(w.download(v.Storage), content[8:]) {
		t.Error("what came down is not what went up")
	}

	return item, project, folder
}

// TestEveryActionAgainstTheSpecifications makes every one of the 51 at least once and holds each
// request and answer against the official OpenAPI files; hq/v2 and project updates have none and
// are checked by their decoding only.
func TestEveryActionAgainstTheSpecifications(t *testing.T) {
	w := newWorld(t, loadSpecs(t))
	ctx, c := t.Context(), w.c
	item, project, folder := w.pipeline()

	// What else data management has.
	name, hidden := "Plans 2", true
	if f := must1[apsclient.Folder](t)(
		c.Folders.Update(ctx, project, folder.ID, apsclient.FolderUpdate{Name: &name})); f.Name != name {
		t.Errorf("renamed folder %+v", f)
	}

	description := "checked"
	must1[apsclient.Item](t)(c.Items.Update(ctx, project, item.ID,
		apsclient.ItemUpdate{Description: &description}))
	inProject := "project_id=" + string(project)
	w.do("get-hub", "", "hub_id="+w.demo.Hub)
	if found := w.do("search-folder", "", inProject, "folder_id="+string(folder.ID),
		"filter[attributes.name]=a b.dwg"); !strings.Contains(found, `"versions"`) {
		t.Errorf("search found %s", found)
	}

	tip := *must1[apsclient.Item](t)(c.Items.Item(ctx, project, item.ID)).Tip
	if got := w.do("get-item-tip-version", "", inProject, "item_id="+string(item.ID)); !strings.Contains(got,
		string(tip.ID)) {
		t.Errorf("tip %s", got)
	}

	w.do("get-version-download-formats", "", inProject, "version_id="+string(tip.ID))
	w.do("get-version-downloads", "", inProject, "version_id="+string(tip.ID))
	renamed := must1[apsclient.Version](t)(
		c.Versions.Create(ctx, project, apsclient.NewVersion{Item: item.ID, Name: "c.dwg", CopyFrom: tip.ID}))
	copied := must1[apsclient.Item](t)(
		c.Items.Create(ctx, project,
			apsclient.NewItem{Folder: folder.ID, Name: "copy.dwg", CopyFrom: renamed.ID}))
	deleted := must1[apsclient.Version](t)(
		c.Versions.Create(ctx, project, apsclient.NewVersion{Item: copied.ID, Deleted: true}))
	if !deleted.Deleted() || deleted.Storage != "" {
		t.Errorf("deletion %+v", deleted)
	}

	must1[apsclient.Folder](t)(c.Folders.Update(ctx, project, folder.ID,
		apsclient.FolderUpdate{Hidden: &hidden}))

	w.buckets(ctx)
	w.webhooks()
	w.administration()
	w.check.report(t)
	w.everyActionSeen()
}

func (w *world) buckets(ctx context.Context) {
	t, c := w.t, w.c
	must1[apsclient.Bucket](t)(c.Buckets.Create(ctx, "contract-bucket", "transient", ""))
	if _, err := c.Buckets.Create(ctx, "contract-bucket", "transient", ""); !errors.Is(err,
		apsclient.ErrConflict) {
		t.Errorf("the same bucket again: %v", err)
	}

	if b := must1[apsclient.Bucket](t)(c.Buckets.Details(ctx, "contract-bucket")); b.Policy != "transient" ||
		time.Since(b.Created) > time.Hour {
		t.Errorf("bucket %+v", b)
	}

	if list := all(t, c.Buckets.List(ctx, "US")); len(list) == 0 {
		t.Error("no buckets")
	}

	key := "a/b c%&?#+ü.dwg"
	id := apsclient.NewObjectID("contract-bucket", key)
	content := bytes.Repeat([]byte("x"), 6<<20)
	w.upload(id, content)
	o := must1[apsclient.Object](t)(c.Objects.Details(ctx, id))
	if o.Key != key || o.Size != int64(len(content)) || len(o.SHA1) != 40 ||
		o.UserMetadata != `{"job":"1"}` || o.ID != id {
		t.Errorf("object %+v", o)
	}

	if list := all(t, c.Objects.List(ctx, "contract-bucket", "a/")); len(list) != 1 || list[0].Key != key {
		t.Errorf("objects %+v", list)
	}

	if !bytes.Equal(w.download(id), content) {
		t.Error("what came down is not what went up")
	}

	// The action that takes the URL as a parameter.
	u, err := c.Objects.UploadURLs(ctx, apsclient.NewObjectID("contract-bucket", "one"),
		apsclient.UploadURLsRequest{})
	if err != nil {
		t.Fatal(err)
	}

	resp, err := c.Do(ctx, apsclient.Request{Action: "upload-binary-to-signed-s3-url",
		Params: map[string]string{"url": u.URLs[0].Reveal()}, Body: []byte("one")})
	if err != nil || resp.Header.Get("Etag") == "" {
		t.Errorf("%v, %v", resp, err)
	}

	// A batch.
	reqs, done := map[string]apsclient.UploadURLsRequest{}, map[string]apsclient.Completion{}
	for i := range 3 {
		reqs[fmt.Sprintf("batch-%d", i)] = apsclient.UploadURLsRequest{Parts: 1}
	}

	urls, err := c.Objects.BatchUploadURLs(ctx, "contract-bucket", reqs)
	if err != nil {
		t.Fatal(err)
	}

	for key, u := range urls {
		if u.Err != nil {
			t.Fatal(u.Err)
		}

		etag := must1[string](t)(c.Data.PutPart(ctx, u.URLs[0],
			apsclient.PartBody{R: strings.NewReader(key), Size: int64(len(key))}))
		done[key] = apsclient.Completion{UploadKey: u.UploadKey, Size: int64(len(key)), ETags: []string{etag}}
	}

	wrong := done["batch-2"]
	wrong.Size = 77
	done["batch-2"] = wrong
	results, err := c.Objects.BatchComplete(ctx, "contract-bucket", done)
	if err != nil {
		t.Fatal(err)
	}

	for key, r := range results {
		_, ok := errors.AsType[*apsclient.PartsError](r.Err)
		if bad := key == "batch-2"; bad != ok ||
			!bad && (r.Err != nil || r.Size != int64(len(key))) {
			t.Errorf("%s: %+v", key, r)
		}
	}

	downs, err := c.Objects.BatchDownloadURLs(ctx, "contract-bucket",
		map[string]apsclient.DownloadURLRequest{"batch-0": {}, "batch-1": {Minutes: 5}})
	if err != nil || downs["batch-0"].URL == "" || downs["batch-1"].Size != int64(len("batch-1")) {
		t.Errorf("%+v, %v", downs, err)
	}

	if err := c.Objects.Delete(ctx, id); err != nil {
		t.Error(err)
	}

	if _, err := c.Objects.Details(ctx, id); !errors.Is(err, apsclient.ErrNotFound) {
		t.Errorf("deleted object: %v", err)
	}

	if err := c.Buckets.Delete(ctx, "contract-bucket"); err != nil {
		t.Error(err)
	}
}

// do makes a call by its name, with parameters as name=value, and returns the body of its answer.
func (w *world) do(action, body string, params ...string) string {
	w.t.Helper()
	resp, err := w.ask(action, body, params...)
	if err != nil {
		w.t.Fatalf("%s: %v", action, err)
	}

	return string(resp.Body)
}

func (w *world) ask(action, body string, params ...string) (*apsclient.Response, error) {
	r := apsclient.Request{Action: action, Params: map[string]string{}, Query: url.Values{}}
	if body != "" {
		r.Body = []byte(body)
	}

	for _, p := range params {
		switch name, value, _ := strings.Cut(p, "="); {
		case name == "variant":
			r.Variant = value
		case strings.HasPrefix(name, "filter["):
			r.Query.Set(name, value)
		default:
			r.Params[name] = value
		}
	}

	return w.c.Do(w.t.Context(), r)
}

// field is a field of a JSON object.
func field(t *testing.T, body, name string) string {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal([]byte(body), &object); err != nil {
		t.Fatalf("%v: %s", err, body)
	}

	text, _ := object[name].(string)

	return text
}

func (w *world) webhooks() {
	t := w.t
	on := []string{"system=data", "event=dm.version.added"}
	body := `{"callbackUrl":"https://example.com/hook","scope":{"folder":"` + w.demo.Folder +
		`"},"hookAttribute":{"a":"b"},"hubId":"` + w.demo.Hub + `","projectId":"` + w.demo.Project + `"}`
	made, err := w.ask("create-webhook", body, on...)
	if err != nil {
		t.Fatal(err)
	}

	if _, err := w.ask("create-webhook", body, on...); !errors.Is(err, apsclient.ErrConflict) {
		t.Errorf("the same hook again: %v", err)
	}

	_, id, _ := strings.Cut(made.Header.Get("Location"), "/hooks/")
	if !strings.Contains(w.do("list-webhooks", ""), id) ||
		!strings.Contains(w.do("list-webhooks-by-system", "", "system=data"), id) {
		t.Error("the hook is not listed")
	}

	one := append(on, "hook_id="+id)
	w.do("update-webhook", `{"status":"inactive"}`, one...)
	if h := w.do("get-webhook", "", one...); field(t, h, "status") != "inactive" ||
		!strings.Contains(h, w.demo.Folder) || field(t, h, "callbackUrl") != "https://example.com/hook" {
		t.Errorf("hook %s", h)
	}

	w.do("delete-webhook", "", one...)
}

func (w *world) administration() {
	t := w.t

	account, acc := "account_id="+w.demo.Account, "project_id="+w.demo.Project
	bim, admin := "project_id="+w.demo.BIM360Project, "User-Id="+w.demo.Admin
	for _, variant := range []string{"bim360", "acc"} {
		if w.do("list-account-projects", "", account, "variant="+variant) == "[]" {
			t.Error("projects are missing")
		}

		w.do("list-account-companies", "", account, "variant="+variant)
	}

	made := field(t, w.do("create-account-project", `{"name":"Tower","project_type":"Hospital",`+
		`"start_date":"2026-01-01","end_date":"2027-01-01","value":3000,"currency":"USD"}`, account), "id")
	w.do("create-account-project", `{"name":"Bridge","type":"Bridge"}`, account, "variant=acc", admin)
	if p := w.do("update-account-project", `{"name":"Tower East"}`, account,
		"project_id="+made); field(t, p, "name") != "Tower East" {
		t.Errorf("project %s", p)
	}

	w.do("get-admin-project", "", "projectId="+w.demo.Project)
	user := field(t, w.do("create-account-user",
		`{"email":"new@example.com","first_name":"New","last_name":"Person"}`, account), "id")
	if u := w.do("get-account-user", "", account, "user_id="+user); field(
		t,
		u,
		"email",
	) != "new@example.com" ||
		field(t, u, "status") != "not_invited" {
		t.Errorf("user %s", u)
	}

	w.do("list-account-users", "", account)
	w.do("update-account-user", `{"default_role":"BIM Manager"}`, account, "user_id="+user)
	w.do("create-business-units",
		`{"business_units":[{"id":"933df8fd-abb2-4e4e-8f79-95ba2afebc6c","name":"North America"}]}`, account)
	if units := w.do("list-business-units", "", account); !strings.Contains(units, "North America") {
		t.Errorf("units %s", units)
	}

	added := `{"email":"new@example.com","products":[{"key":"docs","access":"member"}]}`
	member := field(t, w.do("add-project-user", added, acc, "variant=acc", admin), "id")
	if _, err := w.ask("add-project-user", added, acc, "variant=acc", admin); !errors.Is(err,
		apsclient.ErrConflict) {
		t.Errorf("the same member again: %v", err)
	}

	w.do("list-project-users", "", "projectId="+w.demo.Project)
	w.do("list-project-users", "", "variant=bim360", "projectId="+w.demo.BIM360Project)
	w.do("update-project-user", `{"products":[{"key":"docs","access":"administrator"}]}`, acc, "variant=acc",
		"userId="+member, admin)
	w.do("add-project-user", `[{"email":"new@example.com",`+
		`"services":{"document_management":{"access_level":"user"}}}]`, account, bim,
		"x-user-id="+w.demo.Admin)
	w.do("update-project-user", `{"industry_roles":[]}`, account, bim, "user_id="+user,
		"x-user-id="+w.demo.Admin)
	w.do("list-project-industry-roles", "", account, bim)
}

// TestNoMinuteHoldsMoreThanTheLimit runs against an emulator that answers 429 as documented, in
// simulated time.
func TestNoMinuteHoldsMoreThanTheLimit(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		srv, err := emulator.New(emulator.Config{Dir: dir, Limits: true})
		if err != nil {
			t.Fatal(err)
		}

		defer func() { _ = srv.Close() }()
		c,
			err := apsclient.New(apsclient.Config{Tokens: apsclient.ClientCredentials("",
			emulator.DefaultClientID, emulator.DefaultClientSecret),
			Transport: srv.Transport(), Limits: apsclient.DocumentedLimits()})
		if err != nil {
			t.Fatal(err)
		}

		demo, start := srv.Demo(), time.Now()
		var wg sync.WaitGroup
		for i := range 120 {
			wg.Go(func() {
				parent := apsclient.Folder{ID: apsclient.FolderID(demo.Folder),
					Type: "folders:autodesk.bim360:Folder"}
				if _, err := c.Folders.Create(t.Context(), apsclient.ProjectID(demo.Project), parent,
					fmt.Sprintf("folder %d", i)); err != nil {
					t.Error(err)
				}
			})
		}

		wg.Wait()
		if took := time.Since(start); took < 2*time.Minute || took > 2*time.Minute+5*time.Second {
			t.Errorf("120 folders at 50 a minute took %v", took)
		}

		for _, r := range srv.Requests() {
			if r.Status == 429 {
				t.Fatalf("request %d was throttled", r.N)
			}
		}
	})
}

// everyActionSeen compares what was asked with the registry.
func (w *world) everyActionSeen() {
	w.t.Helper()

	seen := map[string]bool{}
	for _, r := range w.srv.Requests() {
		seen[r.Op] = true
		a, ok := apsclient.ActionByName(r.Op)
		if !ok {
			continue
		}

		for _, scope := range r.Scopes {
			if !slices.Contains(a.Scopes, scope) {
				w.t.Errorf("%s came with a token that holds %s, which it does not need", r.Op, scope)
			}
		}
	}

	for _, a := range apsclient.Actions() {
		op := a.Name
		switch op {
		case "upload-file-in-project-folder":
			continue // consists of the others
		case "upload-binary-to-signed-s3-url":
			op = "s3-put"
		}

		if !seen[op] {
			w.t.Errorf("%s was never asked for", a.Name)
		}
	}

	for op := range w.check.unknown {
		if !strings.Contains(op, "/hq/v2/") &&
			!strings.Contains(op, "/hq/v1/accounts/"+w.demo.Account+"/projects") &&
			!strings.Contains(op, "/bim360/admin/") {
			w.t.Errorf("%s has no specification", op)
		}
	}
}
