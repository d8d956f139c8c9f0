package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/DataDog/datadog-agent/pkg/template/text"
	"github.com/itchyny/gojq"

	"hoist/cmd/hoist/internal/problem"
)

// shape prints one JSON value as --jq or --template ask for.
type shape func(w io.Writer, data []byte) error

// newShape reads the flags; nil when neither is given.
func newShape(jq, text string) (shape, error) {
	switch {
	case jq != "" && text != "":
		return nil, problem.Usagef("--jq and --template exclude each other")
	case jq != "":
		return jqShape(jq)
	case text != "":
		return templateShape(text)
	}

	return nil, nil
}

// jqShape prints each result of an expression on a line: text as it is, anything else as JSON.
func jqShape(expr string) (shape, error) {
	query, err := gojq.Parse(expr)
	if err != nil {
		return nil, problem.Usagef("--jq: %w", err)
	}

	code, err := gojq.Compile(query)
	if err != nil {
		return nil, problem.Usagef("--jq: %w", err)
	}

	return func(w io.Writer, data []byte) error {
		var v any
		if err := json.Unmarshal(data, &v); err != nil {
			return err
		}

		results := code.Run(v)
		for {
			r, ok := results.Next()
			if !ok {
				return nil
			}

			if err, ok := r.(error); ok {
				return problem.Usagef("--jq: %w", err)
			}

			line, ok := r.(string)
			if !ok {
				text, err := gojq.Marshal(r)
				if err != nil {
					return err
				}

				line = string(text)
			}

			if _, err := fmt.Fprintln(w, line); err != nil {
				return err
			}
		}
	}, nil
}

// templateShape fills a Go template with each value and ends it with a line end. The library is that
// of Go without the calls of methods: with them the linker keeps every method of the program, 2 MB.
func templateShape(text string) (shape, error) {
	t, err := template.New("--template").Parse(text) //nolint:gosec // by and for the user of the command
	if err != nil {
		return nil, problem.Usagef("%w", err)
	}

	return func(w io.Writer, data []byte) error {
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber() // sizes as they are, without an exponent
		var v any
		if err := d.Decode(&v); err != nil {
			return err
		}

		var out bytes.Buffer
		if err := t.Execute(&out, withNumbers(v)); err != nil {
			return problem.Usagef("%w", err)
		}

		out.WriteByte('\n')
		_, err := w.Write(out.Bytes())

		return err
	}, nil
}

// withNumbers turns the numbers of a decoded value, in place, into such that a template compares. One
// that would be printed in another way stays as it was written.
func withNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return i
		}

		if f, err := v.Float64(); err == nil && fmt.Sprint(f) == v.String() {
			return f
		}
	case []any:
		for i := range v {
			v[i] = withNumbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = withNumbers(v[k])
		}
	}

	return v
}
