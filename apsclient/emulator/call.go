package emulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const maxBody = 4 << 20 // control-plane bodies; the service's own bound is not documented

// call is one request on its way through a handler.
type call struct {
	s     *Server
	w     http.ResponseWriter
	r     *http.Request
	rt    *route
	p     map[string]string // path parameters, decoded
	q     url.Values
	body  []byte // of a control-plane call
	now   time.Time
	tok   *token
	token string // the access token itself
	user  string // whom the call acts for; "" the app
	rec   *Request
	knob  Knobs
	fault Fault
	cut   bool // the answer ends in the middle
	over  bool // refused: what comes after has no effect and no answer
}

type obj = map[string]any
type list = []any

// json answers v with a status. The content type is application/json for all families, as the
// specification has it.
func (c *call) json(status int, v any) {
	if c.over {
		return
	}

	if err := c.s.brokenLog(); err != nil {
		c.fail(http.StatusInternalServerError, "INTERNAL", err.Error())
		return
	}

	if v = c.oddly(v); v == nil {
		c.blank()
		return
	}

	c.write(status, v)
}

func (c *call) ok(v any) { c.json(http.StatusOK, v) }

func (c *call) write(status int, v any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // signed URLs hold &, and the service writes it as it is
	err := e.Encode(v)
	raw := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	if err != nil {
		raw, status = []byte(`{"developerMessage":"answer could not be encoded"}`),
			http.StatusInternalServerError
	}

	if c.cut {
		raw = raw[:len(raw)/2]
	}

	c.plain(status, "application/json", string(raw))
}

func (c *call) plain(status int, kind, text string) {
	c.w.Header().Set("Content-Type", kind)
	c.w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	c.w.WriteHeader(status)
	_, _ = io.WriteString(c.w, text)
}

func (s *Server) brokenLog() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.world.log.err
}

// empty answers a status without a body.
func (c *call) empty(status int) {
	if c.over {
		return
	}

	if err := c.s.brokenLog(); err != nil {
		c.fail(http.StatusInternalServerError, "INTERNAL", err.Error())
		return
	}

	if status != http.StatusNoContent && status != http.StatusNotModified {
		c.w.Header().Set("Content-Length", "0")
	}

	c.w.WriteHeader(status)
}

// authorize checks token, scopes, context and quota. It answers itself and reports false when the
// call may not go on.
func (c *call) authorize() bool {
	if c.rt.user == noToken {
		return true
	}

	access, ok := strings.CutPrefix(c.r.Header.Get("Authorization"), "Bearer ")
	if !ok || access == "" {
		c.gateway(http.StatusUnauthorized, "AUTH-012", "Authorization header is not present in the request")
		return false
	}

	var tok *token
	c.s.read(func(m *model) {
		if t := m.tokens.get(access); t != nil && c.now.Before(t.Expires) {
			cp := *t
			tok = &cp
		}
	})
	if tok == nil {
		c.gateway(http.StatusUnauthorized, "AUTH-006", "Access token provided is invalid or expired.")
		return false
	}

	c.tok, c.token, c.user = tok, access, tok.User
	c.rec.Scopes, c.rec.User = tok.Scopes, c.user
	if c.rt.class != "" && !c.s.allow(c, tok.Client, c.rt.class, c.rt.perMinute) {
		return false
	}

	for _, want := range c.rt.scopes {
		if !slices.Contains(tok.Scopes, want) {
			status := http.StatusForbidden
			if c.rt.family == famOSS {
				status = http.StatusUnauthorized // as the object storage pages put it
			}

			c.gateway(status, "AUTH-010", "Token does not have the privilege for this request.")

			return false
		}
	}

	return c.contextOK()
}

// contextOK reads the user header of an endpoint that takes one.
func (c *call) contextOK() bool {
	if c.rt.user == appOnly {
		if c.rt.family == famHQ && c.tok.User != "" {
			c.refuse(forbidden("this endpoint needs a two-legged token"))
		}

		return !c.over
	}

	name := "x-user-id"
	if c.rt.family == famCA {
		name = "User-Id"
	}

	if id := c.r.Header.Get(name); id != "" && c.tok.User == "" {
		uid := ""
		c.s.read(func(m *model) { uid = c.headerUser(m, id) })
		if uid == "" || c.knob.DenyUserHeader {
			c.fail(http.StatusForbidden, "USER_IMPERSONATION_DENIED",
				"the application may not act for user "+id)
			return false
		}

		c.user = uid
		c.rec.User = id
	}

	if c.rt.user == userRequired && c.user == "" {
		c.fail(http.StatusForbidden, "USER_CONTEXT_REQUIRED",
			"a user is required: three-legged token or "+name+" header")
		return false
	}

	return true
}

// headerUser is the Autodesk id of whom a user header names. Data management takes that id, hq the one
// of the account, and construction/admin either.
func (c *call) headerUser(m *model, id string) string {
	for _, p := range m.people.m {
		if p.UID == id && c.rt.family != famHQ || p.ID == id && c.rt.family != famDM {
			return p.UID
		}
	}

	return ""
}

// body reads a JSON body after its media type was checked; a refused one is empty.
func body[T any](c *call) (in T) {
	c.decode(&in)
	return in
}

func (c *call) decode(into any) {
	want := "application/json"
	if c.rt.family == famDM {
		want = "application/vnd.api+json"
	}

	got, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if got != want {
		if c.rt.family == famOSS {
			c.refuse(invalid("Content-Type must be application/json"))
		} else {
			c.fail(http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE",
				fmt.Sprintf("Content-Type is %q, needed is %s", got, want))
		}

		return
	}

	if err := json.Unmarshal(c.body, into); err != nil {
		c.refuse(invalid("The request body is not valid JSON of the expected form: " + err.Error()))
	}
}

// number reads an integer query parameter within bounds; absent gives def, and so does a wrong one
// after it was refused.
func (c *call) number(name string, def, low, high int) int {
	raw := c.q.Get(name)
	if raw == "" {
		return def
	}

	n, err := strconv.Atoi(raw)
	if err != nil || n < low || n > high {
		detail := fmt.Sprintf("parameter %s is %q, must be a number from %d to %d", name, raw, low, high)
		if c.rt.family == famOSS && name == "limit" {
			detail = "Invalid limit"
		}

		c.refuse(invalid(detail))

		return def
	}

	return n
}

// boolean reads a true/false query parameter as number does.
func (c *call) boolean(name string, def bool) bool {
	raw := c.q.Get(name)
	if raw == "" {
		return def
	}

	v, err := strconv.ParseBool(raw)
	if err != nil {
		c.refuse(invalid(fmt.Sprintf("parameter %s is %q, must be true or false", name, raw)))
		return def
	}

	return v
}

// url is an address at the host that the client used.
func (c *call) url(path string, q url.Values) string {
	u := origin(c.r) + path
	if len(q) > 0 {
		u += "?" + q.Encode()
	}

	return u
}

// readBody takes a control-plane body.
func readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}

	return io.ReadAll(io.LimitReader(r.Body, maxBody))
}
