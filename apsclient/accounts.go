package apsclient

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
)

// Memory keeps what was looked up of accounts, so that it is asked for once: see Config.Memory. It
// is safe for concurrent use.
type Memory interface {
	// Recall returns what was remembered under a key, "" nothing.
	Recall(key string) string
	// Remember keeps a value; "" forgets it.
	Remember(key, value string)
}

// accounts finds what calls of the hq family need to know of the account they name: its region, and
// the BIM 360 ids of its users.
type accounts struct {
	memory Memory
	host   string
	users  chan struct{} // holds the one that looks for a user
}

func newAccounts(memory Memory, host string) *accounts {
	if memory == nil {
		memory = &mapMemory{values: map[string]string{}}
	}

	return &accounts{memory: memory, host: host, users: make(chan struct{}, 1)}
}

func (a *accounts) regionKey(account string) string {
	return a.host + " region " + strings.ToLower(account)
}

func (a *accounts) userKey(account, who string) string {
	return a.host + " user " + strings.ToLower(account+" "+who)
}

// region is that of an account's hub, "" unknown.
func (a *accounts) region(account string) string { return a.memory.Recall(a.regionKey(account)) }

// hqAccount is the account that a call of the hq family names, "" of any other call.
func hqAccount(p *prepared) string {
	_, rest, ok := strings.Cut(p.path, "/accounts/")
	if !ok || !strings.HasPrefix(p.path, "/hq/") {
		return ""
	}

	account, _, _ := strings.Cut(rest, "/")

	return account
}

// addRegion sets the region of the account, else the configured one, unless the caller says it.
func (c *Client) addRegion(p *prepared) {
	region := cmp.Or(c.core.accounts.region(hqAccount(p)), c.core.region)
	if p.regionOpen && region != "" {
		p.header.Set("Region", region)
	}
}

// learn takes the regions of hubs from an answer to list-hubs. Those in the default one are not worth
// a file.
func (a *accounts) learn(body []byte) {
	var d document
	if json.Unmarshal(body, &d) != nil {
		return
	}

	list, _ := d.many() // one that is not understood teaches nothing
	for _, h := range list {
		key, region := a.regionKey(withoutB(h.ID)), strings.ToUpper(h.Attributes.Region)
		if region != "" && (region != defaultRegion || a.memory.Recall(key) != "") {
			a.memory.Remember(key, region)
		}
	}
}

// defaultRegion is where a call of the hq family goes that names none.
const defaultRegion = "US"

// elsewhere reports whether a refused call of the hq family names an account of another region than
// it was sent to, and makes it a call to that region. Accounts in the default region cost no look.
func (c *Client) elsewhere(ctx context.Context, p *prepared, refused *Error) bool {
	account := hqAccount(p)
	if account == "" || !p.regionOpen || c.core.remote || !isUnknownAccount(refused) {
		return false
	}

	was := cmp.Or(p.header.Get("Region"), defaultRegion)
	list, _, err := c.Hubs.List(ctx)
	for _, h := range list {
		if region := strings.ToUpper(h.Region); strings.EqualFold(withoutB(string(h.ID)), account) &&
			region != "" {
			c.core.accounts.memory.Remember(c.core.accounts.regionKey(account), region)
		}
	}

	c.addRegion(p)

	return err == nil && p.header.Get("Region") != was
}

// isUnknownAccount reports whether a refusal is about an account that is not in the region that was
// asked, or nowhere: by its code, else by its words.
func isUnknownAccount(e *Error) bool {
	if e.Status != http.StatusNotFound && e.Status != http.StatusForbidden {
		return false
	}

	text := strings.ToLower(e.Title + " " + e.Detail)

	return e.Code == "1004" || strings.Contains(text, "account doesn't exist") ||
		strings.Contains(text, "account does not exist") || strings.Contains(text, "account not found")
}

// addUser names the user of a call of hq/v2 as it takes it: by the BIM 360 id.
func (c *Client) addUser(ctx context.Context, p *prepared) error {
	who := p.namedUser()
	if who == "" || c.core.remote { // the process that owns the token looks
		return nil
	}

	id, err := c.findUser(ctx, p, hqAccount(p), who)
	if err != nil {
		return err
	}

	p.header.Set("X-User-Id", id)
	p.userKey = c.core.accounts.userKey(hqAccount(p), who)
	c.addRegion(p) // the look may have found it

	return nil
}

// namedUser is the user of a call of hq/v2 who is not named by a BIM 360 id, which is what it takes.
func (p *prepared) namedUser() string {
	who := p.header.Get("X-User-Id")
	if !strings.HasPrefix(p.path, "/hq/v2/") || bareUUID().MatchString(who) {
		return ""
	}

	return who
}

// findUser is the BIM 360 id of a user of an account, who is named by e-mail address or Autodesk
// id.
func (c *Client) findUser(ctx context.Context, p *prepared, account, who string) (string, error) {
	a := c.core.accounts
	key := a.userKey(account, who)
	select {
	case a.users <- struct{}{}:
		defer func() { <-a.users }()
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}

	if id := a.memory.Recall(key); id != "" {
		return id, nil
	}

	users := Request{Action: "list-account-users", Params: map[string]string{"account_id": account}}
	if strings.Contains(who, "@") {
		users.Action = "search-account-users"
		users.Params["email"], users.Params["partial"] = who, "false"
	}

	if region := p.header.Get("Region"); !p.regionOpen {
		users.Header = http.Header{"Region": {region}} // as the caller says
	}

	for raw, err := range c.Elements(ctx, users) {
		if err != nil {
			return "", fmt.Errorf("look up the BIM 360 id of user %s: %w", who, err)
		}

		var u struct {
			ID    string `json:"id"`
			UID   string `json:"uid"`
			Email string `json:"email"`
		}
		_ = json.Unmarshal(raw, &u) // one of another form is not who is looked for
		if u.ID != "" && (strings.EqualFold(u.Email, who) || strings.EqualFold(u.UID, who)) {
			a.memory.Remember(key, u.ID)
			return u.ID, nil
		}
	}

	return "", &ParamError{Action: p.action.Name, Param: "x-user-id",
		Problem: "account " + account + " has no user " + who +
			": takes the e-mail address, Autodesk id or BIM 360 id of one"}
}

// mapMemory remembers for the life of a client.
type mapMemory struct {
	mu     sync.Mutex
	values map[string]string
}

func (m *mapMemory) Recall(key string) string {
	m.mu.Lock()
	defer m.mu.Unlock()

	return m.values[key]
}

func (m *mapMemory) Remember(key, value string) {
	m.mu.Lock()
	defer m.mu.Unlock()

	m.values[key] = value
}
