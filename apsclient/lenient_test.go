package apsclient_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"hoist/apsclient"
)

// TestFieldsOfAnotherType: a field that is only shown may be a number, a string, null or absent,
// and never keeps the rest from being read.
func TestFieldsOfAnotherType(t *testing.T) {
	for _, field := range []string{`"objectCount":"7"`, `"objectCount":null`, `"objectCount":{}`,
		`"hidden":"false"`,
		`"hidden":null`, `"createTime":5`, `"createTime":{}`, `"createUserId":7`, `"extension":{}`,
		`"extension":null`,
		`"extension":[]`, `"extension":{"type":7,"data":null}`, `"extension":{"data":{"allowedTypes":"all"}}`,
		`"extension":{"data":{"allowedTypes":[1]}}`, `"extension":{"data":{"isRoot":"yes"}}`,
		`"displayName":"Another"`, `"displayName":7`, `"lastModifiedTimeRollup":""`} {
		s := &service{answer: func(int, *http.Request, string) (*http.Response, error) {
			return reply(
				200,
				"",
				`{"data":[{"type":"folders","id":"urn:f","attributes":{"name":"Plans",`+field+`},`+
					`"relationships":{"parent":null,"storage":[]},"links":"none"}],"meta":7}`,
			), nil
		}}
		list, err := newClient(t, s, quiet).Projects.TopFolders(t.Context(), "b.h", "b.p")
		if err != nil || len(list) != 1 || list[0].Name != "Plans" || list[0].ID != "urn:f" {
			t.Errorf("%s: %+v, %v", field, list, err)
		}
	}

	for _, warning := range []string{`{"HttpStatusCode":403,"Title":"x"}`,
		`{"HttpStatusCode":"403","Detail":null}`,
		`{"ErrorCode":7,"HttpStatusCode":403}`} {
		s := &service{answer: func(int, *http.Request, string) (*http.Response, error) {
			return reply(200, "", `{"data":[],"meta":{"warnings":[`+warning+`]}}`), nil
		}}
		_, warnings, err := newClient(t, s, quiet).Hubs.List(t.Context())
		if err != nil || len(warnings) != 1 || warnings[0].Status != "403" {
			t.Errorf("%s: %+v, %v", warning, warnings, err)
		}
	}

	for _, size := range []string{`"storageSize":12`, `"storageSize":"12"`} {
		s := &service{answer: func(int, *http.Request, string) (*http.Response, error) {
			return reply(
				200,
				"",
				`{"data":{"type":"versions","id":"urn:v","attributes":{"name":"a.dwg",`+size+
					`,"versionNumber":"3"}}}`,
			), nil
		}}
		v, err := newClient(t, s, quiet).Versions.Version(t.Context(), "b.p", "urn:v")
		if err != nil || v.Size != 12 || v.Number != 3 {
			t.Errorf("%s: %+v, %v", size, v, err)
		}
	}
}

// TestObjectIDsComeFromBucketAndKey: objectId may hold the key percent-encoded, or not be there.
func TestObjectIDsComeFromBucketAndKey(t *testing.T) {
	want := apsclient.NewObjectID("my-bucket", "a b/ü.dwg")
	for _, id := range []string{"urn:adsk.objects:os.object:my-bucket/a%20b%2F%C3%BC.dwg", string(want), ""} {
		s := &service{answer: func(_ int, r *http.Request, _ string) (*http.Response, error) {
			object := `{"bucketKey":"my-bucket","objectKey":"a b/ü.dwg","objectId":"` + id +
				`","size":"4","sha1":null}`
			if strings.HasSuffix(r.URL.Path, "/objects") {
				object = `{"items":[` + object + `]}`
			}

			return reply(200, "", object), nil
		}}
		c := newClient(t, s, quiet)
		o, err := c.Objects.Details(t.Context(), want)
		if err != nil || o.ID != want || o.Size != 4 {
			t.Errorf("%q: %+v, %v", id, o, err)
		}

		for o, err := range c.Objects.List(t.Context(), "my-bucket", "") {
			if err != nil || o.ID != want {
				t.Errorf("%q in a list: %+v, %v", id, o, err)
			}
		}
	}
}

// TestBucketsOfEveryRegion: a new bucket names its region under both headers; a list without a
// region asks them all.
func TestBucketsOfEveryRegion(t *testing.T) {
	var asked []string
	s := &service{answer: func(_ int, r *http.Request, _ string) (*http.Response, error) {
		if r.Method == http.MethodPost {
			asked = append(asked, r.Header.Get("Region")+" "+r.Header.Get("X-Ads-Region"))
			return reply(200, "", `{"bucketKey":"b"}`), nil
		}

		region := r.URL.Query().Get("region")
		if region == "GBR" {
			return reply(400, "", `{"reason":"Invalid region"}`), nil
		}

		return reply(200, "", `{"items":[{"bucketKey":"in-`+region+`"}]}`), nil
	}}
	c := newClient(t, s, quiet)
	if _, err := c.Buckets.Create(t.Context(), "b", "transient", "EMEA"); err != nil {
		t.Fatal(err)
	}

	emea := newClient(t, s, quiet, func(c *apsclient.Config) { c.Region = "AUS" })
	if _, err := emea.Buckets.Create(t.Context(), "b", "transient", ""); err != nil {
		t.Fatal(err)
	}

	if _, err := c.Do(t.Context(), apsclient.Request{Action: "create-bucket",
		Header: http.Header{"Region": {"CAN"}}}); err != nil {
		t.Fatal(err)
	}

	if got := strings.Join(asked, ", "); got != "EMEA EMEA, AUS AUS, CAN CAN" {
		t.Errorf("regions %s", got)
	}

	if list := all(t, c.Buckets.All(t.Context())); len(list) != len(apsclient.Regions())-1 {
		t.Errorf("listed %+v", list)
	}

	if list := all(t, emea.Buckets.All(t.Context())); len(list) != len(apsclient.Regions())-1 {
		t.Errorf("with a region configured: %+v", list)
	}
}

// TestRegionsThatFail: what one region cannot tell does not hide the buckets of the others, and is
// not kept back; a bucket that several regions name is one.
func TestRegionsThatFail(t *testing.T) {
	for _, row := range []struct {
		region string
		status int
		n      int // buckets listed
		fails  string
	}{
		{"AUS", 403, 1, "buckets in AUS: list buckets: 403"},
		{"US", 500, 1, "buckets in US: list buckets: 500"},
		{"US", 403, 0, "list buckets: 403"},
		{"JPN", 400, 1, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &service{answer: func(_ int, r *http.Request, _ string) (*http.Response, error) {
				if r.URL.Query().Get("region") == row.region {
					return reply(row.status, "", `{"reason":"no"}`), nil
				}

				return reply(200, "", `{"items":[{"bucketKey":"the-same"}]}`), nil
			}}
			n, failed := 0, ""
			for _, err := range newClient(t, s, quiet).Buckets.All(t.Context()) {
				if err != nil {
					failed = err.Error()
				} else {
					n++
				}
			}

			if n != row.n || !strings.HasPrefix(failed, row.fails) || row.fails == "" && failed != "" {
				t.Errorf("%+v: %d buckets, %s", row, n, failed)
			}
		})
	}
}

// TestURLsOfParts: fewer URLs than were asked for are enough, more are left; a URL that says that it is
// of another part is not used.
func TestURLsOfParts(t *testing.T) {
	for _, row := range []struct {
		urls string
		n    int // URLs; 0: not understood
	}{
		{`"https://s3/x?partNumber=3","https://s3/x?partNumber=4"`, 2},
		{`"https://s3/x?partNumber=3"`, 1},
		{`"https://s3/a","https://s3/b","https://s3/c"`, 2},
		{`"https://s3/x?partNumber=4","https://s3/x?partNumber=5"`, 0},
		{`"https://s3/x?partNumber=3","https://s3/x?partNumber=3"`, 0},
		{`"https://s3/x?partNumber=3",""`, 0},
		{``, 0},
	} {
		s := &service{answer: func(int, *http.Request, string) (*http.Response, error) {
			return reply(200, "", `{"uploadKey":"k","urls":[`+row.urls+`]}`), nil
		}}
		got, err := newClient(t, s, quiet).Objects.UploadURLs(t.Context(),
			apsclient.NewObjectID("bucket", "key"), apsclient.UploadURLsRequest{Parts: 2, FirstPart: 3})
		if len(got.URLs) != row.n || (err != nil) != (row.n == 0) {
			t.Errorf("%s: %d URLs, %v", row.urls, len(got.URLs), err)
		}
	}
}
