package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// allow writes the profile with its list.
func (l *lab) allow(patterns ...string) {
	l.t.Helper()
	l.profile(l.t, `allow-remotes = ["`+strings.Join(patterns, `", "`)+`"]`)
}

// changes counts what the cloud was asked to change; signing in and looking are none.
func (l *lab) changes() (ops []string) {
	for _, r := range l.cloud.Requests() {
		if r.Method != http.MethodGet && r.Op != "token" && !strings.Contains(r.Path, "/commands") ||
			strings.HasSuffix(r.Path, "/signeds3upload") {
			ops = append(ops, r.Method+" "+r.Path)
		}
	}

	return ops
}

// TestAllowedRemotes: whatever could change another remote is refused at every entrance, with exit
// code 2 and before the service is asked; what is allowed works.
func TestAllowedRemotes(t *testing.T) {
	notRaced(t)
	for _, owned := range []bool{false, true} {
		t.Run(map[bool]string{false: "alone", true: "with a daemon"}[owned], func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			path := l.file("plan.dwg", 1000)
			other := l.remote + "/other"
			l.run(0, "mkdir", other)
			l.run(0, "mkdir", "oss://other-bucket")
			l.run(0, "push", path, other)
			l.run(0, "push", path, "oss://other-bucket")
			l.allow(l.remote+"/mine/*", "oss://mine-*")
			if owned {
				l.start("daemon")
				l.owned("daemon")
			}

			watched := filepath.Dir(l.file("w/a.dwg", 10))
			plain := func(name, body string) int {
				t.Helper()
				resp, err := l.socket().Post("http://hoist/v1/"+name, "application/json",
					strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()

				return resp.StatusCode
			}

			l.cloud.ResetJournal()
			for _, args := range [][]string{
				{"push", path, other, "--force"},
				{"push", path, l.remote, "--as", "x"},
				{"push", "-", "oss://other-bucket/key"},
				{"copyto", path, "oss://other-bucket/key"},
				{"copyto", path, other + "/b.dwg"},
				{"watch", "add", watched, other},
				{"mkdir", l.remote + "/new"},
				{"mkdir", "oss://new-bucket"},
				{"rm", "--yes", other + "/plan.dwg"},
				{"rm", "--yes", "oss://other-bucket/plan.dwg"},
				{"rm", "--yes", other},
				{"mv", other + "/plan.dwg", "b.dwg"},
				{"restore", other + "/plan.dwg", "--version", "1"},
				{"selftest", "--yes", l.remote},
				{"api", "delete-object", "--param", "bucketKey=other-bucket", "--param",
					"objectKey=plan.dwg"},
				{"api", "get-signed-s3-upload-urls", "--param", "bucketKey=other-bucket",
					"--param", "objectKey=k"},
			} {
				if _, stderr := l.run(2, args...); !strings.Contains(stderr, "allow-remotes") {
					t.Errorf("hoist %s: %s", strings.Join(args, " "), stderr)
				}
			}

			if owned {
				for name, body := range map[string]string{
					"actions/delete-bucket": `{"params":{"bucketKey":"other-bucket"}}`,
					"actions/create-bucket": `{"body":{"bucketKey":"a-bucket","policyKey":"transient"}}`,
					"push":                  `{"paths":["` + path + `"],"remote":"` + other + `"}`,
					"watches":               `{"path":"` + watched + `","remote":"` + other + `"}`,
				} {
					if status := plain(name, body); status != http.StatusBadRequest {
						t.Errorf("%s: status %d", name, status)
					}
				}
			}

			if ops := l.changes(); len(ops) > 0 {
				t.Errorf("the cloud was asked for %v", ops)
			}

			l.run(0, "mkdir", l.remote+"/mine")
			l.run(0, "push", path, l.remote+"/mine")
			l.run(0, "mv", l.remote+"/mine/plan.dwg", "b.dwg")
			l.run(0, "rm", "--yes", l.remote+"/mine/b.dwg")
			l.run(0, "restore", l.remote+"/mine/b.dwg")
			l.run(0, "mkdir", "oss://mine-bucket")
			l.run(0, "push", path, "oss://mine-bucket")
			l.run(0, "api", "delete-object", "--param", "bucketKey=mine-bucket", "--param",
				"objectKey=plan.dwg")
			l.run(0, "watch", "add", watched, l.remote+"/mine")

			if rows := l.doctor(0, "--data-plane"); len(rows["S3"]) != 1 || rows["S3"][0].Verdict != "ok" {
				t.Errorf("doctor: %+v", rows)
			}

			l.run(0, "pull", other+"/plan.dwg", filepath.Join(l.dir, "back.dwg"))
		})
	}
}

// TestAllowedRemotesOfAWatch: a watch that was written by hand sends nothing, and says why.
func TestAllowedRemotesOfAWatch(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	watched := filepath.Dir(l.file("w/a.dwg", 10))
	l.run(0, "watch", "add", watched, l.remote+"/w", "--settle", "100ms")
	l.allow(l.remote + "/elsewhere")
	l.start("daemon")
	l.owned("daemon")
	eventually(t, "the watch says why", func() bool {
		s := l.status()
		return len(s.Watches) == 1 && strings.Contains(s.Watches[0].Detail, "allow-remotes")
	})

	if ops := l.changes(); len(ops) > 0 {
		t.Errorf("the cloud was asked for %v", ops)
	}

	l.allow(l.remote + "/*")
	eventually(t, "it goes on when it is allowed", func() bool { return l.count("create-item") == 1 })
}

// TestAllowedRemotesStay: a login lifts no bound, and a mistake in the list is one of the
// configuration.
func TestAllowedRemotesStay(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.extra = append(l.extra, "HOIST_NO_KEYRING=1")
	l.allow(l.remote + "/mine/*")
	l.run(0, "login")
	path := l.file("a.dwg", 10)
	l.run(2, "push", path, l.remote)

	if out, _ := l.run(0, "profile", "show", "--json"); !strings.Contains(out, `/mine/*`) {
		t.Errorf("profile show: %s", out)
	}

	l.allow("s3://bucket")
	for _, args := range [][]string{{"push", path, l.remote}, {"config", "check"}} {
		if out, stderr := l.run(2, args...); !strings.Contains(out+stderr, "allow-remotes: remote address") {
			t.Errorf("%v: %s%s", args, out, stderr)
		}
	}
}

// TestAllowedRemotesOfAConflict: what a decision would change is asked for before any of it is done.
func TestAllowedRemotesOfAConflict(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	path := l.file("plan.rvt", 10)
	l.run(0, "push", path, l.remote)
	other := l.second()
	other.dir = t.TempDir()
	other.run(0, "push", other.file("plan.rvt", 20, "theirs"), l.remote)
	l.file("plan.rvt", 30, "ours")
	l.run(3, "push", path, l.remote)

	l.allow(l.remote + "/mine")
	for _, keep := range []string{"mine", "both"} {
		if _, stderr := l.run(2, "resolve", path, "--keep", keep); !strings.Contains(stderr,
			"allow-remotes") {
			t.Errorf("resolve --keep %s: %s", keep, stderr)
		}
	}

	if info, err := os.Stat(path); err != nil || info.Size() != 30 {
		t.Errorf("the file: %v, %v", info, err)
	}

	l.run(0, "resolve", path, "--keep", "theirs") // which changes nothing there
}
