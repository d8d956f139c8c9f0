package doctor

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
)

func TestClock(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, row := range []struct {
		name, date string
		want       Verdict
		says       string
	}{
		{"right", now.Format(http.TimeFormat), OK, ""},
		{"thirty seconds", now.Add(30 * time.Second).Format(http.TimeFormat), OK, ""},
		{"behind", now.Add(31 * time.Second).Format(http.TimeFormat), Warning, "31s behind"},
		{"ahead", now.Add(-time.Hour).Format(http.TimeFormat), Warning, "1h0m0s ahead"},
		{"not told", "", Skipped, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := clock(row.date, now); got.Verdict != row.want ||
				!strings.Contains(got.Detail, row.says) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestSpaceAndNotifications(t *testing.T) {
	for _, row := range []struct {
		name string
		got  Finding
		want Verdict
	}{
		{"much room", space("home", "/h", 50<<30), OK},
		{"little room", space("home", "/h", 500<<20), Warning},
		{"no room", space("home", "/h", 5<<20), Problem},
		{"few folders", notifications(10, 8192), OK},
		{"many folders", notifications(8000, 8192), Warning},
	} {
		if row.got.Verdict != row.want {
			t.Errorf("%s: got %+v", row.name, row.got)
		}
	}

	root := t.TempDir()
	for _, name := range []string{"a/b", "a/c", "d"} {
		if err := os.MkdirAll(filepath.Join(root, filepath.FromSlash(name)), 0o755); err != nil {
			t.Fatal(err)
		}
	}

	for most, want := range map[int]int{100: 5, 3: 3} {
		if n, err := countFolders(t.Context(), root, most); n != want || err != nil {
			t.Errorf("counted %d folders, want %d: %v", n, want, err)
		}
	}
}

// TestServiceIsAskedWhatItDocuments: a proxy, or a log of the service, sees who asks for what.
func TestServiceIsAskedWhatItDocuments(t *testing.T) {
	seen := make(chan string, 2)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen <- r.Method + " " + r.URL.String() + " by " + r.UserAgent()
	}))
	defer server.Close()
	got, findings := checkService(t.Context(), Env{BaseURL: server.URL}, facts{})
	if !got.reachable {
		t.Fatalf("%+v", findings)
	}

	if asked := <-seen; asked != "GET /.well-known/openid-configuration by hoist" {
		t.Errorf("asked %s", asked)
	}
}

// TestNothingHangs: a check that never ends is left behind, and the others are made.
func TestNothingHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		stuck := check{"stuck", time.Minute, func(context.Context, Env, facts) (facts, []Finding) {
			<-release
			return facts{}, nil
		}}
		began := time.Now()
		_, got := stuck.run(t.Context(), Env{}, facts{})
		if len(got) != 1 || got[0].Verdict != Problem || time.Since(began) != time.Minute+grace {
			t.Errorf("after %v: %+v", time.Since(began), got)
		}

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := Run(ctx, Env{}, func(Finding) error { return nil }); err == nil {
			t.Error("it goes on after an interruption")
		}
	})
}

// TestADamagedStateIsNamed: the problems of the state are told, a few of them.
func TestADamagedStateIsNamed(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "state.db"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}

	e := Env{Home: config.Home{Config: dir, State: dir},
		State: func(context.Context) (control.StateReport, error) {
			return control.StateReport{Path: "state.db", Problems: []string{"one", "two", "three", "four"}},
				nil
		}}
	_, got := checkState(t.Context(), e, facts{})
	if len(got) != 1 || got[0].Verdict != Problem || !strings.Contains(got[0].Detail, "one; two; three") ||
		strings.Contains(got[0].Detail, "four") {
		t.Errorf("got %+v", got)
	}
}
