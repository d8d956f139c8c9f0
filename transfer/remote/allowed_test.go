package remote

import "testing"

func TestAllowed(t *testing.T) {
	tests := []struct {
		pattern, address string
		want             bool
	}{
		{"aps://Acme/Tower/Project Files/*", "aps://Acme/Tower/Project Files", true},
		{"aps://Acme/Tower/Project Files/*", "aps://Acme/Tower/Project Files/a/b.dwg", true},
		{"aps://Acme/Tower/Project Files", "aps://Acme/Tower/Project Files/a", true},
		{"aps://Acme/Tower/Project Files/*", "aps://Acme/Tower/Project Files 2/a", false},
		{"aps://Acme/Tower/Project Files/*", "aps://Acme/Tower", false},
		{"aps://Acme/Tower/Project Files/*", "aps://acme/Tower/Project Files/a", false},
		{"aps://Acme/*/Project Files", "aps://Acme/Any/Project Files/x", true},
		{"aps://Acme/*/Project Files", "aps://Acme/Any/Other/x", false},
		{"aps://Acme/T*r", "aps://Acme/Tower/x", true},
		{"aps://Acme/T*r*s", "aps://Acme/Towers/x", true},
		{"aps://Acme/T*r*s", "aps://Acme/Tower/x", false},
		{"aps://Acme/ab*ba", "aps://Acme/aba", false},
		{"aps://Acme/A%2FB", "aps://Acme/A%2FB/x", true},
		{"aps://Acme/A*", "aps://Acme/A%2FB/x", true},
		{"aps://*", "aps://Acme/Tower/Project Files", true},
		{"aps://*", "oss://bucket/key", false},
		{"oss://bucket/*", "oss://bucket/a/b", true},
		{"oss://bucket/*", "oss://bucket", true},
		{"oss://bucket/*", "oss://bucket2/a", false},
		{"oss://*", "oss://", true},
		{"oss://team-*", "oss://team-a/key", true},
		{"oss://bucket/a", "oss://bucket/ab", false},
		{"oss://bucket/[a]?", "oss://bucket/[a]?/x", true},
	}
	for _, tt := range tests {
		t.Run(tt.pattern+" "+tt.address, func(t *testing.T) {
			allowed, err := ParseAllowed([]string{"oss://never-meant", tt.pattern})
			if err != nil {
				t.Fatal(err)
			}

			a, err := ParseAddress(tt.address)
			if err != nil {
				t.Fatal(err)
			}

			if err := allowed.Check(a); (err == nil) != tt.want {
				t.Errorf("got %v", err)
			}
		})
	}

	for _, bad := range []string{"", "bucket/*", "s3://bucket", "aps://a//b", "aps://a/%zz"} {
		if _, err := ParseAllowed([]string{bad}); err == nil {
			t.Errorf("%q is no pattern", bad)
		}
	}

	if err := (Allowed{}).Check(Address{}); err != nil {
		t.Errorf("no list: %v", err)
	}

	if err := (Allowed{{Scheme: SchemeAPS}, {Scheme: SchemeOSS}}).Check(Address{}); err == nil {
		t.Error("a call by ids alone passed a list")
	}
}

func FuzzAllowed(f *testing.F) {
	f.Add("aps://Acme/T*/Files/*", "aps://Acme/Tower/Files/a")
	f.Add("oss://*", "oss://bucket/k//x")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		allowed, err := ParseAllowed([]string{pattern})
		a, bad := ParseAddress(text)
		if err != nil || bad != nil {
			return
		}

		below := allowed.Check(a.Join("below"))
		if allowed.Check(a) == nil && below != nil {
			t.Errorf("%q allows %q and not what is below it", pattern, text)
		}

		if self, err := ParseAllowed([]string{a.String()}); err == nil && self.Check(a) != nil &&
			len(a.Steps) > 0 {
			t.Errorf("%q does not allow itself", text)
		}
	})
}
