package apsclient_test

import (
	"strings"
	"testing"

	"hoist/apsclient"
)

// words splits a command line as a shell does, as far as the examples need: single quotes and
// spaces.
func words(line string) []string {
	var out []string
	for i, piece := range strings.Split(line, "'") {
		if i%2 == 1 {
			if strings.HasSuffix(line[:strings.Index(line, piece)], " '") || len(out) == 0 {
				out = append(out, piece)
			} else {
				out[len(out)-1] += piece
			}

			continue
		}

		out = append(out, strings.Fields(piece)...)
	}

	return out
}

// TestExamplesWork runs every example that is a single call, each in a new world.
func TestExamplesWork(t *testing.T) {
	for _, a := range apsclient.Actions() {
		for _, line := range a.Example {
			if strings.ContainsAny(line, "<>@") && !strings.Contains(line, "@example.com") ||
				strings.Contains(line, "note.txt") || strings.HasPrefix(line, "sed") {
				continue // pipelines with files: those are run by the command's tests
			}

			t.Run(a.Name, func(t *testing.T) {
				w := newWorld(t, nil, func(c *apsclient.Config) { c.UserID = "" })
				if err := w.srv.AddExamples(); err != nil {
					t.Fatal(err)
				}

				if err := w.srv.AddExamples(); err != nil {
					t.Fatal(err)
				}

				r := apsclient.Request{Params: map[string]string{}, Query: map[string][]string{}}
				args := words(line)
				if args[0] == "echo" {
					r.Body = []byte(args[1])
					args = args[3:]
				}

				if args[0] != "hoist" || args[1] != "api" {
					t.Fatalf("not a call: %q", args)
				}

				r.Action = args[2]
				every := false
				for i := 3; i < len(args); i++ {
					value := func() (string, string) {
						i++
						k, v, _ := strings.Cut(args[i], "=")
						return k, v
					}
					switch args[i] {
					case "--param":
						k, v := value()
						r.Params[k] = v
					case "--query":
						k, v := value()
						r.Query[k] = []string{v}
					case "--variant":
						i++
						r.Variant = args[i]
					case "--all":
						every = true
					case "--body":
						i++
					default:
						t.Fatalf("unknown flag %s in %s", args[i], line)
					}
				}

				if r.Action != a.Name {
					t.Errorf("the example is of %s", r.Action)
				}

				if err := apsclient.Validate(r); err != nil {
					t.Fatal(err)
				}

				if !every {
					if _, err := w.c.Do(t.Context(), r); err != nil {
						t.Error(err)
					}

					return
				}

				n := 0
				for _, err := range w.c.Elements(t.Context(), r) {
					if err != nil {
						t.Fatal(err)
					}

					n++
				}

				if n == 0 {
					t.Error("the list is empty")
				}
			})
		}
	}
}
