package config

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

func TestTextAsEditorsOnWindowsSaveIt(t *testing.T) {
	const mark, utf16 = "\ufeff", "\xff\xfet\x00"
	h := testHome(t)
	patterns := filepath.Join(h.Config, "patterns.txt")

	read := []struct {
		name, path, text string
		do               func() (any, error)
	}{
		{"config.toml", h.ConfigFile(), "transfers = 3\n", func() (any, error) {
			f, err := Load(h)
			return f.Transfers != nil, err
		}},
		{"profile", h.ProfileFile("bob"), "region = \"EMEA\"\n", func() (any, error) {
			p, err := LoadProfile(h, "bob")
			return p.Region == "EMEA", err
		}},
		{"exclude-from", patterns, "*.log\n", func() (any, error) {
			f, err := Settings{ExcludeFrom: patterns}.Filter("")
			return len(f.Exclude) == 1 && f.Exclude[0] == "*.log", err
		}},
	}
	for _, tt := range read {
		t.Run(tt.name, func(t *testing.T) {
			write(t, tt.path, mark+tt.text)
			if right, err := tt.do(); right != true || err != nil {
				t.Errorf("with a byte order mark: read %v, %v", right, err)
			}

			write(t, tt.path, utf16)
			_, err := tt.do()
			if _, ok := errors.AsType[*Error](err); !ok ||
				!strings.Contains(err.Error(), tt.path+": it is UTF-16") {
				t.Errorf("UTF-16: got %v, want an Error that says so", err)
			}
		})
	}

	one := Watch{Path: abs("one"), Remote: "oss://bkt/one"}
	if err := one.Complete(""); err != nil {
		t.Fatal(err)
	}

	write(t, h.ConfigFile(), mark+"[[watch]]\npath = '"+one.Path+"'\nremote = 'oss://bkt/one'\n")
	if err := CutWatch(h, one.ID); err != nil {
		t.Errorf("cut the table that the mark stands before: %v", err)
	}
}
