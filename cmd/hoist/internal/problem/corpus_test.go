package problem

import (
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"hoist/apsclient"
)

// recorded answers every call in the same way.
type recorded struct {
	status int
	header http.Header
	body   string
}

func (r recorded) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: r.status, Header: r.header.Clone(), Request: req,
		ProtoMajor: 1, ContentLength: int64(len(r.body)), Body: io.NopCloser(strings.NewReader(r.body))}, nil
}

// errorOf is what the client makes of an answer to a call, to the request for its token, or to a part.
func (r recorded) errorOf(t *testing.T, token, part bool) error {
	t.Helper()
	conf := apsclient.Config{Transport: r, Logger: slog.New(slog.DiscardHandler)}
	if token {
		conf.Tokens = apsclient.ClientCredentials("", "id", "secret")
	}

	c, err := apsclient.New(conf)
	if err != nil {
		t.Fatal(err)
	}

	if part {
		_, err = c.Data.PutPart(t.Context(), "https://s3.example.com/x",
			apsclient.PartBody{R: strings.NewReader("part"), Size: 4})
		return err
	}

	_, err = c.Do(t.Context(), apsclient.Request{Action: "list-hubs"})

	return err
}

// refusals are the recorded refusals of the real service, each with its kind and a piece of the hint
// that names its cause. The recordings stay outside of the project.
var refusals = map[string]struct {
	kind Kind
	hint string
}{
	"admin/err-400-badinput-problem.json":       {Failure, "explain-refused"},
	"admin/err-429-message.json":                {Failure, "asks to wait"},
	"auth/err-401-empty-troubleshooting.txt":    {Unauthorized, "sign-in has ended"},
	"auth/err-auth001-product.txt":              {Unauthorized, "API Access"},
	"auth/err-auth001-usermessage.json":         {Unauthorized, "API Access"},
	"auth/err-auth003-secret.json":              {Unauthorized, "secret is wrong"},
	"auth/err-auth007-contenttype.json":         {Unauthorized, "did not arrive as it was sent"},
	"auth/err-auth008-params.json":              {Unauthorized, "did not arrive as it was sent"},
	"auth/err-auth010-scope.txt":                {Unauthorized, "lacks a scope"},
	"auth/err-noreadaccess.json":                {Unauthorized, "may not read"},
	"auth/err-refresh-invalid-grant.json":       {Unauthorized, "sign in again"},
	"auth/err-scope-textplain.txt":              {Unauthorized, "lacks a scope"},
	"folders/err-search-403-user.json":          {Unauthorized, "needs a user"},
	"gateway/err-404-apigee-fault.json":         {NotFound, "nothing at this path"},
	"gateway/err-429-graphql.txt":               {Failure, "asks to wait"},
	"gateway/err-429-quota.json":                {Failure, "asks to wait"},
	"gateway/err-502.html":                      {Failure, "has trouble"},
	"hq/err-403-import-user.json":               {Unauthorized, "account administrator and a member"},
	"hq/err-404-1004-account.json":              {NotFound, "another region"},
	"hubs/err-403-2017-two-errors.json":         {Unauthorized, "custom integration"},
	"items/err-400-bad-input-displayname.json":  {Failure, "explain-refused"},
	"items/err-409-name-taken.json":             {Failure, "this name is there already"},
	"items/err-500-may-have-worked.json":        {Failure, "has trouble"},
	"oss/err-400-bucket-key.json":               {Failure, "explain-refused"},
	"oss/err-400-invalid-limit.json":            {Failure, "explain-refused"},
	"oss/err-403-field-uploadkey.json":          {Unauthorized, "begin it anew"},
	"oss/err-404-object.json":                   {NotFound, "list-remote"},
	"oss/err-409-bucket-exists.json":            {Failure, "this name is there already"},
	"projects/err-403-not-active.json":          {Unauthorized, "archived or suspended"},
	"s3/err-403-cloudfront.xml":                 {Unauthorized, "signed URL"},
	"s3/err-403-expired.xml":                    {Unauthorized, "signed URL is too old"},
	"s3/err-403-signature.xml":                  {Unauthorized, "signed URL was changed"},
	"s3/err-403-timeskew.xml":                   {Failure, "clock"},
	"s3/err-404-nosuchupload.xml":               {NotFound, "begin it anew"},
	"s3/err-503-slowdown.xml":                   {Failure, "has trouble"},
	"versions/err-400-personal-hub-delete.json": {Failure, "explain-refused"},
	"versions/err-404-unknown-entity.json":      {NotFound, "list-remote"},
	"webhooks/err-409-list-detail.json":         {Failure, "webhook is there already"},
}

// TestHintsOfTheCorpus: the hint names the cause that each recorded refusal names; the same is found
// from the text of the error alone, as jobs keep it.
func TestHintsOfTheCorpus(t *testing.T) {
	root := os.Getenv("HOIST_SPECS")
	if root == "" {
		root = filepath.Join("..", "..", "..", "..", "..", "shared")
	}

	dir := filepath.Join(root, "aps", "corpus")
	index, err := os.ReadFile(filepath.Join(dir, "index.tsv"))
	if err != nil {
		if os.Getenv("REQUIRE_SPECS") == "1" {
			t.Fatal(err)
		}

		t.Skip("the recorded answers are not at " + dir)
	}

	seen := 0
	for line := range strings.Lines(string(index)) {
		cols := strings.Split(line, "\t")
		status, err := strconv.Atoi(cols[2])
		if err != nil || status < 400 {
			continue
		}

		seen++
		t.Run(cols[0], func(t *testing.T) {
			body, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(cols[0])))
			if err != nil {
				t.Fatal(err)
			}

			r := recorded{status, http.Header{"Content-Type": {cols[3]}}, string(body)}
			for h := range strings.SplitSeq(cols[4], "; ") {
				if name, value, ok := strings.Cut(h, ": "); ok {
					r.header.Set(name, value)
				}
			}

			synctest.Test(t, func(t *testing.T) {
				err := r.errorOf(t, strings.Contains(cols[1], "token") && strings.Contains(cols[1], "POST"),
					strings.HasPrefix(cols[0], "s3/"))
				kind, fix := Of(err)
				want := refusals[cols[0]]
				if kind != want.kind || want.hint == "" ||
					!strings.Contains(fix.Words+string(fix.Step), want.hint) {
					t.Errorf("%v: %s, %+v; want %+v", err, kind, fix, want)
				}

				if cause, ok := Cause(err); ok && Hint(err.Error()) != cause.Words {
					t.Errorf("%v: by its text %q", err, Hint(err.Error()))
				}
			})
		})
	}

	if seen != len(refusals) {
		t.Errorf("%d refusals are recorded, %d in the table", seen, len(refusals))
	}
}
