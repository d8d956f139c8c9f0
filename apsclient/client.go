package apsclient

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Client makes the calls, grouped as services. It is safe for concurrent use.
type Client struct {
	Hubs     *HubsService
	Projects *ProjectsService
	Folders  *FoldersService
	Items    *ItemsService
	Versions *VersionsService
	Buckets  *BucketsService
	Objects  *ObjectsService
	Data     *DataService

	core   *core
	scopes []string
}

// core is what all clients of one New share.
type core struct {
	base      *url.URL
	chain     http.RoundTripper // control plane
	data      http.RoundTripper // data plane
	slow      atomic.Bool       // a part stalled, see stalled
	own       []*http.Transport // made by New
	budgets   *budgets
	tally     tally
	tokens    TokenSource
	remote    bool // chain is that of another process
	userID    string
	region    string
	accounts  *accounts
	userAgent string
	bandwidth Bandwidth
	allow     func(Action) error
	grant     []string
	calls     Calls
}

// defaultAgent is the User-Agent of whoever says none.
const defaultAgent = "hoist"

// New makes a client. Errors are *ConfigError.
func New(c Config) (*Client, error) {
	base, err := ParseBaseURL(c.BaseURL)
	if err != nil {
		return nil, err
	}

	log := c.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}

	k := &core{
		base: base, budgets: newBudgets(c.Limits), tokens: c.Tokens, remote: c.Chain != nil, userID: c.UserID,
		region: c.Region, accounts: newAccounts(c.Memory, base.Host),
		userAgent: c.UserAgent, bandwidth: c.Bandwidth, allow: c.Allow,
		grant: slices.Clone(c.Grant), calls: c.Calls,
	}
	if k.userAgent == "" {
		k.userAgent = defaultAgent
	}

	control := c.Transport
	data := c.Transport
	if c.Transport == nil {
		ct, dt := newTransport(c.RootCAs), newDataTransport(c.RootCAs, k.dialed)
		control, data, k.own = ct, dt, []*http.Transport{ct, dt}
	}

	control = awaiting{control, &k.tally}
	if b, ok := c.Tokens.(interface {
		bind(http.RoundTripper, string)
	}); ok {
		b.bind(control, k.userAgent)
	}

	k.chain = c.Chain
	if k.chain == nil {
		k.chain = newChain(counting{control, &k.tally, ofCall}, c.Tokens, c.Bandwidth, log)
	}

	k.data = dataLogging(log, counting{data, &k.tally, ofPart})

	return newClient(k, c.Scopes), nil
}

func newClient(k *core, scopes []string) *Client {
	c := &Client{core: k, scopes: slices.Clone(scopes)}
	c.Hubs = &HubsService{c}
	c.Projects = &ProjectsService{c}
	c.Folders = &FoldersService{c}
	c.Items = &ItemsService{c}
	c.Versions = &VersionsService{c}
	c.Buckets = &BucketsService{c}
	c.Objects = &ObjectsService{c}
	c.Data = &DataService{c}

	return c
}

// WithScopes returns a client over the same core (budgets, tokens, connections). An action whose
// scopes are a subset of these asks with exactly this set, so that a transfer needs one token; any
// other action asks with exactly its own.
func (c *Client) WithScopes(scopes ...string) *Client { return newClient(c.core, scopes) }

// Scopes returns the set of WithScopes, nil when each action asks with exactly its own.
func (c *Client) Scopes() []string { return slices.Clone(c.scopes) }

// Close closes idle connections of the client's own transports. Calls after Close still work.
func (c *Client) Close() {
	for _, t := range c.core.own {
		t.CloseIdleConnections()
	}
}

// Budgets returns the state of every limited class, sorted; empty with ServerLimits.
func (c *Client) Budgets() []BudgetState { return c.core.budgets.states() }

// Closed returns the class that the service asked to wait with, and until when; of several without a
// limit here, which [Client.Budgets] tells, the one that opens last. Zero: none.
func (c *Client) Closed() (class BudgetClass, until time.Time) { return c.core.budgets.closed() }

// Region is the one that the client was made for; "" none in particular.
func (c *Client) Region() string { return c.core.region }

// TokenRequests counts the requests made to the token endpoint.
func (c *Client) TokenRequests() int64 {
	if t, ok := c.core.tokens.(interface{ Requests() int64 }); ok {
		return t.Requests()
	}

	return 0
}

// scopesFor decides the scopes of the token of a call.
func (c *Client) scopesFor(a Action, asked []string) []string {
	if asked != nil {
		return sortedScopes(asked)
	}

	for _, s := range a.Scopes {
		if !slices.Contains(c.scopes, s) {
			return sortedScopes(a.Scopes)
		}
	}

	if len(c.scopes) > 0 {
		return sortedScopes(c.granted(a))
	}

	return sortedScopes(a.Scopes)
}

// granted is the scope set of a whole transfer, without what may not be asked for; what the action
// itself needs stays.
func (c *Client) granted(a Action) []string {
	if c.core.grant == nil {
		return c.scopes
	}

	return slices.DeleteFunc(slices.Clone(c.scopes), func(s string) bool {
		return !slices.Contains(c.core.grant, s) && !slices.Contains(a.Scopes, s)
	})
}

func sortedScopes(s []string) []string {
	out := slices.Clone(s)
	slices.Sort(out)
	return slices.Compact(out)
}

// Do performs one call of a registered action by its parameters. The body goes as given,
// unvalidated; see Validate. On an error status both are returned: the Response as received and the
// *Error; likewise with the *Error, *PartsError, *PartialError or *IgnoredError that a success holds.
// Without an answer the Response is nil and the error a *NetError, *AuthError, *ParamError or that
// of the context.
func (c *Client) Do(ctx context.Context, r Request) (*Response, error) {
	p, err := c.prepare(r)
	if err != nil {
		return nil, err
	}

	if err := c.allowed(p.action); err != nil {
		return nil, err
	}

	if p.action.Name == actionPutBinary && !c.core.remote {
		return c.putBinary(ctx, r)
	}

	if err := c.addUser(ctx, p); err != nil {
		return nil, err
	}

	op := opName(p.action)
	r.Scopes = c.scopesFor(p.action, r.Scopes)
	resp, err := c.send(ctx, p, op, r)
	if err != nil {
		return nil, err
	}

	refused := refusal(p, op, resp)
	if refused != nil && c.elsewhere(ctx, p, refused) {
		if resp, err = c.send(ctx, p, op, r); err != nil {
			return nil, err
		}

		refused = refusal(p, op, resp)
	}

	if refused != nil {
		if p.userKey != "" && refused.Status < 500 { // the id may be that of a user who left and came back
			c.core.accounts.memory.Remember(p.userKey, "")
		}

		return resp, refused
	}

	if p.action.Name == "list-hubs" {
		c.core.accounts.learn(resp.Body)
	}

	if err := effect(p, op, r.Body, resp); err != nil {
		return resp, err
	}

	return resp, nil
}

// refusal is the error of an answer that is no success, else nil.
func refusal(p *prepared, op string, resp *Response) *Error {
	if resp.Status < 300 || resp.Status == http.StatusNotModified {
		return nil
	}

	return newError(op, p.action.Method, p.path, resp.Status, resp.Header, resp.Body)
}

// Allowed is a *NotAllowedError for an action that Config.Allow refuses.
func (c *Client) Allowed(action string) error {
	a, ok := ActionByName(action)
	if !ok {
		return &ParamError{Action: action, Problem: "no such action"}
	}

	return c.allowed(a)
}

func (c *Client) allowed(a Action) error {
	if c.core.allow == nil {
		return nil
	}

	if err := c.core.allow(a); err != nil {
		return &NotAllowedError{err}
	}

	return nil
}

// opName is the title in lower case: "create version", but "get signed S3 download URL".
func opName(a Action) string {
	words := strings.Fields(a.Title)
	for i, w := range words {
		if w != strings.ToUpper(w) && w != "URLs" {
			words[i] = strings.ToLower(w)
		}
	}

	return strings.Join(words, " ")
}

func (c *Client) send(ctx context.Context, p *prepared, op string, r Request) (*Response, error) {
	call := &callInfo{request: r, action: p.action, op: op, scopes: r.Scopes,
		budget: c.core.budgets.class(p.action.Budget)}
	if c.core.calls != nil {
		var end func()
		call.told, end = c.core.calls(op)

		defer end()
	}

	hr, err := p.request(withCall(ctx, call), c.core.base)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}

	hr.Header.Set("User-Agent", c.core.userAgent)
	hres, err := c.core.chain.RoundTrip(hr)
	if err != nil {
		if t, ok := errors.AsType[*tokenFailure](err); ok {
			return nil, unsent(op, t.err)
		}

		if n, ok := errors.AsType[*NetError](err); ok {
			n.Op = cmp.Or(n.Op, op)
			return nil, err
		}

		return nil, fmt.Errorf("%s: %w", op, err)
	}

	body, err := io.ReadAll(hres.Body)
	_ = hres.Body.Close()
	if err != nil {
		return nil, &NetError{Op: op, Err: err, Sent: true}
	}

	if goneAfterRepeat(p.action, call, hres.StatusCode) {
		return &Response{Status: http.StatusNoContent, Header: http.Header{}}, nil
	}

	if call.applied && p.action.Method != http.MethodGet {
		hres.Header.Set(headerLost, "true")
	}

	body = bytes.TrimPrefix(body, byteOrderMark) // it is no JSON

	return &Response{Status: hres.StatusCode, Header: hres.Header, Body: body}, nil
}

// unsent is the error of a call that had no token: whatever happened to the request for the token,
// the call itself never left.
func unsent(op string, err error) error {
	_, network := errors.AsType[*NetError](err)
	_, refused := errors.AsType[*Error](err)
	if network || refused {
		return &NetError{Op: op, Err: err}
	}

	return fmt.Errorf("%s: %w", op, err)
}
