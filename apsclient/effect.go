package apsclient

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
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
func effect(a Action, op string, asked, answer []byte) error {
	switch {
	case a.Name == "signed-s3-upload":
		var w wireCompleted
		if json.Unmarshal(answer, &w) == nil && w.Status == "error" {
			_, err := w.result()
			return err
		}
	case a.Name == "add-project-user":
		return imported(op, answer)
	case a.Method == http.MethodPatch:
		return ignored(op, values(asked), values(answer))
	}

	return nil
}

// imported reads the failures of an import of users, which come with 200.
func imported(op string, answer []byte) error {
	var w struct {
		Success int `json:"success"`
		Failed  []struct {
			Email  string `json:"email"`
			UserID string `json:"user_id"`
			Errors any    `json:"errors"`
		} `json:"failure_items"`
	}
	if json.Unmarshal(answer, &w) != nil || len(w.Failed) == 0 {
		return nil //nolint:nilerr // the form of ACC is the user
	}

	e := &PartialError{Op: op, Done: w.Success}
	for _, f := range w.Failed {
		_, _, detail := explain(f.Errors)
		who := f.Email
		if who == "" {
			who = f.UserID
		}

		e.Failed = append(e.Failed, clean(who+": "+detail))
	}

	return e
}

// values are the fields of a JSON body that are set: the attributes of a resource, or the body's
// own.
func values(body []byte) map[string]json.RawMessage {
	var doc struct {
		Data struct {
			Attributes map[string]json.RawMessage `json:"attributes"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &doc) == nil && doc.Data.Attributes != nil {
		return doc.Data.Attributes
	}

	var own map[string]json.RawMessage
	_ = json.Unmarshal(body, &own)

	return own
}

// ignored compares the fields whose values the services show as they were set.
func ignored(op string, asked, have map[string]json.RawMessage) error {
	for _, field := range []string{"hidden", "name", "displayName", "status"} {
		want, is := asked[field], have[field]
		if want != nil && is != nil && plainText(want) != plainText(is) {
			return &IgnoredError{Op: op, Field: field, Asked: string(want), Have: string(is)}
		}
	}

	return nil
}

// plainText is a scalar without regard to how it is written.
func plainText(raw json.RawMessage) string {
	var v any
	_ = json.Unmarshal(raw, &v)

	return fmt.Sprint(v)
}
