package emulator

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// hook is a webhook.
type hook struct {
	numbered
	ID, System, Event, Region, Callback string
	Client, User                        string // owner; User: "" the app
	Scope                               map[string]string
	Attribute                           json.RawMessage
	Filter, Token, Tenant, Hub, Project string
	Status                              string // active, inactive, reactivated
	AutoReactivate, PayloadOnly         bool
	Expiry                              *time.Time
	Created, Updated                    time.Time
}

var (
	hookSystems = map[string]string{"data": "dm.", "derivative": "extraction.", "adsk.c4r": "model.",
		"adsk.flc.production": "", "autodesk.construction.cost": "",
		"autodesk.construction.bc": "", "autodesk.construction.issues": "", "adsk.tandem": "dt."}
	dataEvents = []string{"dm.version.added", "dm.version.modified", "dm.version.deleted", "dm.version.moved",
		"dm.version.moved.out", "dm.version.copied",
		"dm.version.copied.out", "dm.lineage.reserved", "dm.lineage.unreserved", "dm.lineage.updated",
		"dm.folder.added", "dm.folder.modified", "dm.folder.deleted",
		"dm.folder.purged", "dm.folder.moved", "dm.folder.moved.out", "dm.folder.copied",
		"dm.folder.copied.out", "dm.operation.started", "dm.operation.completed"}
	hookRegions = []string{"US", "EMEA", "AUS", "CAN", "DEU", "IND", "JPN", "GBR"}
	filterForm  = regexp.MustCompile(`^\$\[\?\(@\.([\w-]+)\s*==\s*'([^']*)'\)\]$`)
	secretForm  = form(`^[A-Za-z0-9]{32,64}$`)
)

const hooksPerPage = 200

func hookRoutes() []route {
	row := func(op, method, pattern string, h func(*call), scopes ...string) route {
		return route{op: op, method: method, pattern: "/webhooks/v1" + pattern, family: famWH, scopes: scopes,
			user: appOnly, handle: h}
	}
	get, post, patch, put, del := http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodPut,
		http.MethodDelete
	const event, one = "/systems/{system}/events/{event}/hooks",
		"/systems/{system}/events/{event}/hooks/{hook}"

	return []route{
		row("create-webhook", post, event, (*call).createHook, "data:read", "data:write"),
		row("create-system-webhooks", post, "/systems/{system}/hooks", (*call).createSystemHooks, "data:read",
			"data:write"),
		row("get-webhook", get, one, (*call).getHook, "data:read"),
		row("update-webhook", patch, one, (*call).updateHook, "data:read", "data:write"),
		row("delete-webhook", del, one, (*call).deleteHook, "data:read", "data:write"),
		row("list-webhooks", get, "/hooks", (*call).listHooks, "data:read"),
		row("list-app-webhooks", get, "/app/hooks", (*call).listHooks, "data:read"),
		row("list-webhooks-by-system", get, "/systems/{system}/hooks", (*call).listHooks, "data:read"),
		row("list-webhooks-by-event", get, event, (*call).listHooks, "data:read"),
		row("create-webhook-token", post, "/tokens", (*call).createHookToken, "data:read", "data:write"),
		row("update-webhook-token", put, "/tokens/@me", (*call).updateHookToken, "data:read", "data:write"),
		row("delete-webhook-token", del, "/tokens/@me", (*call).deleteHookToken, "data:read", "data:write"),
	}
}

func (c *call) hookRegion() string {
	region := cmp.Or(c.r.Header.Get("x-ads-region"), c.q.Get("region"), "US")
	if !slices.Contains(hookRegions, region) {
		c.fail(http.StatusBadRequest, "INVALID_REGION", "region is not known: "+region)
	}

	return region
}

func (h *hook) path() string {
	return "/systems/" + h.System + "/events/" + h.Event + "/hooks/" + h.ID
}

const hookTime = "2006-01-02T15:04:05.000-0700"

func (h *hook) body() obj {
	creator, kind := h.Client, "Application"
	if h.User != "" {
		creator, kind = h.User, "O2User"
	}

	out := obj{"hookId": h.ID, "tenant": h.Tenant, "callbackUrl": h.Callback, "createdBy": creator,
		"event": h.Event, "createdDate": h.Created.UTC().Format(hookTime),
		"lastUpdatedDate": h.Updated.UTC().Format(hookTime), "system": h.System, "creatorType": kind,
		"status": h.Status, "autoReactivateHook": h.AutoReactivate,
		"scope": h.Scope, "urn": "urn:adsk.webhooks:events.hook:" + h.ID, "__self__": h.path()}
	if h.Expiry != nil {
		out["hookExpiry"] = h.Expiry.UTC().Format("2006-01-02T15:04:05.000Z")
	}

	if len(h.Attribute) > 0 {
		out["hookAttribute"] = h.Attribute
	}

	for name, v := range map[string]string{"filter": h.Filter, "hubId": h.Hub, "projectId": h.Project} {
		if v != "" {
			out[name] = v
		}
	}

	if h.PayloadOnly {
		out["callbackWithEventPayloadOnly"] = true
	}

	return out
}

type hookBody struct {
	CallbackURL    string                     `json:"callbackUrl"`
	Scope          map[string]json.RawMessage `json:"scope"`
	HookAttribute  json.RawMessage            `json:"hookAttribute"`
	Filter         *string                    `json:"filter"`
	AutoReactivate *bool                      `json:"autoReactivateHook"`
	HookExpiry     *string                    `json:"hookExpiry"`
	HubID          string                     `json:"hubId"`
	ProjectID      string                     `json:"projectId"`
	Tenant         string                     `json:"tenant"`
	PayloadOnly    *bool                      `json:"callbackWithEventPayloadOnly"`
	Status         string                     `json:"status"`
	Token          *string                    `json:"token"`
}

// apply checks what a body sets and takes it over.
func (b *hookBody) apply(h *hook, now time.Time) *problem {
	if len(b.HookAttribute) > 0 && string(b.HookAttribute) != "null" {
		var o map[string]any
		if len(b.HookAttribute) >= 1024 || json.Unmarshal(b.HookAttribute, &o) != nil {
			return invalid("hookAttribute must be a JSON object under 1 KB")
		}

		h.Attribute = b.HookAttribute
	}

	if b.Filter != nil {
		if *b.Filter != "" && !filterForm.MatchString(*b.Filter) {
			return invalid("filter must be of the form $[?(@.name=='value')]")
		}

		h.Filter = *b.Filter
	}

	if b.HookExpiry != nil {
		t, err := time.Parse(time.RFC3339, *b.HookExpiry)
		if err != nil || !t.After(now) {
			return invalid("hookExpiry must be a time in the future, ISO 8601")
		}

		h.Expiry = &t
	}

	if b.AutoReactivate != nil {
		h.AutoReactivate = *b.AutoReactivate
	}

	if b.PayloadOnly != nil {
		h.PayloadOnly = *b.PayloadOnly
	}

	if b.Token != nil {
		if !secretForm().MatchString(*b.Token) {
			return invalid("token must be 32 to 64 letters and digits")
		}

		h.Token = *b.Token
	}

	switch b.Status {
	case "":
	case "active", "inactive":
		if h.Status == "inactive" && b.Status == "active" {
			b.Status = "reactivated"
		}

		h.Status = b.Status
	default:
		return invalid("status must be active or inactive")
	}

	return nil
}

// knownEvent reports whether a system has an event. Only the data system's events are listed in
// full.
func knownEvent(system, event string) bool {
	prefix, ok := hookSystems[system]
	if !ok || event == "" {
		return false
	}

	if system == "data" && !strings.HasSuffix(event, "*") {
		return slices.Contains(dataEvents, event)
	}

	return event == "*" || strings.HasPrefix(event, prefix)
}

// newHook checks a body of a creation.
func (c *call) newHook(in hookBody, event string) (*hook, *problem) {
	h := &hook{ID: uuid(), System: c.p["system"], Event: event, Region: c.hookRegion(),
		Callback: in.CallbackURL, Client: c.tok.Client, User: c.tok.User, Scope: map[string]string{},
		Tenant: in.Tenant, Hub: in.HubID, Project: in.ProjectID, Status: "active", Created: c.now,
		Updated: c.now}
	u, err := url.Parse(in.CallbackURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, invalid("callbackUrl must be an address with http or https")
	}

	for k, raw := range in.Scope {
		var v string
		if json.Unmarshal(raw, &v) != nil || v == "" ||
			!slices.Contains([]string{"folder", "workflow", "project", "workspace", "urn"}, k) {
			return nil, invalid("scope must be an object such as {\"folder\":\"<urn>\"}")
		}

		h.Scope[k] = v
		h.Tenant = cmp.Or(h.Tenant, v)
	}

	if len(h.Scope) == 0 {
		return nil, invalid("scope is missing")
	}

	return h, in.apply(h, c.now)
}

func (c *call) createHook() {
	in := body[hookBody](c)
	if !knownEvent(c.p["system"], c.p["event"]) {
		c.refuse(missing("the system or its event is not known"))
	}

	h, bad := c.newHook(in, c.p["event"])
	c.refuse(bad)
	c.inWorld(func(m *model) *problem {
		if m.sameHook(h) != nil {
			return conflict("Failed to save duplicate webhook entry")
		}

		h.numbered = m.seq()
		m.hooks.put(h.ID, h)
		c.w.Header().Set("Location", c.url("/webhooks/v1"+h.path(), nil))

		return nil
	})
	c.answerHook(http.StatusCreated, h)
}

// answerHook answers a hook that was made or changed: without a body, unless the knob says so.
func (c *call) answerHook(status int, h *hook) {
	switch {
	case c.over:
	case c.knob.CreateHookBody:
		c.json(status, h.body())
	default:
		c.empty(status)
	}
}

// sameHook finds a hook with owner, region, callback, event and scope of h.
func (m *model) sameHook(h *hook) *hook {
	for _, o := range m.hooks.m {
		if o.System == h.System && o.Event == h.Event && o.Callback == h.Callback && o.Region == h.Region &&
			o.Client == h.Client && o.User == h.User &&
			fmt.Sprint(o.Scope) == fmt.Sprint(h.Scope) {
			return o
		}
	}

	return nil
}

func (c *call) createSystemHooks() {
	in := body[hookBody](c)
	if c.p["system"] != "data" {
		c.refuse(missing("the system is not known, or its events cannot be had all at once here"))
	}

	made := list{}
	c.inWorld(func(m *model) *problem {
		for _, event := range dataEvents {
			h, bad := c.newHook(in, event)
			if bad != nil {
				return bad
			}

			if m.sameHook(h) == nil {
				h.numbered = m.seq()
				m.hooks.put(h.ID, h)
				made = append(made, h.body())
			}
		}

		return nil
	})
	c.json(http.StatusCreated, obj{"hooks": made})
}

// withHook runs fn with the hook of the path, if it is the caller's and lies in the region.
func (c *call) withHook(fn func(*model, *hook) *problem) {
	region := c.hookRegion()
	c.inWorld(func(m *model) *problem {
		h := m.hooks.get(c.p["hook"])
		if h == nil || h.Client != c.tok.Client || h.User != c.tok.User || h.Region != region ||
			h.System != c.p["system"] || h.Event != c.p["event"] {
			return missing("no such webhook in this region")
		}

		return fn(m, h)
	})
}

func (c *call) getHook() {
	var out obj
	c.withHook(func(_ *model, h *hook) *problem {
		out = h.body()
		return nil
	})
	c.ok(out)
}

func (c *call) updateHook() {
	in := body[hookBody](c)
	var changed hook
	c.withHook(func(m *model, h *hook) *problem {
		switch {
		case in.CallbackURL != "" && in.CallbackURL != h.Callback:
			return invalid("callbackUrl cannot be changed")
		case in.Scope != nil:
			return invalid("scope cannot be changed")
		}

		changed = *h
		changed.Updated = c.now
		bad := in.apply(&changed, c.now)
		if bad == nil {
			m.hooks.put(h.ID, &changed)
		}

		return bad
	})
	c.answerHook(http.StatusOK, &changed)
}

func (c *call) deleteHook() {
	c.withHook(func(m *model, h *hook) *problem {
		m.hooks.del(h.ID)
		return nil
	})
	c.empty(http.StatusNoContent)
}

func (c *call) listHooks() {
	region := c.hookRegion()
	status, app := c.q.Get("status"), c.rt.op == "list-app-webhooks"
	after := int64(0)
	if raw := c.q.Get("pageState"); raw != "" {
		b, err := base64.RawURLEncoding.DecodeString(raw)
		if after, _ = strconv.ParseInt(string(b), 10, 64); err != nil || after == 0 {
			c.refuse(invalid("pageState is malformed"))
		}
	}

	system := c.p["system"]
	switch _, known := hookSystems[system]; {
	case !slices.Contains([]string{"", "active", "inactive", "reactivated"}, status):
		c.refuse(invalid("status must be active, inactive or reactivated"))
	case app && c.tok.User != "":
		c.refuse(forbidden("a two-legged token is needed"))
	case system != "" && !known:
		c.refuse(missing("the system is not known"))
	}

	data, next := list{}, ""
	c.s.read(func(m *model) {
		for _, h := range inOrder(m.hooks.m) {
			_, scoped := h.Scope[c.q.Get("scopeName")]
			switch {
			case h.Seq <= after, h.Client != c.tok.Client, !app && h.User != c.tok.User, h.Region != region:
			case status != "" && h.Status != status, system != "" && h.System != system,
				c.p["event"] != "" && h.Event != c.p["event"]:
			case c.q.Get("scopeName") != "" && !scoped:
			case len(data) == hooksPerPage:
				next = base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(after, 10)))
				return
			default:
				data = append(data, h.body())
				after = h.Seq
			}
		}
	})
	if len(data) == 0 && !app {
		c.empty(http.StatusNoContent)
		return
	}

	if c.q.Get("sort") == "desc" || app && c.q.Get("sort") == "" {
		slices.Reverse(data)
	}

	links := obj{}
	if next != "" {
		q := url.Values{}
		maps.Copy(q, c.q)
		q.Set("pageState", next)
		links["next"] = strings.TrimPrefix(c.r.URL.EscapedPath(), "/webhooks/v1") + "?" + q.Encode()
	}

	c.ok(obj{"links": links, "data": data})
}

// hookSecret runs fn with the id of the caller's secret in the region, if there is one as wanted.
func (c *call) hookSecret(wanted bool, none *problem, fn func(m *model, id string)) {
	id := c.tok.Client + "/" + c.tok.User + "/" + c.hookRegion()
	c.inWorld(func(m *model) *problem {
		if (m.hookTokens.get(id) != nil) != wanted {
			return none
		}

		fn(m, id)

		return nil
	})
}

// newSecret is the secret of a body.
func (c *call) newSecret() *string {
	in := body[struct {
		Token string `json:"token"`
	}](c)
	if !secretForm().MatchString(in.Token) {
		c.refuse(invalid("token must be 32 to 64 letters and digits"))
	}

	return &in.Token
}

var noSecret = missing("no secret token is set")

func (c *call) createHookToken() {
	secret := c.newSecret()
	c.hookSecret(false, invalid("Secret token already exists."), func(m *model, id string) {
		m.hookTokens.put(id, secret)
	})
	c.ok(obj{"status": 200, "detail": list{"Successfully created secret token"}})
}

func (c *call) updateHookToken() {
	secret := c.newSecret()
	c.hookSecret(true, noSecret, func(m *model, id string) { m.hookTokens.put(id, secret) })
	c.empty(http.StatusNoContent)
}

func (c *call) deleteHookToken() {
	c.hookSecret(true, noSecret, func(m *model, id string) { m.hookTokens.del(id) })
	c.empty(http.StatusNoContent)
}
