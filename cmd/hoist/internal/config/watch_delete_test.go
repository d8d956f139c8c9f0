package config

import (
	"strings"
	"testing"
)

func TestDelete(t *testing.T) {
	for _, row := range []struct{ remote, delete, wrong string }{
		{"aps://H/P/F", "", ""}, {"aps://H/P/F", "keep", ""}, {"aps://H/P/F", "hide", ""},
		{"aps://H/P/F", "drop", "not keep or hide"}, {"oss://bucket", "keep", ""},
		{"oss://bucket", "hide", "hides nothing"},
	} {
		w := Watch{Path: t.TempDir(), Remote: row.remote, Delete: row.delete}
		err := w.Complete("")
		if (err == nil) != (row.wrong == "") || err != nil && !strings.Contains(err.Error(), row.wrong) {
			t.Errorf("%+v: %v", row, err)
		}

		if w.Hides() != (row.delete == "hide") {
			t.Errorf("%+v: hides %v", row, w.Hides())
		}
	}
}
