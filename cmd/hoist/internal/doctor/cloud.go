package doctor

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/guide"
	"hoist/cmd/hoist/internal/local"
	"hoist/cmd/hoist/internal/problem"
	"hoist/transfer/remote"
)

// customIntegration is what an account administrator does, in one line.
func customIntegration() string {
	return "an account administrator adds this client id: " + strings.Join(guide.CustomIntegration, " ")
}

func checkHubs(ctx context.Context, e Env, f facts) (facts, []Finding) {
	if skip, ok := unreached("hubs", e, f); ok {
		return f, []Finding{skip}
	}

	if e.refused("list-hubs") {
		return f, []Finding{{Check: "hubs", Verdict: Skipped,
			Detail: "the actions of the profile do not need them"}}
	}

	hubs, warnings, err := e.Client.Hubs.List(ctx)
	if err != nil {
		return f, []Finding{failed("hubs", "the hubs cannot be listed", err)}
	}

	f.hubs = hubs
	said := apsclient.Refusals(warnings)
	if len(hubs) == 0 {
		_, fix := problem.Of(problem.NoHub(warnings))
		detail := "no hub can be seen: the application is not added to any account"
		if fix.Step == problem.AddToAccount {
			fix = problem.Text(customIntegration())
		} else {
			detail = "no hub can be seen"
		}

		if len(said) > 0 {
			detail += " (" + strings.Join(said, "; ") + ")"
		}

		return f, []Finding{{"hubs", Problem, detail, fix}}
	}

	var names []string
	for _, h := range hubs {
		name := h.Name
		if h.Region != "" {
			name += " (" + h.Region + ")"
		}

		names = append(names, name)
	}

	out := []Finding{{Check: "hubs", Verdict: OK, Detail: strings.Join(names, ", ")}}
	if len(said) > 0 {
		out = append(out, Finding{"hubs", Warning,
			"no access to accounts in some regions: " + strings.Join(said, "; "),
			problem.Text("nothing, if you do not use those; else " +
				cmp.Or(problem.Hint(strings.Join(said, "; ")), customIntegration()))})
	}

	return f, out
}

func checkProjects(ctx context.Context, e Env, f facts) (facts, []Finding) {
	if skip, ok := unreached("projects", e, f); ok {
		return f, []Finding{skip}
	}

	if len(f.hubs) == 0 {
		return f, []Finding{{Check: "projects", Verdict: Skipped, Detail: "no hub can be seen"}}
	}

	if e.refused("list-projects") {
		return f, []Finding{{Check: "projects", Verdict: Skipped,
			Detail: "the actions of the profile do not need them"}}
	}

	n := 0
	var seen []string
	var refused error // why the folders of a project could not be listed
	for _, h := range f.hubs {
		inHub := 0
		for p, err := range e.Client.Projects.List(ctx, h.ID) {
			if err != nil {
				return f, []Finding{failed("projects", "the projects of "+h.Name+" cannot be listed", err)}
			}

			if inHub++; f.place == nil {
				f.place, err = topFolder(ctx, e.Client, h, p)
				refused = cmp.Or(refused, err)
			}
		}

		n += inHub
		seen = append(seen, fmt.Sprintf("%s: %d", h.Name, inHub))
	}

	if n == 0 {
		return f, []Finding{{"projects", Problem, "no project can be seen in " + strings.Join(seen, ", "),
			problem.Fix{Step: problem.Membership}}}
	}

	if f.place == nil && !e.refused("list-top-folders") {
		finding := Finding{"projects", Problem, strings.Join(seen, ", ") + "; no folder of any can be seen",
			problem.Text("ask a project administrator for access to Docs in the project")}
		if refused != nil {
			if problem.Hint(refused.Error()) != "" || !errors.Is(refused, apsclient.ErrForbidden) {
				finding = failed("projects", finding.Detail, refused)
			} else {
				finding.Detail += ": " + refused.Error()
			}
		}

		return f, []Finding{finding}
	}

	return f, []Finding{{Check: "projects", Verdict: OK, Detail: strings.Join(seen, ", ")}}
}

// topFolder finds a folder for files in a project; nil when none is visible.
func topFolder(ctx context.Context, c *apsclient.Client, h apsclient.Hub,
	p apsclient.Project) (*place, error) {
	folders, err := c.Projects.TopFolders(ctx, h.ID, p.ID)
	if err != nil || len(folders) == 0 {
		return nil, err
	}

	f := folders[0]
	if i := slices.IndexFunc(folders, func(f apsclient.Folder) bool {
		return f.Name == "Project Files"
	}); i >= 0 {
		f = folders[i]
	}

	at := remote.Address{Scheme: remote.SchemeAPS, Steps: []string{h.Name, p.Name, f.Name}}

	return &place{p.ID, f.ID, h.Name + "/" + p.Name + "/" + f.Name, at.String()}, nil
}

// maxAccounts bounds how many accounts are asked about administration.
const maxAccounts = 3

func checkAdmin(ctx context.Context, e Env, f facts) (facts, []Finding) {
	const name = "account administration"
	if e.Admin == Unneeded {
		return f, []Finding{{Check: name, Verdict: Skipped,
			Detail: "the actions of the profile do not need it"}}
	}

	if skip, ok := unreached(name, e, f); ok {
		return f, []Finding{skip}
	}

	const action = "list-account-projects"
	bad := Warning // nobody said that it is needed
	if e.Admin == Required {
		bad = Problem
	}

	if e.refused(action) {
		return f, []Finding{{Check: name, Verdict: Skipped,
			Detail: "the profile does not allow " + action + ", by which it is tried"}}
	}

	var out []Finding
	for _, h := range f.hubs {
		account, ok := strings.CutPrefix(string(h.ID), "b.")
		if !ok || len(out) == maxAccounts {
			continue
		}

		r := apsclient.Request{Action: action, Params: map[string]string{"account_id": account},
			Query: url.Values{"limit": {"1"}}}
		if region := strings.ToUpper(h.Region); slices.Contains(apsclient.Regions(), region) {
			r.Params["Region"] = region // that of the hub, whatever the profile says
		}

		if e.User {
			r.Variant = "acc"
		}

		_, err := e.Client.Do(ctx, r)
		switch _, refused := errors.AsType[*apsclient.AuthError](err); {
		case err == nil:
			out = append(out, Finding{Check: name, Verdict: OK, Detail: h.Name})
		case refused && e.Admin == Optional:
			return f, []Finding{{Check: name, Verdict: Skipped,
				Detail: "the scope account:read is not granted"}}
		case errors.Is(err, apsclient.ErrForbidden) && problem.Hint(err.Error()) == "":
			out = append(out, Finding{name, bad,
				h.Name + ": the account does not know the application as a custom integration: " +
					err.Error(), problem.Text(customIntegration())})
		default:
			finding := failed(name, h.Name, err)
			finding.Verdict = bad
			out = append(out, finding)
		}
	}

	if len(out) == 0 {
		out = []Finding{{Check: name, Verdict: Skipped, Detail: "no account of ACC or BIM 360 can be seen"}}
	}

	return f, out
}

func checkRegion(_ context.Context, e Env, f facts) (facts, []Finding) {
	var regions []string
	for _, h := range f.hubs {
		if h.Region != "" && !slices.Contains(regions, h.Region) {
			regions = append(regions, h.Region)
		}
	}

	switch {
	case len(regions) == 0:
		return f, []Finding{{Check: "region", Verdict: Skipped, Detail: "no hub can be seen"}}
	case e.Region == "" && !slices.Contains(regions, "US"):
		return f, []Finding{{"region", Warning, "the hubs are in " + strings.Join(regions, ", ") +
			", and none is set for buckets, webhooks and administration, which means US",
			problem.Fix{Step: problem.RegionOf}}}
	case e.Region == "":
		return f, []Finding{{Check: "region", Verdict: OK,
			Detail: "of the hubs: " + strings.Join(regions, ", ") +
				"; none set for buckets, webhooks and administration, which means US"}}
	case !slices.ContainsFunc(regions, func(r string) bool { return strings.EqualFold(r, e.Region) }):
		return f, []Finding{{"region", Warning,
			"the profile says " + e.Region + ", the hubs are in " + strings.Join(regions, ", "),
			problem.Fix{Step: problem.RegionOf}}}
	}

	return f, []Finding{{Check: "region", Verdict: OK, Detail: e.Region}}
}

// checkWatches looks at both ends of every watch.
func checkWatches(ctx context.Context, e Env, f facts) (facts, []Finding) {
	if len(e.Watches) == 0 {
		return f, []Finding{{Check: "watches", Verdict: Skipped, Detail: "there are none"}}
	}

	var out []Finding
	first := true
	for _, w := range e.Watches {
		name := "watch " + w.Path
		if info, err := local.Look(w.Path); err != nil {
			out = append(out, Finding{name, Problem, "the folder is not there: " + err.Error(),
				problem.Fix{Step: problem.UnwatchGone, On: w.ID}})
		} else if !info.IsDir() {
			out = append(out, Finding{name, Problem, "it is not a folder",
				problem.Fix{Step: problem.Unwatch, On: w.ID}})
		}

		if skip, ok := unreached(name, e, f); ok {
			out = append(out, skip)
			continue
		}

		at, finding := e.target(ctx, w, name)
		out = append(out, finding)
		if at != nil && first {
			f.place, first = at, false
		}
	}

	return f, out
}

// target resolves the remote of a watch and, with the data plane, tries to write there.
func (e Env) target(ctx context.Context, w config.Watch, name string) (*place, Finding) {
	address, err := remote.ParseAddress(w.Remote)
	if err != nil {
		return nil, failed(name, "the remote", err)
	}

	p, err := e.resolver().ResolveFolder(ctx, address)
	if err != nil {
		return nil, failed(name, w.Remote, err)
	}

	if p.Kind != remote.KindFolder {
		return nil, Finding{Check: name, Verdict: OK, Detail: w.Remote + " is there"}
	}

	at := &place{p.Project.ID, p.Folder.ID, p.Address.String(), p.Address.String()}
	if !e.DataPlane {
		return at, Finding{Check: name, Verdict: OK,
			Detail: p.Address.String() + " is there; \"hoist doctor --data-plane\" tries to write"}
	}

	if _, err := e.reserve(ctx, *at); err != nil {
		if errors.Is(err, apsclient.ErrForbidden) && problem.Hint(err.Error()) == "" {
			return nil, Finding{name, Problem, "no permission to write to " + at.name + ": " + err.Error(),
				problem.Text("ask a project administrator for the permission to upload into this folder")}
		}

		return nil, failed(name, "reserve storage in "+at.name, err)
	}

	return at, Finding{Check: name, Verdict: OK, Detail: "may write to " + at.name}
}

// testName is the name for which storage is reserved; it is never seen in the folder.
const testName = "hoist-doctor.tmp"

// reserve asks for a storage object: nothing of it is visible until it is completed and published.
func (e Env) reserve(ctx context.Context, at place) (apsclient.ObjectID, error) {
	ctx = control.WithRemote(ctx, at.address)

	return e.Client.WithScopes(apsclient.TransferScopes...).Items.CreateStorage(ctx, at.project, at.folder,
		testName)
}

// checkDataPlane stores one byte of an upload that is never completed, by either kind of host.
func checkDataPlane(ctx context.Context, e Env, f facts) (facts, []Finding) {
	const name = "data plane"
	if !e.DataPlane {
		return f, []Finding{{Check: name, Verdict: Skipped, Detail: "asked for with --data-plane"}}
	}

	if skip, ok := unreached(name, e, f); ok {
		return f, []Finding{skip}
	}

	if f.place == nil {
		return f, []Finding{{Check: name, Verdict: Skipped,
			Detail: "no folder can be seen to reserve storage in"}}
	}

	ctx = control.WithRemote(ctx, f.place.address)
	object, err := e.reserve(ctx, *f.place)
	if err != nil {
		return f, []Finding{failed(name, "reserve storage in "+f.place.name, err)}
	}

	out := []Finding{{Check: name, Verdict: OK, Detail: "storage can be reserved in " + f.place.name}}
	for _, way := range []struct {
		name        string
		accelerated bool
		bad         Verdict
		fix         problem.Fix
	}{
		{"S3", false, Problem, problem.Text("let this machine reach *.s3.amazonaws.com by https, through " +
			"the proxy or past it")},
		{"S3 acceleration", true, Warning, problem.Text("let this machine reach " +
			"*.s3-accelerate.amazonaws.com by https, or set acceleration = \"off\" in config.toml")},
	} {
		host, err := e.storeByte(ctx, object, way.accelerated)
		if err != nil {
			out = append(out, Finding{way.name, way.bad,
				"one byte cannot be stored at " + host + ": " + err.Error(), way.fix})
			continue
		}

		out = append(out, Finding{Check: way.name, Verdict: OK,
			Detail: "one byte was stored at " + host + ", and left to expire"})
	}

	return f, out
}

// storeByte puts a part of one byte; the host is all that may be told of a signed URL.
func (e Env) storeByte(ctx context.Context, object apsclient.ObjectID, accelerated bool) (host string,
	err error) {
	c := e.Client.WithScopes(apsclient.TransferScopes...)
	urls, err := c.Objects.UploadURLs(ctx, object,
		apsclient.UploadURLsRequest{Parts: 1, Minutes: 2, Acceleration: accelerated})
	if err != nil {
		return "a host that the service would name", err
	}

	_, err = c.Data.PutPart(ctx, urls.URLs[0], apsclient.PartBody{R: bytes.NewReader([]byte{'.'}), Size: 1})

	return cmp.Or(urls.URLs[0].Host(), "a host that the service names"), err
}
