package emulator

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// TestOddAnswers: a plain client feels each mode, and only what it is about.
func TestOddAnswers(t *testing.T) {
	a := newAPI(t, Config{})
	d := a.s.Demo()
	item, _, urn := a.publish("odd.dwg", "content")
	versions := "/data/v1/projects/" + d.Project + "/items/" + esc(item) + "/versions"
	folder := "/data/v1/projects/" + d.Project + "/folders/" + esc(d.Folder)

	set := func(k Knobs) { a.s.SetKnobs(func(now *Knobs) { *now = k }) }
	defer set(Knobs{})

	t.Run("every second listing is empty, in three ways", func(t *testing.T) {
		set(Knobs{EmptyEvery: 2})

		var got []string
		for range 6 {
			r := a.call("GET", versions, nil)
			switch {
			case r.status == http.StatusNoContent:
				got = append(got, "204")
			case len(r.raw) == 0:
				got = append(got, "no body")
			case r.len("data") == 0:
				got = append(got, "no rows")
			}
		}

		if s := strings.Join(got, ", "); s != "no body, 204, no rows" {
			t.Errorf("answers: %s", s)
		}

		a.call("GET", folder, nil).want(200).has("attributes") // no listing
	})
	t.Run("every second answer is cut", func(t *testing.T) {
		set(Knobs{CutEvery: 2})

		whole := 0
		for range 6 {
			if json.Valid(a.call("GET", folder, nil).want(200).raw) {
				whole++
			}
		}

		if whole != 3 {
			t.Errorf("%d of 6 answers are whole", whole)
		}
	})
	t.Run("errors are plain text", func(t *testing.T) {
		set(Knobs{TextErrors: true})

		r := a.call("GET", folder+"x", nil).want(404)
		if r.header.Get("Content-Type") != "text/plain; charset=utf-8" || bytes.Contains(r.raw, []byte("{")) {
			t.Errorf("%s: %s", r.header.Get("Content-Type"), r.raw)
		}
	})
	t.Run("a warning per region beside the hubs", func(t *testing.T) {
		set(Knobs{RegionWarnings: true})

		r := a.call("GET", "/project/v1/hubs", nil).want(200)
		if r.len("meta/warnings") != len(hookRegions) || r.len("data") == 0 {
			t.Errorf("answer: %s", r.raw)
		}
	})
	t.Run("next links hold the page alone", func(t *testing.T) {
		a.publish("next.dwg", "content")
		set(Knobs{ShortNextLinks: true})

		r := a.call("GET", folder+"/contents?page[limit]=1&includeHidden=true", nil).want(200)
		if next := r.text("links/next/href"); !strings.HasSuffix(next, "contents?page%5Bnumber%5D=1") {
			t.Errorf("next: %s", next)
		}
	})
	t.Run("names are compared without case, in NFC", func(t *testing.T) {
		set(Knobs{CaseInsensitiveNames: true})

		folders := "/data/v1/projects/" + d.Project + "/folders"
		a.call("POST", folders, folderBody(d.Folder, "B\u00fcro")).want(201)
		a.call("POST", folders, folderBody(d.Folder, "b\u0075\u0308ro")).want(409)
		set(Knobs{})
		a.call("POST", folders, folderBody(d.Folder, "b\u0075\u0308ro")).want(201)
	})

	for _, c := range []struct {
		name           string
		portal         Portal
		token, api, s3 int
	}{
		{"everything", Portal{Status: 403}, 403, 403, 403},
		{"no body", Portal{Status: 200, Blank: true}, 200, 200, 200},
		{"a redirect for the API alone", Portal{Status: 302, Only: []string{"api"}}, 200, 302, 200},
		{"the token alone", Portal{Status: 407, Only: []string{"token"}}, 407, 200, 200},
		{"S3 alone", Portal{Status: 413, Only: []string{"s3"}}, 200, 200, 413},
	} {
		t.Run("somebody else answers: "+c.name, func(t *testing.T) {
			set(Knobs{})
			u := a.call("GET", objectPath(urn)+"/signeds3download", nil).want(200).text("url")
			set(Knobs{Portal: c.portal})

			token := a.form(map[string][]string{"grant_type": {"client_credentials"}, "scope": {"data:read"}},
				DefaultClientID, DefaultClientSecret)
			for i, r := range []reply{token.want(c.token), a.call("GET", folder, nil).want(c.api),
				a.send(a.request("GET", u, nil)).want(c.s3)} {
				status := []int{c.token, c.api, c.s3}[i]
				if html := bytes.Contains(r.raw,
					[]byte("<html>")); html != (status != 200 && !c.portal.Blank) {
					t.Errorf("answer %d: %d %s", i, r.status, r.raw)
				}
			}
		})
	}
}
