package emulator

import (
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
	ID, System, Event, Region, Callback string
	Client, User                        string // owner; User: "" the app
	Scope                               map[string]string
	Attribute                           json.RawMessage
	Filter, Token, Tenant, Hub, Project string
	Status                              string // active, inactive, reactivated
	AutoReactivate, PayloadOnly         bool
	Expiry                              *time.Time
	Created, Updated                    time.Time
	Seq                                 int64
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
	secretForm  = regexp.MustCompile(`^[A-Za-z0-9]{32,64}$`)
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

func (c *call) hookRegion() (string, bool) {
	region := c.r.Header.Get("x-ads-region")
	if region == "" {
		region = c.q.Get("region")
	}

	if region == "" {
		region = "US"
	}

	if !slices.Contains(hookRegions, region) {
		c.fail(http.StatusBadRequest, "INVALID_REGION", "region is not known: "+region)
		return "", false
	}

	return region, true
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

// apply checks what a body sets and takes it over; "" when all is well.
func (b *hookBody) apply(h *hook, now time.Time) string {
	if len(b.HookAttribute) > 0 && string(b.HookAttribute) != "null" {
		var o map[string]any
		if len(b.HookAttribute) >= 1024 || json.Unmarshal(b.HookAttribute, &o) != nil {
			return "hookAttribute must be a JSON object under 1 KB"
		}

		h.Attribute = b.HookAttribute
	}

	if b.Filter != nil {
		if *b.Filter != "" && !filterForm.MatchString(*b.Filter) {
			return "filter must be of the form $[?(@.name=='value')]"
		}

		h.Filter = *b.Filter
	}

	if b.HookExpiry != nil {
		t, err := time.Parse(time.RFC3339, *b.HookExpiry)
		if err != nil || !t.After(now) {
			return "hookExpiry must be a time in the future, ISO 8601"
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
		if !secretForm.MatchString(*b.Token) {
			return "token must be 32 to 64 letters and digits"
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
		return "status must be active or inactive"
	}

	return ""
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
func (c *call) newHook(in hookBody, event string) (*hook, bool) {
	region, ok := c.hookRegion()
	if !ok {
		return nil, false
	}

	bad := func(detail string) (*hook, bool) {
		c.fail(http.StatusBadRequest, "BAD_REQUEST", detail)
		return nil, false
	}
	h := &hook{ID: uuid(), System: c.p["system"], Event: event, Region: region, Callback: in.CallbackURL,
		Client: c.tok.Client, User: c.tok.User,
		Scope: map[string]string{}, Tenant: in.Tenant, Hub: in.HubID, Project: in.ProjectID, Status: "active",
		Created: c.now, Updated: c.now}
	u, err := url.Parse(in.CallbackURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return bad("callbackUrl must be an address with http or https")
	}

	for k, raw := range in.Scope {
		var v string
		if json.Unmarshal(raw, &v) != nil || v == "" ||
			!slices.Contains([]string{"folder", "workflow", "project", "workspace", "urn"}, k) {
			return bad("scope must be an object such as {\"folder\":\"<urn>\"}")
		}

		h.Scope[k] = v
		if h.Tenant == "" {
			h.Tenant = v
		}
	}

	if len(h.Scope) == 0 {
		return bad("scope is missing")
	}

	if why := in.apply(h, c.now); why != "" {
		return bad(why)
	}

	return h, true
}

func (c *call) createHook() {
	var in hookBody
	if !c.decode(&in) {
		return
	}

	if !knownEvent(c.p["system"], c.p["event"]) {
		c.fail(http.StatusNotFound, "NOT_FOUND", "the system or its event is not known")
		return
	}

	h, ok := c.newHook(in, c.p["event"])
	if !ok {
		return
	}

	taken := false
	c.s.update(func(m *model) {
		if taken = m.sameHook(h) != nil; !taken {
			h.Seq = m.seq()
			m.hooks.put(h.ID, h)
		}
	})
	if taken {
		c.fail(http.StatusConflict, "CONFLICT_ERROR", "Failed to save duplicate webhook entry")
		return
	}

	c.w.Header().Set("Location", c.url("/webhooks/v1"+h.path(), nil))
	if c.knob.CreateHookBody {
		c.json(http.StatusCreated, h.body())
		return
	}

	c.empty(http.StatusCreated)
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
	var in hookBody
	if !c.decode(&in) {
		return
	}

	if c.p["system"] != "data" {
		c.fail(http.StatusNotFound, "NOT_FOUND",
			"the system is not known, or its events cannot be had all at once here")
		return
	}

	made := list{}
	for _, event := range dataEvents {
		h, ok := c.newHook(in, event)
		if !ok {
			return
		}

		c.s.update(func(m *model) {
			if m.sameHook(h) == nil {
				h.Seq = m.seq()
				m.hooks.put(h.ID, h)
				made = append(made, h.body())
			}
		})
	}

	c.json(http.StatusCreated, obj{"hooks": made})
}

// mine finds the hook of the path, if it is the caller's and lies in the region.
func (c *call) mine(m *model, region string) *hook {
	h := m.hooks.get(c.p["hook"])
	if h == nil || h.Client != c.tok.Client || h.User != c.tok.User || h.Region != region ||
		h.System != c.p["system"] || h.Event != c.p["event"] {
		return nil
	}

	return h
}

func (c *call) withHook(fn func(*model, *hook)) {
	region, ok := c.hookRegion()
	if !ok {
		return
	}

	found := false
	c.s.update(func(m *model) {
		if h := c.mine(m, region); h != nil {
			found = true
			fn(m, h)
		}
	})
	if !found {
		c.fail(http.StatusNotFound, "NOT_FOUND", "no such webhook in this region")
	}
}

func (c *call) getHook() {
	var out obj
	c.withHook(func(_ *model, h *hook) { out = h.body() })
	if out != nil {
		c.json(http.StatusOK, out)
	}
}

func (c *call) updateHook() {
	var in hookBody
	if !c.decode(&in) {
		return
	}

	var out obj
	why := ""
	c.withHook(func(m *model, h *hook) {
		cp := *h
		switch {
		case in.CallbackURL != "" && in.CallbackURL != h.Callback:
			why = "callbackUrl cannot be changed"
		case in.Scope != nil:
			why = "scope cannot be changed"
		default:
			why = in.apply(&cp, c.now)
		}

		if why == "" {
			cp.Updated = c.now
			m.hooks.put(cp.ID, &cp)
		}

		out = cp.body()
	})

	switch {
	case out == nil:
	case why != "":
		c.fail(http.StatusBadRequest, "BAD_REQUEST", why)
	case c.knob.CreateHookBody:
		c.json(http.StatusOK, out)
	default:
		c.empty(http.StatusOK)
	}
}

func (c *call) deleteHook() {
	done := false
	c.withHook(func(m *model, h *hook) {
		m.hooks.del(h.ID)
		done = true
	})
	if done {
		c.empty(http.StatusNoContent)
	}
}

func (c *call) listHooks() {
	region, ok := c.hookRegion()
	if !ok {
		return
	}

	status, app := c.q.Get("status"), c.rt.op == "list-app-webhooks"
	after := int64(0)
	if raw := c.q.Get("pageState"); raw != "" {
		b, err := base64.RawURLEncoding.DecodeString(raw)
		if after, _ = strconv.ParseInt(string(b), 10, 64); err != nil || after == 0 {
			c.fail(http.StatusBadRequest, "BAD_REQUEST", "pageState is malformed")
			return
		}
	}

	switch {
	case status != "" && status != "active" && status != "inactive" && status != "reactivated":
		c.fail(http.StatusBadRequest, "BAD_REQUEST", "status must be active, inactive or reactivated")
		return
	case app && c.tok.User != "":
		c.fail(http.StatusForbidden, "FORBIDDEN", "a two-legged token is needed")
		return
	case c.p["system"] != "" && !slices.Contains(systemNames(), c.p["system"]):
		c.fail(http.StatusNotFound, "NOT_FOUND", "the system is not known")
		return
	}

	data, next := list{}, ""
	c.s.read(func(m *model) {
		for _, h := range sortedBySeq(m.hooks.m, func(h *hook) int64 { return h.Seq }) {
			_, scoped := h.Scope[c.q.Get("scopeName")]
			switch {
			case h.Seq <= after, h.Client != c.tok.Client, !app && h.User != c.tok.User, h.Region != region:
			case status != "" && h.Status != status, c.p["system"] != "" && h.System != c.p["system"],
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

	c.json(http.StatusOK, obj{"links": links, "data": data})
}

func systemNames() []string {
	out := make([]string, 0, len(hookSystems))
	for s := range hookSystems {
		out = append(out, s)
	}

	return out
}

func (c *call) hookSecret() (id, secret string, ok bool) {
	region, ok := c.hookRegion()
	if !ok {
		return "", "", false
	}

	id = c.tok.Client + "/" + c.tok.User + "/" + region
	if c.r.Method == http.MethodDelete {
		return id, "", true
	}

	var in struct {
		Token string `json:"token"`
	}
	if !c.decode(&in) {
		return "", "", false
	}

	if !secretForm.MatchString(in.Token) {
		c.fail(http.StatusBadRequest, "BAD_REQUEST", "token must be 32 to 64 letters and digits")
		return "", "", false
	}

	return id, in.Token, true
}

func (c *call) createHookToken() {
	id, secret, ok := c.hookSecret()
	if !ok {
		return
	}

	taken := false
	c.s.update(func(m *model) {
		if taken = m.hookTokens.get(id) != nil; !taken {
			m.hookTokens.put(id, &secret)
		}
	})
	if taken {
		c.fail(http.StatusBadRequest, "BAD_REQUEST", "Secret token already exists.")
		return
	}

	c.json(http.StatusOK, obj{"status": 200, "detail": list{"Successfully created secret token"}})
}

func (c *call) updateHookToken() {
	c.changeHookToken(func(m *model, id, secret string) { m.hookTokens.put(id, &secret) })
}

func (c *call) deleteHookToken() {
	c.changeHookToken(func(m *model, id, _ string) { m.hookTokens.del(id) })
}

func (c *call) changeHookToken(fn func(m *model, id, secret string)) {
	id, secret, ok := c.hookSecret()
	if !ok {
		return
	}

	found := false
	c.s.update(func(m *model) {
		if found = m.hookTokens.get(id) != nil; found {
			fn(m, id, secret)
		}
	})
	if !found {
		c.fail(http.StatusNotFound, "NOT_FOUND", "no secret token is set")
		return
	}

	c.empty(http.StatusNoContent)
}
