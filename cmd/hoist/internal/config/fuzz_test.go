package config

import (
	"testing"
	"time"

	"github.com/pelletier/go-toml/v2"
)

// FuzzConfig: a text is refused with words, or a configuration that survives being written; taking a
// watch out of it leaves the others.
func FuzzConfig(f *testing.F) {
	f.Add("limits = \"server\"\n[[watch]]\npath = \"/a\"\nremote = \"oss://bkt\"\n")
	f.Add("[[watch]]\npath = \"/a\"\nremote = \"oss://bkt\"\n# b\n[[watch]]\npath = \"/b\"\nremote = " +
		"\"oss://bkt/b\"\n")
	f.Add("bwlimit = \"08:00,2M 19:00,off\"\nexclude = [\"*.log\", \"!a\"]\nmin-size = \"1K\"\n" +
		"[notify]\nurl = \"https://x\"\n")
	f.Add("spool = \"off\"\nparts = 0\nunknown = 1\n")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := parseFile("config.toml", []byte(text))
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without words")
			}

			return
		}

		data, err := toml.Marshal(file)
		if err != nil {
			t.Fatal(err)
		}

		if _, err := parseFile("config.toml", data); err != nil {
			t.Errorf("%s\nis written as\n%s\n%v", text, data, err)
		}

		if n := len(file.Watch); n > 0 { // as CutWatch does, which looks at the outcome before it writes
			_, _ = parseFile("config.toml", cutTable([]byte(text), n-1))
		}
	})
}

// FuzzTimetable: the next change of a limit is later than now, so that following it ends nowhere in
// a busy loop.
func FuzzTimetable(f *testing.F) {
	for _, s := range []string{"10M", "off", "10M:1M", "08:00,512k 19:00,off",
		"Sat-10:00,off Mon-08:00,2M:1M", "1e300"} {
		f.Add(s, int64(1_700_000_000))
	}

	f.Fuzz(func(t *testing.T, s string, at int64) {
		table, err := ParseTimetable(s)
		if err != nil || at < 0 || at > 4e9 {
			return
		}

		now := time.Unix(at, 0).UTC()
		rates, next := table.Rate(now)
		if rates.Up < 0 || rates.Down < 0 || !next.IsZero() && !next.After(now) {
			t.Errorf("%q at %v: %+v until %v", s, now, rates, next)
		}
	})
}

// FuzzValues: sizes and durations are never negative.
func FuzzValues(f *testing.F) {
	for _, s := range []string{"1.5G", "64MiB", "2d", "1h30m", "-1", "nan", "1e400", "9999w"} {
		f.Add(s)
	}

	f.Fuzz(func(t *testing.T, s string) {
		if n, err := ParseSize(s); err == nil && n < 0 {
			t.Errorf("size %q: %d", s, n)
		}

		if d, err := ParseDuration(s); err == nil && d < 0 {
			t.Errorf("duration %q: %v", s, d)
		}
	})
}
