package apsclient

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// FuzzRange: whatever a Content-Range says, what is taken of a body is what was asked for.
func FuzzRange(f *testing.F) {
	f.Add("bytes 2-5/10", int64(2), int64(5))
	f.Add("bytes 2-9/*", int64(2), int64(-1))
	f.Add("bytes 0-9223372036854775807/*", int64(0), int64(-1))
	f.Add("bytes 0-9223372036854775807/9223372036854775807", int64(0), int64(-1))
	f.Add("bytes -5--1/0", int64(0), int64(0))
	f.Add("bytes 0-0/0", int64(0), int64(32))
	f.Add("bytes 0-0/-7", int64(0), int64(0))
	f.Fuzz(func(t *testing.T, text string, from, to int64) {
		if from < 0 || to >= 0 && to < from || to < -1 {
			t.Skip()
		}

		resp := &http.Response{StatusCode: http.StatusPartialContent,
			Header: http.Header{"Content-Range": {text}}}
		skip, length, total, err := checkRange(resp, from, to)
		if err == nil && (skip != 0 || length < 1 || total != -1 && from+length > total ||
			to >= 0 && length > to-from+1) {
			t.Errorf("%q for %d-%d: %d bytes after %d, of %d", text, from, to, length, skip, total)
		}
	})
}

// FuzzToken: an answer of the token endpoint is a token that can be used, or an error.
func FuzzToken(f *testing.F) {
	f.Add(200, `{"access_token":"a","token_type":"Bearer","expires_in":3599}`)
	f.Add(200, `{"access_token":"","expires_in":1}`)
	f.Add(200, `{"access_token":"a","expires_in":9223372036854775807}`)
	f.Add(200, `{"access_token":"a","expires_in":-1}`)
	f.Add(401, `{"developerMessage":"wrong","errorCode":"AUTH-001"}`)
	f.Add(400, `{"error":"invalid_grant"}`)
	f.Add(200, `<html>sign in</html>`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 {
			t.Skip()
		}

		hc := tokenClient(roundTrip(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: status,
				Header: http.Header{"Content-Type": {"application/json"}},
				Body:   io.NopCloser(strings.NewReader(body)), Request: r}, nil
		}), "")
		got, err := postForm(t.Context(), hc, "https://example.com/token", url.Values{}, "id", "secret", nil)
		switch {
		case err != nil && err.Error() == "":
			t.Error("an error without words")
		case err == nil && (got.AccessToken == "" || !got.Expiry.IsZero() && time.Until(got.Expiry) < 0):
			t.Errorf("%q: token %q until %v", body, got.AccessToken, got.Expiry)
		}
	})
}

func FuzzLimits(f *testing.F) {
	f.Add("post-items = 200\n")
	f.Add(`{"oss":1}`)
	f.Add("post-items = 0")
	f.Fuzz(func(t *testing.T, text string) {
		limits, err := ParseLimits([]byte(text))
		for class, n := range limits {
			if err == nil && n < 1 {
				t.Errorf("%q: %s is %d", text, class, n)
			}
		}
	})
}
