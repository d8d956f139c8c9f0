package apsclient

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// PartialError is a success that says inside that some of what was asked for was not done.
type PartialError struct {
	Op     string
	Done   int      // entries that were done
	Failed []string // entries that were not, each with what the service says
}

func (e *PartialError) Error() string {
	return fmt.Sprintf(
		"%s: %d done, %d refused: %s",
		e.Op,
		e.Done,
		len(e.Failed),
		strings.Join(e.Failed, "; "),
	)
}

// IgnoredError is a success whose answer shows another value than the one that was set: the service
// accepted the change and did not make it, as personal hubs do when a folder is hidden.
type IgnoredError struct {
	Op, Field   string
	Asked, Have string // as JSON
}

func (e *IgnoredError) Error() string {
	return fmt.Sprintf("%s: the service accepted the change and did not make it: %s is %s, not %s", e.Op,
		e.Field, e.Have, e.Asked)
}

// effect reads what a success says inside: a status of 2xx is not yet what was asked for.
func effect(p *prepared, op string, asked []byte, resp *Response) error {
	var err error
	switch a, answer := p.action, resp.Body; {
	case a.Name == "signed-s3-upload":
		var w wireCompleted
		if json.Unmarshal(answer, &w) == nil && w.failed() {
			_, err = w.result()
		}
	case a.Name == "add-project-user":
		err = imported(op, answer)
	case strings.HasPrefix(a.Name, "batch-"):
		err = batched(op, answer)
	case a.Method == http.MethodPatch:
		err = ignored(op, asked, answer)
	}

	if err != nil {
		return err
	}

	return refusedInside(p, op, resp)
}

// imported reads the failures of an import of users, which come with 2xx: as a count, as lists of
// entries, or at each entry of the results.
func imported(op string, answer []byte) error {
	var object map[string]any
	if json.Unmarshal(trimmed(answer), &object) != nil || object["id"] != nil {
		return nil //nolint:nilerr // the form of ACC is the user
	}

	e, refused, done := &PartialError{Op: op}, 0, 0
	for _, name := range slices.Sorted(maps.Keys(object)) {
		v := object[name]
		entries, listed := v.([]any)
		switch name := plainName(name); {
		case strings.HasPrefix(name, "success"), strings.HasPrefix(name, "succeed"):
			done = max(done, number(v))
		case strings.HasPrefix(name, "fail"), strings.HasPrefix(name, "reject"):
			if one, ok := v.(map[string]any); ok && len(one) > 0 {
				entries = []any{one}
			}

			refused = max(refused, number(v))
			for _, f := range entries {
				e.Failed = append(e.Failed, clean(refusedUser(f)))
			}
		case listed && (name == "results" || name == "items" || name == "users"):
			for _, f := range entries {
				if entryRefused(f) {
					e.Failed = append(e.Failed, clean(refusedUser(f)))
				} else {
					e.Done++
				}
			}
		}
	}

	for range refused - len(e.Failed) {
		e.Failed = append(e.Failed, "a user, for a reason that the answer does not give")
	}

	if e.Done = max(e.Done, done); len(e.Failed) == 0 {
		return nil
	}

	return e
}

// entryRefused reports whether an entry of several says that it was not done.
func entryRefused(v any) bool {
	f, ok := v.(map[string]any)

	return ok && (badStatus(f["status"]) || f["success"] == false || filled(f["error"]) ||
		filled(f["errors"]))
}

// number is a count, however it is written; of a list its length.
func number(v any) int {
	switch v := v.(type) {
	case float64:
		return int(v)
	case string:
		n, _ := strconv.Atoi(v)
		return n
	case []any:
		return len(v)
	}

	return 0
}

// refusedUser says who was not added and why. The user may stand beside the errors or inside.
func refusedUser(v any) string {
	f, ok := v.(map[string]any)
	if !ok {
		return fmt.Sprint(v)
	}

	who := first(f, []string{"email", "user_id", "userId", "id", "name"})
	for _, inner := range []string{"item", "user", "content"} {
		if object, ok := f[inner].(map[string]any); ok && who == "" {
			who = first(object, []string{"email", "user_id", "userId", "id", "name"})
		}
	}

	code, title, detail := explain(map[string]any{"errors": f["errors"], "error": f["error"],
		"message": f["message"], "reason": f["reason"]})
	if text, ok := f["errors"].(string); ok {
		detail = text
	}

	return cmp.Or(who, "a user") + ": " + cmp.Or(detail, title, code, "no reason is given")
}

// batched reads the outcomes of a call about several objects, which has an answer for each.
func batched(op string, answer []byte) error {
	var plain struct {
		Results map[string]struct {
			Status string `json:"status"`
			Reason string `json:"reason"`
		} `json:"results"`
	}
	well := func() bool {
		for _, r := range plain.Results {
			_, err := strconv.Atoi(r.Status)
			if err == nil || strings.EqualFold(r.Status, "error") || r.Reason != "" {
				return false
			}
		}

		return len(plain.Results) > 0
	}
	if json.Unmarshal(trimmed(answer), &plain) == nil && well() {
		return nil
	}

	var w struct {
		Results map[string]wireCompleted `json:"results"`
	}
	if json.Unmarshal(trimmed(answer), &w) != nil || w.Results == nil {
		return nil //nolint:nilerr // the caller decodes it
	}

	e := &PartialError{Op: op}
	for _, key := range slices.Sorted(maps.Keys(w.Results)) {
		r := w.Results[key]
		if n, err := strconv.Atoi(r.Status); r.failed() || err == nil && n >= 400 {
			e.Failed = append(e.Failed, clean(key+": "+cmp.Or(r.Reason, "status "+r.Status)))
		}
	}

	if e.Done = len(w.Results) - len(e.Failed); len(e.Failed) == 0 {
		return nil
	}

	return e
}

// ignored compares what a change set with what its answer shows. What the answer leaves out, or shows
// in another form, says nothing.
func ignored(op string, asked, answer []byte) error {
	want, have := changed(asked), changed(answer)
	for _, name := range slices.Sorted(maps.Keys(want)) {
		is, shown := have[name]
		if !shown || name == "token" || agree(want[name], is) {
			continue
		}

		return &IgnoredError{Op: op, Field: clean(name), Asked: asText(want[name]), Have: asText(is)}
	}

	return nil
}

// changed are the fields of a JSON body that can be set, by name: the attributes of a resource with
// the data of its extension and its parent, or the body's own.
func changed(body []byte) map[string]any {
	var doc struct {
		Data *struct {
			Attributes    map[string]any `json:"attributes"`
			Relationships struct {
				Parent struct {
					Data map[string]any `json:"data"`
				} `json:"parent"`
			} `json:"relationships"`
		} `json:"data"`
	}
	own := map[string]any{}
	if json.Unmarshal(trimmed(body), &doc) != nil || doc.Data == nil {
		_ = json.Unmarshal(trimmed(body), &own)
		return own
	}

	maps.Copy(own, doc.Data.Attributes)
	delete(own, "extension")

	extension, _ := doc.Data.Attributes["extension"].(map[string]any)
	if data, ok := extension["data"].(map[string]any); ok {
		maps.Copy(own, data)
	}

	if id := doc.Data.Relationships.Parent.Data["id"]; id != nil {
		own["parent"] = id
	}

	return own
}

// agree reports whether a value that was set may be the one that is shown: in whatever order,
// spelling or precision the service writes it. Values of different forms agree, as nothing is said.
func agree(want, have any) bool {
	switch want := want.(type) {
	case map[string]any:
		have, ok := have.(map[string]any)
		for name, v := range want {
			if is, shown := have[name]; ok && shown && !agree(v, is) {
				return false
			}
		}

		return true
	case []any:
		have, ok := have.([]any)
		if !ok || len(want) > 0 && len(have) > 0 && reflect.TypeOf(want[0]) != reflect.TypeOf(have[0]) {
			return true
		}

		return !slices.ContainsFunc(want, func(v any) bool {
			return !slices.ContainsFunc(have, func(is any) bool { return agree(v, is) })
		})
	}

	switch have.(type) {
	case map[string]any, []any:
		return true
	}

	return sameScalar(scalar(want), scalar(have))
}

// scalar is how a value is compared: null is nothing.
func scalar(v any) string {
	if v == nil {
		return ""
	}

	if n, ok := v.(float64); ok {
		return strconv.FormatFloat(n, 'f', -1, 64)
	}

	return strings.TrimSpace(fmt.Sprint(v))
}

func sameScalar(want, have string) bool {
	// A hook that failed and was set active again may say so.
	if strings.EqualFold(want, have) || want == "active" && have == "reactivated" {
		return true
	}

	a, err := strconv.ParseFloat(want, 64)
	b, err2 := strconv.ParseFloat(have, 64)
	if err == nil && err2 == nil {
		return a == b
	}

	var at, is looseTime
	_ = at.UnmarshalJSON([]byte(strconv.Quote(want))) // what is no time stays zero
	_ = is.UnmarshalJSON([]byte(strconv.Quote(have)))

	return !at.IsZero() && !is.IsZero() && at.Sub(is.Time).Abs() < time.Second
}

// asText is a value as it stands in an error: as JSON, cleaned and bounded.
func asText(v any) string {
	raw, _ := json.Marshal(v) // it was JSON before
	return clean(string(raw))
}
