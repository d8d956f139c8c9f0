package apsclient

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
)

// lenient fills the fields of a struct from a JSON object, each by itself: a number that stands as
// a string, or a string as a number, is taken; what still does not fit leaves its field zero. Most
// fields are only shown, and none may keep a listing from being read.
func lenient[T any](data []byte, into *T) {
	if json.Unmarshal(data, into) == nil {
		return // as it should be
	}

	var none T
	*into = none

	var object map[string]json.RawMessage
	if json.Unmarshal(data, &object) != nil {
		return
	}

	v := reflect.ValueOf(into).Elem()
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		raw, field := object[name], v.Field(i)
		if len(raw) == 0 {
			continue
		}

		for _, raw := range [][]byte{raw, bytes.Trim(raw, `"`), []byte(`"` + string(raw) + `"`)} {
			if json.Unmarshal(raw, field.Addr().Interface()) == nil {
				break
			}

			field.SetZero()
		}
	}
}

func (a *attributes) UnmarshalJSON(b []byte) error {
	type plain attributes
	lenient(b, (*plain)(a))
	return nil
}

func (e *extension) UnmarshalJSON(b []byte) error {
	type plain extension
	lenient(b, (*plain)(e))
	return nil
}

func (e *extensionData) UnmarshalJSON(b []byte) error {
	type plain extensionData
	lenient(b, (*plain)(e))
	return nil
}

func (r *relationships) UnmarshalJSON(b []byte) error {
	type plain relationships
	lenient(b, (*plain)(r))
	return nil
}

func (l *links) UnmarshalJSON(b []byte) error {
	type plain links
	lenient(b, (*plain)(l))
	return nil
}

func (w *warning) UnmarshalJSON(b []byte) error {
	type plain warning
	lenient(b, (*plain)(w))
	return nil
}

func (m *meta) UnmarshalJSON(b []byte) error {
	type plain meta
	lenient(b, (*plain)(m))
	return nil
}

func (o *wireObject) UnmarshalJSON(b []byte) error {
	type plain wireObject
	lenient(b, (*plain)(o))
	return nil
}

func (w *wireBucket) UnmarshalJSON(b []byte) error {
	type plain wireBucket
	lenient(b, (*plain)(w))
	return nil
}

func (w *wireURLs) UnmarshalJSON(b []byte) error {
	type plain wireURLs
	lenient(b, (*plain)(w))
	return nil
}

func (w *wireDownload) UnmarshalJSON(b []byte) error {
	type plain wireDownload
	lenient(b, (*plain)(w))
	return nil
}

func (w *wireCompleted) UnmarshalJSON(b []byte) error {
	type plain wireCompleted
	lenient(b, (*plain)(w))
	return nil
}

func (w *wirePart) UnmarshalJSON(b []byte) error {
	type plain wirePart
	lenient(b, (*plain)(w))
	return nil
}
