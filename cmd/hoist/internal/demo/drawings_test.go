package demo

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hoist/apsclient/emulator"
)

func TestCompareFindsEveryDifference(t *testing.T) {
	d := drawing{"sub/plan.dwg", 3<<20 + 17}

	change := func(t *testing.T, path string, at int64) {
		t.Helper()
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		b := make([]byte, 1)
		if _, err := f.ReadAt(b, at); err != nil {
			t.Fatal(err)
		}

		b[0]++
		if _, err := f.WriteAt(b, at); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name string
		harm func(t *testing.T, dir, file string)
		ok   bool
	}{
		{"the same", func(*testing.T, string, string) {}, true},
		{"first byte", func(t *testing.T, _, file string) { change(t, file, 0) }, false},
		{"last byte", func(t *testing.T, _, file string) { change(t, file, d.size-1) }, false},
		{"shorter", func(t *testing.T, _, file string) { must(t, os.Truncate(file, d.size-1)) }, false},
		{"longer", func(t *testing.T, _, file string) { must(t, os.Truncate(file, d.size+1)) }, false},
		{"missing", func(t *testing.T, _, file string) { must(t, os.Remove(file)) }, false},
		{"one more", func(t *testing.T, dir, _ string) {
			must(t, os.WriteFile(filepath.Join(dir, "more.dwg"), nil, 0o644))
		}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, b := t.TempDir(), t.TempDir()
			must(t, d.save(a, 1))
			must(t, d.save(b, 1))
			tt.harm(t, b, filepath.Join(b, filepath.FromSlash(d.name)))
			files, size, err := compare(a, b, nil)
			if (err == nil) != tt.ok {
				t.Fatalf("compare: %v, want equal: %v", err, tt.ok)
			}

			if tt.ok && (files != 1 || size != d.size) {
				t.Errorf("compared %d files of %d bytes, want 1 of %d", files, size, d.size)
			}
		})
	}
}

func TestEditionsDiffer(t *testing.T) {
	d := drawing{"plan.dwg", 64}
	read := func(edition int) string {
		b, err := io.ReadAll(io.LimitReader(d.content(edition), d.size))
		must(t, err)
		return string(b)
	}
	first, again := read(1), read(1)
	if first != again {
		t.Error("the same edition twice differs")
	}

	if first == read(2) {
		t.Error("two editions are the same")
	}
}

func TestSentAgain(t *testing.T) {
	put := func(part int) emulator.Request {
		return emulator.Request{Op: "s3-put", UploadKey: "K", Part: part}
	}
	var kill emulator.Request

	other := emulator.Request{Op: "s3-put", UploadKey: "L", Part: 1}
	tests := []struct {
		name    string
		arrived []emulator.Request // before and after a kill with parts 3 and 4 in flight
		want    string             // part of the error, "" for none
		again   string
	}{
		{"those in flight", []emulator.Request{put(1), other, put(2), put(3), put(4), kill, other, put(3),
			put(4), put(5)}, "", "3 and 4"},
		{"one that was stored", []emulator.Request{put(1), put(2), put(3), put(4), kill, put(2), put(3),
			put(4)}, "part 2 was stored", "2, 3 and 4"},
		{"none", []emulator.Request{put(1), put(2), put(3), put(4), kill, put(5)}, "no part was sent again",
			""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newStalls()
			for _, q := range tt.arrived {
				if q.Part == 0 {
					s.over = true
					continue
				}

				s.arrive(q, 3)
			}

			again, _, err := s.sentAgain()
			if got := numbers(again); got != tt.again {
				t.Errorf("sent again %q, want %q", got, tt.again)
			}

			if (err != nil) != (tt.want != "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestCleanEnv(t *testing.T) {
	got := cleanEnv([]string{"PATH=/bin", "APS_BASE_URL=https://x", "HOIST_HOME=/h", "SSL_CERT_FILE=c",
		"aps_client_id=i", "HOME=/u"})
	if want := "PATH=/bin HOME=/u"; strings.Join(got, " ") != want {
		t.Errorf("kept %q, want %q", got, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
