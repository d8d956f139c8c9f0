package apsclient_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"hoist/apsclient"
)

// sample is a value that a parameter takes.
func sample(p apsclient.Param) any {
	if len(p.Enum) > 0 {
		return p.Enum[0]
	}

	switch p.Type {
	case "int":
		return max(p.Min, 1)
	case "number":
		return 1.5
	case "bool":
		return true
	case "uuid", "id":
		return "5c1f0000-0000-4000-8000-0000000000b1"
	case "urn":
		return "urn:adsk.wipprod:fs.file:vf.L?version=2"
	case "url":
		return "https://example.com/x"
	case "date":
		return "2026-01-01"
	case "email":
		return "a@example.com"
	case "object":
		return map[string]any{}
	case "array":
		return []any{map[string]any{}}
	}

	return strings.Repeat("s", int(max(p.Min, 4)))
}

// sampleRequest fills in what a row requires, from the row alone.
func sampleRequest(a apsclient.Action, variant string, params []apsclient.Param,
	kind string) apsclient.Request {
	r := apsclient.Request{Action: a.Name, Variant: variant, Params: map[string]string{}}
	var body any = map[string]any{}
	for _, p := range params {
		if p.In != apsclient.InBody {
			if p.Required {
				r.Params[p.Name] = fmt.Sprint(sample(p))
			}

			continue
		}

		if p.Name == "[]" {
			body = []any{map[string]any{"email": "a@example.com"}}
		}

		if !p.Required {
			continue
		}

		at := body.(map[string]any)
		steps := strings.Split(p.Name, ".")
		for _, s := range steps[:len(steps)-1] {
			if at[s] == nil {
				at[s] = map[string]any{}
			}

			at = at[s].(map[string]any)
		}

		at[steps[len(steps)-1]] = sample(p)
	}

	if kind == "json" || kind == "jsonapi" {
		r.Body, _ = json.Marshal(body)
	}

	return r
}

type form struct {
	action  apsclient.Action
	variant string
	method  string
	path    string
	retry   apsclient.RetryClass
	paging  apsclient.Paging
	request apsclient.Request
}

// forms are all rows with their variants, but for the composite and the part PUT, which have tests
// of their own.
func forms() []form {
	var out []form
	for _, a := range apsclient.Actions() {
		if a.Path == "" {
			continue
		}

		out = append(out, form{a, "", a.Method, a.Path, a.Retry, a.Paging,
			sampleRequest(a, "", a.Params, a.Body)})
		for _, v := range a.Variants {
			out = append(out, form{a, v.Name, v.Method, v.Path, v.Retry, v.Paging,
				sampleRequest(a, v.Name, v.Params, v.Body)})
		}
	}

	return out
}

func TestEveryActionByTheRegistry(t *testing.T) {
	for _, f := range forms() {
		t.Run(strings.Trim(f.action.Name+"/"+f.variant, "/"), func(t *testing.T) {
			t.Run("valid", func(t *testing.T) { driveValid(t, f) })
			t.Run("errors", func(t *testing.T) { driveErrors(t, f) })
			t.Run("repeats", func(t *testing.T) { driveRepeats(t, f) })
			if f.paging != apsclient.PagingNone {
				t.Run("pages", func(t *testing.T) { drivePages(t, f) })
			}
		})
	}
}

func driveValid(t *testing.T, f form) {
	if err := apsclient.Validate(f.request); err != nil {
		t.Fatalf("the sample is refused: %v", err)
	}

	s := &service{answer: func(int, *http.Request, string) (*http.Response, error) {
		return reply(200, "", "{}"), nil
	}}
	c := newClient(t, s, quiet)
	if _, err := c.Do(t.Context(), f.request); err != nil {
		t.Fatal(err)
	}

	r := s.requests[0]
	if r.Method != f.method || strings.Contains(r.URL.EscapedPath(), "{") ||
		strings.Count(r.URL.EscapedPath(), "/") != strings.Count(f.path, "/") {
		t.Errorf("sent %s %s for %s", r.Method, r.URL.EscapedPath(), f.path)
	}

	if strings.Contains(r.URL.EscapedPath(), "?") || r.URL.Query().Has("version") {
		t.Errorf("a URN leaked into the query: %s", r.URL)
	}

	for _, p := range f.action.Params {
		if p.Required && f.variant == "" && p.In != apsclient.InBody {
			without := f.request
			without.Params = map[string]string{}
			for k, v := range f.request.Params {
				if k != p.Name {
					without.Params[k] = v
				}
			}

			err := apsclient.Validate(without)
			bad, ok := errors.AsType[*apsclient.ParamError](err)
			if !ok || bad.Param != p.Name {
				t.Errorf("without %s: %v", p.Name, err)
			}
		}
	}
}

// sentinels of the documented statuses.
var sentinels = map[int]error{
	400: apsclient.ErrBadRequest, 403: apsclient.ErrForbidden, 404: apsclient.ErrNotFound,
	406: apsclient.ErrBadRequest, 409: apsclient.ErrConflict,
	410: apsclient.ErrNotFound, 412: apsclient.ErrPrecondition, 415: apsclient.ErrBadRequest,
	422: apsclient.ErrBadRequest, 423: apsclient.ErrLocked,
}

func driveErrors(t *testing.T, f form) {
	for status, want := range sentinels {
		s := &service{answer: func(int, *http.Request, string) (*http.Response, error) {
			return reply(status, "application/json", `{"message":"because"}`), nil
		}}
		resp, err := newClient(t, s, quiet).Do(t.Context(), f.request)
		e, ok := errors.AsType[*apsclient.Error](err)
		if !ok || !errors.Is(err, want) || e.Detail != "because" || resp == nil ||
			resp.Status != status || s.count() != 1 {
			t.Errorf("%d: %v after %d calls", status, err, s.count())
		}

		if apsclient.MaybeApplied(err) {
			t.Errorf("%d was refused and had no effect", status)
		}
	}
}

func driveRepeats(t *testing.T, f form) {
	blind := f.retry != apsclient.RetryVerify
	tests := []struct {
		name  string
		first func() (*http.Response, error)
		again bool
	}{
		{"429", func() (*http.Response, error) { return reply(429, "", "", "Retry-After", "2"), nil }, true},
		{"401", func() (*http.Response, error) {
			return reply(401, "", `{"errorCode":"AUTH-006"}`), nil
		}, true},
		{"503", func() (*http.Response, error) { return reply(503, "", ""), nil }, blind},
		{"reply lost", func() (*http.Response, error) { return nil, io.ErrUnexpectedEOF }, blind},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			s := &service{answer: func(n int, _ *http.Request, _ string) (*http.Response, error) {
				if n == 1 {
					return tt.first()
				}

				return reply(200, "", "{}"), nil
			}}
			_, err := newClient(t, s, quiet).Do(t.Context(), f.request)
			if tt.again != (s.count() == 2) || tt.again != (err == nil) {
				t.Errorf("%s: %d calls, %v; repeating is right: %v", tt.name, s.count(), err, tt.again)
			}

			if !tt.again && !apsclient.MaybeApplied(err) {
				t.Errorf("%s: the caller is not told to look first: %v", tt.name, err)
			}
		})
	}
}

func drivePages(t *testing.T, f form) {
	page := func(n int) string {
		one := fmt.Sprintf(`{"id":"%d"}`, n)

		last := n == 3
		next := fmt.Sprintf("https://elsewhere.example.com/x?page=%d", n)
		switch f.paging {
		case apsclient.PagingHQ:
			if last {
				return "[" + one + "]"
			}

			return "[" + strings.Join(slices.Repeat([]string{one}, 100), ",") + "]"
		case apsclient.PagingOSS:
			if last {
				return `{"items":[` + one + `]}`
			}

			return `{"items":[` + one + `],"next":"` + next + `"}`
		case apsclient.PagingAdmin:
			if last {
				next = ""
			}

			return `{"pagination":{"nextUrl":"` + next + `"},"results":[` + one + `]}`
		}

		if last {
			return `{"data":[` + one + `],"links":{}}`
		}

		return `{"data":[` + one + `],"links":{"next":{"href":"` + next + `"}}}`
	}

	s := &service{answer: func(n int, _ *http.Request, _ string) (*http.Response, error) {
		return reply(200, "", page(n)), nil
	}}
	got := 0
	for _, err := range newClient(t, s, quiet).Elements(t.Context(), f.request) {
		if err != nil {
			t.Fatal(err)
		}

		got++
	}

	want := 3
	if f.paging == apsclient.PagingHQ {
		want = 201
	}

	if got != want || s.count() != 3 {
		t.Errorf("%d elements of %d pages, want %d of 3", got, s.count(), want)
	}

	for _, r := range s.requests {
		if r.URL.Host != "developer.api.autodesk.com" ||
			r.URL.EscapedPath() != s.requests[0].URL.EscapedPath() {
			t.Errorf("a page was asked for at %s", r.URL)
		}
	}
}

func quiet(c *apsclient.Config) { c.Logger = nil }
