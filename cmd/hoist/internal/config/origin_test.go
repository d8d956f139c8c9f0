package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEffective(t *testing.T) {
	dir := t.TempDir()
	h := Home{Config: dir, State: dir}
	file := File{Settings: Settings{Limits: "server", Checksum: "never", Parts: new(3),
		Selection: Selection{Exclude: []string{"a", "b"}}},
		Watch: []Watch{{Path: "/x", Remote: "aps://a/b/c"}}}
	profile := Profile{ClientID: "id", ClientSecret: "secret",
		Settings: Settings{Checksum: "always", Selection: Selection{Exclude: []string{"c"}}}}
	env := Env{Limits: "documented", Home: dir, ClientSecret: "secret"}
	values, err := Effective(h, "work", map[string]string{"profile": "work"}, env, file, profile)
	if err != nil {
		t.Fatal(err)
	}

	got := map[string]Value{}
	for _, v := range values {
		got[v.Key] = v
		if strings.Contains(v.Value, "secret") {
			t.Errorf("a secret: %+v", v)
		}
	}

	for _, want := range []Value{
		{"profile", "work", "flag --profile"},
		{"limits", "documented", "environment HOIST_LIMITS"},
		{"home", dir, "environment HOIST_HOME"},
		{"checksum", "always", "profile " + h.ProfileFile("work")},
		{"client-id", "id", "profile " + h.ProfileFile("work")},
		{"parts", "3", "file " + h.ConfigFile()},
		{"exclude", "a, b, c", "file " + h.ConfigFile() + ", profile " + h.ProfileFile("work")},
		{"acceleration", "auto", "default"},
	} {
		if got[want.Key] != want {
			t.Errorf("%+v, want %+v", got[want.Key], want)
		}
	}

	if _, ok := got["watch"]; ok {
		t.Error("watches are no setting")
	}
}

func TestProblems(t *testing.T) {
	dir := t.TempDir()
	h := Home{Config: dir, State: dir}
	if p := Problems(h); len(p) > 0 {
		t.Errorf("an empty home: %v", p)
	}

	folder := filepath.ToSlash(t.TempDir())
	if err := os.MkdirAll(filepath.Join(dir, "profiles"), 0o700); err != nil {
		t.Fatal(err)
	}

	for name, text := range map[string]string{
		"config.toml": "profile = \"gone\"\nmin-size = \"many\"\n[[watch]]\npath = \"" + folder +
			"\"\nremote = \"aps://a/b/c\"\n[[watch]]\npath = \"" + folder +
			"/deeper\"\nremote = \"aps://a/b/d\"\nprofile = \"other\"\n",
		"profiles/bad.toml": "checksum = \"perhaps\"\nclient_id = \"x\"\n",
		"profiles/too.toml": "region = \"MARS\"\nmax-size = \"few\"\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	var all []string
	for _, p := range Problems(h) {
		all = append(all, p.Error())
	}

	text := strings.Join(all, "\n")
	for _, want := range []string{`"gone" is unknown`, "min-size", "overlaps with", `"other" is unknown`,
		"client_id: unknown key", `region: "MARS"`, `max-size: "few"`, "deeper\" is not there"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not among\n%s", want, text)
		}
	}
}
