package watcher

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// history plays random changes of a tree, of its rules and of its root, with notices that are lost
// now and then, against a watcher with a clock of its own.
type history struct {
	*fixture
	t   *testing.T
	rnd *rand.Rand
	no  *rand.Rand // whether the receiver takes what is handed over
	out []string   // what was handed over although it is excluded
	log []string

	mu   sync.Mutex                 // guards what follows
	ids  map[string]map[string]bool // by path: of the files that ever were there
	lies []string                   // renames that never were
}

var (
	historyNames = []string{"a.dwg", "b.dwg", "fees.xlsx", "Tower.rvt", "Tower.0001.rvt", "A.dwg"}
	historyRules = []string{"fees*\n", "b.dwg\n", "/x/\n", "*.dwg\n!a.dwg\n", "", "#\n"}
	historyDirs  = []string{"", "x", "x/y", "z", "z/y"}
)

// emitted asks the rules as they are on disk at that moment about all that is handed over.
func (h *history) emitted(ctx context.Context, changes []Change) error {
	if h.no.IntN(8) == 0 {
		return errors.New("not now")
	}

	for _, c := range changes {
		h.follow(c)

		if c.Removed {
			continue
		}

		b, err := NewBook(h.root, &Rules{}, 0, nil)
		if err != nil {
			return err
		}

		if ignored, rule := b.At(path.Dir("/" + c.Path)[1:]).Match(c.Path, false); ignored {
			h.out = append(h.out, c.Path+" by "+rule)
		}
	}

	return h.emit(ctx, changes)
}

// follow keeps renames of what never had the name.
func (h *history) follow(c Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.From != "" && !h.ids[c.From][c.Snapshot.FileID] {
		h.lies = append(h.lies, c.From+" > "+c.Path)
	}
}

func (h *history) step() {
	dir := historyDirs[h.rnd.IntN(len(historyDirs))]
	name := historyNames[h.rnd.IntN(len(historyNames))]
	p := join2(dir, name)
	tell := []string{p}

	h.look()
	switch h.rnd.IntN(13) {
	case 0, 1, 2, 3:
		h.write(p, strings.Repeat("x", h.rnd.IntN(50)))
	case 4:
		h.remove(p)
	case 5, 6:
		p = join2(dir, IgnoreFile)
		h.write(p, historyRules[h.rnd.IntN(len(historyRules))])
		tell = []string{p}
	case 7:
		h.remove(join2(dir, IgnoreFile))
		tell = []string{join2(dir, IgnoreFile)}
	case 8:
		to := join2(historyDirs[h.rnd.IntN(len(historyDirs))], name)
		must(h.t, os.MkdirAll(filepath.Dir(h.path(to)), 0o755))
		if os.Rename(h.path(p), h.path(to)) == nil {
			tell = append(tell, to)
		}
	case 10, 11, 12:
		tell = h.renames(dir, p)
	case 9:
		away := h.root + ".away"
		must(h.t, os.Rename(h.root, away))
		time.Sleep(time.Duration(h.rnd.IntN(20)) * time.Second)
		must(h.t, os.Rename(away, h.root))
	}

	h.look()
	h.log = append(h.log, fmt.Sprint(tell))
	for _, p := range tell {
		for dir, _ := split(p); h.rnd.IntN(5) > 0; dir, _ = split(dir) {
			h.hand.notice(p, notice{touched: true, created: true, left: true})
			if dir == "" {
				break
			}

			p = dir
		}
	}

	time.Sleep(time.Duration(h.rnd.IntN(15_000)) * time.Millisecond)
	synctest.Wait()
}

// renames gives a file another name, or two files each other's, or renames a folder.
func (h *history) renames(dir, p string) []string {
	to := join2(dir, historyNames[h.rnd.IntN(len(historyNames))])
	switch h.rnd.IntN(3) {
	case 0:
		if os.Rename(h.path(p), h.path(to)) == nil {
			return []string{p, to}
		}
	case 1:
		if _, err := os.Lstat(h.path(to)); err == nil && os.Rename(h.path(p), h.path("~.tmp")) == nil {
			_ = os.Rename(h.path(to), h.path(p)) // when they are one there is nothing left
			must(h.t, os.Rename(h.path("~.tmp"), h.path(to)))

			return []string{p, to}
		}
	case 2:
		from, to := "x", "z"
		if h.rnd.IntN(2) == 0 {
			from, to = to, from
		}

		if os.Rename(h.path(from), h.path(to)) == nil {
			return []string{from, to}
		}
	}

	return []string{p}
}

// look keeps which files are where.
func (h *history) look() {
	h.mu.Lock()
	defer h.mu.Unlock()

	for _, dir := range historyDirs {
		for _, name := range historyNames {
			p := join2(dir, name)
			rec, mode, there, err := lookAt(h.root, p)
			must(h.t, err)
			if !there || !mode.IsRegular() {
				continue
			}

			if h.ids[p] == nil {
				h.ids[p] = map[string]bool{}
			}

			h.ids[p][identify(h.root, p, rec).snapshot().FileID] = true
		}
	}
}

// lastRename renames a folder when all is at rest, while a tree of it is there: what has an end on both
// sides is told as renamed.
func (h *history) lastRename() {
	h.look()
	h.take()
	before := h.onDisk()
	from, to := "x", "z"
	if os.Rename(h.path(from), h.path(to)) != nil {
		from, to = to, from
		if os.Rename(h.path(from), h.path(to)) != nil {
			return
		}
	}

	h.hand.notice(from, notice{left: true})
	h.hand.notice(to, notice{created: true})
	time.Sleep(11 * time.Minute)
	synctest.Wait()
	after := h.onDisk()
	for _, p := range before {
		rest, moved := strings.CutPrefix(p, from+"/")
		if !moved || !slices.Contains(after, to+"/"+rest) {
			continue
		}

		if move := p + " > " + to + "/" + rest; !slices.Contains(h.moves, move) {
			h.t.Errorf("not told: %s of %q", move, h.moves)
		}
	}
}

// onDisk is what a walk finds that the rules let through.
func (h *history) onDisk() []string {
	var out []string
	_, err := Walk(h.w.book, func(rel string, _ Snapshot) error {
		out = append(out, rel)
		return nil
	}, func(rel string, err error) { h.t.Errorf("%s: %v", rel, err) })
	must(h.t, err)
	slices.Sort(out)

	return out
}

// tempInMemory is a folder of the test's own, in memory when the system has a place there: a
// hundred thousand histories make some files each.
func tempInMemory(t *testing.T) string {
	t.Helper()
	const shm = "/dev/shm"
	if _, err := os.Stat(shm); err != nil || runtime.GOOS != "linux" {
		return t.TempDir()
	}

	dir, err := os.MkdirTemp(shm, "history") //nolint:usetesting // in memory
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })

	return dir
}

// TestRandomHistories plays a thousand histories, 100,000 with HOIST_NIGHTLY=1. HOIST_HISTORY_SEED
// plays one seed, HOIST_HISTORIES=20 so many from it on or from the first.
func TestRandomHistories(t *testing.T) {
	first, n := uint64(0), uint64(1000)
	if os.Getenv("HOIST_NIGHTLY") != "" {
		n = 100_000
	}

	if s, err := strconv.ParseUint(os.Getenv("HOIST_HISTORY_SEED"), 10, 64); err == nil {
		first, n = s, 1
	}

	if few, err := strconv.ParseUint(os.Getenv("HOIST_HISTORIES"), 10, 64); err == nil {
		n = few
	}

	for seed := first; seed < first+n; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := tree{t, filepath.Join(tempInMemory(t), "root")}
				f.write("a.dwg", "a")
				x := newFixture(t, f, func(c *Config) {
					c.ScanInterval = 5 * time.Minute
					c.Poll, c.PollInterval = seed%4 == 3, 3*time.Second
				})
				h := &history{fixture: x, t: t, rnd: rand.New(rand.NewPCG(seed, 1)), no: rand.New(rand.NewPCG(seed, 2)),
					ids: map[string]map[string]bool{}}

				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- x.w.Run(ctx, h.emitted) }()
				synctest.Wait()

				for range 40 {
					h.step()
				}

				// Two scans later all is at rest: the index is the disk, and all was told.
				time.Sleep(11 * time.Minute)
				synctest.Wait()
				want := h.onDisk()
				var index []string
				must(t, eachRecord(x.base, "", func(p string, _ record) { index = append(index, p) }))
				slices.Sort(index)
				if !slices.Equal(index, want) {
					t.Errorf("the index has %q, the disk %q", index, want)
				}

				for _, p := range want {
					info, err := os.Lstat(f.path(p))
					must(t, err)
					if told, ok := x.states[p]; !ok || told.Size != info.Size() {
						t.Errorf("%s: told %v of %d bytes, has %d", p, ok, told.Size, info.Size())
					}
				}

				if s := x.w.Status(); s.State != StateWatching && s.State != StatePolling || s.Pending != 0 ||
					s.Files != len(want) {
					t.Errorf("status %+v, want %d files", s, len(want))
				}

				h.lastRename()
				if len(h.out) > 0 {
					t.Errorf("handed over although excluded: %q", h.out)
				}

				if len(h.lies) > 0 {
					t.Errorf("renames that never were: %q", h.lies)
				}

				if t.Failed() {
					t.Logf("steps %v, told %v", h.log, slices.Sorted(maps.Keys(x.states)))
				}

				cancel()
				<-ended
			})
		})
	}
}
