package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"hoist/apsclient/emulator"
	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/doctor"
)

// doctor runs the command and returns its findings by check.
func (l *lab) doctor(code int, args ...string) map[string][]findingJSON {
	l.t.Helper()
	out, _ := l.run(code, append([]string{"doctor", "--json"}, args...)...)

	found := map[string][]findingJSON{}
	problems := 0
	for line := range strings.Lines(out) {
		var f findingJSON
		if strings.Contains(line, "hidden@") {
			l.t.Errorf("the password of a proxy is shown: %s", line)
		}

		if err := json.Unmarshal([]byte(line), &f); err != nil {
			l.t.Fatalf("%v: %s", err, line)
		}

		switch f.Verdict {
		case doctor.OK, doctor.Skipped:
		case doctor.Problem:
			problems++
			fallthrough
		case doctor.Warning:
			if f.Fix == "" {
				l.t.Errorf("%s has no fix: %s", f.Check, f.Detail)
			}
		default:
			l.t.Errorf("%s: verdict %q", f.Check, f.Verdict)
		}

		found[f.Check] = append(found[f.Check], f)
	}

	if (problems > 0) != (code == 3) {
		l.t.Errorf("%d problems with exit code %d:\n%s", problems, code, out)
	}

	return found
}

// foundOne checks that one of the findings of a check has the verdict, and says all the words.
func foundOne(t *testing.T, found map[string][]findingJSON, check string, verdict doctor.Verdict,
	words ...string) {
	t.Helper()

	for _, f := range found[check] {
		if f.Verdict == verdict && has(words...)(f.Detail+"\n"+f.Fix) {
			return
		}
	}

	t.Errorf("%s: want %s with %q, got %+v", check, verdict, words, found[check])
}

func TestDoctor(t *testing.T) {
	notRaced(t)
	t.Parallel()
	for _, row := range []struct {
		name    string
		prepare func(*testing.T, *lab)
		code    int
		args    []string
		check   string
		verdict doctor.Verdict
		words   []string
	}{
		{"healthy", nil, 0, nil, "token", doctor.OK, []string{"data:read", "data:write", "data:create"}},
		{"the hubs are named", nil, 0, nil, "hubs", doctor.OK, []string{"Demo Hub"}},
		{"administration works", nil, 0, nil, "account administration", doctor.OK, []string{"Demo Hub"}},
		{"wrong secret", func(_ *testing.T, l *lab) {
			l.extra = []string{"APS_CLIENT_SECRET=not-the-secret"}
		}, 3, nil, "token", doctor.Problem, []string{"secret", "APS_CLIENT_SECRET"}},
		{"no credentials", func(_ *testing.T, l *lab) {
			l.extra = []string{"APS_CLIENT_ID=", "APS_CLIENT_SECRET="}
		}, 3, nil, "token", doctor.Problem, []string{"hoist login"}},
		{"not added to the account", func(_ *testing.T, l *lab) {
			l.cloud.SetKnobs(func(k *emulator.Knobs) { k.HideHubs = true })
		}, 3, nil,
			"hubs", doctor.Problem, []string{"not added", "Custom Integrations", "Active"}},
		{"unreachable", func(_ *testing.T, l *lab) {
			l.stopCloud()
		}, 3, nil, "service", doctor.Problem, []string{"APS_BASE_URL"}},
		{"a scope is not granted", func(_ *testing.T, l *lab) {
			l.cloud.AddClient("narrow", "s3cret", "data:read")
			l.extra = []string{"APS_CLIENT_ID=narrow", "APS_CLIENT_SECRET=s3cret"}
		}, 3, nil, "token", doctor.Problem,
			[]string{"granted: data:read", "missing: data:create data:write"}},
		{"the clock is off", func(t *testing.T, l *lab) {
			l.behind(t, -5*time.Minute)
		}, 0, nil, "clock", doctor.Warning, []string{"ahead", "NTP"}},
		{"the clock is right", func(t *testing.T, l *lab) {
			l.behind(t, 0)
		}, 0, nil, "clock", doctor.OK, nil},
		{"no project is active", func(_ *testing.T, l *lab) {
			l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
				if r.Op != "list-top-folders" {
					return emulator.Fault{}
				}

				return emulator.Fault{Kind: emulator.FailBefore, Status: 403,
					Body: []byte(`{"errors":[{"status":"403","detail":"Project is not active: b.x"}]}`)}
			})
		}, 3, nil, "projects", doctor.Problem, []string{"not active", "archived or suspended"}},
		{"administration is not provisioned", notProvisioned, 0, nil, "account administration",
			doctor.Warning, []string{"Custom Integrations"}},
		{"administration is needed", func(t *testing.T, l *lab) {
			notProvisioned(t, l)
			l.profile(t, `actions = ["transfer", "admin"]`)
		}, 3, nil,
			"account administration", doctor.Problem, []string{"Custom Integrations"}},
		{"administration is not needed", func(t *testing.T, l *lab) {
			notProvisioned(t, l)
			l.profile(t, `actions = ["transfer"]`)
		}, 0, nil,
			"account administration", doctor.Skipped, nil},
		{"only buckets", func(t *testing.T, l *lab) {
			l.profile(t, `actions = ["list-buckets"]`)
		}, 0, nil, "hubs", doctor.Skipped, nil},
		{"only buckets: the token", func(t *testing.T, l *lab) {
			l.profile(t, `actions = ["list-buckets"]`)
		}, 0, nil, "token", doctor.OK, []string{"bucket:read"}},
		{"TLS", func(t *testing.T, l *lab) {
			l.extra = []string{"SSL_CERT_FILE=" + l.overTLS()}
		}, 0, nil, "tls", doctor.OK, []string{"TLS 1.3"}},
		{"an unknown certificate", func(t *testing.T, l *lab) {
			l.overTLS()
		}, 3, nil, "tls", doctor.Problem, []string{"SSL_CERT_FILE"}},
		{"a proxy", func(t *testing.T, l *lab) {
			l.extra = []string{"APS_BASE_URL=https://service.example",
				"HTTPS_PROXY=http://user:hidden@127.0.0.1:1"}
		}, 3, nil, "proxy", doctor.OK, []string{"through http://127.0.0.1:1"}},
		{"past the proxy", func(t *testing.T, l *lab) {
			l.extra = []string{"APS_BASE_URL=https://localhost:1",
				"HTTPS_PROXY=http://user:hidden@127.0.0.1:1", "NO_PROXY=localhost"}
		}, 3, nil, "proxy", doctor.OK, []string{"straight"}},
		{"another region", func(t *testing.T, l *lab) {
			l.profile(t, `region = "EMEA"`)
		}, 0, nil, "region", doctor.Warning, []string{"EMEA", "US"}},
		{"the data plane", nil, 0, []string{"--data-plane"}, "S3 acceleration", doctor.OK,
			[]string{"127.0.0.1"}},
		{"no way to S3", func(_ *testing.T, l *lab) {
			l.refuse("s3-put")
		}, 3, []string{"--data-plane"}, "S3", doctor.Problem, []string{"127.0.0.1"}},
		{"a watch", func(_ *testing.T, l *lab) {
			l.watch("w")
		}, 0, nil, "watch W", doctor.OK, []string{"Project Files"}},
		{"a watch may write", func(_ *testing.T, l *lab) {
			l.watch("w")
		}, 0, []string{"--data-plane"}, "watch W", doctor.OK, []string{"may write"}},
		{"a watch may not write", func(_ *testing.T, l *lab) {
			l.watch("w")
			l.refuse("create-storage")
		}, 3, []string{"--data-plane"}, "watch W", doctor.Problem, []string{"permission"}},
		{"the folder of a watch is gone", func(_ *testing.T, l *lab) {
			_ = os.RemoveAll(l.watch("w"))
		}, 3, nil, "watch W", doctor.Problem, []string{"watch remove"}},
		{"the state", func(_ *testing.T, l *lab) {
			l.watch("w")
		}, 0, nil, "state", doctor.OK, []string{"sound"}},
		{"a damaged state", func(_ *testing.T, l *lab) {
			l.watch("w")
			if err := os.WriteFile(filepath.Join(l.home, "state.db"),
				[]byte(strings.Repeat("no state", 8<<10)), 0o600); err != nil {
				l.t.Fatal(err)
			}
		}, 3, nil, "state", doctor.Problem, []string{"state repair"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			if row.prepare != nil {
				row.prepare(t, l)
			}

			check := strings.Replace(row.check, " W", " "+realPath(t, filepath.Join(l.dir, "w")), 1)
			foundOne(t, l.doctor(row.code, row.args...), check, row.verdict, row.words...)
			if n := len(l.cloud.Items()); n != 0 {
				t.Errorf("%d items are left in the cloud", n)
			}

			sessions := l.cloud.Sessions()
			if !slices.Contains(row.args, "--data-plane") && len(sessions) > 0 {
				t.Errorf("%d uploads were begun", len(sessions))
			}

			for _, s := range sessions {
				if s.Done {
					t.Errorf("an upload was completed: %+v", s)
				}
			}
		})
	}
}

// realPath is the path without symbolic links, also of what is not there any more.
func realPath(t *testing.T, path string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}

	return filepath.Join(dir, filepath.Base(path))
}

// overTLS makes the commands of the lab come by https, and returns the file with the certificate.
func (l *lab) overTLS() string {
	l.t.Helper()
	listener, err := l.cloud.Listen("127.0.0.1:0", true)
	if err != nil {
		l.t.Fatal(err)
	}

	l.url = listener.BaseURL

	return listener.CertFile
}

func notProvisioned(_ *testing.T, l *lab) {
	l.cloud.SetKnobs(func(k *emulator.Knobs) { k.NotProvisioned = true })
}

// profile writes the default profile.
func (l *lab) profile(t *testing.T, text string) {
	t.Helper()
	if err := config.WriteFile(filepath.Join(l.home, "profiles", "default.toml"),
		[]byte(text+"\n")); err != nil {
		t.Fatal(err)
	}
}

// watch adds a watch of a new folder.
func (l *lab) watch(name string) string {
	l.t.Helper()
	dir := filepath.Join(l.dir, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		l.t.Fatal(err)
	}

	l.run(0, "watch", "add", dir, l.remote+"/"+name)

	return dir
}

// refuse answers 403 to a kind of request.
func (l *lab) refuse(op string) {
	l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
		if r.Op == op {
			return emulator.Fault{Kind: emulator.FailBefore, Status: http.StatusForbidden}
		}

		return emulator.Fault{}
	})
}

// behind puts a service in front of the cloud whose clock is off.
func (l *lab) behind(t *testing.T, off time.Duration) {
	t.Helper()
	target, err := url.Parse(l.url)
	if err != nil {
		t.Fatal(err)
	}

	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ModifyResponse = func(r *http.Response) error {
		r.Header.Set("Date", time.Now().Add(off).UTC().Format(http.TimeFormat))
		return nil
	}
	s := httptest.NewServer(proxy)
	t.Cleanup(s.Close)
	l.url = s.URL
}

// TestDoctorBesideTheDaemon: the state is looked at by its owner, and the calls take the owner's
// way.
func TestDoctorBesideTheDaemon(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	dir := l.watch("w")
	l.file("w/a/b/c.dwg", 10)
	l.start("daemon")
	l.owned("daemon")
	found := l.doctor(0)
	foundOne(t, found, "state", doctor.OK, "sound")
	foundOne(t, found, "watch "+realPath(t, dir), doctor.OK)
	if runtime.GOOS == "linux" {
		foundOne(t, found, "notifications", doctor.OK, "3 folders")
	}

	out, _ := l.run(0, "doctor")
	if !strings.Contains(out, "ok       hubs: Demo Hub") {
		t.Errorf("for people: %s", out)
	}
}

func TestDoctorRefusesPlainHTTP(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.extra = []string{"APS_BASE_URL=http://example.com"}
	l.run(2, "doctor")
}

func TestNeededScopes(t *testing.T) {
	oss := []config.Watch{{Remote: "oss://bkt/k"}}
	for _, row := range []struct {
		name    string
		acc     config.Account
		watches []config.Watch
		want    string
		admin   doctor.Need
	}{
		{"nothing said", config.Account{}, nil, "data:create data:read data:write", doctor.Optional},
		{"a watch on a bucket", config.Account{}, oss,
			"data:create data:read data:write, bucket:read data:create data:read data:write",
			doctor.Optional},
		{"a bound", config.Account{Scopes: []string{"data:read"}}, nil, "data:read", doctor.Unneeded},
		{"one action", config.Account{Actions: []string{"list-hubs"}}, nil, "data:read", doctor.Unneeded},
		{"transfers", config.Account{Actions: []string{"transfer"}}, nil,
			"data:create data:read data:write, bucket:read data:create data:read data:write",
			doctor.Unneeded},
		{"transfers in projects alone", config.Account{Actions: []string{"upload-file-in-project-folder"}},
			nil,
			"data:create data:read data:write", doctor.Unneeded},
		{"transfers and users", config.Account{Actions: []string{"transfer", "list-account-users"}}, nil,
			"data:create data:read data:write, bucket:read data:create data:read data:write, account:read",
			doctor.Required},
	} {
		t.Run(row.name, func(t *testing.T) {
			var got []string
			for _, set := range neededScopes(row.acc, row.watches) {
				got = append(got, strings.Join(set, " "))
			}

			if strings.Join(got, ", ") != row.want {
				t.Errorf("got %q", got)
			}

			if need := neededAdmin(row.acc); need != row.admin {
				t.Errorf("administration: got %d, want %d", need, row.admin)
			}
		})
	}
}
