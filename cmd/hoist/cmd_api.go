package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/once"
	"hoist/cmd/hoist/internal/owner"
	"hoist/cmd/hoist/internal/problem"
)

type apiOptions struct {
	params  []string // name=value, value may be @FILE or @-
	query   []string // k=v
	body    string   // file, - for standard input
	variant string
	all     bool
	dryRun  bool
	strict  bool // refuse what is only warned of
}

func newAPICmd(a *app, actions bool) *cobra.Command {
	var o apiOptions
	cmd := &cobra.Command{
		Use:   "api [ACTION]",
		Short: "Make one call of the service: any of the 51 actions",
		Long: `api makes one call with the credentials, budgets, retries and errors of every
other command, and prints what the service answers. Without ACTION it lists the
actions; "hoist api ACTION --help" shows what one takes, the scopes it needs and
an example. A name in the query that is not known here is sent with a warning,
since the service may have added it; --strict refuses it.`,
		Example: "  hoist api list-hubs\n  hoist api list-projects --param hub_id=b.… --all",
		Args:    cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				if len(o.params)+len(o.query) > 0 || o.body != "" || o.variant != "" ||
					o.all || o.dryRun || o.strict {
					return problem.Usagef("api: which action? Without one it lists the actions and takes " +
						"no flags but --json")
				}

				return a.listActions()
			}

			return apsclient.Validate(apsclient.Request{Action: args[0]}) // unknown: says the nearest
		},
	}
	f := cmd.PersistentFlags()
	f.StringArrayVar(&o.params, "param", nil, "NAME=VALUE of a parameter; =@FILE or =@- reads the value")
	f.StringArrayVar(&o.query, "query", nil, "K=V added to the query")
	f.StringVar(&o.body, "body", "", "file with the body (-: standard input)")
	f.StringVar(&o.variant, "variant", "", "acc or bim360, where both forms exist")
	f.BoolVar(&o.all, "all", false, "follow the pages and print the elements, one a line")
	f.BoolVar(&o.strict, "strict", false,
		"refuse what is only warned of: unknown names in the query, deprecated values")
	f.BoolVar(&o.dryRun, "dry-run", false, "print the request, redacted, and send nothing")

	if !actions {
		return cmd
	}

	for _, action := range apsclient.Actions() {
		sub := &cobra.Command{
			Use: action.Name, Short: action.Title, Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return a.api(cmd.Context(), action, o) },
		}
		sub.SetHelpFunc(lateHelp(func() string { return actionHelp(action) }))
		cmd.AddCommand(sub)
	}

	return cmd
}

// listActions prints the registry: for people by family, for programs as one array.
func (a *app) listActions() error {
	actions := apsclient.Actions()
	if a.flags.json {
		type row struct {
			Name     string   `json:"name"`
			Title    string   `json:"title"`
			Family   string   `json:"family"`
			Method   string   `json:"method"`
			Path     string   `json:"path"`
			Scopes   []string `json:"scopes"`
			Variants []string `json:"variants"` // what --variant takes
		}
		rows := make([]row, 0, len(actions))
		for _, x := range actions {
			rows = append(rows, row{x.Name, x.Title, x.Family, x.Method, x.Path, x.Scopes, x.Platforms()})
		}

		return a.printJSON(rows)
	}

	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)

	var families []string
	byFamily := map[string][]apsclient.Action{}
	for _, x := range actions {
		if byFamily[x.Family] == nil {
			families = append(families, x.Family)
		}

		byFamily[x.Family] = append(byFamily[x.Family], x)
	}

	for _, family := range families {
		fmt.Fprintf(w, "%s\n", family)

		for _, x := range byFamily[family] {
			fmt.Fprintf(w, "  %s\t%s\t%s\n", x.Name, x.Title, strings.Join(x.Scopes, " "))
		}
	}

	return w.Flush()
}

// actionHelp is the long help of an action, all of it from the registry.
func actionHelp(x apsclient.Action) string {
	var b strings.Builder
	if x.Path == "" {
		fmt.Fprintf(&b, "%s.\n\n", x.Title)
	} else {
		fmt.Fprintf(&b, "%s: %s %s\n\n", x.Title, x.Method, x.Path)
	}

	for _, v := range x.Variants {
		fmt.Fprintf(&b, "--variant %s: %s %s\n", v.Name, v.Method, v.Path)
	}

	scopes := strings.Join(x.Scopes, " ")
	if scopes == "" {
		scopes = "none"
	}

	fmt.Fprintf(&b, "Scopes: %s\n", scopes)
	if len(x.Contexts) > 0 {
		fmt.Fprintf(&b, "Contexts: %s\n", strings.Join(x.Contexts, ", "))
	}

	if x.Product != "" {
		fmt.Fprintf(&b, "API to enable: %s\n", x.Product)
	}

	if len(x.Params) > 0 {
		b.WriteString("\nParameters:\n")
		writeParams(&b, x.Params)
	}

	for _, v := range x.Variants {
		fmt.Fprintf(&b, "\nParameters with --variant %s:\n", v.Name)
		writeParams(&b, v.Params)
	}

	examples := x.Example
	for _, v := range x.Variants {
		examples = append(slices.Clip(examples), v.Example...)
	}

	if len(examples) > 0 {
		b.WriteString("\nExample (against \"hoist emulator\"):\n")

		for _, line := range examples {
			fmt.Fprintf(&b, "  %s\n", line)
		}
	}

	return strings.TrimSuffix(b.String(), "\n")
}

func writeParams(b *strings.Builder, params []apsclient.Param) {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, p := range params {
		need := ""
		if p.Required {
			need = "required"
		}

		about := p.Takes()
		if p.Help != "" {
			about = p.Help + "; " + about
		}

		if p.Default != "" {
			about += "; default " + p.Default
		}

		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", p.Name, p.In, need, about)
	}

	w.Flush()
}

func (a *app) api(ctx context.Context, action apsclient.Action, o apiOptions) error {
	r := apsclient.Request{Action: action.Name, Variant: o.variant, Params: map[string]string{},
		Query: url.Values{}}
	if err := a.readAPIFlags(&r, o); err != nil {
		return err
	}

	streamed := action.Body == "bytes" // not read into memory
	if o.body != "" && !streamed {
		var err error
		if r.Body, err = a.readBody(o.body); err != nil {
			return err
		}
	}

	if err := apsclient.Validate(r); err != nil {
		return err
	}

	for _, w := range apsclient.Warnings(r) {
		if o.strict {
			return w
		}

		fmt.Fprintf(a.stderr, "warning: %s\n", printable(oneLine(w.Error())))
	}

	if streamed && o.body == "" {
		return bodyIsMissing(action)
	}

	if o.dryRun {
		return a.planAPI(ctx, action, r, o)
	}

	if to, changes := owner.ChangedBy(r, ""); changes && action.Method != apsclient.MethodComposite {
		s, err := a.setup(config.Settings{})
		if err != nil {
			return err
		}

		if err := config.MayChange(s.home, s.profile, to); err != nil {
			return err
		}
	}

	switch {
	case action.Method == apsclient.MethodComposite:
		return a.uploadInFolder(ctx, r, o)
	case streamed:
		return a.putBinary(ctx, r, o.body)
	}

	c, done, err := a.client(ctx)
	if err != nil {
		return err
	}
	defer done()
	if o.all {
		return a.printElements(c.Elements(ctx, r))
	}

	resp, err := once.Do(ctx, c, a.log, r)
	if err != nil {
		return a.apiFailure(resp, err)
	}

	return a.printAnswer(resp)
}

func bodyIsMissing(action apsclient.Action) error {
	takes := "a file, or - for standard input"
	if action.Method == apsclient.MethodComposite {
		takes = "a file"
	}

	return &apsclient.ParamError{Action: action.Name, Param: "body", Problem: "missing: takes " + takes}
}

// printElements prints the elements of all pages, one per line.
func (a *app) printElements(elements iter.Seq2[json.RawMessage, error]) error {
	for element, err := range elements {
		if err != nil {
			return a.apiFailure(nil, err)
		}

		var line bytes.Buffer
		if err := json.Compact(&line, element); err != nil {
			return err
		}

		line.WriteByte('\n')
		if err := a.printData(line.Bytes()); err != nil {
			return err
		}
	}

	return nil
}

// readAPIFlags reads --param and --query.
func (a *app) readAPIFlags(r *apsclient.Request, o apiOptions) error {
	input := ""
	if o.body == "-" {
		input = "--body"
	}

	for _, p := range o.params {
		name, value, ok := strings.Cut(p, "=")
		if !ok || name == "" {
			return problem.Usagef("--param takes NAME=VALUE, not %q", p)
		}

		if _, twice := r.Params[name]; twice {
			return problem.Usagef("--param %s is given twice", name)
		}

		if file, isFile := strings.CutPrefix(value, "@"); isFile {
			if file == "-" && input != "" {
				return problem.Usagef("standard input can be read once, not for %s and --param %s", input, name)
			} else if file == "-" {
				input = "--param " + name
			}

			data, err := a.readBody(file)
			if err != nil {
				return err
			}

			value = strings.TrimRight(string(data), "\r\n")
		} else if action, _ := apsclient.ActionByName(r.Action); secretParam(action, name) {
			return problem.Usagef("--param %s is a secret, and arguments can be seen by others: give it as "+
				"%s=@FILE or %s=@-", name, name, name)
		}

		r.Params[name] = value
	}

	for _, q := range o.query {
		k, v, ok := strings.Cut(q, "=")
		if !ok || k == "" {
			return problem.Usagef("--query takes K=V, not %q", q)
		}

		r.Query.Add(k, v)
	}

	return nil
}

func secretParam(x apsclient.Action, name string) bool {
	for _, p := range x.Params {
		if p.Name == name && p.In != apsclient.InBody {
			return p.Secret
		}
	}

	return false
}

// planAPI prints what would be sent. The composite is many calls, so that says which file would go
// where.
func (a *app) planAPI(ctx context.Context, action apsclient.Action, r apsclient.Request, o apiOptions) error {
	if action.Method == apsclient.MethodComposite {
		return a.printJSON(map[string]any{"method": action.Method, "url": "", "headers": map[string]string{},
			"body": o.body, "params": r.Params})
	}

	c, done, err := a.client(ctx)
	if err != nil {
		return err
	}
	defer done()
	plan, err := c.Plan(r)
	if err != nil {
		return err
	}

	body := bodyForPeople(plan.Body)
	if action.Body == "bytes" {
		body = o.body // which file, as of the composite
	}

	return a.printJSON(struct {
		Method string            `json:"method"`
		URL    string            `json:"url"`
		Header map[string]string `json:"headers"`
		Body   any               `json:"body,omitempty"` // JSON as it is, anything else as text
		Scopes []string          `json:"scopes,omitempty"`
	}{plan.Method, plan.URL, plan.Header, body, plan.Scopes})
}

func bodyForPeople(body string) any {
	switch {
	case body == "":
		return nil
	case json.Valid([]byte(body)):
		return json.RawMessage(body)
	}

	return body
}

// printAnswer prints the body as given, or what the headers hold when there is none.
func (a *app) printAnswer(resp *apsclient.Response) error {
	return a.printData(control.AnswerBody(resp))
}

func (a *app) printBody(body []byte) error {
	if !bytes.HasSuffix(body, []byte("\n")) {
		body = append(bytes.Clone(body), '\n')
	}

	_, err := a.stdout.Write(body)

	return err
}

// apiFailure prints the service's own words on standard output and returns the error for the rest.
func (a *app) apiFailure(resp *apsclient.Response, err error) error {
	body := []byte(nil)
	if resp != nil {
		body = resp.Body
	} else if e, ok := errors.AsType[*apsclient.Error](err); ok {
		body = e.Body
	}

	if len(bytes.TrimSpace(body)) > 0 {
		if e := a.printBody(body); e != nil {
			return errors.Join(err, e)
		}
	}

	return err
}

// putBinary streams a file to a signed URL; standard input is read into memory first, since its
// length must be known.
func (a *app) putBinary(ctx context.Context, r apsclient.Request, body string) error {
	part := apsclient.PartBody{}
	if body == "-" {
		data, err := io.ReadAll(a.input)
		if err != nil {
			return fmt.Errorf("read standard input: %w", err)
		}

		part.R, part.Size = bytes.NewReader(data), int64(len(data))
	} else {
		f, err := os.Open(body)
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return err
		}

		part.R, part.Size = f, info.Size()
	}

	c, done, err := a.client(ctx)
	if err != nil {
		return err
	}
	defer done()
	etag, err := c.Data.PutPart(ctx, apsclient.SignedURL(strings.TrimSpace(r.Params["url"])), part)
	if err != nil {
		return a.apiFailure(nil, err)
	}

	return a.printAnswer(&apsclient.Response{Status: http.StatusOK, Header: http.Header{"Etag": {etag}}})
}
