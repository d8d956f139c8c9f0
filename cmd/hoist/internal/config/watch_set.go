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
	all := assignAll(&w, set, identifying, "makes a watch what it is; remove the watch and add another")
	if err := w.Complete(""); err != nil {
		all = append(all, err)
	}

	return w, errors.Join(all...)
}

// WithPattern is With for the [[watch.pattern]] table of a match. One that is not there is added
// after the others, and one that has no key left is removed.
func (w Watch) WithPattern(match string, set map[string][]string) (Watch, error) {
	w.Pattern = slices.Clone(w.Pattern)
	n := w.patternOf(match)
	if n < 0 {
		n, w.Pattern = len(w.Pattern), append(w.Pattern, Pattern{Match: match})
	}

	all := assignAll(&w.Pattern[n], set, []string{"match"}, "is given with --pattern")
	if err := w.Complete(""); err != nil {
		all = append(all, err)
	}

	if w.Pattern[n] == (Pattern{Match: match}) {
		w.Pattern = slices.Delete(w.Pattern, n, n+1)
	}

	return w, errors.Join(all...)
}

// patternOf finds the table of a match; -1: there is none.
func (w Watch) patternOf(match string) int {
	return slices.IndexFunc(w.Pattern, func(p Pattern) bool { return p.Match == match })
}

// assignAll gives the fields of a table other values, but for those that are fixed.
func assignAll(table any, set map[string][]string, fixed []string, why string) (all []error) {
	fields := tableFields(table)
	for _, key := range fixed {
		delete(fields, key)
	}

	for _, key := range slices.Sorted(maps.Keys(set)) {
		field, known := fields[key]
		switch {
		case slices.Contains(fixed, key):
			all = append(all, &Error{Key: key, Msg: why})
		case !known:
			all = append(all, &Error{Key: key, Msg: "unknown key; there are " +
				strings.Join(slices.Sorted(maps.Keys(fields)), ", ")})
		default:
			if err := assign(field, slices.DeleteFunc(slices.Clone(set[key]), empty)); err != nil {
				all = append(all, &Error{Key: key, Msg: err.Error()})
			}
		}
	}

	return all
}

// Set is what [Watch.With] takes for what the watch has now; keys that have their default are absent.
func (w Watch) Set() map[string][]string {
	out := map[string][]string{}
	for key, field := range tableFields(&w) {
		switch v, list := reflect.TypeAssert[[]string](field); {
		case list:
			out[key] = v
		case field.Kind() != reflect.Pointer:
			out[key] = []string{fmt.Sprint(field.Interface())}
		case !field.IsNil():
			out[key] = []string{fmt.Sprint(field.Elem().Interface())}
		}
	}

	maps.DeleteFunc(out, func(key string, v []string) bool {
		return len(v) == 0 || v[0] == "" || slices.Contains(identifying, key)
	})

	return out
}

// tableFields are the fields of a table that are no tables of their own, by key.
func tableFields(table any) map[string]reflect.Value {
	out := map[string]reflect.Value{}
	of := reflect.ValueOf(table).Elem()
	for _, f := range reflect.VisibleFields(of.Type()) {
		if f.Anonymous || f.Type == reflect.TypeFor[[]Pattern]() {
			continue // its fields stand for it; tables of their own
		}

		key, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
		out[key] = of.FieldByIndex(f.Index)
	}

	return out
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
	return rewriteWatch(h, w, func(text []byte, n int, _ Watch) ([]byte, error) {
		return setLines(text, keys, w, func(text []byte) tableLines { return findTable(text, n) })
	})
}

// SetPattern writes other values into the [[watch.pattern]] table of a match, adds it or takes it away,
// and touches nothing else.
func SetPattern(h Home, w Watch, match string, keys []string) error {
	return rewriteWatch(h, w, func(text []byte, n int, before Watch) ([]byte, error) {
		was, is := before.patternOf(match), w.patternOf(match)
		switch {
		case was < 0 && is < 0:
			return text, nil
		case was < 0:
			return addPattern(text, n, w.Pattern[is])
		case is < 0:
			return findPattern(text, n, was).cut(), nil
		}

		return setLines(text, keys, w.Pattern[is], func(text []byte) tableLines {
			return findPattern(text, n, was)
		})
	})
}

// rewriteWatch changes the text of the n-th watch, which was another one before.
func rewriteWatch(h Home, w Watch, change func(text []byte, n int, before Watch) ([]byte, error)) error {
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

	text, err := change(old, n, file.Watch[n])
	if err != nil {
		return &Error{File: h.ConfigFile(), Key: "watch", Msg: err.Error()}
	}

	return replaceConfig(h, text, func(before []Watch) []Watch {
		before[n] = w
		return before
	}, old)
}

// setLines writes the lines of some keys of a table.
func setLines(text []byte, keys []string, values any, find func(text []byte) tableLines) ([]byte, error) {
	table, err := toml.Marshal(values)
	if err != nil {
		return nil, fmt.Errorf("write watch: %w", err)
	}

	for _, key := range slices.Sorted(slices.Values(keys)) {
		if text, err = find(text).set(key, keyLine(table, key)); err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
	}

	return text, nil
}

// addPattern adds a table after the last one of a watch.
func addPattern(text []byte, n int, p Pattern) ([]byte, error) {
	t := findTable(text, n)
	if t.start < 0 {
		return nil, errByHand
	}

	table, err := toml.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("write watch: %w", err)
	}

	end := endOfPatterns(t.lines, t.end)
	before := bytes.Join(t.lines[:end], nil)
	if !bytes.HasSuffix(before, []byte("\n")) {
		before = append(before, '\n')
	}

	return slices.Concat(before, []byte("\n[[watch.pattern]]\n"), table, bytes.Join(t.lines[end:], nil)), nil
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

// set puts line into the place of a key, or below the header. The value that was there may be of several
// lines: it ends at the first at which what is left can be read.
func (t tableLines) set(key string, line []byte) ([]byte, error) {
	if t.start < 0 {
		return nil, errByHand
	}

	at, next := t.start+1, t.start+1
	if i := slices.IndexFunc(t.lines[t.start:t.end], ofKey(key).Match); i > 0 {
		at, next = t.start+i, t.start+i+1
	}

	for ; next <= t.end; next++ {
		rest := bytes.Join(slices.Concat(t.lines[:at], t.lines[next:]), nil)
		if toml.Unmarshal(rest, new(map[string]any)) == nil {
			return bytes.Join(slices.Concat(t.lines[:at], [][]byte{line}, t.lines[next:]), nil), nil
		}
	}

	return nil, errByHand
}
