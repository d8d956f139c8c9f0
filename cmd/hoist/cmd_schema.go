package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"hoist/cmd/hoist/internal/problem"
)

//go:embed docs/schemas.json
var schemasFile []byte

func newSchemaCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "schema [COMMAND…]",
		Short: "Print the JSON Schema of what a command prints with --json",
		Long: `schema prints the JSON Schema (2020-12) of one line of what a command prints with
--json; without a command it lists those that have one. What "hoist api ACTION"
prints is the answer of the service and has none.`,
		Example: "  hoist schema push\n  hoist schema watch add",
		Args:    cobra.ArbitraryArgs,
		ValidArgsFunction: func(
			_ *cobra.Command, args []string, _ string,
		) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, name := range schemas().names() {
				if rest, ok := strings.CutPrefix(name, strings.Join(append(args, ""), " ")); ok {
					names = append(names, strings.Fields(rest)[0])
				}
			}

			return slices.Compact(names), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				a.printf("%s\n", strings.Join(schemas().names(), "\n"))
				return nil
			}

			text, ok := schemas().of(strings.Join(args, " "))
			if !ok {
				return fail(problem.Usage, fmt.Errorf("no schema of %q", strings.Join(args, " ")),
					`"hoist schema" lists the commands that have one`)
			}

			a.printf("%s\n", text)

			return nil
		},
	}
}

// schemaSet is docs/schemas.json.
type schemaSet struct {
	Dialect  string                     `json:"$schema"`
	Commands map[string]json.RawMessage `json:"commands"`
	Defs     map[string]json.RawMessage `json:"$defs"`
}

func schemas() schemaSet {
	var s schemaSet
	if err := json.Unmarshal(schemasFile, &s); err != nil {
		panic(err) // the file is part of the binary
	}

	return s
}

func (s schemaSet) names() []string { return slices.Sorted(maps.Keys(s.Commands)) }

var reference = regexp.MustCompile(`"#/\$defs/([a-z-]+)"`)

// of is the schema of one command, with the definitions that it needs.
func (s schemaSet) of(command string) (text []byte, ok bool) {
	root, ok := s.Commands[command]
	if !ok {
		return nil, false
	}

	defs := map[string]json.RawMessage{}
	var need func(text []byte)
	need = func(text []byte) {
		for _, m := range reference.FindAllSubmatch(text, -1) {
			name := string(m[1])
			if _, have := defs[name]; !have {
				defs[name] = s.Defs[name]
				need(s.Defs[name])
			}
		}
	}
	need(root)

	out := map[string]any{}
	if err := json.Unmarshal(root, &out); err != nil {
		panic(err)
	}

	out["$schema"], out["title"], out["$defs"] = s.Dialect, "hoist "+command+" --json, one line", defs
	text, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		panic(err)
	}

	return text, true
}
