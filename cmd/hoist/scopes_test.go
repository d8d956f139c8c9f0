package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
)

// TestListsBesideABusyDaemon: four lists to their end at once beside uploads stay within the limits
// of the service, share tokens, and no token holds a scope that its call does not need.
func TestListsBesideABusyDaemon(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.addExamples()

	for i := range 450 { // three pages
		if _, _, err := l.cloud.AddFile(lookProject, fmt.Sprintf("Project Files/Examples/%03d.dwg", i),
			strings.NewReader("x"), 1); err != nil {
			t.Fatal(err)
		}
	}

	for i := range 250 {
		l.cloud.AddUser(lookAccount, fmt.Sprintf("user%03d@example.com", i), "U", fmt.Sprint(i), false)
	}

	l.limited()
	dir := filepath.Join(l.dir, "busy")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}

	l.run(0, "watch", "add", dir, l.remote+"/busy", "--settle", "1s")

	const files = 30
	for i := range files {
		l.file(fmt.Sprintf("busy/%02d.dwg", i), 200<<10)
	}

	l.cloud.ResetJournal()
	l.start("daemon")
	l.owned("daemon")
	eventually(t, "the daemon uploads", func() bool { return l.count("s3-put") > 0 })

	lists := []struct {
		args []string
		want int
	}{
		{[]string{"list-folder-contents", "--param", "project_id=" + lookProject, "--param",
			"folder_id=" + lookParent}, 451},
		{[]string{"list-account-users", "--param", "account_id=" + lookAccount}, 250},
		{[]string{"list-projects", "--param", "hub_id=b." + lookAccount}, 3},
		{[]string{"list-buckets"}, 1},
	}
	processes := make([]*process, len(lists))
	for i, list := range lists {
		processes[i] = l.start(append([]string{"api", "--all"}, list.args...)...)
	}

	for i, p := range processes {
		if code := p.wait(); code != 0 {
			t.Errorf("%v: exit code %d\n%s", p.cmd.Args, code, p.errs.String())
		}

		if n := strings.Count(p.out.String(), "\n"); n < lists[i].want {
			t.Errorf("%v: %d elements, want %d", p.cmd.Args, n, lists[i].want)
		}
	}

	eventually(t, "all files are there", func() bool {
		n := 0
		for _, f := range l.cloud.Items() {
			if strings.HasPrefix(f.Path, "Project Files/busy/") {
				n++
			}
		}

		return n == files
	})
	l.sparing(lookParent)
}

// limited starts the cloud again with the limits of the service.
func (l *lab) limited() {
	l.t.Helper()
	l.stopCloud()
	s, err := emulator.New(emulator.Config{Dir: l.data, Limits: true})
	if err != nil {
		l.t.Fatal(err)
	}

	listener, err := s.Listen("127.0.0.1:0", false)
	if err != nil {
		l.t.Fatal(err)
	}

	l.cloud, l.url = s, listener.BaseURL
	l.t.Cleanup(func() { _ = s.Close() })
}

// sparing checks the journal: nothing was throttled, one token request a scope set, and no token
// held more than its call needs or, in a transfer, than the documented set. Calls on the named
// folder were those of "hoist api".
func (l *lab) sparing(folder string) {
	l.t.Helper()
	transfers := sorted(apsclient.TransferScopes)

	tokens := map[string]int{}
	inFolder := 0
	for _, r := range l.cloud.Requests() {
		scopes := sorted(r.Scopes)
		switch {
		case r.Status == 429:
			l.t.Errorf("throttled: %+v", r)
		case r.Op == "token":
			tokens[strings.Join(scopes, " ")]++
			continue
		case r.Op == "s3-put" || r.Op == "s3-get":
			if len(scopes) != 0 {
				l.t.Errorf("a token went to the storage: %+v", r)
			}

			continue
		}

		action, ok := apsclient.ActionByName(r.Op)
		if !ok {
			l.t.Errorf("not an action: %+v", r)
			continue
		}

		byAPI := strings.HasPrefix(action.Name, "list-") &&
			(action.Family != "folders" || strings.Contains(r.Path, folder))
		if byAPI && action.Family == "folders" {
			inFolder++
		}

		exact := slices.Equal(scopes, sorted(action.Scopes))
		inTransfer := action.Family != "admin" && subset(action.Scopes, transfers) &&
			slices.Equal(scopes, transfers)
		if byAPI && (action.Family == "admin" || action.Family == "folders") && !exact ||
			!exact && !inTransfer {
			l.t.Errorf("%s %s needs %v, its token held %v", r.Op, r.Path, action.Scopes, scopes)
		}
	}

	for set, n := range tokens {
		if n != 1 {
			l.t.Errorf("%d token requests for %q", n, set)
		}
	}

	if inFolder < 3 {
		l.t.Errorf("%d pages of the folder were read, want 3", inFolder)
	}

	if len(tokens) < 4 { // transfers, data:read, account:read, bucket:read
		l.t.Errorf("tokens of %v", tokens)
	}
}

func sorted(list []string) []string {
	out := slices.Clone(list)
	slices.Sort(out)
	return out
}
