package apsclient

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"strings"
)

// Refusals inside a success: the gateway, and services that stand on others, answer with 200 what
// another service refused.

// refusalNames are the names that refusals consist of, as [plainName] writes them. What holds any
// other name is an answer.
var refusalNames = map[string]bool{
	"jsonapi": true, "meta": true, "links": true, "data": true, "type": true, "instance": true, "id": true,
	"status": true, "statuscode": true, "httpstatuscode": true, "success": true, "timestamp": true,
	"path": true, "requestid": true, "traceid": true, "correlationid": true, "transactionid": true,
	"errors": true, "error": true, "fault": true, "code": true, "errorcode": true, "faultcode": true,
	"faultstring": true, "reason": true, "title": true, "detail": true, "details": true, "message": true,
	"errormessage": true, "errordescription": true, "msg": true, "diagnostic": true,
	"developermessage": true, "usermessage": true, "moreinfo": true, "help": true, "field": true,
}

var spelling = strings.NewReplacer("_", "", "-", "", " ", "")

// plainName is a name of JSON without its spelling: "more info" is moreInfo.
func plainName(name string) string { return spelling.Replace(strings.ToLower(name)) }

// refusedInside reads a refusal that stands in the place of the answer to a call. Its status is the
// one that it names, else 400.
func refusedInside(p *prepared, op string, resp *Response) error {
	var v any
	body := trimmed(resp.Body)
	if !mayBeRefusal(body) || json.Unmarshal(body, &v) != nil ||
		!isRefusal(v, p.action.Method == http.MethodGet) {
		return nil //nolint:nilerr // the caller decodes it
	}

	status := cmp.Or(statusIn(v), http.StatusBadRequest)
	e := newError(op, p.action.Method, p.path, status, resp.Header, resp.Body)
	e.inside = true

	return e
}

// maxMereText bounds what is looked at for a text for people: answers are longer.
const maxMereText = 512

// merelySays reports whether JSON in the place of an answer is nothing but a text for people: no status of
// a failure, no code and no error, as the service's refusals have them.
func merelySays(body []byte) bool {
	var v any
	body = trimmed(body)

	return len(body) <= maxMereText && mayBeRefusal(body) && json.Unmarshal(body, &v) == nil &&
		isRefusal(v, true) && !isRefusal(v, false)
}

// mayBeRefusal tells most answers from refusals by no more than their names: what is large is none.
func mayBeRefusal(body []byte) bool {
	if bytes.HasPrefix(body, []byte("[")) {
		var list []json.RawMessage
		return json.Unmarshal(body, &list) == nil && len(list) > 0 && mayBeRefusal(list[0])
	}

	var object map[string]json.RawMessage
	if json.Unmarshal(body, &object) != nil {
		return true // a text, perhaps
	}

	for _, name := range []string{"status", "fault", "errors"} {
		if _, ok := object[name]; ok {
			return true
		}
	}

	for name := range object {
		if !refusalNames[plainName(name)] {
			return false
		}
	}

	return true
}

// isRefusal reports whether JSON is a refusal and no answer. A reading call has an answer to give, so
// a text alone is a refusal there.
func isRefusal(v any, reading bool) bool {
	switch v := v.(type) {
	case string:
		return reading && strings.TrimSpace(v) != ""
	case []any:
		for _, one := range v {
			if object, ok := one.(map[string]any); !ok || !isRefusal(object, false) {
				return false
			}
		}

		return len(v) > 0
	case map[string]any:
		instead := !filled(v["data"])
		if status, _ := v["status"].(string); strings.EqualFold(status, "error") || filled(v["fault"]) ||
			instead && filled(v["errors"]) {
			return true
		}

		for name := range v {
			if !instead || !refusalNames[plainName(name)] {
				return false
			}
		}

		return refuses(v, reading)
	}

	return false
}

// refuses reports whether an object of a refusal's names says that something was refused.
func refuses(v map[string]any, reading bool) bool {
	status := statusIn(v)
	if v["success"] == true || status == 0 && number(v["status"]) > 0 { // a status below 400
		return false
	}

	if status != 0 || badStatus(v["status"]) || v["success"] == false {
		return true
	}

	for name, value := range v {
		switch plainName(name) {
		case "error", "errorcode", "faultcode", "faultstring", "reason", "code", "developermessage",
			"errordescription", "errormessage":
			if value != false && filled(value) {
				return true
			}
		case "message", "msg", "detail", "diagnostic", "title":
			if reading && filled(value) {
				return true
			}
		}
	}

	return false
}

// badStatus reports whether a status, of a call or of an entry, is that of a failure.
func badStatus(v any) bool {
	s, _ := v.(string)
	switch strings.ToLower(s) {
	case "error", "failed", "failure", "rejected", "refused":
		return true
	}

	return number(v) >= 400 && number(v) < 600
}

// statusIn is the status of HTTP that a refusal names, its own or that of its first error; 0: none.
func statusIn(v any) int {
	switch v := v.(type) {
	case []any:
		if len(v) > 0 {
			return statusIn(v[0])
		}
	case map[string]any:
		for _, name := range []string{"status", "statusCode", "httpStatusCode", "HttpStatusCode", "code"} {
			if n := number(v[name]); n >= 400 && n < 600 {
				return n
			}
		}

		for _, name := range []string{"errors", "error"} {
			if n := statusIn(v[name]); n != 0 {
				return n
			}
		}
	}

	return 0
}

// filled reports whether a value says anything: no null, and no empty text, list or object.
func filled(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case string:
		return strings.TrimSpace(v) != ""
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}

	return true
}
