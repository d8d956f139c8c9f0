package gitignore

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// grove is a work tree for git with many small trees in it, one folder each, so that one process
// judges them all.
type grove struct {
	t     testing.TB
	root  string
	trees []*tree
}

// tree is one case: ignore files by folder, and the paths to judge. All paths are relative to the
// tree, names in NFC.
type tree struct {
	at     string
	ignore map[string]string // folder -> content
	paths  []entry
}

type entry struct {
	path string
	dir  bool
}

// verdict is what `git check-ignore -v -n` says of a path.
type verdict struct {
	folder string // of the ignore file, below the tree
	line   int    // 0: no rule speaks of it
	text   string
}

func (v verdict) ignored() bool { return v.line > 0 && !strings.HasPrefix(v.text, "!") }

func newGrove(t testing.TB) *grove {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("names that differ in case alone, or are no UTF-8, cannot be made on every system")
	}

	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed: nothing to compare with")
	}

	g := &grove{t: t, root: memoryDir(t)}
	g.git(nil, "init", "-q", "--template=")

	return g
}

// memoryDir keeps tens of thousands of folders off the disk if it can: on a busy one they take half
// a minute.
func memoryDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "gitignore") //nolint:usetesting // t.TempDir is on the disk
	if err != nil {
		return t.TempDir()
	}

	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})

	return dir
}

func (g *grove) git(stdin []byte, args ...string) []byte {
	g.t.Helper()
	cmd := exec.CommandContext(g.t.Context(), "git", args...)
	cmd.Dir, cmd.Stdin = g.root, bytes.NewReader(stdin)
	// Nothing that this machine or its user has set may speak.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + g.root, "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C"}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if code := cmd.ProcessState.ExitCode(); err != nil && code != 1 || stderr.Len() > 0 {
		g.t.Fatalf("git %s: %v: %s", args[0], err, stderr.Bytes())
	}

	return out
}

// add writes a tree. Only its folders are made: git takes for a file what it does not find.
func (g *grove) add(ignore map[string]string, paths []entry) {
	g.t.Helper()
	tr := &tree{at: fmt.Sprintf("t%05d", len(g.trees)), ignore: ignore, paths: paths}
	g.trees = append(g.trees, tr)
	made := map[string]bool{}
	var mkdir func(folder string)
	mkdir = func(folder string) {
		if made[folder] {
			return
		}

		made[folder] = true
		if i := strings.LastIndexByte(folder, '/'); i >= 0 {
			mkdir(folder[:i])
		}

		if err := os.Mkdir(g.root+"/"+folder, 0o755); err != nil {
			g.t.Fatal(err)
		}
	}
	mkdir(tr.at)

	for _, p := range paths {
		if p.dir {
			mkdir(tr.at + "/" + p.path)
		}
	}

	for folder, text := range ignore {
		folder = strings.TrimSuffix(tr.at+"/"+folder, "/")
		mkdir(folder)
		if err := os.WriteFile(g.root+"/"+folder+"/.gitignore", []byte(text), 0o644); err != nil {
			g.t.Fatal(err)
		}
	}
}

// ask returns git's verdicts on all trees, in the order of their paths.
func (g *grove) ask(ignorecase bool) [][]verdict {
	g.t.Helper()

	var in bytes.Buffer
	for _, tr := range g.trees {
		for _, p := range tr.paths {
			in.WriteString(tr.at + "/" + p.path + "\x00")
		}
	}

	out := g.git(in.Bytes(), "-c", "core.ignorecase="+strconv.FormatBool(ignorecase), "check-ignore",
		"--no-index", "-v", "-n", "-z", "--stdin")

	fields := strings.Split(string(out), "\x00")
	all := make([][]verdict, 0, len(g.trees))
	for _, tr := range g.trees {
		var vs []verdict
		for _, p := range tr.paths {
			if len(fields) < 4 || fields[3] != tr.at+"/"+p.path {
				g.t.Fatalf("git's answer on %q: %q", p.path, fields[:min(4, len(fields))])
			}

			v := verdict{text: fields[2]}
			if fields[1] != "" {
				v.line, _ = strconv.Atoi(fields[1])
				rest := strings.TrimPrefix(fields[0], tr.at+"/")
				v.folder = strings.TrimSuffix(strings.TrimSuffix(rest, ".gitignore"), "/")
			}

			vs = append(vs, v)
			fields = fields[4:]
		}

		all = append(all, vs)
	}

	return all
}

// judge is our answer, with the files of the folders on the way down in force, and only these.
func (tr *tree) judge(parsed map[string]*Rules, p entry) (verdict, bool) {
	var s Stack
	for i, c := range "/" + p.path {
		if c != '/' {
			continue
		}

		folder := strings.TrimSuffix(("/" + p.path)[:i], "/")
		if r, ok := parsed[strings.TrimPrefix(folder, "/")]; ok {
			s = s.Push(r)
		}
	}

	ignored, by := s.Judge(p.path, p.dir)
	if by == nil {
		return verdict{}, ignored
	}

	return verdict{by.Folder, by.Line, by.Text}, ignored
}

// compare asks git with both values of core.ignorecase and returns how many judgements were made.
func (g *grove) compare() (judgements int) {
	g.t.Helper()

	differ, spoken, ignores := 0, 0, 0
	for letter, ignorecase := range map[Case]bool{Exact: false, ASCII: true} {
		all := g.ask(ignorecase)
		for i, tr := range g.trees {
			parsed := map[string]*Rules{}
			for folder, text := range tr.ignore {
				parsed[folder] = Parse(folder, []byte(text), letter)
			}

			for j, p := range tr.paths {
				want := all[i][j]
				got, ignored := tr.judge(parsed, p)
				judgements++
				if want.line > 0 {
					spoken++
				}

				if want.ignored() {
					ignores++
				}

				if got == want && ignored == want.ignored() {
					continue
				}

				differ++
				if differ <= 10 {
					g.t.Errorf("ignorecase %t, files %q, path %q, folder %t:\n got %+v\nwant %+v",
						ignorecase, tr.ignore, p.path, p.dir, got, want)
				}
			}
		}
	}

	g.t.Logf("%d judgements: %d ignored, %d taken back, %d differ",
		judgements, ignores, spoken-ignores, differ)
	if differ > 0 {
		g.t.Errorf("%d of %d judgements differ from git's", differ, judgements)
	}

	return judgements
}

// sinceStarsFixed reports whether git is 2.52 or later, which differs from those before on "foo**/"
// (see the package comment).
func (g *grove) sinceStarsFixed() bool {
	m := regexp.MustCompile(`(\d+)\.(\d+)`).FindSubmatch(g.git(nil, "version"))
	if m == nil {
		g.t.Fatal("git does not tell its version")
	}

	major, _ := strconv.Atoi(string(m[1]))
	minor, _ := strconv.Atoi(string(m[2]))

	return major > 2 || major == 2 && minor >= 52
}
