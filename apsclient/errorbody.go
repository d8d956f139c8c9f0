package apsclient

import (
	"bytes"
	"cmp"
	"encoding/json"
	"encoding/xml"
	"html"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

const (
	maxErrorBody = 64 << 10
	maxDetail    = 400 // characters of an error's text
)

// newError reads an error answer of any family: JSON:API, OSS, gateway and OAuth, hq, webhooks, the
// problem form, S3 XML, plain text, or a reason in a header. Of a body that is none of these the
// beginning is kept.
func newError(op, method, path string, status int, h http.Header, body []byte) *Error {
	e := &Error{Op: op, Method: method, Path: path, Status: status, RequestID: requestID(h),
		RetryAfter: retryAfter(h, time.Now()), lost: h.Get(headerLost) != ""}

	e.Body = body[:min(len(body), maxErrorBody)]
	content := trimmed(e.Body)
	switch formOf(content) {
	case formJSON:
		var v any
		d := json.NewDecoder(bytes.NewReader(content))
		d.UseNumber()
		if d.Decode(&v) == nil {
			e.Code, e.Title, e.Detail = explain(v)
		}

		if !e.Explained() && len(content) > len("{}") {
			e.Detail = string(content)
		}
	case formXML:
		e.readXML(content)
	case formText:
		e.Detail = string(content)
	case formEmpty:
		e.Detail = h.Get("X-Ads-Troubleshooting")
	case formHTML: // says nothing of the call
	}

	e.Code, e.Title, e.Detail = clean(e.Code), clean(e.Title), clean(e.Detail)

	return e
}

// The names under which the families say code, title and detail, the best first.
var (
	codeNames   = []string{"code", "errorCode", "errorcode", "faultcode"}
	detailNames = []string{"reason", "developerMessage", "error_description", "detail", "message",
		"faultstring", "errorMessage", "Message", "msg", "userMessage"}
)

// What holds more of an error, and what names the field that it is about.
var (
	innerNames = []string{"errors", "fault", "error", "detail", "details", "message", "reason", "response",
		"invalid-params", "invalidParams", "validationErrors", "fieldErrors", "violations"}
	fieldNames = []string{"field", "propertyPath", "property", "param", "parameter", "pointer", "name"}
)

// ofFields reads texts by the names of their fields.
func ofFields(v any) string {
	fields, _ := v.(map[string]any)
	var out []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if _, _, d := explain(fields[name]); d != "" {
			out = append(out, name+": "+d)
		}
	}

	return joined(out...)
}

// explain reads what a JSON value says is wrong. Several errors are joined, each text once, with the
// regions that it is said of.
func explain(v any) (code, title, detail string) {
	switch v := v.(type) {
	case []any:
		var details []string
		regions := map[string][]string{}
		for _, one := range v {
			c, t, d := explain(one)
			code, title = cmp.Or(code, c), cmp.Or(title, t)
			if d = cmp.Or(d, t); !slices.Contains(details, d) {
				details = append(details, d)
			}

			if r := regionOf(t); r != "" && d != t {
				regions[d] = append(regions[d], r)
			}
		}

		for i, d := range details {
			if list := regions[d]; list != nil {
				details[i] = strings.Join(list, ", ") + ": " + d
			}
		}

		return code, title, joined(details...)
	case map[string]any:
		code = cmp.Or(first(v, codeNames), plain(v["error"]))
		title, detail = plain(v["title"]), first(v, detailNames)
		for _, name := range innerNames {
			c, t, d := "", "", ""
			switch inner := v[name].(type) {
			case []any, map[string]any:
				c, t, d = explain(inner)
				if c == "" && t == "" && d == "" {
					d = ofFields(inner)
				}
			}

			code, title = cmp.Or(code, c), cmp.Or(title, t)
			if d != detail {
				detail = joined(detail, d)
			}
		}

		source, _ := v["source"].(map[string]any)
		said := cmp.Or(detail, title)
		if field := cmp.Or(first(v, fieldNames), first(source, fieldNames)); field != "" && said != "" {
			detail = field + ": " + said
		}

		return code, title, detail
	}

	return "", "", plain(v)
}

// first is the first of the names whose value is a text or a number that is not blank.
func first(object map[string]any, names []string) string {
	for _, name := range names {
		if s := strings.TrimSpace(plain(object[name])); s != "" {
			return s
		}
	}

	return ""
}

func plain(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}

	return ""
}

func joined(texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(s string) bool { return s == "" }), "; ")
}

var (
	urlQuery = lazily(`(https?://[^\s"'<>?]+)\?[^\s"'<>]*`)
	token    = lazily(`\beyJ[\w-]+\.[\w-]+\.?[\w-]*`)
)

// clean makes a text of an answer fit for a line: without what controls a terminal, without secrets
// that it may repeat, and bounded.
func clean(s string) string {
	s = urlQuery().ReplaceAllString(s, "$1")
	s = token().ReplaceAllString(s, redacted)
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "\ufffd"), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " ")
	if r := []rune(s); len(r) > maxDetail {
		s = string(r[:maxDetail]) + "…"
	}

	return s
}

var tags = lazily(`<[^>]*>`)

func (e *Error) readXML(body []byte) {
	var b struct {
		Code      string `xml:"Code"`
		Message   string `xml:"Message"`
		RequestID string `xml:"RequestId"`
	}
	if xml.Unmarshal(body, &b) != nil || b.Code == "" && b.Message == "" {
		e.Detail = html.UnescapeString(tags().ReplaceAllString(string(body), " "))
		return
	}

	e.Code, e.Detail, e.RequestID = b.Code, b.Message, cmp.Or(b.RequestID, e.RequestID)
}

func requestID(h http.Header) string {
	for _, k := range []string{"X-Ads-Request-Id", "X-Request-Id", "X-Amz-Request-Id", "X-Amz-Cf-Id"} {
		if v := h.Get(k); v != "" {
			return v
		}
	}

	return ""
}

// retryAfter reads Retry-After in whole seconds or as an HTTP date; 0 when there is none. A date is one
// of the clock that wrote it, which the answer's own Date tells: ours may be hours away from it. At most
// a day is believed.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0
	}

	var d time.Duration
	if s, err := strconv.ParseFloat(v, 64); err == nil && !math.IsInf(s, 0) && !math.IsNaN(s) {
		d = time.Duration(min(max(s, 0), 86400) * float64(time.Second))
	} else if t, err := http.ParseTime(v); err == nil {
		if theirs, err := http.ParseTime(h.Get("Date")); err == nil {
			now = theirs
		}

		d = t.Sub(now)
	}

	return min(max(d, 0), 24*time.Hour)
}
