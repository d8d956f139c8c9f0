package apsclient_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient"
)

// The corpus are recorded answers of the real service. They stay outside of the project, their
// readings are in testdata/readings.txt: after each file's name what the client makes of it.

// recorded is one answer of the corpus.
type recorded struct {
	file, call string
	status     int
	kind       string // media type
	header     []string
	body       string
}

// corpus reads the recorded answers. Without them the test is skipped, or fails with
// REQUIRE_SPECS=1.
func corpus(t testing.TB) []recorded {
	t.Helper()
	root := os.Getenv("HOIST_SPECS")
	if root == "" {
		root = filepath.Join("..", "..", "shared")
	}

	dir := filepath.Join(root, "aps", "corpus")
	index, err := os.ReadFile(filepath.Join(dir, "index.tsv"))
	if err != nil {
		message := "the recorded answers are not at " + dir +
			" (set HOIST_SPECS to the folder that holds aps)"
		if os.Getenv("REQUIRE_SPECS") == "1" {
			t.Fatal(message)
		}

		t.Skip(message)
	}

	var out []recorded
	for n, line := range strings.Split(strings.TrimSpace(string(index)), "\n") {
		cols := strings.Split(line, "\t")
		if n == 0 {
			continue
		}

		body, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(cols[0])))
		if err != nil {
			t.Fatal(err)
		}

		r := recorded{file: cols[0], call: cols[1], kind: cols[3], body: string(body)}
		if r.status, err = strconv.Atoi(cols[2]); err != nil {
			t.Fatalf("%s: status %q", cols[0], cols[2])
		}

		for h := range strings.SplitSeq(cols[4], "; ") {
			if name, value, ok := strings.Cut(h, ": "); ok {
				r.header = append(r.header, name, value)
			}
		}

		out = append(out, r)
	}

	return out
}

// reader makes the call that an answer belongs to and says what came of it, a line a fact.
type reader func(ctx context.Context, c *apsclient.Client) ([]string, error)

const (
	project = apsclient.ProjectID("b.5c1f0000-0000-4000-8000-0000000000b1")
	account = "5c1f0000-0000-4000-8000-0000000000a1"
	someURN = "urn:adsk.wipprod:x:y"
)

var stored = apsclient.NewObjectID("bucket", "object")

// lines collects what a listing yields.
func lines[T any](seq iter.Seq2[T, error], show func(T) string) ([]string, error) {
	var out []string
	for v, err := range seq {
		if err != nil {
			return out, err
		}

		out = append(out, show(v))
	}

	return out, nil
}

// only reads a single value.
func only[T any](v T, err error, show func(T) string) ([]string, error) {
	if err != nil {
		return nil, err
	}

	return []string{show(v)}, nil
}

func showHub(h apsclient.Hub) string {
	return fmt.Sprintf("hub %q %s core=%t", h.Region, h.Type, h.Core())
}

func showProject(p apsclient.Project) string {
	return fmt.Sprintf("project %q root=%t", p.Platform, p.RootFolder != "")
}

func showFolder(f apsclient.Folder) string {
	return fmt.Sprintf("folder %q %s hidden=%t root=%t parent=%t", f.Name, f.FolderType, f.Hidden, f.IsRoot,
		f.Parent != "")
}

func showVersion(v apsclient.Version) string {
	_, number, _ := strings.Cut(string(v.ID), "?version=")

	return fmt.Sprintf("version %s=%d %q %d bytes %s storage=%t deleted=%t", number, v.Number, v.Name, v.Size,
		v.FileType, v.Storage != "", v.Deleted())
}

func showItem(i apsclient.Item) string {
	out := fmt.Sprintf("item %q hidden=%t", i.Name, i.Hidden)
	if i.Tip != nil {
		out += ", " + showVersion(*i.Tip)
	}

	return out
}

func showEntry(e apsclient.Entry) string {
	if e.Folder != nil {
		return showFolder(*e.Folder)
	}

	return showItem(*e.Item)
}

func showBucket(b apsclient.Bucket) string { return fmt.Sprintf("bucket %q %s", b.Key, b.Policy) }

func showDownload(d apsclient.Download) string {
	return fmt.Sprintf("download %s url=%t %d chunks %d bytes sha1=%s", d.Status, d.URL != "", len(d.Chunks),
		d.Size, d.SHA1)
}

func readHubs(ctx context.Context, c *apsclient.Client) ([]string, error) {
	hubs, warnings, err := c.Hubs.List(ctx)
	var out []string
	for _, h := range hubs {
		out = append(out, showHub(h))
	}

	for _, w := range warnings {
		out = append(out, fmt.Sprintf("warning %s %s: %s %s", w.Status, w.Code, w.Title, w.Detail))
	}

	return out, err
}

// params pairs names and values.
func params(pairs []string) map[string]string {
	out := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		out[pairs[i]] = pairs[i+1]
	}

	return out
}

// raw makes a call whose answer goes to the user as it is.
func raw(action string, pairs ...string) reader {
	return func(ctx context.Context, c *apsclient.Client) ([]string, error) {
		resp, err := c.Do(ctx, apsclient.Request{Action: action, Params: params(pairs)})
		if err != nil {
			return nil, err
		}

		return []string{fmt.Sprintf("answer %d, %d bytes", resp.Status, len(resp.Body))}, nil
	}
}

// list makes a call whose elements go to the user as they are.
func list(action string, pairs ...string) reader {
	return func(ctx context.Context, c *apsclient.Client) ([]string, error) {
		n := 0
		for _, err := range c.Elements(ctx, apsclient.Request{Action: action, Params: params(pairs)}) {
			if err != nil {
				return nil, err
			}

			n++
		}

		return []string{fmt.Sprintf("%d elements", n)}, nil
	}
}

// readers are the calls by the beginning of a file's name; the first that fits counts.
var readers = []struct {
	prefix string
	read   reader
}{
	{"admin/err-", list("list-project-users", "projectId", string(project))},
	{"admin/", list("list-project-industry-roles", "account_id", account, "project_id", string(project))},
	{"callbacks/", raw("list-hubs")}, // nobody reads callbacks
	{"commands/", raw("list-hubs")},  // nor gives commands
	{"contents/", func(ctx context.Context, c *apsclient.Client) ([]string, error) {
		all := apsclient.ContentsOptions{IncludeHidden: true}
		return lines(c.Folders.Contents(ctx, project, someURN, all), showEntry)
	}},
	{"folders/err-search", list("search-folder", "project_id", string(project), "folder_id", someURN)},
	{"folders/personal", func(ctx context.Context, c *apsclient.Client) ([]string, error) {
		hide := true
		f, err := c.Folders.Update(ctx, project, someURN, apsclient.FolderUpdate{Hidden: &hide})

		return only(f, err, showFolder)
	}},
	{"folders/", func(ctx context.Context, c *apsclient.Client) ([]string, error) {
		f, err := c.Folders.Folder(ctx, project, someURN)
		return only(f, err, showFolder)
	}},
	{"hq/business", list("list-business-units", "account_id", account)},
	{"hq/err-404", list("list-account-users", "account_id", account)},
	{"hq/err-403-import", importUsers}, {"hq/import", importUsers},
	{"hq/projects", list("list-account-projects", "account_id", account)},
	{"hq/user", raw("get-account-user", "account_id", account, "user_id", "u")},
	{"items/err-", func(ctx context.Context, c *apsclient.Client) ([]string, error) {
		i, err := c.Items.Create(ctx, project,
			apsclient.NewItem{Folder: someURN, Name: "a.dwg", Storage: stored})
		return only(i, err, showItem)
	}},
	{"items/", func(ctx context.Context, c *apsclient.Client) ([]string, error) {
		i, err := c.Items.Item(ctx, project, someURN)
		return only(i, err, showItem)
	}},
	{"oss/err-400-invalid-limit", func(ctx context.Context, c *apsclient.Client) ([]string, error) {
		return lines(c.Buckets.List(ctx, "US"), showBucket)
	}},
	{"oss/err-403-field", complete}, {"signeds3/complete", complete},
	{"oss/err-404-object", downloadURL}, {"signeds3/download", downloadURL},
	{"oss/object", func(ctx context.Context, c *apsclient.Client) ([]string, error) {
		o, err := c.Objects.Details(ctx, stored)

		return only(o, err, func(o apsclient.Object) string {
			return fmt.Sprintf("object %s %d bytes sha1=%s created=%t", o.Key, o.Size, o.SHA1,
				!o.Created.IsZero())
		})
	}},
	{"oss/", func(ctx context.Context, c *apsclient.Client) ([]string, error) {
		b, err := c.Buckets.Create(ctx, "bucket", "transient", "US")
		return only(b, err, showBucket)
	}},
	{"projects/err-", func(ctx context.Context, c *apsclient.Client) ([]string, error) {
		_, err := c.Projects.TopFolders(ctx, "b.x", project)
		return nil, err
	}},
	{"projects/get", func(ctx context.Context, c *apsclient.Client) ([]string, error) {
		p, err := c.Projects.Project(ctx, "b.x", project)
		return only(p, err, showProject)
	}},
	{"projects/", func(ctx context.Context, c *apsclient.Client) ([]string, error) {
		return lines(c.Projects.List(ctx, "b.x"), showProject)
	}},
	{"s3/err-403-cloudfront", func(ctx context.Context, c *apsclient.Client) ([]string, error) {
		_, err := c.Data.GetRange(ctx, "https://cdn.example.com/x?Key-Pair-Id=k", 0, 9, "")
		return nil, err
	}},
	{"s3/", func(ctx context.Context, c *apsclient.Client) ([]string, error) {
		_, err := c.Data.PutPart(ctx, "https://s3.example.com/x?X-Amz-Signature=s",
			apsclient.PartBody{R: strings.NewReader("part"), Size: 4})
		return nil, err
	}},
	{"signeds3/batch", func(ctx context.Context, c *apsclient.Client) ([]string, error) {
		keys := []string{"test.txt", "test2.txt", "test3.txt"}
		reqs := map[string]apsclient.Completion{}
		for _, k := range keys {
			reqs[k] = apsclient.Completion{UploadKey: "k"}
		}

		got, err := c.Objects.BatchComplete(ctx, "bucket", reqs)
		var out []string
		for _, k := range keys {
			out = append(out, fmt.Sprintf("%s %d bytes: %v", k, got[k].Size, got[k].Err))
		}

		return out, err
	}},
	{"signeds3/", func(ctx context.Context, c *apsclient.Client) ([]string, error) {
		u, err := c.Objects.UploadURLs(ctx, stored, apsclient.UploadURLsRequest{Parts: 1})

		return only(u, err, func(u apsclient.UploadURLs) string {
			return fmt.Sprintf("%d urls, key=%t, upload until %s, urls until %s", len(u.URLs),
				u.UploadKey != "", u.UploadExpires.Format(time.RFC3339), u.URLExpires.Format(time.RFC3339))
		})
	}},
	{"storage/", func(ctx context.Context, c *apsclient.Client) ([]string, error) {
		o, err := c.Items.CreateStorage(ctx, project, someURN, "a.dwg")

		return only(o, err, func(o apsclient.ObjectID) string {
			bucket, key, err := o.Split()
			return fmt.Sprintf("bucket %s key=%t %v", bucket, key != "", err)
		})
	}},
	{"versions/created-2019-deleted", func(ctx context.Context, c *apsclient.Client) ([]string, error) {
		v, err := c.Versions.Create(ctx, project, apsclient.NewVersion{Item: someURN, Deleted: true})
		return only(v, err, showVersion)
	}},
	{"versions/created", func(ctx context.Context, c *apsclient.Client) ([]string, error) {
		v, err := c.Versions.Create(ctx, project,
			apsclient.NewVersion{Item: someURN, Name: "a", Storage: stored})
		return only(v, err, showVersion)
	}},
	{"versions/downloadformats", raw("get-version-download-formats", "project_id", string(project),
		"version_id", someURN)},
	{"versions/err-400", func(ctx context.Context, c *apsclient.Client) ([]string, error) {
		v, err := c.Versions.Create(ctx, project, apsclient.NewVersion{Item: someURN, Deleted: true})
		return only(v, err, showVersion)
	}},
	{"versions/downloads", downloads}, {"versions/err-404", downloads},
	{"versions/", func(ctx context.Context, c *apsclient.Client) ([]string, error) {
		v, err := c.Versions.Version(ctx, project, someURN)
		return only(v, err, showVersion)
	}},
	{"webhooks/err-", raw("create-webhook", "system", "data", "event", "dm.version.added")},
	{"webhooks/get", raw("get-webhook", "system", "data", "event", "dm.version.added", "hook_id", "h")},
	{"webhooks/list", list("list-webhooks")},
	{"webhooks/created", raw("create-webhook", "system", "data", "event", "*")},
	{"webhooks/token", raw("list-hubs")}, // nobody asks
	{"", readHubs},                       // auth, gateway, hubs: any call may be answered so
}

var importUsers = raw("add-project-user", "account_id", account, "project_id", string(project))

func complete(ctx context.Context, c *apsclient.Client) ([]string, error) {
	o, err := c.Objects.Complete(ctx, stored, apsclient.Completion{UploadKey: "k", Size: 1})

	return only(o, err, func(o apsclient.CompletedObject) string {
		return fmt.Sprintf("completed %d bytes", o.Size)
	})
}

func downloadURL(ctx context.Context, c *apsclient.Client) ([]string, error) {
	d, err := c.Objects.DownloadURL(ctx, stored, apsclient.DownloadURLRequest{})
	return only(d, err, showDownload)
}

var downloads = list("get-version-downloads", "project_id", string(project), "version_id", someURN)

func readerOf(file string) reader {
	for _, r := range readers {
		if strings.HasPrefix(file, r.prefix) {
			return r.read
		}
	}

	return nil
}

// forToken reports whether an answer is one of the token endpoint.
func (r recorded) forToken() bool {
	return strings.HasPrefix(r.file, "auth/") && strings.Contains(r.call, "POST") &&
		!strings.Contains(r.call, "any call")
}

// serve is a service that gives the recorded answer, and nothing more to who turns the page.
func (r recorded) serve(next *string) *service {
	first := ""
	answer := func(n int, req *http.Request, _ string) (*http.Response, error) {
		if n == 1 {
			first = req.URL.RequestURI()
		}

		if at := req.URL.RequestURI(); at != first && r.status < 400 {
			*next = at
			return reply(200, "application/json", `{"data":[],"items":[],"results":[]}`), nil
		}

		return reply(r.status, r.kind, r.body, r.header...), nil
	}
	s := &service{answer: answer}
	if r.forToken() {
		s.token = answer
		s.answer = func(int, *http.Request, string) (*http.Response, error) {
			return reply(200, "application/json", `{"data":[]}`), nil
		}
	}

	return s
}

// read gives what the client makes of an answer, a line a fact.
func (r recorded) read(t *testing.T) string {
	next := ""
	out, err := readerOf(r.file)(t.Context(), newClient(t, r.serve(&next)))
	if next != "" {
		out = append(out, "next "+next)
	}

	if wrong, ok := errors.AsType[*apsclient.ParamError](err); ok {
		t.Fatal(wrong) // of the table of readers, not of the answer
	}

	if err != nil {
		_, again := apsclient.Retryable(err)
		kind := fmt.Sprintf("%T", err)
		if _, ok := errors.AsType[*apsclient.AuthError](err); ok {
			kind = "sign-in"
		}

		if e, ok := errors.AsType[*apsclient.Error](err); ok && !e.Explained() {
			kind += " unexplained"
		}

		out = append(out, err.Error(), fmt.Sprintf("%s again=%t maybe-done=%t", strings.TrimPrefix(kind,
			"*apsclient."), again, apsclient.MaybeApplied(err)))
	}

	if len(out) == 0 {
		return "nothing"
	}

	return strings.Join(out, "\n")
}

// reading is what is expected of an answer.
type reading struct {
	lines []string
	// open: the client does not read the answer so yet
	open bool
}

// fits reports whether a reading is as expected: line by line, or, for those with "has", a piece of
// it.
func (w reading) fits(got string) bool {
	if len(w.lines) == 0 || !strings.HasPrefix(w.lines[0], "has ") {
		return got == strings.Join(w.lines, "\n")
	}

	for _, l := range w.lines {
		if !strings.Contains(got, strings.TrimPrefix(l, "has ")) {
			return false
		}
	}

	return true
}

func readings(t *testing.T) map[string]reading {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "readings.txt"))
	if err != nil {
		t.Fatal(err)
	}

	out := map[string]reading{}
	for block := range strings.SplitSeq(strings.TrimSpace(string(raw)), "\n\n") {
		lines := strings.Split(block, "\n")
		r := reading{}
		for _, l := range lines[1:] {
			r.lines = append(r.lines, strings.TrimPrefix(l, "\t"))
		}

		if len(r.lines) > 0 && r.lines[0] == "open" {
			r.open, r.lines = true, r.lines[1:]
		}

		out[lines[0]] = r
	}

	return out
}

// TestCorpus reads every recorded answer of the real service as testdata/readings.txt says.
func TestCorpus(t *testing.T) {
	want := readings(t)
	for _, r := range corpus(t) {
		t.Run(r.file, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, known := want[r.file]
				got := r.read(t)
				switch {
				case known && w.fits(got) && w.open:
					t.Errorf("read as expected now: take the word open from testdata/readings.txt")
				case known && w.open:
					t.Logf("open: read as\n%s\nwant\n%s", got, strings.Join(w.lines, "\n"))
				case !known || !w.fits(got):
					t.Errorf("%d %s\ngot\n%s\nwant\n%s", r.status, r.body[:min(len(r.body), 400)], got,
						strings.Join(w.lines, "\n"))
				}
			})
		})
		delete(want, r.file)
	}

	for file := range want {
		t.Errorf("%s is in the table and not in the corpus", file)
	}
}
