package apsclient

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"path"
	"time"
)

// WebhooksService are the calls on webhooks. A two-legged token sees the application's hooks, a
// three-legged one the user's.
type WebhooksService struct{ c *Client }

// Webhook is one hook.
type Webhook struct {
	ID, System, Event, CallbackURL, Status string
	Scope                                  map[string]string // {"folder": URN} for system data
	Tenant, URN, CreatorType, CreatedBy    string
	Created, Updated                       time.Time
	Expiry                                 time.Time // zero: never
	AutoReactivate                         bool
	Attribute                              json.RawMessage // echoed with each callback; nil none
	Filter                                 string
}

type wireHook struct {
	HookID         string            `json:"hookId"`
	System         string            `json:"system"`
	Event          string            `json:"event"`
	CallbackURL    string            `json:"callbackUrl"`
	Status         string            `json:"status"`
	Scope          map[string]string `json:"scope"`
	Tenant         string            `json:"tenant"`
	URN            string            `json:"urn"`
	CreatorType    string            `json:"creatorType"`
	CreatedBy      string            `json:"createdBy"`
	CreatedDate    looseTime         `json:"createdDate"`
	LastUpdated    looseTime         `json:"lastUpdatedDate"`
	Expiry         looseTime         `json:"hookExpiry"`
	AutoReactivate bool              `json:"autoReactivateHook"`
	Attribute      json.RawMessage   `json:"hookAttribute"`
	Filter         json.RawMessage   `json:"filter"`
}

func (h wireHook) webhook() Webhook {
	return Webhook{
		ID: h.HookID, System: h.System, Event: h.Event, CallbackURL: h.CallbackURL, Status: h.Status,
		Scope: h.Scope, Tenant: h.Tenant, URN: h.URN,
		CreatorType: h.CreatorType, CreatedBy: h.CreatedBy, Created: h.CreatedDate.Time,
		Updated: h.LastUpdated.Time, Expiry: h.Expiry.Time,
		AutoReactivate: h.AutoReactivate, Attribute: h.Attribute, Filter: text(h.Filter),
	}
}

// NewWebhook is a hook to create. Its callback and scope cannot be changed later.
type NewWebhook struct {
	System, Event, CallbackURL string
	Scope                      map[string]string
	Attribute                  any // any JSON under 1 KB; nil none
	Filter                     string
	AutoReactivate             bool
	Hub                        HubID
	Project                    ProjectID
}

// Create registers a hook and returns its id from the Location header; "" where the service gave
// none: list and match. POST /webhooks/v1/systems/{system}/events/{event}/hooks; data:read
// data:write; 2L, 3L; not idempotent: 409 when the same hook (callback, event, scope) exists.
func (s *WebhooksService) Create(ctx context.Context, n NewWebhook) (id string, err error) {
	body := m{"callbackUrl": n.CallbackURL, "scope": n.Scope}
	if n.Attribute != nil {
		body["hookAttribute"] = n.Attribute
	}

	if n.Filter != "" {
		body["filter"] = n.Filter
	}

	if n.AutoReactivate {
		body["autoReactivateHook"] = true
	}

	if n.Hub != "" {
		body["hubId"] = string(n.Hub)
	}

	if n.Project != "" {
		body["projectId"] = string(n.Project)
	}

	resp, err := s.c.Do(ctx, Request{Action: "create-webhook",
		Params: map[string]string{"system": n.System, "event": n.Event}, Body: jsonBody(body)})
	if err != nil {
		return "", err
	}

	if l := resp.Header.Get("Location"); l != "" {
		return path.Base(l), nil
	}

	return "", nil
}

func hookParams(system, event, id string) map[string]string {
	return map[string]string{"system": system, "event": event, "hook_id": id}
}

// Webhook returns one hook. GET .../hooks/{hook_id}; data:read; 2L, 3L.
func (s *WebhooksService) Webhook(ctx context.Context, system, event, id string) (Webhook, error) {
	h, err := call[wireHook](ctx, s.c, Request{Action: "get-webhook", Params: hookParams(system, event, id)})
	return h.webhook(), err
}

// WebhookUpdate names what to change; nil fields stay.
type WebhookUpdate struct {
	Status         *string // "active", "inactive"
	AutoReactivate *bool
	Filter         *string
	Attribute      any
	Token          Secret // of the signature; "" stays
}

// Update changes a hook. PATCH .../hooks/{hook_id}; data:read data:write; 2L, 3L.
func (s *WebhooksService) Update(ctx context.Context, system, event, id string, u WebhookUpdate) error {
	body := m{}
	if u.Status != nil {
		body["status"] = *u.Status
	}

	if u.AutoReactivate != nil {
		body["autoReactivateHook"] = *u.AutoReactivate
	}

	if u.Filter != nil {
		body["filter"] = *u.Filter
	}

	if u.Attribute != nil {
		body["hookAttribute"] = u.Attribute
	}

	if u.Token != "" {
		body["token"] = u.Token.Reveal()
	}

	if len(body) == 0 {
		return errors.New("update webhook: nothing to change")
	}

	_, err := s.c.Do(ctx, Request{Action: "update-webhook", Params: hookParams(system, event, id),
		Body: jsonBody(body)})

	return err
}

// Delete removes a hook. DELETE .../hooks/{hook_id}; data:read data:write; 2L, 3L.
func (s *WebhooksService) Delete(ctx context.Context, system, event, id string) error {
	_, err := s.c.Do(ctx, Request{Action: "delete-webhook", Params: hookParams(system, event, id)})
	return err
}

func hooks(body []byte) ([]Webhook, error) {
	var page struct {
		Data []wireHook `json:"data"`
	}

	err := json.Unmarshal(body, &page)
	out := make([]Webhook, 0, len(page.Data))
	for _, h := range page.Data {
		out = append(out, h.webhook())
	}

	return out, err
}

// List yields all hooks of the token's owner in the region. GET /webhooks/v1/hooks; data:read; 2L,
// 3L.
func (s *WebhooksService) List(ctx context.Context) iter.Seq2[Webhook, error] {
	return listOf(ctx, s.c, Request{Action: "list-webhooks"}, hooks)
}

// ListBySystem yields the hooks of one system. GET /webhooks/v1/systems/{system}/hooks; data:read;
// 2L, 3L.
func (s *WebhooksService) ListBySystem(ctx context.Context, system string) iter.Seq2[Webhook, error] {
	return listOf(ctx, s.c, Request{Action: "list-webhooks-by-system",
		Params: map[string]string{"system": system}}, hooks)
}
