package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize/english"

	"hoist/cmd/hoist/internal/local"
	"hoist/cmd/hoist/internal/problem"
	"hoist/cmd/hoist/internal/selftest"
	"hoist/state"
	"hoist/transfer"
	"hoist/watcher/disk"
)

func checkState(ctx context.Context, e Env, f facts) (facts, []Finding) {
	if !e.Home.HasState() {
		return f, []Finding{{Check: "state", Verdict: OK, Detail: "none yet in " + e.Home.State}}
	}

	r, err := e.State(ctx)
	if _, ok := errors.AsType[*state.LockedError](err); ok {
		return f, []Finding{{"state", Warning, err.Error(),
			problem.Text("run it again when that process has ended")}}
	}

	if err != nil {
		return f, []Finding{failed("state", "the state cannot be read", err)}
	}

	if !r.Sound {
		shown := r.Problems[:min(3, len(r.Problems))]
		return f, []Finding{{"state", Problem, r.Path + ": " + strings.Join(shown, "; "),
			problem.Fix{Step: problem.RepairKept}}}
	}

	return f, []Finding{{Check: "state", Verdict: OK,
		Detail: fmt.Sprintf("%s is sound: %d %s, %d of them open", r.Path, r.Jobs,
			english.PluralWord(r.Jobs, "job", ""), r.OpenJobs)}}
}

// inotifyLimit is how many folders Linux lets one user watch.
const inotifyLimit = "/proc/sys/fs/inotify/max_user_watches"

// checkNotifications compares the folders of the watches with what the system lets a user watch.
func checkNotifications(ctx context.Context, e Env, f facts) (facts, []Finding) {
	const name = "notifications"
	switch {
	case len(e.Watches) == 0:
		return f, []Finding{{Check: name, Verdict: Skipped, Detail: "there are no watches"}}
	case runtime.GOOS != "linux":
		return f, []Finding{{Check: name, Verdict: Skipped,
			Detail: "this system has no limit for watched folders"}}
	}

	limit := 0
	data, err := os.ReadFile(inotifyLimit)
	if err == nil {
		limit, err = strconv.Atoi(strings.TrimSpace(string(data)))
	}

	if err != nil {
		return f, []Finding{{Check: name, Verdict: Skipped, Detail: "the limit is not told: " + err.Error()}}
	}

	folders := 0
	for _, w := range e.Watches {
		n, err := countFolders(ctx, w.Path, limit-folders)
		if folders += n; err != nil {
			return f, []Finding{{Check: name, Verdict: Skipped,
				Detail: "the folders of " + w.Path + " cannot be counted: " + err.Error()}}
		}
	}

	return f, []Finding{notifications(folders, limit)}
}

// notifications is the verdict: other programs of the user need some too.
func notifications(folders, limit int) Finding {
	const name = "notifications"
	if folders >= limit-limit/5 {
		return Finding{name, Warning, fmt.Sprintf("the watches have %d folders or more, the system lets "+
			"this user watch %d: some are looked at from time to time only", folders, limit),
			problem.Text(fmt.Sprintf("sudo sysctl fs.inotify.max_user_watches=%d", max(2*folders, 524288)))}
	}

	return Finding{Check: name, Verdict: OK,
		Detail: fmt.Sprintf("%d folders of %d that the system allows", folders, limit)}
}

// countFolders counts the folders of a tree, up to most; what cannot be read counts for nothing.
func countFolders(ctx context.Context, root string, most int) (int, error) {
	return disk.AskOn(root, disk.Patience, func(beat func()) (n int, err error) {
		err = filepath.WalkDir(root, func(_ string, d fs.DirEntry, err error) error {
			beat()
			switch {
			case ctx.Err() != nil:
				return context.Cause(ctx)
			case n >= most:
				return filepath.SkipAll
			case err == nil && d.IsDir():
				n++
			}

			return nil
		})

		return n, err
	})
}

// Space that is left on a file system, in bytes, below which it is worth a word.
const (
	littleSpace = 1 << 30
	noSpace     = 100 << 20
)

func checkSpace(_ context.Context, e Env, f facts) (facts, []Finding) {
	dirs := []struct{ name, path string }{{"home", e.Home.State}, {"spool", e.Home.Spool()}}
	for _, w := range e.Watches {
		dirs = append(dirs, struct{ name, path string }{"watch", w.Path})
	}

	var out []Finding
	for _, d := range dirs {
		there := existing(d.path)
		free, err := disk.Ask(there, disk.Patience, func() (int64, error) {
			return transfer.FreeSpace(there)
		})
		if err != nil {
			out = append(out, Finding{"space", Warning, there + ": " + err.Error(),
				problem.Text("look whether the drive is there")})
			continue
		}

		out = append(out, space(d.name, d.path, free))
	}

	return f, out
}

func space(name, path string, free int64) Finding {
	detail := fmt.Sprintf("%s %s: %.1f GiB free", name, path, float64(free)/(1<<30))
	switch {
	case free < noSpace:
		return Finding{"space", Problem, detail, problem.Text("make room on that drive")}
	case free < littleSpace:
		return Finding{"space", Warning, detail, problem.Text("make room on that drive")}
	}

	return Finding{Check: "space", Verdict: OK, Detail: detail}
}

// existing is the folder, or the nearest above it that is there.
func existing(path string) string {
	for {
		if _, err := local.Look(path); !errors.Is(err, fs.ErrNotExist) || filepath.Dir(path) == path {
			return path
		}

		path = filepath.Dir(path)
	}
}

// checkLeftovers removes what killed commands left in the home; nothing needs it.
func checkLeftovers(_ context.Context, e Env, f facts) (facts, []Finding) {
	n, err := transfer.SweepStreams(e.Home.Streams())
	switch {
	case err != nil:
		return f, []Finding{{"leftovers", Warning, "what killed commands left is still there: " + err.Error(),
			problem.Text("remove it by hand")}}
	case n > 0:
		return f, []Finding{{Check: "leftovers", Verdict: OK,
			Detail: english.Plural(n, "part", "") + " of a stream that was killed: removed"}}
	}

	return f, []Finding{{Check: "leftovers", Verdict: OK, Detail: "none"}}
}

// checkSelftest repeats what the runs of selftest found, if there were any.
func checkSelftest(_ context.Context, e Env, f facts) (facts, []Finding) {
	known, err := selftest.LoadFacts(e.Home.FactsFile())
	if err != nil {
		return f, []Finding{{"selftest", Warning, err.Error(),
			problem.Text("remove " + e.Home.FactsFile() + " and run \"hoist selftest\" again")}}
	}

	var found []Finding
	for _, where := range slices.Sorted(maps.Keys(known)) {
		k := known[where]
		detail := fmt.Sprintf("%s, %s: %d %s seen, ", where, k.Date.Format(time.DateOnly), len(k.Seen),
			english.PluralWord(len(k.Seen), "fact", ""))
		if len(k.Differs) > 0 {
			detail += "these differ: " + strings.Join(k.Differs, ", ")
		} else {
			detail += "all as expected"
		}

		found = append(found, Finding{Check: "selftest", Verdict: OK, Detail: detail})
	}

	return f, found
}
