package watcher

import (
	"strings"
	"testing"
)

func TestLitter(t *testing.T) {
	tests := []struct {
		path    string
		dir     bool
		ignored bool
	}{
		{"plan.dwg", false, false},
		{"plan.bak", false, true},
		{"PLAN.BAK", false, true},
		{"bak", false, false},
		{"plan.bak.dwg", false, false},
		{"plan_1_2_3456.sv$", false, true},
		{"a/b/plan.dwl", false, true},
		{"plan.dwl2", false, true},
		{"ac$12.ac$", false, true},
		{"model.rvt", false, false},
		{"model.0001.rvt", false, false},
		{"family.0012.rfa", false, false},
		{"model.001.rvt", false, false},
		{"model_2024.rvt", false, false},
		{"model_backup", true, false},
		{"model_backup/eperms.dat", false, false},
		{"model_backup", false, false},
		{"model.slog", false, true},
		{"@eaDir", true, true},
		{"@eaDir/x.jpg", false, true},
		{"#recycle/x.dwg", false, true},
		{".snapshot/x.dwg", false, true},
		{".AppleDouble/x.dwg", false, true},
		{".dropbox.cache/x", false, true},
		{"DfsrPrivate/x", false, true},
		{"a.atmp", false, true},
		{"acad.err", false, true},
		{"plot.log", false, true},
		{"site.log", false, false},
		{"a.idlk", false, true},
		{"a.laccdb", false, true},
		{"a.pln.lck", false, true},
		{".plan.dwg.Ab12Cd", false, true},
		{".plan.dwg.9xK2aQ", false, true},
		{".plan.dwg.backup", false, false},
		{".plan.202511", false, false},
		{"plan.dwg.Ab12Cd", false, false},
		{".plan.dwg.Ab12Cd", true, false},
		{"~$plan.docx", false, true},
		{".~lock.plan.odt#", false, true},
		{"plan.dwg~", false, true},
		{"Thumbs.db", false, true},
		{"x/desktop.ini", false, true},
		{".DS_Store", false, true},
		{"._plan.dwg", false, true},
		{".git", true, true},
		{".git/config", false, true},
		{".gitignore", false, false},
		{".hoistignore", false, true},
		{".hoist-1234/x", false, true},
		{"plan~20261123-214500.dwg", false, true},
		{"plan~1.dwg", false, false},
		{"OldVersions/part.ipt", false, true},
		{"$RECYCLE.BIN/x.dwg", false, true},
		{"", true, false},
	}
	r := &Rules{}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			ignored, rule := r.Match(tt.path, tt.dir)
			if ignored != tt.ignored || ignored != (rule != "") {
				t.Errorf("got %t by %q, want %t", ignored, rule, tt.ignored)
			}
		})
	}
}

func TestRules(t *testing.T) {
	tests := []struct {
		name     string
		opts     RuleOptions
		path     string
		dir      bool
		ignored  bool
		byPrefix string
	}{
		{"pattern", RuleOptions{Patterns: []string{"*.log"}}, "a/b.log", false, true, "*.log"},
		{"comment and blank", RuleOptions{Patterns: []string{"# *.dwg", "", "  "}}, "a.dwg", false, false,
			""},
		{"last wins", RuleOptions{Patterns: []string{"*.dwg", "!keep.dwg"}}, "keep.dwg", false, false, ""},
		{"litter taken back", RuleOptions{Patterns: []string{"!*.bak"}}, "a.bak", false, false, ""},
		{"no litter", RuleOptions{NoLitter: true}, "a.bak", false, false, ""},
		{"ours cannot be taken back", RuleOptions{NoLitter: true, Patterns: []string{"!.hoist*"}},
			".hoist-tmp", false, true, ".hoist*"},
		{"anchored", RuleOptions{Patterns: []string{"/a"}}, "b/a", false, false, ""},
		{"anchored hits", RuleOptions{Patterns: []string{"/a"}}, "a", false, true, "/a"},
		{"folder pattern and a file", RuleOptions{Patterns: []string{"a/"}}, "a", false, false, ""},
		{"folder pattern and what is in it", RuleOptions{Patterns: []string{"a/"}}, "x/a/b.dwg", false, true,
			"a/"},
		{"what is in an ignored folder stays ignored", RuleOptions{Patterns: []string{"a/", "!a/b.dwg"}},
			"a/b.dwg", false, true, "a/"},
		{"taking a folder back does not take back the litter in it", RuleOptions{Patterns: []string{"!a"}},
			"a/x.bak", false, true, "*.bak"},
		{"two stars", RuleOptions{Patterns: []string{"a/**/z.dwg"}}, "a/b/c/z.dwg", false, true,
			"a/**/z.dwg"},
		{"include hits", RuleOptions{Includes: []string{"*.dwg"}}, "x/a.dwg", false, false, ""},
		{"include misses", RuleOptions{Includes: []string{"*.dwg"}}, "x/a.rvt", false, true, "not included"},
		{"include and folders", RuleOptions{Includes: []string{"*.dwg"}}, "x", true, false, ""},
		{"include and litter", RuleOptions{Includes: []string{"*.bak"}}, "x.bak", false, true, "*.bak"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := ParseRules(tt.opts)
			if err != nil {
				t.Fatal(err)
			}

			ignored, rule := r.Match(tt.path, tt.dir)
			if ignored != tt.ignored || rule != tt.byPrefix {
				t.Errorf("got %t by %q, want %t by %q", ignored, rule, tt.ignored, tt.byPrefix)
			}
		})
	}
}

func TestParseRulesRefuses(t *testing.T) {
	tests := []struct {
		name string
		opts RuleOptions
	}{
		{"open bracket", RuleOptions{Patterns: []string{"[a"}}},
		{"only a slash", RuleOptions{Patterns: []string{"/"}}},
		{"negated include", RuleOptions{Includes: []string{"!a"}}},
		{"size below zero", RuleOptions{MinSize: -1}},
		{"sizes crossed", RuleOptions{MinSize: 10, MaxSize: 5}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := ParseRules(tt.opts); err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestMatchSize(t *testing.T) {
	r, err := ParseRules(RuleOptions{MinSize: 10, MaxSize: 20})
	if err != nil {
		t.Fatal(err)
	}

	for size, want := range map[int64]bool{9: true, 10: false, 20: false, 21: true} {
		if got, _ := r.MatchSize(size); got != want {
			t.Errorf("%d bytes: ignored %t, want %t", size, got, want)
		}
	}
}

func TestLockNames(t *testing.T) {
	tests := []struct{ name, lock string }{
		{"plan.dwg", "plan.dwl"},
		{"plan.dwg", "plan.dwl2"},
		{"Document.docx", "~$cument.docx"},
		{"plan.xlsx", "~$plan.xlsx"},
		{"plan.odt", ".~lock.plan.odt#"},
		{"model.rvt", "model_backup"},
		{"model.rvt", "model.slog"},
	}
	for _, tt := range tests {
		t.Run(tt.lock, func(t *testing.T) {
			found := false
			for _, l := range lockNames(tt.name) {
				found = found || l == tt.lock
			}

			if !found || !isLock(strings.ToLower(tt.lock)) {
				t.Errorf("among the locks of %s: %t; a lock by its name: %t", tt.name, found,
					isLock(strings.ToLower(tt.lock)))
			}
		})
	}
}
