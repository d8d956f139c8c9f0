package config

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// identifying are the keys that make a watch what it is.
var identifying = []string{"id", "path", "remote", "profile", "mode"}

// With returns the watch with other values: by key, a list of one text each, but for lists; no value, or
// an empty one, is the default. The error names every mistake.
func (w Watch) With(set map[string][]string) (Watch, error) {
	fields := map[string]reflect.Value{}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Watch]()) {
		if f.Anonymous || f.Type == reflect.TypeFor[[]Pattern]() {
			continue // its fields stand for it; tables of their own
		}

		key, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
		fields[key] = reflect.ValueOf(&w).Elem().FieldByIndex(f.Index)
	}

	for _, key := range identifying {
		delete(fields, key)
	}

	var all []error
	for _, key := range slices.Sorted(maps.Keys(set)) {
		field, known := fields[key]
		switch {
		case slices.Contains(identifying, key):
			all = append(all, &Error{Key: key, Msg: "makes a watch what it is; remove the watch and add another"})
		case !known:
			all = append(all, &Error{Key: key, Msg: "unknown key; there are " +
				strings.Join(slices.Sorted(maps.Keys(fields)), ", ")})
		default:
			if err := assign(field, slices.DeleteFunc(slices.Clone(set[key]), empty)); err != nil {
				all = append(all, &Error{Key: key, Msg: err.Error()})
			}
		}
	}

	if err := w.Complete(""); err != nil {
		all = append(all, err)
	}

	return w, errors.Join(all...)
}

func empty(s string) bool { return s == "" }

func assign(field reflect.Value, values []string) error {
	field.SetZero()
	switch {
	case field.Kind() == reflect.Slice:
		field.Set(reflect.ValueOf(values))
		return nil
	case len(values) > 1:
		return fmt.Errorf("is given %d times", len(values))
	case len(values) == 0:
		return nil
	case field.Kind() == reflect.String:
		field.SetString(values[0])
		return nil
	}

	on := values[0] == "true"
	field.Set(reflect.ValueOf(&on))
	if !on && values[0] != "false" {
		return fmt.Errorf("%q is not true or false", values[0])
	}

	return nil
}

// SetWatch writes other values into the table of a watch and touches nothing else; keys are those that
// differ.
func SetWatch(h Home, w Watch, keys []string) error {
	old, err := readConfig(h)
	if err != nil {
		return err
	}

	file, err := parseFile(h.ConfigFile(), old)
	if err != nil {
		return err
	}

	n := slices.IndexFunc(file.Watch, func(o Watch) bool { return o.ID == w.ID })
	if n < 0 {
		return &Error{File: h.ConfigFile(), Key: "watch", Msg: quoted(w.ID) + " is not there"}
	}

	table, err := toml.Marshal(w)
	if err != nil {
		return fmt.Errorf("write watch: %w", err)
	}

	text := old
	for _, key := range slices.Sorted(slices.Values(keys)) {
		if text, err = setLine(text, n, key, keyLine(table, key)); err != nil {
			return &Error{File: h.ConfigFile(), Key: "watch." + key, Msg: err.Error()}
		}
	}

	return replaceConfig(h, text, func(before []Watch) []Watch {
		before[n] = w
		return before
	}, old)
}

// keyLine is the line of a key in a table that this program wrote; nil: there is none.
func keyLine(table []byte, key string) []byte {
	for line := range bytes.Lines(table) {
		if ofKey(key).Match(line) {
			return line
		}
	}

	return nil
}

func ofKey(key string) *regexp.Regexp {
	return regexp.MustCompile(`^\s*["']?` + regexp.QuoteMeta(key) + `["']?\s*=`)
}

// setLine puts line into the place of a key in the n-th [[watch]] table, or below its header. The value
// that was there may be of several lines: it ends at the first at which what is left can be read.
func setLine(text []byte, n int, key string, line []byte) ([]byte, error) {
	lines, start, end := findTable(text, n)
	if start < 0 {
		return nil, errByHand
	}

	at, next := start+1, start+1
	if i := slices.IndexFunc(lines[start:end], ofKey(key).Match); i > 0 {
		at, next = start+i, start+i+1
	}

	for ; next <= end; next++ {
		rest := bytes.Join(slices.Concat(lines[:at], lines[next:]), nil)
		if toml.Unmarshal(rest, new(map[string]any)) == nil {
			return bytes.Join(slices.Concat(lines[:at], [][]byte{line}, lines[next:]), nil), nil
		}
	}

	return nil, errByHand
}
