package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/audit"
	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/guide"
	"hoist/cmd/hoist/internal/selftest"
)

// offSchema is the exit code of a process of a test whose JSON is not as its schema says.
const offSchema = 99

// bySchema is standard output for a process of a test: when it prints JSON, each line is checked, but
// for raced ones, of which the schemas would take the most of their time.
func bySchema(args []string) (stdout io.Writer, end func(code int) int) {
	as := func(code int) int { return code }
	if raced || !slices.Contains(args, "--json") || slices.ContainsFunc(args, func(a string) bool {
		return a == "--" || a == "--help" || strings.HasPrefix(a, "--jq") ||
			strings.HasPrefix(a, "--template")
	}) {
		return os.Stdout, as
	}

	cmd, _, err := newApp(nil, nil, nil, nil).rootCommand().Find(args)
	name := strings.TrimPrefix(cmd.CommandPath(), "hoist ")
	switch {
	case err != nil || !cmd.HasParent():
		return os.Stdout, as
	case strings.HasPrefix(name, "api "):
		if !slices.Contains(args, "--dry-run") { // what the service says
			return os.Stdout, as
		}

		name = "api"
	case name == "cat", name == "pull" && slices.Contains(args, "-"): // the content of a file
		return os.Stdout, as
	}

	c := &schemaCheck{name: name}

	return c, func(code int) int {
		if len(c.line) > 0 && code >= 0 {
			c.off(fmt.Errorf("no line end"))
		}

		if c.bad {
			return offSchema
		}

		return code
	}
}

// schemaCheck writes to standard output and compares each line with the schema of a command.
type schemaCheck struct {
	name   string
	schema *jsonschema.Resolved
	line   []byte
	bad    bool
}

func (c *schemaCheck) Write(p []byte) (int, error) {
	n, err := os.Stdout.Write(p)
	c.line = append(c.line, p[:n]...)
	for {
		end := bytes.IndexByte(c.line, '\n')
		if end < 0 {
			return n, err
		}

		if err := c.check(c.line[:end]); err != nil {
			c.off(err)
		}

		c.line = c.line[end+1:]
	}
}

func (c *schemaCheck) check(line []byte) (err error) {
	if c.schema == nil {
		if c.schema, err = schemaFor(c.name); err != nil {
			return err
		}
	}

	var v any
	if err := json.Unmarshal(line, &v); err != nil {
		return err
	}

	return c.schema.Validate(v)
}

func (c *schemaCheck) off(err error) {
	c.bad = true
	fmt.Fprintf(os.Stderr, "not as \"hoist schema %s\": %v\n%s\n", c.name, err, c.line)
}

// aTime is what the library, which heeds no formats, is told of them.
const aTime = `"pattern": ` +
	`"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$"`

// schemaFor is the schema of a command as hoist prints it.
func schemaFor(command string) (*jsonschema.Resolved, error) {
	text, ok := schemas().of(command)
	if !ok {
		return nil, fmt.Errorf("hoist %s prints JSON and has no schema", command)
	}

	text = bytes.ReplaceAll(text, []byte(`"format": "date-time"`), []byte(aTime))
	var s jsonschema.Schema
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, err
	}

	return s.Resolve(nil)
}

// schemaTypes are the types of Go that are printed, by the name of their schema. The schemas of
// what is made of a map have none: the processes of the tests hold them to what is printed.
var schemaTypes = map[string]any{
	"act-result": control.ActResult{}, "active": control.Active{}, "attention": control.Attention{},
	"brake": control.Brake{}, "sent-version": control.SentVersion{}, "budget": control.Budget{},
	"check": findingJSON{}, "conflict": conflict{}, "conflict-end": conflictEnd{},
	"counts": control.Counts{}, "ended-job": endedJob{}, "entry": entryJSON{}, "eta": control.ETA{},
	"event":    control.Event{},
	"excluded": control.Excluded{}, "explanation": control.Explanation{}, "fact": selftest.Result{},
	"file-result": fileRow{}, "filtered": filtered{}, "finding": control.PreflightRow{},
	"forecast": control.Forecast{}, "forecast-part": control.ForecastPart{},
	"forgotten": control.Forgotten{}, "guide": guide.Guide{},
	"guide-action": guide.Row{}, "guide-scope": guide.Enabled{}, "guide-step": guide.Step{},
	"history": control.History{}, "job": control.Job{}, "job-detail": control.JobDetail{},
	"mistake": mistake{}, "owner": control.Owner{}, "page-link": control.PageLink{}, "part": control.Part{},
	"profile": profileJSON{}, "progress": control.Progress{}, "rebuilt": audit.RebuildReport{},
	"record": control.Record{}, "repaired": repaired{}, "rule-count": control.RuleCount{},
	"setting": config.Value{}, "size": sizes{}, "slow": control.Slow{}, "state-report": control.StateReport{},
	"status": control.Status{}, "summary": summary{}, "trouble": control.Trouble{},
	"verified": control.VerifyFile{}, "waiting": control.Waiting{}, "watch": control.Watch{},
	"watch-result": control.WatchAdded{},
}

// schemaObject is what all definitions are.
type schemaObject struct {
	Title      string   `json:"title"`
	Type       string   `json:"type"`
	Additional *bool    `json:"additionalProperties"`
	Required   []string `json:"required"`
	Properties map[string]struct {
		Description string          `json:"description"`
		Ref         string          `json:"$ref"`
		Type        string          `json:"type"`
		Enum        []any           `json:"enum"`
		Items       json.RawMessage `json:"items"`
	} `json:"properties"`
}

// TestSchemasAreOfTheTypes: every field of what is printed is described, and nothing else.
func TestSchemasAreOfTheTypes(t *testing.T) {
	for name, raw := range schemas().Defs {
		var def schemaObject
		if err := json.Unmarshal(raw, &def); err != nil {
			t.Fatal(err)
		}

		if def.Title == "" || def.Type != "object" || def.Additional == nil || *def.Additional {
			t.Errorf("%s: needs a title, and to be an object of these properties alone", name)
		}

		for field, p := range def.Properties {
			if p.Description == "" {
				t.Errorf("%s.%s is not described", name, field)
			}
		}

		typ := reflect.TypeOf(schemaTypes[name])
		if typ == nil {
			continue
		}

		must, may := map[string]bool{}, map[string]reflect.Kind{}
		jsonFields(typ, must, may)

		for field, kind := range may {
			p, ok := def.Properties[field]
			if !ok {
				t.Errorf("%s: %v has a field %s that is not described", name, typ, field)
			} else if want := schemaKind(kind); p.Ref == "" && p.Enum == nil && p.Type != want {
				t.Errorf("%s.%s is %s, described as %s", name, field, want, p.Type)
			}

			// a line of it has one, a plan not yet
			if field == "result" && (name == "file-result" || name == "ended-job") {
				must[field] = true
			}

			if slices.Contains(def.Required, field) != must[field] {
				t.Errorf("%s.%s: always there is %v, described as %v", name, field, must[field], !must[field])
			}
		}

		for field := range def.Properties {
			if _, ok := may[field]; !ok {
				t.Errorf("%s: %v has no field %s", name, typ, field)
			}
		}
	}

	for name := range schemaTypes {
		if schemas().Defs[name] == nil {
			t.Errorf("no schema %s", name)
		}
	}
}

// jsonFields gathers the fields of a type as encoding/json has them.
func jsonFields(typ reflect.Type, must map[string]bool, may map[string]reflect.Kind) {
	for f := range typ.Fields() {
		tag, ok := f.Tag.Lookup("json")
		if f.Anonymous && !ok {
			jsonFields(f.Type, must, may)
			continue
		}

		name, options, _ := strings.Cut(tag, ",")
		if name == "-" || name == "" {
			continue
		}

		kind := f.Type
		if kind.Kind() == reflect.Pointer {
			kind = kind.Elem()
		}

		may[name], must[name] = kind.Kind(), !strings.HasPrefix(options, "omit")
		if kind.String() == "time.Time" {
			may[name] = reflect.String
		}
	}
}

// schemaKind is what JSON calls a kind of Go.
func schemaKind(k reflect.Kind) string {
	switch k {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Float64:
		return "number"
	case reflect.Slice:
		return "array"
	case reflect.Map, reflect.Struct:
		return "object"
	}

	return "integer"
}

// noData are the commands that print no JSON of their own: text, the content of a file, or what
// commands of theirs print.
var noData = []string{"cat", "completion", "daemon", "demo", "emulator", "help", "schema"}

// TestEveryCommandHasASchema, or prints none, and every schema is one.
func TestEveryCommandHasASchema(t *testing.T) {
	left := schemas().names()
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		name := strings.TrimPrefix(c.CommandPath(), "hoist ")
		if name != "api" { // whose commands print what the service says
			for _, sub := range c.Commands() {
				visit(sub)
			}
		}

		if !c.HasParent() || c.HasSubCommands() && name != "api" || c.Hidden ||
			slices.Contains(noData, name) {
			return
		}

		if _, err := schemaFor(name); err != nil {
			t.Error(err)
		}

		left = slices.DeleteFunc(left, func(n string) bool { return n == name })
	}
	visit(newApp(nil, nil, nil, nil).rootCommand())

	if len(left) > 0 {
		t.Errorf("schemas of no command: %v", left)
	}
}

// TestSchemaCheckCanFail: each kind of breach is noticed.
func TestSchemaCheckCanFail(t *testing.T) {
	tests := []struct {
		name, command, line string
		ok                  bool
	}{
		{"as described", "pause", `{"id":"1","state":"done","result":"unchanged"}`, true},
		{"missing", "pause", `{"id":"1","state":"done"}`, false},
		{"null", "pause", `{"id":"1","state":"done","result":null}`, false},
		{"more", "pause", `{"id":"1","state":"done","result":"paused","more":1}`, false},
		{"no state", "pause", `{"id":"1","state":"ready","result":"paused"}`, false},
		{"no time", "job",
			`{"id":"1","kind":"upload","state":"done","phase":"done","path":"/p","remote":"aps://",` +
				`"bytes_done":0,"attempts":0,"created_at":"now","updated_at":"now","parts":[],"history":[]}`,
			false},
		{"nested", "push", `{"summary":{"files":1}}`, false},
		{"no JSON", "push", `1 file`, false},
		{"no schema", "help", `{}`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := schemaCheck{name: tt.command}
			if err := c.check([]byte(tt.line)); (err == nil) != tt.ok {
				t.Error(err)
			}
		})
	}
}
