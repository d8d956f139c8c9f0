package apsclient

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Takes says in words what a parameter takes.
func (p Param) Takes() string {
	var s string
	switch p.Type {
	case "int":
		s = "a whole number"
		if p.Min != 0 || p.Max != 0 {
			s = fmt.Sprintf("a whole number from %d to %d", p.Min, p.Max)
		}
	case "number":
		s = "a number"
	case "bool":
		s = "true or false"
	case "uuid":
		s = "an id like 5c1f0000-0000-4000-8000-000000000001"
	case "id":
		s = "an id"
	case "urn":
		s = "a URN (urn:...)"
	case "url":
		s = "a URL"
	case "date":
		s = "a date YYYY-MM-DD"
	case "email":
		s = "an e-mail address"
	case "object":
		s = "a JSON object"
	case "array":
		s = "a JSON array"
		if p.Max > 0 {
			s = fmt.Sprintf("a JSON array of %d to %d elements", p.Min, p.Max)
		}
	default:
		s = "text"
		switch {
		case p.Max > 0 && p.Min > 0:
			s = fmt.Sprintf("text of %d to %d characters", p.Min, p.Max)
		case p.Max > 0:
			s = fmt.Sprintf("text of at most %d characters", p.Max)
		}
	}

	if len(p.Enum) > 0 {
		s = "one of " + strings.Join(p.Enum, ", ")
	}

	if p.Pattern != "" {
		s += " matching " + p.Pattern
	}

	return s
}

func unknownParam(a Action, name string) *ParamError {
	var known []string
	for _, p := range a.Params {
		if p.In != InBody {
			known = append(known, p.Name)
		} else if p.Name == name {
			return &ParamError{Action: a.Name, Param: name,
				Problem: "a field of the body (--body): takes " + p.Takes()}
		}
	}

	e := &ParamError{Action: a.Name, Param: name, Problem: "unknown", Near: nearest(name, known)}
	if len(known) > 0 {
		e.Problem += ": this action takes " + strings.Join(known, ", ")
	} else {
		e.Problem += ": this action takes none"
	}

	return e
}

// Warnings are what Validate lets pass although it may be a mistake: names in the query that the
// registry does not know, since the service adds some before a release here knows them, and
// deprecated values.
func Warnings(r Request) []*ParamError {
	a, err := resolveAction(r.Action, r.Variant)
	if err != nil {
		return nil // Validate says it
	}

	var out []*ParamError
	deprecated := func(p Param, values string) {
		for v := range strings.SplitSeq(values, ",") {
			if slices.Contains(p.Deprecated, v) {
				out = append(out, &ParamError{Action: a.Name, Param: p.Name,
					Problem: strconv.Quote(v) + " is deprecated"})
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Params)) {
		if p, ok := a.param(name); ok {
			deprecated(p, r.Params[name])
		}
	}

	for _, name := range slices.Sorted(maps.Keys(r.Query)) {
		p, ok := queryParam(a, name)
		if !ok {
			out = append(out, unknownParam(a, name))
		}

		for _, v := range r.Query[name] {
			deprecated(p, v)
		}
	}

	return out
}

// Validate checks a request against the registry before anything is sent: unknown and missing
// parameters, types, bounds, and the shape of a JSON body. Unknown names in the query pass, see
// Warnings, unless they belong elsewhere. The error is a *ParamError that names the parameter and
// what it takes.
func Validate(r Request) error {
	a, err := resolveAction(r.Action, r.Variant)
	if err != nil {
		return err
	}

	given := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(r.Params)) {
		p, ok := a.param(name)
		if !ok || p.In == InBody {
			return unknownParam(a, name)
		}

		if given[p.Name] {
			return &ParamError{Action: a.Name, Param: name, Problem: "given twice"}
		}

		given[p.Name] = true
		if err := checkValue(a, p, r.Params[name]); err != nil {
			return err
		}
	}

	for _, name := range slices.Sorted(maps.Keys(r.Query)) {
		p, ok := queryParam(a, name)
		if !ok {
			if slices.ContainsFunc(a.Params, func(p Param) bool { return p.Name == name }) {
				return unknownParam(a, name)
			}

			continue
		}

		given[p.Name] = true
		for _, v := range r.Query[name] {
			if err := checkValue(a, p, v); err != nil {
				return err
			}
		}
	}

	for name := range r.Header {
		if p, ok := find(a.Params, name); ok {
			given[p.Name] = true
		}
	}

	for _, p := range a.Params {
		if p.Required && p.In != InBody && !given[p.Name] {
			return &ParamError{Action: a.Name, Param: p.Name, Problem: "missing: takes " + p.Takes()}
		}
	}

	return checkBody(a, r.Body)
}

// comparison suffixes of Data Management filters.
var filterName = lazily(`^(filter\[[^\]]+\])(-(lt|le|eq|ge|gt|starts|ends|contains))?$`)

// queryParam finds a query parameter. Data Management lists take a filter over any attribute, with
// a comparison.
func queryParam(a Action, name string) (Param, bool) {
	for _, p := range a.Params {
		if p.In == InQuery && p.Name == name {
			return p, true
		}
	}

	if m := filterName().FindStringSubmatch(name); m != nil && dataFamily(a.Path) &&
		(a.Paging == PagingJSONAPI || a.Name == "list-hubs") {
		if p, ok := find(a.Params, m[1]); ok && m[2] == "" {
			return p, true
		}

		return Param{Name: name, In: InQuery, Type: "string"}, true
	}

	return Param{}, false
}

// checkValue checks a path, query, header or input value.
func checkValue(a Action, p Param, value string) error {
	bad := func() error {
		shown := strconv.Quote(value)
		if p.Secret {
			shown = "the value"
		} else if len(value) > 80 {
			shown = strconv.Quote(value[:80]) + "..."
		}

		return &ParamError{Action: a.Name, Param: p.Name, Problem: shown + " is not " + p.Takes()}
	}
	if value == "" && (p.Required || p.Type != "string") {
		return bad()
	}

	if name, list, ok := strings.Cut(value, ","); ok && strings.HasPrefix(p.Name, "filter[") &&
		(p.Type == "int" || len(p.Enum) > 0) {
		if err := checkValue(a, p, name); err != nil {
			return err
		}

		return checkValue(a, p, list)
	}

	switch p.Type {
	case "int":
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || (p.Min != 0 || p.Max != 0) && (n < p.Min || n > p.Max) {
			return bad()
		}

		return nil
	case "bool":
		if value != "true" && value != "false" {
			return bad()
		}

		return nil
	}

	if len(p.Enum) > 0 {
		if !slices.Contains(p.Enum, value) && !slices.Contains(p.Deprecated, value) {
			return &ParamError{Action: a.Name, Param: p.Name,
				Problem: strconv.Quote(value) + " is not " + p.Takes(), Near: nearest(value, p.Enum)}
		}

		return nil
	}

	if !textFits(p, value) {
		return bad()
	}

	return nil
}

var emailForm = lazily(`^[^@\s]+@[^@\s]+$`)

// textFits checks a text by type, length and pattern.
func textFits(p Param, value string) bool {
	switch p.Type {
	case "uuid":
		return bareUUID().MatchString(withoutB(value))
	case "id":
		return !strings.ContainsAny(value, "/? \t\n")
	case "urn":
		return strings.HasPrefix(value, "urn:")
	case "url":
		u, err := url.Parse(strings.TrimSpace(value))
		return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
	case "date":
		_, err := time.Parse(time.DateOnly, value)
		return err == nil
	case "email":
		return emailForm().MatchString(value)
	}

	n := int64(utf8.RuneCountInString(value))
	if n < p.Min || p.Max > 0 && n > p.Max {
		return false
	}

	return p.Pattern == "" || regexp.MustCompile(p.Pattern).MatchString(value)
}

// checkBody checks presence, JSON, and the fields that the row names.
func checkBody(a Action, body []byte) error {
	bad := func(param, problem string) error {
		return &ParamError{Action: a.Name, Param: param, Problem: problem}
	}
	switch a.Body {
	case "bytes":
		return nil
	case "":
		if len(body) > 0 {
			return bad("body", "this action takes none")
		}

		return nil
	}

	if len(bytes.TrimSpace(body)) == 0 {
		return bad("body", "missing: takes "+bodyTakes(a))
	}

	var doc any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&doc); err != nil || d.More() {
		where := "more than one value"
		if err != nil {
			where = err.Error()
			if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
				where = fmt.Sprintf("%s at byte %d", syntax.Error(), syntax.Offset)
			}
		}

		return bad("body", "not JSON: "+where)
	}

	for _, p := range a.Params {
		if p.In != InBody {
			continue
		}

		if p.Name == "[]" {
			if !jsonFits(p, doc) {
				return bad("body", "takes "+p.Takes()+": "+p.Help)
			}

			continue
		}

		if _, ok := doc.(map[string]any); !ok {
			return bad("body", "takes a JSON object")
		}

		v, there := field(doc, p.Name)
		if !there {
			if p.Required {
				return bad(p.Name, "missing in the body: takes "+p.Takes())
			}

			continue
		}

		if v != nil && !jsonFits(p, v) {
			return bad(p.Name, "in the body is not "+p.Takes())
		}

		if v == nil && p.Required {
			return bad(p.Name, "in the body is null: takes "+p.Takes())
		}
	}

	return nil
}

// field walks a dotted path.
func field(doc any, path string) (any, bool) {
	for name := range strings.SplitSeq(path, ".") {
		object, ok := doc.(map[string]any)
		if !ok {
			return nil, false
		}

		if doc, ok = object[name]; !ok {
			return nil, false
		}
	}

	return doc, true
}

func jsonFits(p Param, v any) bool {
	switch v := v.(type) {
	case bool:
		return p.Type == "bool"
	case json.Number:
		if p.Type == "number" {
			return true
		}

		n, err := v.Int64()

		return p.Type == "int" && err == nil && (p.Min == 0 && p.Max == 0 || n >= p.Min && n <= p.Max)
	case []any:
		n := int64(len(v))
		return p.Type == "array" && n >= p.Min && (p.Max == 0 || n <= p.Max)
	case map[string]any:
		return p.Type == "object"
	case string:
		switch p.Type {
		case "bool", "int", "number", "array", "object":
			return false
		}

		if len(p.Enum) > 0 {
			return slices.Contains(p.Enum, v)
		}

		return textFits(p, v)
	}

	return false
}

// bodyTakes lists what a body must hold.
func bodyTakes(a Action) string {
	var fields []string
	for _, p := range a.Params {
		if p.In == InBody && p.Required {
			fields = append(fields, p.Name)
		}
	}

	if len(fields) == 0 {
		return "JSON"
	}

	return "JSON with " + strings.Join(fields, ", ")
}
