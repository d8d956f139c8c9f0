package once

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"hoist/apsclient"
)

// effect is what a look found of a call whose answer was lost. The zero value means that nothing is
// there.
type effect struct {
	id     string              // of what is there
	answer *apsclient.Response // to print, in the service's own form
	// repeat is the body that makes what is still missing, when only a part of the effect is
	// there; nil: nothing is missing.
	repeat []byte
}

func (e effect) there() bool { return e.answer != nil && e.repeat == nil }

// look finds the effect of a request by what the request asked for.
type look func(ctx context.Context, c *apsclient.Client, r apsclient.Request) (effect, error)

// looks are the actions that change something, and how what each one did is found. The completion
// of an upload is not among them: its upload key makes a repeat harmless.
var looks = map[string]look{
	"create-folder":          lookFolder,
	"create-item":            lookItem,
	"create-version":         lookVersion,
	"create-bucket":          lookBucket,
	"create-webhook":         lookWebhook,
	"add-project-user":       lookProjectUsers,
	"create-account-user":    lookAccountUser,
	"create-account-project": lookAccountProject,

	"update-folder":          valuesIn("get-folder"),
	"update-item":            valuesIn("get-item"),
	"update-webhook":         valuesIn("get-webhook"),
	"update-account-user":    valuesIn("get-account-user"),
	"update-account-project": lookChangedProject,
	"update-project-user":    lookChangedProjectUser,
	"create-business-units":  valuesIn("list-business-units"),

	"delete-bucket":  goneFrom("get-bucket-details"),
	"delete-object":  goneFrom("get-object-details"),
	"delete-webhook": goneFrom("get-webhook"),
}

// Covers reports whether an action changes something that is looked for when the reply is lost.
func Covers(action string) bool { return looks[action] != nil }

// Do makes a call. When its reply is lost it looks for the effect, and repeats the call once when
// there is none, see [apsclient.Doubt]; an effect that is there is the answer. What it returns is
// as with [apsclient.Client.Do]; an error after which a repeat may double is an
// [apsclient.UnsettledError].
func Do(ctx context.Context, c *apsclient.Client, log *slog.Logger, r apsclient.Request) (*apsclient.Response,
	error) {
	find := looks[r.Action]
	if find == nil {
		return c.Do(ctx, r)
	}

	var before string // what was there already, when the request holds nothing that marks its effect
	if copies(r) {
		e, err := find(ctx, c, r)
		if err != nil {
			return nil, fmt.Errorf("look before the call, whose effect could not be told afterwards: %w", err)
		}

		before = e.id
	}

	action, _ := apsclient.ActionByName(r.Action)

	harmless := action.Retry != apsclient.RetryVerify
	resp, err := apsclient.Doubt[*apsclient.Response]{
		Harmless: harmless,
		Call:     func(ctx context.Context) (*apsclient.Response, error) { return c.Do(ctx, r) },
		Look: func(ctx context.Context) (*apsclient.Response, bool, error) {
			e, err := find(ctx, c, r)
			if e.repeat != nil {
				r.Body = e.repeat
			}

			return e.answer, err == nil && e.there() && (before == "" || e.id != before), err
		},
		Ours: func(err error) bool {
			return errors.Is(err, apsclient.ErrConflict) ||
				action.Method == http.MethodDelete && errors.Is(err, apsclient.ErrNotFound)
		},
		Logger: log.With("action", r.Action),
	}.Do(ctx)
	if _, unsettled := errors.AsType[*apsclient.UnsettledError](err); !harmless && !unsettled &&
		apsclient.MaybeApplied(err) {
		err = &apsclient.UnsettledError{Call: err} // what does not show yet may come
	}

	return resp, err
}

// copies tells a request that makes a version from another one: no storage object marks what it
// makes.
func copies(r apsclient.Request) bool {
	return queryOf(r, "copyFrom") != "" && (r.Action == "create-item" || r.Action == "create-version")
}

func lookFolder(ctx context.Context, c *apsclient.Client, r apsclient.Request) (effect, error) {
	b := bodyOf(r)
	project, name := paramOf(r, "project_id"), b.text("data.attributes.name")
	contents := about(r, "list-folder-contents", "project_id", project, "folder_id",
		b.text("data.relationships.parent.data.id"))
	contents.Query = url.Values{"filter[type]": {"folders"}}

	return lookThrough(ctx, c, contents, func(e fields) (effect, error) {
		if cmp.Or(e.text("attributes.name"), e.text("attributes.displayName")) != name {
			return effect{}, nil
		}

		return get(ctx, c, e.text("id"),
			about(r, "get-folder", "project_id", project, "folder_id", e.text("id")))
	})
}

func lookItem(ctx context.Context, c *apsclient.Client, r apsclient.Request) (effect, error) {
	b := bodyOf(r)
	project, name, storage := paramOf(r, "project_id"), b.text("data.attributes.displayName"), ""
	for _, v := range b.list("included") {
		if storage = v.text("relationships.storage.data.id"); name == "" {
			name = v.text("attributes.name")
		}
	}

	contents := about(r, "list-folder-contents", "project_id", project, "folder_id",
		b.text("data.relationships.parent.data.id"))
	contents.Query = url.Values{"filter[type]": {"items"}}

	return lookThrough(ctx, c, contents, func(e fields) (effect, error) {
		if e.text("attributes.displayName") != name {
			return effect{}, nil
		}

		found, err := get(ctx, c, e.text("id"),
			about(r, "get-item", "project_id", project, "item_id", e.text("id")))
		if err != nil || storage == "" {
			return found, err
		}

		for _, v := range parse(found.answer.Body).list("included") {
			if v.text("relationships.storage.data.id") == storage {
				return found, nil
			}
		}

		return effect{}, nil // another's file under the name
	})
}

// lookVersion finds the version by its storage object; one that was copied is the newest version of
// the item.
func lookVersion(ctx context.Context, c *apsclient.Client, r apsclient.Request) (effect, error) {
	b := bodyOf(r)
	project, item, storage := paramOf(r, "project_id"), b.text("data.relationships.item.data.id"),
		b.text("data.relationships.storage.data.id")
	if item == "" { // the item that the copied version belongs to
		source, err := c.Do(ctx, about(r, "get-version", "project_id", project, "version_id",
			queryOf(r, "copyFrom")))
		if err != nil {
			return effect{}, err
		}

		item = parse(source.Body).text("data.relationships.item.data.id")
	}

	versions := about(r, "list-item-versions", "project_id", project, "item_id", item)

	return lookThrough(ctx, c, versions, func(e fields) (effect, error) { // the newest comes first
		if storage != "" && e.text("relationships.storage.data.id") != storage {
			return effect{}, nil
		}

		return get(ctx, c, e.text("id"),
			about(r, "get-version", "project_id", project, "version_id", e.text("id")))
	})
}

func lookBucket(ctx context.Context, c *apsclient.Client, r apsclient.Request) (effect, error) {
	key := bodyOf(r).text("bucketKey")
	e, err := get(ctx, c, key, apsclient.Request{Action: "get-bucket-details",
		Params: map[string]string{"bucketKey": key}})
	if errors.Is(err, apsclient.ErrNotFound) || errors.Is(err, apsclient.ErrForbidden) {
		return effect{}, nil // there is none, or it is another's: the repeat says so
	}

	return e, err
}

// lookWebhook answers as a creation does, which has no body: with the id and the location of the
// hook.
func lookWebhook(ctx context.Context, c *apsclient.Client, r apsclient.Request) (effect, error) {
	b := bodyOf(r)
	system, event, scope := paramOf(r, "system"), paramOf(r, "event"), b.text("scope")
	hooks := about(r, "list-webhooks-by-system", "system", system)
	if region := queryOf(r, "region"); region != "" {
		hooks.Params["region"] = region
	}

	return lookThrough(ctx, c, hooks, func(e fields) (effect, error) {
		if e.text("callbackUrl") != b.text("callbackUrl") || e.text("event") != event ||
			e.text("scope") != scope {
			return effect{}, nil
		}

		id := e.text("hookId")
		path := "/systems/" + system + "/events/" + event + "/hooks/" + id

		return effect{id: id, answer: &apsclient.Response{Status: http.StatusCreated,
			Header: http.Header{"Location": {path}}}}, nil
	})
}

// lookProjectUsers finds all whom the request adds. When only some are members the repeat adds the
// others.
func lookProjectUsers(ctx context.Context, c *apsclient.Client, r apsclient.Request) (effect, error) {
	members := about(r, "list-project-users", "projectId", paramOf(r, "project_id"))
	b := bodyOf(r)
	wanted, one := b.list(""), r.Variant == "acc"
	if one {
		wanted = []fields{b}
	} else {
		members.Variant = "bim360"
	}

	var found, missing []json.RawMessage

	by := map[string]json.RawMessage{}
	for e, err := range c.Elements(ctx, members) {
		if err != nil {
			return effect{}, err
		}

		who := parse(e)
		by[strings.ToLower(who.text("email"))], by[who.text("id")], by[who.text("autodeskId")] = e, e, e
	}

	delete(by, "")

	for _, w := range wanted {
		key := strings.ToLower(w.text("email"))
		if key == "" {
			key = w.text("user_id")
		}

		if e := by[key]; e != nil {
			found = append(found, e)
		} else {
			missing = append(missing, w.raw())
		}
	}

	switch {
	case len(found) == 0:
		return effect{}, nil
	case len(missing) > 0:
		return effect{repeat: join(missing),
			answer: &apsclient.Response{Status: http.StatusOK, Body: join(found)}}, nil
	case one:
		return effect{id: "members", answer: &apsclient.Response{Status: http.StatusOK, Body: found[0]}}, nil
	}

	return effect{id: "members", answer: &apsclient.Response{Status: http.StatusOK, Body: join(found)}}, nil
}

func lookAccountUser(ctx context.Context, c *apsclient.Client, r apsclient.Request) (effect, error) {
	account, email := paramOf(r, "account_id"), bodyOf(r).text("email")
	users := about(r, "search-account-users", "account_id", account)
	users.Query = url.Values{"email": {email}}

	return lookThrough(ctx, c, users, func(e fields) (effect, error) {
		if !strings.EqualFold(e.text("email"), email) {
			return effect{}, nil
		}

		return get(ctx, c, e.text("id"),
			about(r, "get-account-user", "account_id", account, "user_id", e.text("id")))
	})
}

func lookAccountProject(ctx context.Context, c *apsclient.Client, r apsclient.Request) (effect, error) {
	name := bodyOf(r).text("name")
	projects := about(r, "list-account-projects", "account_id", paramOf(r, "account_id"))
	projects.Variant = r.Variant

	return lookThrough(ctx, c, projects, func(e fields) (effect, error) {
		if e.text("name") != name {
			return effect{}, nil
		}

		return effect{id: e.text("id"), answer: &apsclient.Response{Status: http.StatusOK, Body: e.raw()}},
			nil
	})
}

// lookChangedProject finds the project of the request with the values that it sets.
func lookChangedProject(ctx context.Context, c *apsclient.Client, r apsclient.Request) (effect, error) {
	return changedIn(ctx, c, r, about(r, "list-account-projects", "account_id", paramOf(r, "account_id")),
		paramOf(r, "project_id"))
}

// lookChangedProjectUser finds the member of the request with the values that it sets.
func lookChangedProjectUser(ctx context.Context, c *apsclient.Client, r apsclient.Request) (effect, error) {
	members := about(r, "list-project-users", "projectId", paramOf(r, "project_id"))
	if r.Variant != "acc" {
		members.Variant = "bim360"
	}

	return changedIn(ctx, c, r, members, paramOf(r, "user_id"))
}

// changedIn finds the element with an id in a list, with the values that the request sets.
func changedIn(ctx context.Context, c *apsclient.Client, r, list apsclient.Request, id string) (effect,
	error) {
	return lookThrough(ctx, c, list, func(e fields) (effect, error) {
		if e.text("id") != strings.TrimPrefix(id, "b.") || !holds(e.v, bodyOf(r).v) {
			return effect{}, nil
		}

		return effect{id: id, answer: &apsclient.Response{Status: http.StatusOK, Body: e.raw()}}, nil
	})
}

// valuesIn looks whether what an action reads has the values that the request sets.
func valuesIn(action string) look {
	return func(ctx context.Context, c *apsclient.Client, r apsclient.Request) (effect, error) {
		e, err := get(ctx, c, action, sameThing(r, action))
		if err != nil || !holds(parse(e.answer.Body).v, bodyOf(r).v) {
			return effect{}, err
		}

		return e, nil
	}
}

// goneFrom looks whether what an action reads is not there any more. It answers as a deletion does.
func goneFrom(action string) look {
	return func(ctx context.Context, c *apsclient.Client, r apsclient.Request) (effect, error) {
		_, err := c.Do(ctx, sameThing(r, action))
		if errors.Is(err, apsclient.ErrNotFound) {
			return effect{id: action, answer: &apsclient.Response{Status: http.StatusNoContent}}, nil
		}

		return effect{}, err
	}
}

// sameThing is the call that reads what r changes: both have the same parameters in the path.
func sameThing(r apsclient.Request, action string) apsclient.Request {
	a, _ := apsclient.ActionByName(action)
	var pairs []string
	for _, p := range a.Params {
		if p.In == apsclient.InPath {
			pairs = append(pairs, p.Name, paramOf(r, p.Name))
		}
	}

	return about(r, action, pairs...)
}

// holds reports whether a value has all that is wanted of it, whichever way the names are spelled.
// Secrets are never shown.
func holds(have, wanted any) bool {
	switch wanted := wanted.(type) {
	case map[string]any:
		object, ok := have.(map[string]any)
		values := map[string]any{}
		for name, value := range object {
			values[plain(name)] = value
		}

		for name, value := range wanted {
			ok = ok && (name == "token" || name == "jsonapi" || holds(values[plain(name)], value))
		}

		return ok
	case []any:
		list, ok := have.([]any)
		for _, value := range wanted {
			ok = ok && slices.ContainsFunc(list, func(v any) bool { return holds(v, value) })
		}

		return ok
	}

	return have == wanted
}

// lookThrough reads a list until an element shows the effect.
func lookThrough(ctx context.Context, c *apsclient.Client, r apsclient.Request,
	match func(fields) (effect, error)) (effect, error) {
	for raw, err := range c.Elements(ctx, r) {
		if err != nil {
			return effect{}, err
		}

		if e, err := match(parse(raw)); err != nil || e.answer != nil {
			return e, err
		}
	}

	return effect{}, nil
}

// get reads what was found.
func get(ctx context.Context, c *apsclient.Client, id string, r apsclient.Request) (effect, error) {
	resp, err := c.Do(ctx, r)
	return effect{id: id, answer: resp}, err
}

// about is a call of a look: its parameters as name, value, and those of the call that say on whose
// behalf and in which region.
func about(r apsclient.Request, action string, pairs ...string) apsclient.Request {
	out := apsclient.Request{Action: action, Params: map[string]string{}}
	for i := 0; i+1 < len(pairs); i += 2 {
		out.Params[pairs[i]] = pairs[i+1]
	}

	a, _ := apsclient.ActionByName(action)
	for name, value := range r.Params {
		if !slices.Contains([]string{"xuserid", "userid", "region", "xadsregion"}, plain(name)) {
			continue
		}

		for _, p := range a.Params {
			if plain(p.Name) == plain(name) && p.In != apsclient.InPath && p.In != apsclient.InBody {
				out.Params[p.Name] = value
			}
		}
	}

	return out
}

// plain makes the spellings of a parameter one.
func plain(name string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(name))
}

func paramOf(r apsclient.Request, name string) string {
	for k, v := range r.Params {
		if plain(k) == plain(name) {
			return v
		}
	}

	return ""
}

// queryOf is a query parameter, which can be given as a parameter too.
func queryOf(r apsclient.Request, name string) string {
	if v := r.Query.Get(name); v != "" {
		return v
	}

	return r.Params[name]
}

// fields is a JSON value whose parts are read by dotted paths; what is not there is empty.
type fields struct{ v any }

func parse(data []byte) fields {
	var f fields
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if d.Decode(&f.v) != nil {
		return fields{}
	}

	return f
}

func bodyOf(r apsclient.Request) fields { return parse(r.Body) }

func (f fields) at(path string) any {
	v := f.v
	if path == "" {
		return v
	}

	for name := range strings.SplitSeq(path, ".") {
		object, _ := v.(map[string]any)
		v = object[name]
	}

	return v
}

// text is the string at a path; of another value its JSON with sorted keys, so that equal values
// have equal texts.
func (f fields) text(path string) string {
	switch v := f.at(path).(type) {
	case nil:
		return ""
	case string:
		return v
	default:
		return string(fields{v}.raw())
	}
}

func (f fields) list(path string) []fields {
	list, _ := f.at(path).([]any)
	out := make([]fields, len(list))
	for i, v := range list {
		out[i] = fields{v}
	}

	return out
}

func (f fields) raw() []byte {
	data, err := json.Marshal(f.v)
	if err != nil {
		return nil // it was JSON before
	}

	return data
}

func join(list []json.RawMessage) []byte {
	data, err := json.Marshal(list)
	if err != nil {
		return nil
	}

	return data
}
