package apsclient_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
)

// office is a cloud with an account in EMEA, and what was asked of it.
type office struct {
	*emulator.Server
	account string // in EMEA
}

func newOffice(t *testing.T) office {
	t.Helper()
	srv, err := emulator.New(emulator.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	hub := srv.AddHubIn("Office", emulator.HubAccount, "EMEA")

	return office{srv, strings.TrimPrefix(hub, "b.")}
}

func (o office) client(t *testing.T, change func(*apsclient.Config)) *apsclient.Client {
	t.Helper()
	conf := apsclient.Config{Transport: o.Transport(),
		Tokens: apsclient.ClientCredentials("", emulator.DefaultClientID, emulator.DefaultClientSecret)}
	change(&conf)
	c, err := apsclient.New(conf)
	if err != nil {
		t.Fatal(err)
	}

	return c
}

// asked are the calls since the last time, without those for tokens.
func (o office) asked() string {
	var ops []string
	for _, r := range o.Requests() {
		if r.Op != "token" {
			ops = append(ops, r.Op)
		}
	}

	o.ResetJournal()

	return strings.Join(ops, " ")
}

// TestRegionOfTheAccount: calls of the hq family go to the region of the account that they name,
// whatever the configuration says; it is looked up once, and not at all when nobody misses it.
func TestRegionOfTheAccount(t *testing.T) {
	o := newOffice(t)
	call := func(c *apsclient.Client, account string) {
		t.Helper()
		if _, err := c.Do(t.Context(), apsclient.Request{Action: "list-account-users",
			Params: map[string]string{"account_id": account}}); err != nil {
			t.Error(err)
		}
	}
	const users = "list-account-users"
	for _, row := range []struct {
		region, account, first string
	}{
		{"", o.Demo().Account, users},
		{"", o.account, users + " list-hubs " + users},
		{"", "b." + o.account, users + " list-hubs " + users},
		{"EMEA", o.account, users},
		{"AUS", o.account, users + " list-hubs " + users},
		{"EMEA", o.Demo().Account, users + " list-hubs " + users},
	} {
		c := o.client(t, func(c *apsclient.Config) { c.Region = row.region })
		call(c, row.account)
		if got := o.asked(); got != row.first {
			t.Errorf("%+v: asked %s", row, got)
		}

		if call(c, row.account); o.asked() != users {
			t.Errorf("%+v: asked again", row)
		}
	}

	c := o.client(t, func(*apsclient.Config) {})
	if _, _, err := c.Hubs.List(t.Context()); err != nil {
		t.Fatal(err)
	}

	if call(c, o.account); o.asked() != "list-hubs "+users {
		t.Error("what a list of hubs told was not remembered")
	}

	_, err := c.Do(t.Context(), apsclient.Request{Action: users,
		Params: map[string]string{"account_id": o.account, "Region": "US"}})
	if !errors.Is(err, apsclient.ErrNotFound) || o.asked() != users {
		t.Errorf("the caller's own region was changed: %v", err)
	}

	_, err = c.Do(t.Context(), apsclient.Request{Action: users,
		Params: map[string]string{"account_id": "5c1f0000-0000-4000-8000-00000000dead"}})
	if !errors.Is(err, apsclient.ErrNotFound) {
		t.Errorf("an account that is nowhere: %v", err)
	}
}

// TestUnknownAccountInOtherWords: an account of another region is known by the code or the words of
// the refusal, whatever its status and form.
func TestUnknownAccountInOtherWords(t *testing.T) {
	for _, row := range []struct {
		status int
		body   string
		again  bool
	}{
		{404, `{"code":"1004","message":"x"}`, true},
		{403, `{"code":1004,"message":"this account doesn't exist."}`, true},
		{404, `{"message":"Account not found"}`, true},
		{404, `"this account does not exist"`, true},
		{404, `{"code":1003,"message":"this user doesn't exist."}`, false},
		{422, `{"code":1004,"message":"this operation is not allowed"}`, false},
	} {
		o, asked := newOffice(t), false
		o.SetFault(func(r emulator.Request) emulator.Fault {
			if r.Op != "list-account-users" || asked {
				return emulator.Fault{}
			}

			asked = true

			return emulator.Fault{Kind: emulator.FailBefore, Status: row.status, Body: []byte(row.body)}
		})
		_, err := o.client(t, func(*apsclient.Config) {}).Do(t.Context(), apsclient.Request{
			Action: "list-account-users", Params: map[string]string{"account_id": o.account}})
		if (err == nil) != row.again {
			t.Errorf("%d %s: %v", row.status, row.body, err)
		}
	}
}

// TestUserOfHQ: hq/v2 takes the BIM 360 id of a user, who may be named by e-mail address or Autodesk
// id. It is looked up once; who is not found is not guessed.
func TestUserOfHQ(t *testing.T) {
	o := newOffice(t)
	d := o.Demo()
	const roles = "list-project-industry-roles"
	r := apsclient.Request{Action: roles,
		Params: map[string]string{"account_id": d.Account, "project_id": d.BIM360Project}}
	for _, row := range []struct {
		who, first string
	}{
		{d.Admin, "list-account-users " + roles},
		{strings.ToLower(d.Admin), "list-account-users " + roles},
		{"Ada.Admin@example.com", "search-account-users " + roles},
		{d.AdminID, roles},
	} {
		c := o.client(t, func(c *apsclient.Config) { c.UserID = row.who })
		for i, want := range []string{row.first, roles} {
			o.ResetJournal()
			if _, err := c.Do(t.Context(), r); err != nil {
				t.Errorf("%s: %v", row.who, err)
			}

			list := o.Requests()
			if got := list[len(list)-1].User; got != d.AdminID {
				t.Errorf("%s: sent %q, want %q", row.who, got, d.AdminID)
			}

			if got := o.asked(); got != want {
				t.Errorf("%s, call %d: asked %s", row.who, i, got)
			}
		}

		plan, err := c.Plan(r)
		if err != nil || plan.Header["X-User-Id"] != d.AdminID {
			t.Errorf("%s: planned %v, %v", row.who, plan.Header, err)
		}
	}

	for _, who := range []string{"NOBODY", "nobody@example.com", "da@example.com"} {
		c := o.client(t, func(c *apsclient.Config) { c.UserID = who })
		_, err := c.Do(t.Context(), r)
		if wrong, ok := errors.AsType[*apsclient.ParamError](err); !ok || wrong.Param != "x-user-id" ||
			slices.Contains(strings.Fields(o.asked()), roles) {
			t.Errorf("%s: %v", who, err)
		}

		plan, err := c.Plan(r)
		if err != nil || !strings.Contains(plan.Header["X-User-Id"], "looked up") {
			t.Errorf("%s: planned %v, %v", who, plan.Header, err)
		}
	}

	// Data management goes on taking the Autodesk id as it is.
	c := o.client(t, func(c *apsclient.Config) { c.UserID = d.Admin })
	if _, _, err := c.Hubs.List(t.Context()); err != nil || o.asked() != "list-hubs" {
		t.Error(err)
	}
}

// TestUserWhoCameBack: an id that the service refuses is looked up again by the next call.
func TestUserWhoCameBack(t *testing.T) {
	o := newOffice(t)
	d := o.Demo()
	memory := memory{}
	c := o.client(t, func(c *apsclient.Config) { c.UserID, c.Memory = "ada.admin@example.com", memory })
	r := apsclient.Request{Action: "list-project-industry-roles",
		Params: map[string]string{"account_id": d.Account, "project_id": d.BIM360Project}}
	if _, err := c.Do(t.Context(), r); err != nil {
		t.Fatal(err)
	}

	for key := range memory {
		memory[key] = "5c1f0000-0000-4000-8000-00000000dead"
	}

	if _, err := c.Do(t.Context(), r); !errors.Is(err, apsclient.ErrForbidden) {
		t.Errorf("the id was not taken from memory: %v", err)
	}

	if _, err := c.Do(t.Context(), r); err != nil {
		t.Error(err)
	}
}

// memory is an apsclient.Memory for one goroutine.
type memory map[string]string

func (m memory) Recall(key string) string   { return m[key] }
func (m memory) Remember(key, value string) { m[key] = value }
