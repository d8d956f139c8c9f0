package apsclient

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
)

// ForeignError is the cause of a NetError when something else answered in the service's place: a
// sign-in page of the network, a block page, a proxy. Whatever its status, it says nothing about
// the call.
type ForeignError struct {
	Status int
	Type   string // media type, or that none is stated; "": there is no content
	Title  string // of a page, or the beginning of a text; "" none
}

func (e *ForeignError) Error() string {
	what := e.Type
	if e.Title != "" {
		what += fmt.Sprintf(" %q", e.Title)
	}

	if what == "" {
		what = "without content"
	}

	return fmt.Sprintf("something else answered in the service's place: %d %s, %s", e.Status,
		strings.ToLower(http.StatusText(e.Status)), what)
}

// form is what the bytes of a body are, whatever the headers call them.
type form int

const (
	formEmpty form = iota
	formJSON
	formXML
	formHTML
	formText // also JSON that was cut
)

var (
	// byteOrderMark may stand before a body.
	byteOrderMark = []byte("\xef\xbb\xbf")
	pageMarks     = lazily(`(?i)<(!doctype\s+html|html|head|body|meta|script|title)[\s>]`)
	pageTitle     = lazily(`(?is)<title[^>]*>\s*(.{1,80}?)\s*</title>`)
	xmlError      = lazily(`<(\w+:)?[Ee]rror(\s[^>]*)?>`)
)

func trimmed(body []byte) []byte {
	return bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(body), byteOrderMark))
}

func formOf(body []byte) form {
	body = trimmed(body)
	switch {
	case len(body) == 0:
		return formEmpty
	case body[0] == '<' && pageMarks().Match(body[:min(len(body), 1024)]):
		return formHTML
	case body[0] == '<':
		return formXML
	case json.Valid(body):
		return formJSON
	}

	return formText
}

// byService reports whether the headers are those that the service, its gateway or its storage set.
func byService(h http.Header) bool {
	for name := range h {
		if strings.HasPrefix(name, "X-Ads-") || strings.HasPrefix(name, "X-Amz-") || name == "X-Request-Id" {
			return true
		}
	}

	return strings.Contains(h.Get("Server"), "Apigee")
}

// temporary are the statuses that are waited out whoever answered.
func temporary(status int) bool {
	return status == http.StatusRequestTimeout || status == http.StatusTooManyRequests || status >= 500
}

// ofTheWay are the statuses that speak of the way to the service, whatever their form.
func ofTheWay(status int) bool {
	return status == http.StatusProxyAuthRequired || status == http.StatusMisdirectedRequest
}

// saysNothing reports whether JSON is empty, as the service's refusals never are.
func saysNothing(body []byte) bool {
	return slices.Contains([]string{"null", "[]", "{}", `""`, "true", "false"}, string(trimmed(body)))
}

// textOfService reports whether the type of an answer is one under which the service sends texts: its
// gateway calls some of them JSON. JSON that was cut is none.
func textOfService(h http.Header, body []byte) bool {
	kind := mediaType(h)
	if kind == "text/plain" {
		return true
	}

	return (kind == "application/json" || strings.HasSuffix(kind, "+json")) &&
		!strings.ContainsRune(`{["`, rune(trimmed(body)[0]))
}

// foreign returns an error when an answer has none of the forms of the service: JSON that says
// something, the XML of its storage, a short text, or any of them under its own headers. Success is
// judged by the caller, who knows what belongs to it.
func foreign(status int, h http.Header, body []byte) *ForeignError {
	form := formOf(body)
	if garbled(status, h, body) {
		return newForeign(status, h, body)
	}

	own := byService(h) && form != formHTML ||
		form == formJSON && !saysNothing(body) ||
		form == formXML && xmlError().Match(body) ||
		form == formText && textOfService(h, body)
	switch {
	case temporary(status), status == http.StatusNotModified:
		return nil
	case status < 300, own && status >= 400 && !ofTheWay(status):
		return nil
	case own && form == formXML && byService(h): // storage that moved answers 307 in XML
		return nil
	}

	return newForeign(status, h, body)
}

// garbled reports whether a server could not read the request at all, which says that its bytes were
// damaged on their way: a 400 whose text is no more than its status line, under no header of the service.
func garbled(status int, h http.Header, body []byte) bool {
	said := strings.TrimPrefix(strings.ToLower(string(trimmed(body))), "400 ")

	return status == http.StatusBadRequest && said == "bad request" && !byService(h)
}

func newForeign(status int, h http.Header, body []byte) *ForeignError {
	e := &ForeignError{Status: status, Type: mediaType(h)}
	if m := pageTitle().FindSubmatch(body); m != nil {
		e.Title = string(m[1])
	} else if formOf(body) == formText && status >= 400 {
		text := []rune(clean(string(trimmed(body[:min(len(body), maxErrorBody)]))))
		e.Title = string(text[:min(len(text), 80)])
	}

	if e.Type == "" && len(trimmed(body)) > 0 {
		e.Type = "content of no stated type"
	}

	return e
}

func mediaType(h http.Header) string {
	kind, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	return kind
}

// foreignAnswer judges an answer of the control plane. A success is JSON, or nothing when the call
// may be answered so.
func foreignAnswer(a Action, status int, h http.Header, body []byte) *ForeignError {
	if status/100 != 2 {
		return foreign(status, h, body)
	}

	switch formOf(body) {
	case formJSON:
		none := string(trimmed(body))
		if a.Method == http.MethodGet && !byService(h) && merelySays(body) {
			break
		}

		if none != "null" && (none != "[]" || !dataFamily(a.Path)) || !alwaysAnswers(a, status) {
			return nil
		}
	case formEmpty:
		if !alwaysAnswers(a, status) {
			return nil
		}
	default:
	}

	return newForeign(status, h, body)
}

// alwaysAnswers reports whether the specification gives each success of a call a body.
func alwaysAnswers(a Action, status int) bool {
	switch {
	case a.Method == http.MethodDelete:
		return false
	case a.Paging == PagingWebhooks && status == http.StatusNoContent: // there are none
		return false
	}

	return a.Method == http.MethodGet || dataFamily(a.Path) ||
		a.Method == http.MethodPost && strings.HasPrefix(a.Path, "/oss/")
}

// foreignToken judges an answer of the token endpoint: a token, or a refusal that says why.
func foreignToken(status int, h http.Header, body []byte) *ForeignError {
	if temporary(status) {
		return nil
	}

	var answer struct {
		Token string `json:"access_token"`
	}
	if status/100 == 2 && json.Unmarshal(trimmed(body), &answer) == nil && answer.Token != "" {
		return nil
	}

	if status/100 == 4 && foreign(status, h, body) == nil &&
		newError("", "", "", status, h, body).Explained() {
		return nil
	}

	return newForeign(status, h, body)
}

// tokenAnswers is a transport that takes nobody's answer for that of the token endpoint.
func tokenAnswers(next http.RoundTripper) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		resp, err := next.RoundTrip(r)
		if err != nil {
			return nil, err
		}

		body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		_ = resp.Body.Close()
		if err != nil {
			return nil, err
		}

		if e := foreignToken(resp.StatusCode, resp.Header, body); e != nil {
			return nil, e
		}

		resp.Body = io.NopCloser(bytes.NewReader(trimmed(body)))

		return resp, nil
	})
}

// foreignPart judges the answer to a part: storage knows one success, and gives each its ETag.
func foreignPart(status int, h http.Header, body []byte) *ForeignError {
	if status/100 != 2 {
		return foreign(status, h, body)
	}

	if status != http.StatusOK || strings.Trim(h.Get("ETag"), `"`) == "" {
		return newForeign(status, h, body)
	}

	return nil
}

// foreignContent judges the head of an answer that holds content. A page, or nothing, without any
// mark of the storage is no content, nor is a success that storage does not know.
func foreignContent(resp *http.Response) *ForeignError {
	h := resp.Header
	if resp.StatusCode/100 == 2 && resp.StatusCode != http.StatusOK &&
		resp.StatusCode != http.StatusPartialContent {
		return newForeign(resp.StatusCode, h, nil)
	}

	if resp.StatusCode != http.StatusOK || h.Get("ETag") != "" || byService(h) ||
		mediaType(h) != "text/html" && resp.ContentLength != 0 {
		return nil
	}

	return newForeign(resp.StatusCode, h, nil)
}
