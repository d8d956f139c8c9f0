package emulator

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// robot is a secure service account: a user without a person, who signs in by a signed assertion.
type robot struct {
	numbered
	ID, Client, Email          string
	Status                     string // ENABLED or DISABLED
	Created, Accessed, Expires time.Time
	Keys                       []robotKey
}

// robotKey is the public half of a key; the private half is given out once.
type robotKey struct {
	ID, Status        string
	Public            []byte // PKCS #1
	Created, Accessed time.Time
}

const (
	enabled, disabled = "ENABLED", "DISABLED"
	robotsPerClient   = 10
	keysPerRobot      = 3
)

var (
	robotName   = form(`^[A-Za-z0-9-]{5,100}$`)
	robotFirst  = form(`^[A-Za-z0-9_-]{5,100}$`)
	noRobot     = missing("The service account is not found")
	noRobotKey  = missing("The service account key is not found")
	robotAsleep = invalid("The service account is not currently in an enabled state")
)

func robotRoutes() []route {
	row := func(op, method, pattern, scope string, h func(*call)) route {
		return route{op: op, method: method, pattern: "/authentication/v2/service-accounts" + pattern,
			family: famAuth, user: appOnly,
			scopes: []string{"application:" + scope}, handle: h}
	}
	const one, keys, key = "/{account}", "/{account}/keys", "/{account}/keys/{key}"

	return []route{
		row("create-service-account", http.MethodPost, "", "service_account:write", (*call).createRobot),
		row("list-service-accounts", http.MethodGet, "", "service_account:read", (*call).listRobots),
		row("get-service-account", http.MethodGet, one, "service_account:read", (*call).getRobot),
		row("update-service-account", http.MethodPatch, one, "service_account:write", (*call).updateRobot),
		row("delete-service-account", http.MethodDelete, one, "service_account:write", (*call).deleteRobot),
		row("create-service-account-key", http.MethodPost, keys, "service_account_key:write",
			(*call).createRobotKey),
		row("list-service-account-keys", http.MethodGet, keys, "service_account_key:read",
			(*call).listRobotKeys),
		row("update-service-account-key", http.MethodPatch, key, "service_account_key:write",
			(*call).updateRobotKey),
		row("delete-service-account-key", http.MethodDelete, key, "service_account_key:write",
			(*call).deleteRobotKey),
	}
}

// withRobot finds the service account of the path and changes it as do says; it answers problems
// itself.
func (c *call) withRobot(do func(m *model, r *robot) *problem) {
	c.appAlone()
	c.inWorld(func(m *model) *problem {
		r := m.robots.get(c.p["account"])
		if r == nil || r.Client != c.tok.Client {
			return noRobot
		}

		bad := do(m, r)
		if bad == nil && c.r.Method != http.MethodGet && m.robots.get(r.ID) != nil {
			m.robots.put(r.ID, r)
		}

		return bad
	})
}

// appAlone refuses a token that stands for a user.
func (c *call) appAlone() {
	if c.tok.User != "" {
		c.fail(http.StatusUnauthorized, "invalid_token", "a two-legged token is needed")
	}
}

func (c *call) createRobot() {
	c.appAlone()
	in := body[struct{ Name, FirstName, LastName string }](c)
	if !robotName().MatchString(in.Name) || !robotFirst().MatchString(in.FirstName) ||
		!robotName().MatchString(in.LastName) {
		c.refuse(invalid("name, firstName and lastName have 5 to 100 letters, digits and dashes"))
	}

	r := &robot{ID: strings.ToUpper(randomHex(6)), Client: c.tok.Client, Status: enabled, Created: c.now,
		Accessed: c.now, Expires: c.now.AddDate(1, 0, 0),
		Email: in.Name + "@" + c.tok.Client + ".adskserviceaccount.autodesk.com"}
	c.inWorld(func(m *model) *problem {
		n := 0
		for _, other := range m.robots.m {
			if other.Email == r.Email {
				return forbidden("a service account of this name exists")
			}

			if other.Client == r.Client {
				n++
			}
		}

		if n >= robotsPerClient {
			return forbidden("the application has 10 service accounts, which is the limit")
		}

		r.numbered = m.seq()
		m.robots.put(r.ID, r)
		// An administrator adds it to the account, as a person is added: here that is done at once.
		p := m.addPerson(demoAccount, r.Email, in.FirstName, in.LastName, c.now)
		p.UID, p.Status, p.Role = r.ID, "active", "account_admin"
		m.people.put(demoAccount+"/"+p.ID, p)

		return nil
	})
	c.json(http.StatusCreated, obj{"serviceAccountId": r.ID, "email": r.Email})
}

func (r *robot) body() obj {
	return obj{"serviceAccountId": r.ID, "email": r.Email, "createdBy": r.Client, "status": r.Status,
		"createdAt":  r.Created.UTC().Format(time.RFC3339Nano),
		"accessedAt": r.Accessed.UTC().Format(time.RFC3339Nano),
		"expiresAt":  r.Expires.UTC().Format(time.RFC3339Nano)}
}

func (c *call) listRobots() {
	out := list{}
	c.s.read(func(m *model) {
		for _, r := range inOrder(m.robots.m) {
			if r.Client == c.tok.Client {
				out = append(out, r.body())
			}
		}
	})
	c.ok(obj{"serviceAccounts": out})
}

func (c *call) getRobot() {
	var body obj
	c.withRobot(func(_ *model, r *robot) *problem { body = r.body(); return nil })
	c.ok(body)
}

// changedStatus is the new state of an account or key, which must differ from what it is.
func (c *call) changedStatus() string {
	in := body[struct{ Status string }](c)
	if in.Status != enabled && in.Status != disabled {
		c.refuse(invalid("status must be ENABLED or DISABLED"))
	}

	return in.Status
}

func (c *call) updateRobot() {
	status := c.changedStatus()
	var body obj
	c.withRobot(func(_ *model, r *robot) *problem {
		if r.Status == status {
			return invalid("The service account is already " + status)
		}

		r.Status = status
		body = r.body()

		return nil
	})
	c.ok(body)
}

func (c *call) deleteRobot() {
	c.withRobot(func(m *model, r *robot) *problem { m.robots.del(r.ID); return nil })
	c.empty(http.StatusNoContent)
}

func (c *call) createRobotKey() {
	var kid, private string
	c.withRobot(func(_ *model, r *robot) *problem {
		switch {
		case r.Status != enabled:
			return robotAsleep
		case len(r.Keys) >= keysPerRobot:
			return forbidden("The number of keys has exceeded the limit")
		}

		var err error
		if kid, private, err = r.addKey(c.now); err != nil {
			return &problem{http.StatusInternalServerError, "", err.Error()}
		}

		return nil
	})
	c.json(http.StatusCreated, obj{"kid": kid, "privateKey": private})
}

// addKey makes a key and returns its id and its private half, PKCS #8 in PEM.
func (r *robot) addKey(now time.Time) (kid, private string, err error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", "", fmt.Errorf("make a key: %w", err)
	}

	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", "", fmt.Errorf("encode a key: %w", err)
	}

	k := robotKey{ID: uuid(), Status: enabled, Public: x509.MarshalPKCS1PublicKey(&key.PublicKey),
		Created: now, Accessed: now}
	r.Keys = append(r.Keys, k)

	return k.ID, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), nil
}

func (c *call) listRobotKeys() {
	out := list{}
	c.withRobot(func(_ *model, r *robot) *problem {
		if r.Status != enabled {
			return robotAsleep
		}

		for _, k := range r.Keys {
			out = append(out, obj{"kid": k.ID, "status": k.Status,
				"createdAt":  k.Created.UTC().Format(time.RFC3339Nano),
				"accessedAt": k.Accessed.UTC().Format(time.RFC3339Nano)})
		}

		return nil
	})
	c.ok(obj{"keys": out})
}

// withRobotKey finds the key of the path too.
func (c *call) withRobotKey(do func(r *robot, at int) *problem) {
	c.withRobot(func(_ *model, r *robot) *problem {
		at := slices.IndexFunc(r.Keys, func(k robotKey) bool { return k.ID == c.p["key"] })
		switch {
		case r.Status != enabled:
			return robotAsleep
		case at < 0:
			return noRobotKey
		}

		return do(r, at)
	})
	c.empty(http.StatusNoContent)
}

func (c *call) updateRobotKey() {
	status := c.changedStatus()
	c.withRobotKey(func(r *robot, at int) *problem {
		if r.Keys[at].Status == status {
			return invalid("The service account key is already " + status)
		}

		r.Keys[at].Status = status

		return nil
	})
}

func (c *call) deleteRobotKey() {
	c.withRobotKey(func(r *robot, at int) *problem {
		r.Keys = slices.Delete(r.Keys, at, at+1)
		return nil
	})
}

// robotKey is the public key that signs for a service account of an application; nil when there is
// none that counts.
func (m *model) robotKey(id, client, kid string) *rsa.PublicKey {
	r := m.robots.get(id)
	if r == nil || r.Client != client || r.Status != enabled {
		return nil
	}

	for _, k := range r.Keys {
		if k.ID == kid && k.Status == enabled {
			key, err := x509.ParsePKCS1PublicKey(k.Public)
			if err != nil {
				return nil
			}

			return key
		}
	}

	return nil
}

// robotSeen notes that a service account got a token.
func (m *model) robotSeen(id string, now time.Time) {
	if r := m.robots.get(id); r != nil {
		r.Accessed = now
		m.robots.put(id, r)
	}
}

// ServiceAccount is a secure service account that the server knows.
type ServiceAccount struct {
	ID      string // claim sub; also the user it acts as
	KeyID   string // header kid
	KeyFile string // PEM file with the private key, PKCS #8
}

// ServiceAccount makes a key for the demonstration application's service account. The private half
// is a file in Dir.
func (s *Server) ServiceAccount() (ServiceAccount, error) {
	acc := ServiceAccount{ID: demoRobot, KeyFile: filepath.Join(s.cfg.Dir, "service-account.pem")}
	var private string
	var err error
	s.update(func(m *model) {
		r := m.robots.get(demoRobot)
		if acc.KeyID, private, err = r.addKey(s.now()); err == nil {
			m.robots.put(r.ID, r)
		}
	})
	if err != nil {
		return acc, err
	}

	if err := os.WriteFile(acc.KeyFile, []byte(private), 0o600); err != nil {
		return acc, fmt.Errorf("write the service account's key: %w", err)
	}

	return acc, nil
}
