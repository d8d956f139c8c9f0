package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hoist/apsclient"
)

func testHome(t *testing.T) Home {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "h")
	h := Home{Config: dir, State: dir}
	if err := h.Ensure(); err != nil {
		t.Fatal(err)
	}

	return h
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}

	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestLoadIsStrict(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"unknown key", "transfers = 3\nspeed = 9\n", ":2: speed: unknown key"},
		{"unknown key of a watch", "[[watch]]\npath = \"/a\"\nremote = \"oss://bkt\"\ncolour = 1\n",
			":4: watch.colour: unknown key"},
		{"wrong type", "transfers = \"many\"\n", ":1: transfers: it is of type string, not int"},
		{"wrong type of a list", "exclude = 3\n",
			":1: exclude: it is of type integer, not a list of strings"},
		{"no TOML", "transfers =\n", ":1:"},
		{"checksum", "checksum = \"sometimes\"\n", "checksum: \"sometimes\" is not auto, always or never"},
		{"no transfers", "transfers = 0\n", "transfers: 0 is not between 1 and 256"},
		{"history", "history_days = 0\n", "config.toml: history_days: 0 is not between 1 and 36500"},
		{"history jobs", "history_jobs = -1\n", "history_jobs: -1 is not between 1 and 10000000"},
		{"max delete", "max-delete = -1\n", "max-delete: -1 is not 0 or more"},
		{"part size", "part-size = \"1M\"\n", "part-size: \"1M\" is not between 5M and 5G"},
		{"spool", "spool = \"plenty\"\n", "spool: \"plenty\" is not off or a size"},
		{"watch without a remote", "[[watch]]\npath = \"/a\"\n", "watch.remote: is missing"},
		{"min size", "min-size = \"big\"\n", "config.toml: min-size: \"big\" is not a size"},
		{"sizes", "min-size = \"2M\"\nmax-size = \"1M\"\n",
			"config.toml: min-size: \"2M\" is more than max-size"},
		{"pattern", "exclude = [\"a[b\"]\n", "config.toml: exclude: ignore pattern \"a[b\""},
		{"pattern of a watch", "[[watch]]\npath = \"" + filepath.ToSlash(abs("a")) +
			"\"\nremote = \"oss://bkt\"\ninclude = [\"a[b\"]\n", "config.toml: watch.include: "},
		{"remote of a watch", "[[watch]]\npath = \"" + filepath.ToSlash(abs("a")) +
			"\"\nremote = \"http://b\"\n", "config.toml: watch.remote: "},
		{"watch with a relative path", "[[watch]]\npath = \"a\"\nremote = \"oss://bkt\"\n", "watch.path"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := testHome(t)
			write(t, h.ConfigFile(), tt.text)
			_, err := Load(h)
			if _, ok := errors.AsType[*Error](err); !ok || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an Error with %q", err, tt.want)
			}
		})
	}
}

func TestWatchTablesLeaveTheRestAlone(t *testing.T) {
	h := testHome(t)
	mine := "# my settings\ntransfers = 3 # three\n\n[[watch]]\npath = '" + abs("one") +
		"' # first\nremote = \"oss://bkt/one\"\nexclude = [\n  \"a[0-9]\",\n]\n\n# about " +
		"two\n[[watch]]\npath = '" + abs("two") + "'\nremote = \"oss://bkt/two\"\n"
	write(t, h.ConfigFile(), mine)
	three := Watch{Path: abs("three"), Remote: "oss://bkt/three", Settle: "3s"}
	three.ID = NewWatchID(three.Path, three.Remote, "")
	if err := AppendWatch(h, three); err != nil {
		t.Fatal(err)
	}

	text, _ := os.ReadFile(h.ConfigFile())
	if !strings.HasPrefix(string(text), mine) {
		t.Errorf("what was there changed:\n%s", text)
	}

	f, err := Load(h)
	if err != nil || len(f.Watch) != 3 || f.Watch[2].SettleTime() != 3*time.Second || f.Transfers == nil ||
		*f.Transfers != 3 {
		t.Fatalf("got %+v, %v", f, err)
	}

	if err := CutWatch(h, f.Watch[0].ID); err != nil {
		t.Fatal(err)
	}

	if err := CutWatch(h, three.ID); err != nil {
		t.Fatal(err)
	}

	text, _ = os.ReadFile(h.ConfigFile())
	want := "# my settings\ntransfers = 3 # three\n\n\n# about two\n[[watch]]\npath = '" + abs("two") +
		"'\nremote = \"oss://bkt/two\"\n\n"
	if string(text) != want {
		t.Errorf("got:\n%q\nwant:\n%q", text, want)
	}

	if err := CutWatch(h, "nothing"); err == nil {
		t.Error("cut a watch that is not there")
	}
}

func abs(name string) string {
	p, err := filepath.Abs(name)
	if err != nil {
		panic(err)
	}

	return p
}

func TestOverlap(t *testing.T) {
	list := []Watch{{ID: "x", Path: abs("a/b")}}
	for path, want := range map[string]bool{"a/b": true, "a/b/c": true, "a": true, "a/bc": false,
		"c": false} {
		if _, got := Overlap(list, abs(path)); got != want {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
}

func TestAccountPrecedence(t *testing.T) {
	stored := Profile{ClientID: "id", ClientSecret: "stored", BaseURL: "http://127.0.0.1:1"}
	for _, tt := range []struct {
		name    string
		profile Profile
		env     Env
		secret  string
		bad     bool
	}{
		{"environment alone", Profile{}, Env{ClientID: "e", ClientSecret: "s"}, "s", false},
		{"profile alone", stored, Env{}, "stored", false},
		{"environment wins", stored, Env{ClientID: "e", ClientSecret: "s", BaseURL: "http://127.0.0.1:2"},
			"s", false},
		{"stored secret to another host", stored, Env{BaseURL: "http://127.0.0.1:2"}, "", true},
		{"stored secret of another client", stored, Env{ClientID: "e"}, "", true},
		{"nothing", Profile{}, Env{}, "", true},
		{"half", Profile{}, Env{ClientID: "e"}, "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.profile.Account("default", tt.env)
			if (err != nil) != tt.bad {
				t.Fatalf("got error %v, want one: %v", err, tt.bad)
			}

			if err == nil && got.ClientSecret.Reveal() != tt.secret {
				t.Errorf("wrong secret")
			}

			if strings.Contains(string(mustText(t, got.ClientSecret)), "s") && got.ClientSecret != "" &&
				got.ClientSecret.String() != "redacted" {
				t.Error("the secret prints")
			}
		})
	}
}

// TestUserIDIsForTwoLegs: a token of a person, or of a service account, names its user itself.
func TestUserIDIsForTwoLegs(t *testing.T) {
	for flow, want := range map[string]string{FlowTwoLegged: "U", FlowUser: "", FlowServiceAccount: ""} {
		for _, set := range []struct {
			profile Profile
			env     Env
		}{
			{Profile{ClientID: "id", Flow: flow}, Env{UserID: "U"}},
			{Profile{ClientID: "id", Flow: flow, UserID: "U"}, Env{}},
		} {
			got, err := set.profile.Account("default", set.env)
			if err != nil || got.Flow != flow || got.UserID != want {
				t.Errorf("%s: %q, %v; want %q", flow, got.UserID, err, want)
			}
		}
	}

	secret := Env{ClientID: "e", ClientSecret: "s", UserID: "U"} // these two are two-legged, whatever is stored
	got, err := Profile{ClientID: "id", Flow: FlowUser}.Account("default", secret)
	if err != nil || got.UserID != "U" {
		t.Errorf("%q, %v", got.UserID, err)
	}
}

func mustText(t *testing.T, s apsclient.Secret) []byte {
	t.Helper()
	b, err := s.MarshalText()
	if err != nil {
		t.Fatal(err)
	}

	return b
}

func TestProfiles(t *testing.T) {
	h := testHome(t)
	if _, err := LoadProfile(h, DefaultProfile); err != nil {
		t.Errorf("the default profile may be missing: %v", err)
	}

	for _, name := range []string{"studio", "../x", "", ".hidden"} {
		if _, err := LoadProfile(h, name); err == nil {
			t.Errorf("profile %q loads", name)
		}
	}

	write(t, h.ProfileFile("studio"), "client-id = \"a\"\nclient-secret = \"b\"\nlimits = \"server\"\n")
	p, err := LoadProfile(h, "studio")
	if err != nil || p.ClientID != "a" || p.Limits != "server" {
		t.Errorf("got %+v, %v", p.Settings, err)
	}

	if os.PathSeparator == '/' {
		if err := os.Chmod(h.ProfileFile("studio"), 0o644); err != nil {
			t.Fatal(err)
		}

		if _, err := LoadProfile(h, "studio"); err == nil {
			t.Error("a secret that others can read was taken")
		}
	}
}

func TestSystemHome(t *testing.T) {
	get := func(m map[string]string) func(string) string { return func(k string) string { return m[k] } }
	for _, tt := range []struct {
		name, goos   string
		env          map[string]string
		config, stat string
	}{
		{"linux", "linux", map[string]string{"HOME": "/h"}, "/h/.config/hoist", "/h/.local/state/hoist"},
		{"xdg", "linux", map[string]string{"HOME": "/h", "XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "/s"},
			"/c/hoist", "/s/hoist"},
		{"mac", "darwin", map[string]string{"HOME": "/h"}, "/h/Library/Application Support/hoist",
			"/h/Library/Application Support/hoist"},
		{"windows", "windows", map[string]string{"APPDATA": "/r", "LOCALAPPDATA": "/l"}, "/r/hoist",
			"/l/hoist"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, err := systemHome(tt.goos, get(tt.env))
			if err != nil || filepath.ToSlash(h.Config) != tt.config || filepath.ToSlash(h.State) != tt.stat {
				t.Errorf("got %+v, %v", h, err)
			}
		})
	}

	if _, err := systemHome("linux", get(nil)); err == nil {
		t.Error("a home without HOME")
	}
}

func TestParseSize(t *testing.T) {
	for s, want := range map[string]int64{"0": 0, "512": 512, "64K": 65536, "64k": 65536, "5M": 5 << 20,
		"5MiB": 5 << 20, "5MB": 5 << 20, "1.5G": 3 << 29, "2T": 2 << 40, "7B": 7} {
		if got, err := ParseSize(s); err != nil || got != want {
			t.Errorf("%s: got %d, %v, want %d", s, got, err, want)
		}
	}

	for _, s := range []string{"", "M", "-1", "1X", "nan", "1e99"} {
		if got, err := ParseSize(s); err == nil {
			t.Errorf("%q: got %d, want an error", s, got)
		}
	}
}

func TestTimetable(t *testing.T) {
	at := func(day int, clock string) time.Time { // 2026-11-22 is a Sunday
		c, err := time.Parse("15:04", clock)
		if err != nil {
			t.Fatal(err)
		}

		return time.Date(2026, 11, 22+day, c.Hour(), c.Minute(), 30, 0, time.UTC)
	}
	for _, tt := range []struct {
		name, table string
		now         time.Time
		up          int64
		next        time.Time
	}{
		{"none", "", at(1, "12:00"), 0, time.Time{}},
		{"always", "10M", at(1, "12:00"), 10 << 20, time.Time{}},
		{"a number is KiB", "512", at(1, "12:00"), 512 << 10, time.Time{}},
		{"off", "off", at(1, "12:00"), 0, time.Time{}},
		{"day", "08:00,512k 19:00,off", at(1, "12:00"), 512 << 10, at(1, "19:00").Add(-30 * time.Second)},
		{"evening", "08:00,512k 19:00,off", at(1, "20:00"), 0, at(2, "08:00").Add(-30 * time.Second)},
		{"night", "08:00,512k 19:00,off", at(1, "02:00"), 0, at(1, "08:00").Add(-30 * time.Second)},
		{"before the first of the week", "Mon-08:00,1M Fri-18:00,off", at(0, "10:00"), 0,
			at(1, "08:00").Add(-30 * time.Second)},
		{"week", "Mon-08:00,1M Fri-18:00,off", at(3, "10:00"), 1 << 20,
			at(5, "18:00").Add(-30 * time.Second)},
		{"one entry a week", "Wed-08:00,2M", at(3, "08:00"), 2 << 20, at(10, "08:00").Add(-30 * time.Second)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			table, err := ParseTimetable(tt.table)
			if err != nil {
				t.Fatal(err)
			}

			got, next := table.Rate(tt.now)
			if want := (Rates{tt.up, tt.up}); got != want || !next.Equal(tt.next) {
				t.Errorf("got %+v until %v, want %+v until %v", got, next, want, tt.next)
			}
		})
	}

	for table, want := range map[string]Rates{"10M:100k": {10 << 20, 100 << 10}, "1M:off": {Up: 1 << 20},
		"10Mi:10MiB": {10 << 20, 10 << 20}, "1.5gib:100B": {3 << 29, 100}, "2MB": {2 << 20, 2 << 20},
		"08:00,off:2M 19:00,1M": {Down: 2 << 20}} {
		if parsed, err := ParseTimetable(table); err != nil {
			t.Error(err)
		} else if got, _ := parsed.Rate(at(1, "12:00")); got != want {
			t.Errorf("%s: got %+v, want %+v", table, got, want)
		}
	}

	for _, s := range []string{"fast", "25:00,1M", "08:00", "08:00,1M x", "Foo-08:00,1M", "1M:2M:3M", "1M:",
		":1M", "08:00,1M:fast", "10Q", "i", "B", "10i", "10iB", "10MBB"} {
		if _, err := ParseTimetable(s); err == nil {
			t.Errorf("%q is taken", s)
		}
	}
}

func TestNextClock(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for s, want := range map[string]time.Duration{"12:30": 30 * time.Minute, "12:00": 24 * time.Hour,
		"07:00": 19 * time.Hour} {
		if got, err := NextClock(s, now); err != nil || got.Sub(now) != want {
			t.Errorf("%s: got %v, %v, want in %v", s, got, err, want)
		}
	}

	if _, err := NextClock("7pm", now); err == nil {
		t.Error("7pm is taken")
	}
}

func TestSettleTimeOfNothing(t *testing.T) {
	for settle, want := range map[string]time.Duration{"": DefaultSettle, "3s": 3 * time.Second,
		"0s": leastSettle} {
		if got := (Watch{Settle: settle}).SettleTime(); got != want {
			t.Errorf("%q: %v, want %v", settle, got, want)
		}
	}
}

func TestSettingsOver(t *testing.T) {
	base := Settings{Limits: "documented", Parts: new(3), Selection: Selection{Exclude: []string{"a"}}}
	got := Settings{Limits: "server", Selection: Selection{Exclude: []string{"b"}}}.Over(base)
	if got.Limits != "server" || got.Parts == nil || *got.Parts != 3 || len(got.Exclude) != 2 ||
		got.Exclude[1] != "b" {
		t.Errorf("got %+v", got)
	}
}

func TestRemoveLeftovers(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{".hoist-old", ".hoist-young", "default.secrets"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	for _, name := range []string{".hoist-old", "default.secrets"} {
		if err := os.Chtimes(filepath.Join(dir, name), time.Time{}, time.Now().Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
	}

	RemoveLeftovers(dir)
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) != 1 || filepath.Base(left[0]) != ".hoist-young" {
		t.Errorf("left: %v, %v", left, err)
	}

	if _, err := os.Stat(filepath.Join(dir, "default.secrets")); err != nil {
		t.Error(err)
	}
}
