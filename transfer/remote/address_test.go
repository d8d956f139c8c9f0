package remote

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestParseAddress(t *testing.T) {
	for name, row := range map[string]struct {
		text  string
		steps []string
		again string // canonical text; "" the same
		bad   string // part of the error
	}{
		"hubs": {text: "aps://"},
		"names with spaces": {text: "aps://Demo Hub/Demo Project/Project Files",
			steps: []string{"Demo Hub", "Demo Project", "Project Files"}},
		"encoded slash": {text: "aps://H/P/Files/a%2Fb 100%25",
			steps: []string{"H", "P", "Files", "a/b 100%"}},
		"other codes are read": {text: "aps://H/P%20Q/%C3%A4", steps: []string{"H", "P Q", "ä"},
			again: "aps://H/P Q/ä"},
		"lower case codes": {text: "aps://H/a%2fb", steps: []string{"H", "a/b"},
			again: "aps://H/a%2Fb"},
		"ids": {text: "aps://b.1d2e3f40-1111-2222-3333-444455556666/P/urn:adsk.wipprod:fs.folder:co.abc",
			steps: []string{"b.1d2e3f40-1111-2222-3333-444455556666", "P",
				"urn:adsk.wipprod:fs.folder:co.abc"}},
		"trailing slash":     {text: "aps://H/P/", steps: []string{"H", "P"}, again: "aps://H/P"},
		"control characters": {text: "aps://H/a%0Ab", steps: []string{"H", "a\nb"}},
		"buckets":            {text: "oss://"},
		"bucket": {text: "oss://my-bucket/", steps: []string{"my-bucket"},
			again: "oss://my-bucket"},
		"key with empty parts": {text: "oss://bkt/a//c/", steps: []string{"bkt", "a", "", "c", ""}},
		"key with leading slash": {text: "oss://bkt//etc/passwd",
			steps: []string{"bkt", "", "etc", "passwd"}},
		"lone percent":       {text: "aps://H/100%", bad: "%25"},
		"half a code":        {text: "aps://H/a%2", bad: "%25"},
		"no code":            {text: "aps://H/a%zz", bad: "%25"},
		"NUL":                {text: "aps://H/a%00", bad: "NUL"},
		"empty step":         {text: "aps://H//P", bad: "empty"},
		"only slashes":       {text: "aps:///", bad: "empty"},
		"no bucket":          {text: "oss:///key", bad: "bucket"},
		"slash in bucket":    {text: "oss://abc%2Fb/key", bad: "3 to 128"},
		"capitals in bucket": {text: "oss://Drawings/key", bad: "3 to 128"},
		"short bucket":       {text: "oss://ab", bad: "3 to 128"},
		"long bucket":        {text: "oss://" + strings.Repeat("a", 129), bad: "3 to 128"},
		"another scheme":     {text: "https://example.com/a", bad: "aps://"},
		"local path":         {text: "/tmp/a", bad: "aps://"},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := ParseAddress(row.text)
			if row.bad != "" {
				if err == nil || !strings.Contains(err.Error(), row.bad) {
					t.Fatalf("ParseAddress(%q) = %v, %v; want an error about %q", row.text, a, err, row.bad)
				}

				return
			}

			if err != nil {
				t.Fatal(err)
			}

			if !slices.Equal(a.Steps, row.steps) {
				t.Errorf("steps %q, want %q", a.Steps, row.steps)
			}

			want := row.again
			if want == "" {
				want = row.text
			}

			if got := a.String(); got != want {
				t.Errorf("String() = %q, want %q", got, want)
			}
		})
	}
}

func TestAddressJoin(t *testing.T) {
	parse := func(s string) Address {
		a, err := ParseAddress(s)
		if err != nil {
			t.Fatal(err)
		}

		return a
	}
	for _, row := range []struct{ base, name, want string }{
		{"aps://H/P", "a/b", "aps://H/P/a%2Fb"},
		{"oss://bkt", "x/y.dwg", "oss://bkt/x/y.dwg"},
		{"oss://bkt/prefix", "y.dwg", "oss://bkt/prefix/y.dwg"},
		{"oss://bkt/prefix/", "y.dwg", "oss://bkt/prefix/y.dwg"},
	} {
		base := parse(row.base)
		if got := base.Join(row.name).String(); got != row.want {
			t.Errorf("%s joined with %s = %s, want %s", row.base, row.name, got, row.want)
		}

		if got := base.String(); got != row.base {
			t.Errorf("Join changed its receiver to %s", got)
		}
	}

	if got := parse("oss://bkt/a//c/").Key(); got != "a//c/" {
		t.Errorf("Key() = %q", got)
	}
}

func FuzzAddress(f *testing.F) {
	for _, s := range []string{"aps://", "aps://Demo Hub/P/a%2Fb%25", "oss://bkt/a//c/", "oss://bkt//x",
		"aps://H/%zz", "aps://H/\x00"} {
		f.Add(s)
	}

	f.Fuzz(func(t *testing.T, text string) {
		a, err := ParseAddress(text)
		if err != nil {
			return
		}

		again, err := ParseAddress(a.String())
		if err != nil || !reflect.DeepEqual(again, a) {
			t.Fatalf("%q parses to %q, is written %q and read back as %q, %v", text, a.Steps, a, again.Steps,
				err)
		}

		if again.String() != a.String() {
			t.Fatalf("%q is not canonical: %q", a, again)
		}

		for _, c := range a.String() {
			if c < 0x20 || c == 0x7f {
				t.Fatalf("%q shows control characters", a.String())
			}
		}
	})
}
