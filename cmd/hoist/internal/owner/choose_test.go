package owner

import (
	"slices"
	"strings"
	"testing"
	"time"

	"hoist/state"
	"hoist/transfer/plan"
)

func TestOrder(t *testing.T) {
	file := func(name string, size int64, day int) plan.File {
		return plan.File{Remote: name, Bytes: size,
			Job: state.Job{Snapshot: state.Snapshot{Size: size, ModTime: time.Unix(int64(day), 0)}}}
	}
	tests := []struct{ by, want string }{
		{"", "b c a d"}, {"size", "a b c d"}, {"size,desc", "d c b a"}, {"name,ascending", "a b c d"},
		{"modtime", "d a b c"}, {"modtime,descending", "c b a d"}, {"size,mixed", "a d b c"},
		{"size,sideways", "error"}, {"age", "error"}, {",mixed", "error"},
	}
	for _, tt := range tests {
		t.Run(tt.by, func(t *testing.T) {
			files := []plan.File{file("b", 20, 3), file("c", 30, 4), file("a", 10, 2), file("d", 40, 1)}
			o, err := parseOrder(tt.by)
			if (err != nil) != (tt.want == "error") {
				t.Fatal(err)
			}

			o.sort(files)

			if got := names(files, func(plan.File) bool { return true }); err == nil && got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

func TestHold(t *testing.T) {
	tests := []struct {
		name     string
		most     int64
		cautious bool
		want     string // what goes
	}{
		{"no limit", 0, false, "a b c"}, {"the one that passes it goes", 15, false, "a b"},
		{"at the limit", 30, false, "a b"}, {"cautious", 15, true, "a"},
		{"cautious, a later one fits", 45, true, "a b"},
		{"above all", 100, true, "a b c"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := []plan.File{{Remote: "a", Bytes: 10},
				{Remote: "same", Bytes: 50, Result: plan.Unchanged},
				{Remote: "b", Bytes: 20}, {Remote: "c", Bytes: 30}}
			limit := limit{most: tt.most, cautious: tt.cautious}
			limit.hold(files)

			if got := names(files, func(f plan.File) bool {
				return f.Result == "" && !f.Job.Paused
			}); got != tt.want {
				t.Errorf("%s go, want %s", got, tt.want)
			}
		})
	}
}

func names(files []plan.File, takes func(plan.File) bool) string {
	var out []string
	for _, f := range slices.DeleteFunc(slices.Clone(files), func(f plan.File) bool { return !takes(f) }) {
		out = append(out, f.Remote)
	}

	return strings.Join(out, " ")
}
