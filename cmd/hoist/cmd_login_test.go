package main

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"hoist/apsclient/emulator"
	"hoist/cmd/hoist/internal/config"
	"hoist/transfer"
)

// loginLab is a lab whose commands have no credentials but those that a login stored.
func loginLab(t *testing.T) *lab {
	t.Helper()
	l := newLab(t)
	l.extra = []string{"HOIST_NO_KEYRING=1", "APS_CLIENT_ID=", "APS_CLIENT_SECRET="}

	return l
}

func (l *lab) secretFile(secret string) string {
	l.t.Helper()
	path := filepath.Join(l.t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(secret+"\n"), 0o600); err != nil {
		l.t.Fatal(err)
	}

	return path
}

func TestLoginTwoLegged(t *testing.T) {
	l := loginLab(t)
	l.run(4, "ls", "aps://")
	_, stderr := l.run(4, "login", "--client-id", emulator.DefaultClientID, "--secret-file",
		l.secretFile("not the secret"))
	if strings.Contains(stderr, "not the secret") {
		t.Errorf("the secret is in the error: %s", stderr)
	}

	l.run(4, "ls", "aps://") // nothing was stored
	out, _ := l.run(0, "login", "--client-id", emulator.DefaultClientID, "--secret-file",
		l.secretFile(emulator.DefaultClientSecret), "--hub", "Demo Hub")
	if !strings.Contains(out, "Demo Hub") || !strings.Contains(out, ".secrets") {
		t.Errorf("login says %q", out)
	}

	if out, _ := l.run(0, "ls"); !strings.Contains(out, "Demo Project") {
		t.Errorf("ls of the profile's hub: %q", out)
	}

	l.run(0, "push", l.file("a.dwg", 1000), l.remote)
	l.nowhereBut(emulator.DefaultClientSecret, "default.secrets")

	// A stored secret goes only to the host that it was stored for.
	away := *l
	away.extra = append(slices.Clone(l.extra), "APS_BASE_URL=http://127.0.0.1:1")
	if _, stderr := away.run(2, "ls", "aps://"); !strings.Contains(stderr, "APS_BASE_URL") {
		t.Errorf("another host: %s", stderr)
	}

	l.run(2, "logout", "--profile", "nobody")
	l.run(0, "logout")
	l.run(4, "ls", "aps://")
}

// TestLogoutReachesTheDaemon: credentials that were given or taken away hold in the process that runs.
func TestLogoutReachesTheDaemon(t *testing.T) {
	l := loginLab(t)
	login := func() {
		l.run(0, "login", "--client-id", emulator.DefaultClientID, "--secret-file",
			l.secretFile(emulator.DefaultClientSecret))
	}
	login()
	l.start("daemon")
	l.owned("daemon")
	l.run(0, "push", l.file("a.dwg", 1000), l.remote)
	l.run(0, "logout")
	l.run(4, "ls", "aps://")
	l.run(4, "api", "list-hubs")
	l.run(4, "push", l.file("b.dwg", 1000), l.remote)
	login()
	l.run(0, "push", l.file("b.dwg", 1000), l.remote)
	l.run(0, "profile", "remove", "default")
	l.run(4, "push", l.file("c.dwg", 1000), l.remote)
}

// nowhereBut checks that no file of the home but the named one holds a text.
func (l *lab) nowhereBut(text, name string) {
	l.t.Helper()
	found := false
	err := filepath.WalkDir(l.home, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}

		data, err := os.ReadFile(path)
		if strings.Contains(string(data), text) {
			if d.Name() != name {
				l.t.Errorf("%s holds the secret", path)
			}

			found = true
			if info, err := d.Info(); err != nil ||
				runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
				l.t.Errorf("%s: others may read it (%v, %v)", path, info.Mode(), err)
			}
		}

		return err
	})
	if err != nil || !found {
		l.t.Errorf("%s was not found anywhere in the home (%v)", name, err)
	}
}

func TestLoginLists(t *testing.T) {
	notRaced(t)
	l := loginLab(t)
	secret := l.secretFile(emulator.DefaultClientSecret)
	l.run(0, "login", "--client-id", emulator.DefaultClientID, "--secret-file", secret, "--actions",
		"transfer")
	l.run(0, "push", l.file("a.dwg", 6<<20), l.remote)
	l.addExamples()

	for _, list := range []string{"transfer", "upload-file-in-project-folder"} {
		l.run(0, "login", "--client-id", emulator.DefaultClientID, "--secret-file", secret, "--actions", list)
		l.run(0, "api", "upload-file-in-project-folder", "--param", "project_id="+lookProject, "--param",
			"folder_id="+lookParent, "--body", l.file("b.dwg", 10))
		l.run(0, "stat", "aps://b."+lookAccount+"/"+lookProject+"/"+lookParent)
	}

	l.cloud.ResetJournal()

	for _, action := range []string{"list-buckets", "list-webhooks"} {
		if _, stderr := l.run(4, "api", action); !strings.Contains(stderr, action) {
			t.Errorf("%s: %s", action, stderr)
		}
	}

	if n := len(l.cloud.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}

	l.run(0, "login", "--profile", "reader", "--client-id", emulator.DefaultClientID, "--secret-file", secret,
		"--scopes", "data:read")
	l.run(0, "pull", l.remote+"/a.dwg", "back.dwg", "--profile", "reader")
	l.run(4, "api", "list-buckets", "--profile", "reader")
	if _, stderr := l.run(4, "push", "a.dwg", l.remote+"/new", "--profile",
		"reader"); !strings.Contains(stderr, "data:create") {
		t.Errorf("the missing scope is not named: %s", stderr)
	}

	if out, _ := l.run(0, "jobs", "--state", "attention"); out != "" {
		t.Errorf("queued though nothing of it can be done: %s", out)
	}

	l.run(2, "login", "--actions", "nonsense", "--client-id", "x", "--secret-file", secret)
	l.run(2, "login", "--client-id", "x")
	l.run(2, "login", "--client-id", "x", "--secret-file", secret, "--two-legged", "--user")
	if _, stderr := l.run(2, "login", "--client-id", "x", "--secret-file", secret, "--region",
		"MARS"); !strings.Contains(stderr, "EMEA") {
		t.Errorf("an unknown region: %s", stderr)
	}
}

func TestProfiles(t *testing.T) {
	l := loginLab(t)
	secret := l.secretFile(emulator.DefaultClientSecret)
	for _, name := range []string{"one", "two"} {
		l.run(0, "login", "--profile", name, "--client-id", emulator.DefaultClientID, "--secret-file", secret)
	}

	l.run(4, "ls", "aps://")
	l.run(0, "profile", "use", "two")
	l.run(0, "ls", "aps://")

	out, _ := l.run(0, "profile", "list", "--json")
	var names []string
	for line := range strings.Lines(out) {
		var p profileJSON
		if err := json.Unmarshal([]byte(line), &p); err != nil || !p.SignedIn ||
			p.Current != (p.Name == "two") {
			t.Errorf("%s (%v)", line, err)
		}

		names = append(names, p.Name)
	}

	if !slices.Equal(names, []string{"one", "two"}) {
		t.Errorf("profiles %v", names)
	}

	if out, _ := l.run(0, "profile", "show"); strings.Contains(out, emulator.DefaultClientSecret) ||
		!strings.Contains(out, emulator.DefaultClientID) {
		t.Errorf("show: %s", out)
	}

	l.run(0, "profile", "remove", "two")
	l.run(2, "profile", "show", "two")
	l.run(2, "ls", "aps://", "--profile", "two")
}

func TestLoginServiceAccount(t *testing.T) {
	l := loginLab(t)
	account, err := l.cloud.ServiceAccount()
	if err != nil {
		t.Fatal(err)
	}

	key, err := os.ReadFile(account.KeyFile)
	if err != nil {
		t.Fatal(err)
	}

	data, err := json.Marshal(map[string]string{"serviceAccountId": account.ID, "kid": account.KeyID,
		"privateKey": string(key)})
	if err != nil {
		t.Fatal(err)
	}

	file := filepath.Join(t.TempDir(), "account.json")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}

	l.run(0, "login", "--client-id", emulator.DefaultClientID, "--secret-file",
		l.secretFile(emulator.DefaultClientSecret), "--service-account", file)
	l.run(0, "push", l.file("a.dwg", 1000), l.remote)
	l.run(2, "login", "--client-id", "x", "--secret-file", l.secretFile("x"), "--service-account",
		l.secretFile("{}"))
}

func TestLoginUser(t *testing.T) {
	l := loginLab(t)
	said, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	cmd := exec.CommandContext(t.Context(), "hoist", "login", "--user", "--no-browser", "--redirect",
		"http://127.0.0.1:47853/callback",
		"--client-id", emulator.PublicClientID, "--secret-file", os.DevNull)
	cmd.Env, cmd.Dir, cmd.Stderr = l.environ(), l.dir, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}

	address := regexp.MustCompile(`(http://\S+/authorize\S+)\n`)
	var page string
	eventually(t, "the address to sign in at", func() bool {
		text, err := os.ReadFile(said.Name())
		if m := address.FindSubmatch(text); err == nil && m != nil {
			page = string(m[1])
		}

		return page != ""
	})
	asked, err := url.Parse(page)
	if got := asked.Query().Get("scope"); err != nil ||
		!slices.Equal(slices.Sorted(strings.FieldsSeq(got)),
			[]string{"bucket:read", "data:create", "data:read",
				"data:write"}) {
		t.Errorf("asks for %q, want what transfers need", got)
	}

	resp, err := http.Get(page) //nolint:noctx // the emulator approves and sends the browser back
	if err != nil {
		t.Fatal(err)
	}

	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("the page answers %s (%v)", resp.Status, err)
	}

	if err := cmd.Wait(); err != nil {
		text, _ := os.ReadFile(said.Name())
		t.Fatalf("%v\n%s", err, text)
	}

	// Every command refreshes: the token rotates, and the one that is stored always works.
	for range 3 {
		l.run(0, "ls", "aps://")
	}

	l.run(0, "push", l.file("a.dwg", 1000), l.remote)
	// Killed before the answer of a refresh was stored: the old token is tried, and then a user
	// is asked.
	stored := filepath.Join(l.home, "profiles", "default.secrets")
	before, err := os.ReadFile(stored)
	if err != nil {
		t.Fatal(err)
	}

	l.run(0, "ls", "aps://")
	if err := os.WriteFile(stored, before, 0o600); err != nil {
		t.Fatal(err)
	}

	for _, args := range [][]string{{"ls", "aps://"}, {"push", l.file("b.dwg", 1000), l.remote},
		{"api", "list-hubs"}} {
		if _, stderr := l.run(4, args...); !strings.Contains(stderr,
			`hint: sign in again with "hoist login --client-id `+emulator.PublicClientID+` --user"`) {
			t.Errorf("%s: %s", args[0], stderr)
		}
	}
}

func TestLoginCommandCanBeTyped(t *testing.T) {
	got := loginCommand(config.Account{ClientID: "id", Profile: "my office", Flow: config.FlowUser})
	if want := "hoist login --client-id id --user --profile " + transfer.Quote("my office"); got != want ||
		!strings.Contains(got, " office") {
		t.Errorf("got %s, want %s", got, want)
	}
}
