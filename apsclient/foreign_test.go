package apsclient_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient"
)

// TestSomebodyElseAnswered: whatever a portal, block page or proxy answers in the service's place,
// on any plane, is no answer of the service.
func TestSomebodyElseAnswered(t *testing.T) {
	const page = `<!DOCTYPE html><html><head><title>Please
		sign in</title></head></html>`
	object := apsclient.NewObjectID("bucket", "key")

	planes := []struct {
		name string
		call func(context.Context, *apsclient.Client) error
	}{
		{"token", func(ctx context.Context, c *apsclient.Client) error {
			_, err := c.Folders.Folder(ctx, "b.p", "urn:x")
			return err
		}},
		{"read", func(ctx context.Context, c *apsclient.Client) error {
			_, err := c.Folders.Folder(ctx, "b.p", "urn:x")
			return err
		}},
		{"list", func(ctx context.Context, c *apsclient.Client) error {
			for _, err := range c.Items.Versions(ctx, "b.p", "urn:i") {
				return err
			}

			return nil
		}},
		{"create", func(ctx context.Context, c *apsclient.Client) error {
			_, err := c.Versions.Create(ctx, "b.p", apsclient.NewVersion{Item: "urn:i", Storage: "urn:s"})
			return err
		}},
		{"complete", func(ctx context.Context, c *apsclient.Client) error {
			_, err := c.Objects.Complete(ctx, object, apsclient.Completion{UploadKey: "k", Size: 1})
			return err
		}},
		{"put part", func(ctx context.Context, c *apsclient.Client) error {
			_, err := c.Data.PutPart(ctx, "https://s3.example.com/part?sig=1",
				apsclient.PartBody{R: strings.NewReader("x"), Size: 1})
			return err
		}},
		{"get range", func(ctx context.Context, c *apsclient.Client) error {
			r, err := c.Data.GetRange(ctx, "https://s3.example.com/object?sig=1", 0, 3, "")
			if err == nil {
				_ = r.Body.Close()
			}

			return err
		}},
	}
	bodies := []struct{ name, kind, body string }{
		{"a page", "text/html; charset=utf-8", page},
		{"a page that says it is JSON", "application/json", page},
		{"nothing", "", ""},
		{"a page of no stated type", "", "<html>Welcome</html>"},
		{"JSON that says nothing", "application/json", "null"},
		{"XML of something else", "text/xml", `<?xml version="1.0"?><WISPAccessGatewayParam/>`},
	}
	for _, plane := range planes {
		for _, status := range []int{200, 302, 307, 401, 403, 404, 407, 410, 411, 413, 451} {
			for _, b := range bodies {
				t.Run(fmt.Sprintf("%s/%d/%s", plane.name, status, b.name), func(t *testing.T) {
					if plane.name == "get range" && status == 200 && b.body != "" &&
						!strings.HasPrefix(b.kind, "text/html") {
						t.Skip("an object may be a page")
					}

					synctest.Test(t, func(t *testing.T) {
						s := &service{}
						portal := func(int, *http.Request, string) (*http.Response, error) {
							return reply(
									status,
									b.kind,
									b.body,
									"Location",
									"https://portal.example.com/?token=hush",
								),
								nil
						}
						s.answer = portal
						if plane.name == "token" {
							s.token = portal
						}

						err := plane.call(t.Context(), newClient(t, s, quiet))
						foreign, ok := errors.AsType[*apsclient.ForeignError](err)
						if _, again := apsclient.Retryable(err); !ok || !again || foreign.Status != status {
							t.Fatalf("got %v", err)
						}

						if b.body == page && plane.name != "get range" &&
							!strings.Contains(err.Error(), "sign in") ||
							strings.Contains(err.Error(), "hush") {
							t.Errorf("says %v", err)
						}

						said := strings.Contains(err.Error(), "without content")
						if want := b.body == ""; plane.name == "read" && said != want {
							t.Errorf("of content %q: says %v", b.body, err)
						}

						if want := plane.name != "token"; apsclient.MaybeApplied(err) != want {
							t.Errorf("maybe applied: %v", !want)
						}

						for _, r := range s.requests {
							if r.URL.Host == "portal.example.com" {
								t.Error("the redirect was followed")
							}
						}
					})
				})
			}
		}
	}
}

// TestTextsInThePlaceOfAnAnswer: JSON that only speaks to people is an outage, unless the service's
// headers or a failure that it names tell who speaks.
func TestTextsInThePlaceOfAnAnswer(t *testing.T) {
	const kind, text = "application/json", "text/plain"
	for _, row := range []struct {
		status     int
		kind, body string
		header     []string
		foreign    bool
	}{
		{200, kind, `{"status":"ok","message":"please log in"}`, nil, true},
		{200, kind, `{"message":"please log in"}`, nil, true},
		{200, kind, `{"title":"Welcome","detail":"accept the terms"}`, nil, true},
		{200, kind, `"sign in first"`, nil, true},
		{200, kind, `{"message":"no such folder"}`, []string{"X-Ads-Trace-Id", "1"}, false},
		{200, kind, `{"status":404,"message":"no such folder"}`, nil, false},
		{200, kind, `{"code":"ERR-4","message":"no such folder"}`, nil, false},
		{200, kind, `{"error":"no such folder"}`, nil, false},
		{421, text, "Misdirected", nil, true},
		{421, kind, `{"message":"misdirected"}`, []string{"X-Ads-Trace-Id", "1"}, true},
		{407, kind, `{"message":"who are you"}`, nil, true},
		{403, text, "no", nil, false},
	} {
		t.Run(fmt.Sprint(row.status, row.body), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &service{}
				s.answer = func(int, *http.Request, string) (*http.Response, error) {
					return reply(row.status, row.kind, row.body, row.header...), nil
				}

				_, err := newClient(t, s, quiet).Folders.Folder(t.Context(), "b.p", "urn:x")
				if _, foreign := errors.AsType[*apsclient.ForeignError](err); err == nil ||
					foreign != row.foreign {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

// TestGarbledRequest: a server that could not read the request says nothing about the call.
func TestGarbledRequest(t *testing.T) {
	for _, row := range []struct {
		body   string
		header []string
		want   bool // taken for a stranger's
	}{
		{"400 Bad Request", nil, true}, // net/http
		{"Bad Request\n", nil, true},
		{"400 Bad Request: missing required Host header", nil, false},
		{"Bad Request", []string{"x-ads-request-id", "1"}, false},
	} {
		t.Run(row.body, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &service{answer: func(int, *http.Request, string) (*http.Response, error) {
					return reply(400, "text/plain; charset=utf-8", row.body, row.header...), nil
				}}
				_, err := newClient(t, s, quiet).Folders.Folder(t.Context(), "b.p", "urn:x")
				if _, got := errors.AsType[*apsclient.ForeignError](err); got != row.want {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

// TestOddButTheServices: the odd bodies that the service itself was recorded to send stay refusals.
func TestOddButTheServices(t *testing.T) {
	for _, row := range []struct {
		name, kind, body string
		status           int
		header           []string
		detail           string
	}{
		{"plain text", "text/plain", "Token does not have the privilege for this request.", 403, nil,
			"Token does not have the privilege for this request."},
		{"empty with its reason in a header", "", "", 401,
			[]string{"x-ads-troubleshooting", "Token Expired. Please refresh the token."},
			"Token Expired. Please refresh the token."},
		{"empty under its request id", "", "", 404, []string{"x-ads-request-id", "1"}, ""},
		{"storage", "application/xml", `<Error><Code>NoSuchUpload</Code><Message>gone</Message></Error>`, 404,
			nil, "gone"},
		{"gateway", "application/json", `{"fault":{"faultstring":"Unable to identify proxy"}}`, 404, nil,
			"Unable to identify proxy"},
		{"a list of errors", "application/json", `[{"code":"X","detail":"because"}]`, 400, nil, "because"},
		{"a text in JSON", "application/json", `"because"`, 400, nil, "because"},
		{"a mark before the body", "application/json", "\xef\xbb\xbf" + `{"reason":"because"}`, 400, nil,
			"because"},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &service{answer: func(int, *http.Request, string) (*http.Response, error) {
					return reply(row.status, row.kind, row.body, row.header...), nil
				}}
				_, err := newClient(t, s, quiet).Folders.Folder(t.Context(), "b.p", "urn:x")
				e, ok := errors.AsType[*apsclient.Error](err)
				if !ok || e.Status != row.status || e.Detail != row.detail {
					t.Errorf("got %v", err)
				}
			})
		})
	}

	t.Run("a page that is an object", func(t *testing.T) {
		s := &service{answer: func(int, *http.Request, string) (*http.Response, error) {
			return reply(200, "text/html", "<html></html>", "ETag", `"e"`), nil
		}}
		r, err := newClient(t, s).Data.GetRange(t.Context(), "https://s3.example.com/o?sig=1", 0, -1, "")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		if b, err := io.ReadAll(r.Body); err != nil || !bytes.Equal(b, []byte("<html></html>")) {
			t.Errorf("%s, %v", b, err)
		}
	})
}

// TestHalfAnswers: what is found in a listing is believed only when the listing is whole.
func TestHalfAnswers(t *testing.T) {
	for _, row := range []struct {
		name   string
		r      apsclient.Request
		status int
		body   string
		fine   bool
	}{
		{"versions without data", apsclient.Request{Action: "list-item-versions",
			Params: map[string]string{"project_id": "b.p", "item_id": "urn:i"}}, 200, `{"links":{}}`, false},
		{"versions with an object as data", apsclient.Request{Action: "list-item-versions",
			Params: map[string]string{"project_id": "b.p", "item_id": "urn:i"}}, 200, `{"data":{}}`, false},
		{"versions with null as data", apsclient.Request{Action: "list-item-versions",
			Params: map[string]string{"project_id": "b.p", "item_id": "urn:i"}}, 200, `{"data":null}`, false},
		{"versions, empty", apsclient.Request{Action: "list-item-versions",
			Params: map[string]string{"project_id": "b.p", "item_id": "urn:i"}}, 204, ``, false},
		{"no versions", apsclient.Request{Action: "list-item-versions",
			Params: map[string]string{"project_id": "b.p", "item_id": "urn:i"}}, 200, `{"data":[]}`, true},
		{"buckets without items", apsclient.Request{Action: "list-buckets"}, 200, `{}`, false},
		{"no buckets", apsclient.Request{Action: "list-buckets"}, 200, `{"items":[]}`, true},
		{"users that are no list", apsclient.Request{Action: "list-account-users",
			Params: map[string]string{"account_id": "a"}}, 200, `{}`, false},
		{"no users", apsclient.Request{Action: "list-account-users",
			Params: map[string]string{"account_id": "a"}}, 200, `[]`, true},
		{"hooks without data", apsclient.Request{Action: "list-webhooks"}, 200, `{}`, false},
		{"no hooks", apsclient.Request{Action: "list-webhooks"}, 204, ``, true},
		{"members without results", apsclient.Request{Action: "list-project-users",
			Params: map[string]string{"projectId": "p"}}, 200, `{"pagination":{}}`, false},
		{"no buckets, as null", apsclient.Request{Action: "list-buckets"}, 200, `{"items":null}`, true},
		{"no hooks, as null", apsclient.Request{Action: "list-webhooks"}, 200, `{"data":null}`, true},
		{"no members, as null", apsclient.Request{Action: "list-project-users",
			Params: map[string]string{"projectId": "p"}}, 200, `{"pagination":{},"results":null}`, true},
		{"hubs without data", apsclient.Request{Action: "list-hubs"}, 200, `{}`, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &service{answer: func(int, *http.Request, string) (*http.Response, error) {
					return reply(row.status, "application/json", row.body), nil
				}}

				n := 0
				var failed error
				for _, err := range newClient(t, s, quiet).Elements(t.Context(), row.r) {
					if n++; err != nil {
						failed = err
					}
				}

				if (failed == nil) != row.fine || row.fine && n != 0 {
					t.Errorf("%d elements, %v", n, failed)
				}
			})
		})
	}
}

// TestTextsOfTheService: a text is the service's under the types that it sends texts under, and is
// shown in any case. JSON that was cut is nobody's refusal.
func TestTextsOfTheService(t *testing.T) {
	for _, row := range []struct {
		kind, body string
		own        bool
	}{
		{"text/plain", "You shall not pass", true},
		{"application/json", "You shall not pass", true},
		{"application/vnd.api+json; charset=utf-8", "You shall not pass", true},
		{"application/json", `{"message":"You shall not pa`, false},
		{"", "You shall not pass", false},
		{"text/html", "You shall not pass", false},
	} {
		t.Run(row.kind+" "+row.body, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &service{answer: func(int, *http.Request, string) (*http.Response, error) {
					return reply(403, row.kind, row.body), nil
				}}
				_, err := newClient(t, s, quiet).Folders.Folder(t.Context(), "b.p", "urn:x")
				if own := errors.Is(err, apsclient.ErrForbidden); own != row.own ||
					!strings.Contains(err.Error(), "You shall not pa") {
					t.Errorf("the service's: %t: %v", own, err)
				}
			})
		})
	}
}

// TestSuccessesThatStorageDoesNotKnow: storage takes a part with 200 and gives content with 200 or 206;
// another success comes from something on the way, and is waited out.
func TestSuccessesThatStorageDoesNotKnow(t *testing.T) {
	for _, status := range []int{201, 202, 203, 204, 205, 206, 207} {
		for name, call := range map[string]func(context.Context, *apsclient.Client) error{
			"put part": func(ctx context.Context, c *apsclient.Client) error {
				_, err := c.Data.PutPart(ctx, "https://s3.example.com/part?sig=1",
					apsclient.PartBody{R: strings.NewReader("x"), Size: 1})
				return err
			},
			"get range": func(ctx context.Context, c *apsclient.Client) error {
				if status == http.StatusPartialContent {
					return &apsclient.ForeignError{Status: status} // storage knows it
				}

				_, err := c.Data.GetRange(ctx, "https://s3.example.com/object?sig=1", 0, 3, "")

				return err
			},
		} {
			s := &service{answer: func(int, *http.Request, string) (*http.Response, error) {
				return reply(status, "", "x", "ETag", `"abc"`), nil
			}}
			err := call(t.Context(), newClient(t, s))
			if e, ok := errors.AsType[*apsclient.ForeignError](err); !ok || e.Status != status {
				t.Errorf("%s, %d: got %v", name, status, err)
			}
		}
	}
}

// TestRetryAfterIsByTheClockOfTheService: a time to come back at is a distance from the answer's own
// time, however wrong the clock of this machine is.
func TestRetryAfterIsByTheClockOfTheService(t *testing.T) {
	for _, skew := range []time.Duration{-5 * time.Hour, 0, 5 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			s := &service{answer: func(int, *http.Request, string) (*http.Response, error) {
				theirs := time.Now().Add(skew).UTC()
				return reply(503, "", "", "Date", theirs.Format(http.TimeFormat),
					"Retry-After", theirs.Add(7*time.Second).Format(http.TimeFormat)), nil
			}}
			_, err := newClient(t, s, quiet).Versions.Create(t.Context(), "b.p",
				apsclient.NewVersion{Item: "urn:i", Storage: "urn:s"})
			if after, again := apsclient.Retryable(err); !again || after != 7*time.Second {
				t.Errorf("a clock %s away: again after %s, %v", skew, after, err)
			}
		})
	}
}

// TestOddRetryAfter: what is no number of seconds and no date says nothing.
func TestOddRetryAfter(t *testing.T) {
	for text, want := range map[string]time.Duration{"7": 7 * time.Second, "7.5": 7500 * time.Millisecond,
		"-3": 0, "Infinity": 0, "NaN": 0, "soon": 0, "": 0, "1e9": 24 * time.Hour} {
		s := &service{answer: func(int, *http.Request, string) (*http.Response, error) {
			return reply(503, "", "", "Retry-After", text), nil
		}}
		_, err := newClient(t, s, quiet).Versions.Create(t.Context(), "b.p",
			apsclient.NewVersion{Item: "urn:i", Storage: "urn:s"})
		if after, again := apsclient.Retryable(err); !again || after != want {
			t.Errorf("%q: again after %s, %v; want %s", text, after, again, want)
		}
	}
}
