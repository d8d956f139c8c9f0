package watcher

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestPairUp joins what went with what came.
func TestPairUp(t *testing.T) {
	one := func(path string, ino uint64, gone bool, size int64) end {
		return end{settled: settled{path: path, gone: gone, fresh: !gone,
			rec: record{size: size, mtime: 7, ctime: int64(len(path)), ino: ino}}}
	}
	went := func(path string, ino uint64) end { return one(path, ino, true, 5) }
	came := func(path string, ino uint64) end { return one(path, ino, false, 5) }
	found := func(e end) end { e.scan = true; return e }
	ids := func(list ...uint64) map[uint64]bool {
		out := map[uint64]bool{}
		for _, id := range list {
			out[id] = true
		}

		return out
	}

	for _, c := range []struct {
		name        string
		ends        []end
		gone, came  []uint64 // not settled
		scanning    bool
		ready, wait string
	}{
		{"a rename", []end{went("a", 1), came("b", 1)}, nil, nil, false, "b<a -a>b", ""},
		{"what came first", []end{came("b", 1), went("a", 1)}, nil, nil, false, "b<a -a>b", ""},
		{"two files", []end{went("a", 1), went("b", 2), came("c", 2), came("d", 1)}, nil, nil, false,
			"c<b -b>c d<a -a>d", ""},
		{"another size", []end{went("a", 1), one("b", 1, false, 6)}, nil, nil, false, "b -a", ""},
		{"hard links that came", []end{went("a", 1), came("b", 1), came("c", 1)}, nil, nil,
			false, "b c -a", ""},
		{"hard links that went", []end{went("a", 1), went("b", 1), came("c", 1)}, nil, nil,
			false, "c -a -b", ""},
		{"nothing of it", []end{went("a", 1), came("b", 2)}, nil, nil, false, "b -a", ""},
		{"what came waits", []end{came("b", 1)}, []uint64{1}, nil, false, "", "b"},
		{"what went waits", []end{went("a", 1), came("c", 3)}, nil, []uint64{1}, false, "c", "a"},
		{"a scan goes on", []end{went("a", 1), found(came("b", 1)), came("c", 2)}, nil, nil,
			true, "c", "a b"},
		{"a pair while a scan goes on", []end{went("a", 1), came("b", 1)}, nil, nil, true, "", "a b"},
	} {
		ready, wait := pairUp(c.ends, others{gone: ids(c.gone...), came: ids(c.came...)}, c.scanning)
		var got, left []string
		for _, s := range ready {
			switch {
			case s.gone && s.to != "":
				got = append(got, "-"+s.path+">"+s.to)
			case s.gone:
				got = append(got, "-"+s.path)
			case s.from != "":
				got = append(got, s.path+"<"+s.from)
			default:
				got = append(got, s.path)
			}
		}

		for _, e := range wait {
			left = append(left, e.path)
		}

		if strings.Join(got, " ") != c.ready || strings.Join(left, " ") != c.wait {
			t.Errorf("%s: ready %q, want %q; waiting %q, want %q", c.name, got, c.ready, left, c.wait)
		}
	}
}

// TestTooManyEnds: where too many ends wait, none waits for a scan.
func TestTooManyEnds(t *testing.T) {
	e := end{settled: settled{path: "a", gone: true, rec: record{ino: 1}}, after: 5}
	all := make([]end, endsMax)
	r := run{set: newSettler(0, 0, 0), scanning: true}
	for n, want := range map[int]int{endsMax - 1: 0, endsMax: 1} {
		r.ends = all[:n]
		o, scanning := r.unsettled()
		if ready, _ := pairUp([]end{e}, o, scanning); len(ready) != want {
			t.Errorf("%d ends: %d are ready, want %d", n, len(ready), want)
		}
	}
}

// TestRenames plays renames with a clock of its own: with notices, and while nobody watched.
func TestRenames(t *testing.T) {
	tests := []struct {
		name  string
		scene func(x *fixture) (noticed []string)
		told  string // in the order of the paths
		moves string
	}{
		{"a file", func(x *fixture) []string {
			x.rename("a.dwg", "z.dwg")
			return []string{"a.dwg", "z.dwg"}
		}, "-a.dwg z.dwg", "a.dwg > z.dwg"},
		{"another folder", func(x *fixture) []string {
			must(x.t, os.Mkdir(x.path("new"), 0o755))
			x.rename("a.dwg", "new/a.dwg")
			return []string{"a.dwg", "new"}
		}, "-a.dwg new/a.dwg", "a.dwg > new/a.dwg"},
		{"a folder", func(x *fixture) []string {
			x.rename("D", "I")
			return []string{"D", "I"}
		}, "-D/x/b.dwg -D/y.dwg I/x/b.dwg I/y.dwg", "D/x/b.dwg > I/x/b.dwg, D/y.dwg > I/y.dwg"},
		// the rules inside are known when the outer ones are
		{"a folder with young rules", func(x *fixture) []string {
			x.write("D/"+IgnoreFile, "#")
			x.write("D/x/"+IgnoreFile, "#")
			x.rename("D", "I")
			return []string{"D", "I"}
		}, "-D/x/b.dwg -D/y.dwg I/x/b.dwg I/y.dwg", "D/x/b.dwg > I/x/b.dwg, D/y.dwg > I/y.dwg"},
		{"letter case alone", func(x *fixture) []string {
			x.rename("a.dwg", "A.dwg")
			return []string{"a.dwg", "A.dwg"}
		}, "-a.dwg A.dwg", "a.dwg > A.dwg"},
		{"two names change places", func(x *fixture) []string {
			x.rename("a.dwg", "t")
			x.rename("b.dwg", "a.dwg")
			x.rename("t", "b.dwg")
			return []string{"a.dwg", "b.dwg"}
		}, "a.dwg b.dwg", ""},
		{"renamed and written", func(x *fixture) []string {
			x.rename("a.dwg", "z.dwg")
			x.write("z.dwg", "more")
			x.old("z.dwg")
			return []string{"a.dwg", "z.dwg"}
		}, "-a.dwg z.dwg", ""},
		{"over another file", func(x *fixture) []string {
			x.rename("a.dwg", "b.dwg")
			return []string{"a.dwg", "b.dwg"}
		}, "-a.dwg b.dwg", ""},
		{"away and back", func(x *fixture) []string {
			x.rename("a.dwg", "z.dwg")
			x.rename("z.dwg", "a.dwg")
			return []string{"a.dwg", "z.dwg"}
		}, "a.dwg", ""},
		{"a hard link stays behind", func(x *fixture) []string {
			must(x.t, os.Link(x.path("a.dwg"), x.path("y.dwg")))
			x.rename("a.dwg", "z.dwg")
			return []string{"a.dwg", "y.dwg", "z.dwg"}
		}, "-a.dwg y.dwg z.dwg", ""},
		{"a copy", func(x *fixture) []string {
			must(x.t, os.Link(x.path("a.dwg"), x.path("z.dwg")))
			return []string{"a.dwg", "z.dwg"} // the change time of both moved
		}, "a.dwg z.dwg", ""},
		{"to an excluded name", func(x *fixture) []string {
			x.rename("a.dwg", "a.bak")
			return []string{"a.dwg", "a.bak"}
		}, "-a.dwg", ""},
	}
	for _, tt := range tests {
		for _, how := range []string{"noticed", "down", "polled"} {
			t.Run(tt.name+", "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					x := newFixture(t, newTree(t), func(c *Config) {
						c.Poll, c.PollInterval = how == "polled", 2*time.Second // less than what settles
					})
					for i, p := range []string{"a.dwg", "b.dwg", "D/x/b.dwg", "D/y.dwg"} {
						x.write(p, strings.Repeat("x", i+1))
						x.old(p)
					}

					stop := x.start(t)
					time.Sleep(time.Minute)
					synctest.Wait()
					x.take()

					switch how {
					case "down":
						stop()
						tt.scene(x)
						x.start(t)
					case "polled":
						tt.scene(x)
					default:
						for _, p := range tt.scene(x) {
							x.hand.notice(p, notice{left: true, created: true})
						}
					}

					if tt.name == "letter case alone" && !(&letters{root: x.root}).has("A.dwg") {
						t.Skip("the file system keeps the old letters (Wine)")
					}

					time.Sleep(time.Minute)
					synctest.Wait()
					told := x.take()
					want := strings.Fields(tt.told)
					if runtime.GOOS == "windows" && tt.name == "a copy" {
						want = want[1:] // no listing tells change times there
					}

					if changed := runtime.GOOS == "linux"; !changed && tt.name == "away and back" {
						want = nil
					}

					if slices.Sort(want); !slices.Equal(told, want) {
						t.Errorf("told %q, want %q", told, want)
					}

					if got := strings.Join(x.moves, ", "); got != tt.moves {
						t.Errorf("moves %q, want %q", got, tt.moves)
					}

					if s := x.w.Status(); s.Pending != 0 {
						t.Errorf("status %+v", s)
					}
				})
			})
		}
	}
}

// TestRenameSettlesAtBothEnds: what came waits for what went, also when the scan that finds it takes
// it for one that has rested.
func TestRenameSettlesAtBothEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newFixture(t, newTree(t), nil)
		x.write("D/a.dwg", "a")
		x.old("D/a.dwg")
		x.start(t)
		time.Sleep(time.Minute)
		synctest.Wait()
		x.take()

		x.rename("D", "I")
		x.hand.notice("D", notice{left: true})
		x.hand.notice("I", notice{created: true})
		time.Sleep(9 * time.Second)
		synctest.Wait()
		x.want(t)
		if s := x.w.Status(); s.Files != 2 || s.Pending != 2 {
			t.Errorf("while it settles: %+v", s)
		}

		time.Sleep(2 * time.Second)
		synctest.Wait()
		x.want(t, "-D/a.dwg", "I/a.dwg")

		// what is gone comes back before its turn: it is there, and nobody is told otherwise
		x.rename("I/a.dwg", "z.dwg")
		x.hand.notice("I/a.dwg", notice{left: true})
		time.Sleep(5 * time.Second)
		synctest.Wait()
		x.rename("z.dwg", "I/a.dwg")
		x.hand.notice("I/a.dwg", notice{created: true})
		time.Sleep(time.Minute)
		synctest.Wait()
		for _, told := range x.take() {
			if told != "I/a.dwg" { // its change time moved
				t.Errorf("told %q", told)
			}
		}
	})
}

// TestRenameDuringAScan: a scan that runs while a file is renamed may see it under neither name. Where
// scans alone tell of it the next one is waited for.
func TestRenameDuringAScan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newFixture(t, newTree(t), func(c *Config) { c.Poll, c.PollInterval = true, time.Minute })
		for _, p := range []string{"a.dwg", "b.dwg"} {
			x.write(p, p)
			x.old(p)
		}

		x.start(t)
		time.Sleep(time.Second)
		synctest.Wait()
		x.take()

		elsewhere := filepath.Join(t.TempDir(), "a.dwg")
		must(t, os.Rename(x.path("a.dwg"), elsewhere))
		x.remove("b.dwg")
		time.Sleep(time.Minute) // it is seen to be gone
		synctest.Wait()
		must(t, os.Rename(elsewhere, x.path("z.dwg")))
		time.Sleep(90 * time.Second)
		synctest.Wait()
		x.want(t, "-a.dwg", "-b.dwg", "z.dwg")
		if got := strings.Join(x.moves, ", "); got != "a.dwg > z.dwg" {
			t.Errorf("moves %q", got)
		}

		if s := x.w.Status(); s.Pending != 0 {
			t.Errorf("status %+v", s)
		}
	})
}
