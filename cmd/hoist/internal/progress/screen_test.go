package progress

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
)

var update = flag.Bool("update", false, "write the golden files")

// window is a terminal emulator with a screen on it.
type window struct {
	t  *testing.T
	vt *vt.Emulator
	s  *Screen
}

func newWindow(t *testing.T, width, height int) *window {
	w := &window{t: t, vt: vt.NewEmulator(width, height)}
	t.Cleanup(func() { _ = w.vt.Close() })
	w.s = &Screen{out: crlf{w.vt}, size: func() (int, int, error) { return w.vt.Width(), w.vt.Height(), nil }}

	return w
}

// crlf ends lines as the driver of a terminal does.
type crlf struct{ to *vt.Emulator }

func (c crlf) Write(p []byte) (int, error) {
	text := strings.ReplaceAll(strings.ReplaceAll(string(p), "\r\n", "\n"), "\n", "\r\n")
	_, err := c.to.WriteString(text)

	return len(p), err
}

// lines is what stands in the window, without what is blank at the end.
func (w *window) lines() []string {
	lines := strings.Split(w.vt.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " \r")
	}

	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}

	return lines
}

func (w *window) show(s State) {
	w.s.Draw(func(width, height int) []string { return screen(s, 42*time.Second, width, height) })
}

var at = time.Date(2026, 3, 4, 14, 3, 12, 0, time.UTC)

const mib = 1 << 20

// scenes are the phases of a transfer as people see them.
var scenes = []struct {
	name string
	s    State
}{
	{"looking", State{Looking: true}},
	{"looking-in-vain", State{Looking: true, Wait: Wait{Since: at,
		Why: "GET /project/v1/hubs: dial tcp 127.0.0.1:4711: connect: connection refused"}}},
	{"uploading", State{Files: 3, FilesDone: 1, Bytes: 770 * mib, BytesDone: 300 * mib, Rate: 12 * mib,
		Calls: 9, ETA: 39 * time.Second, DecidedBy: "bandwidth", Slowest: []File{
			{Path: "/plans/tower.rvt", Phase: "uploading", Bytes: 512 * mib, BytesDone: 250 * mib,
				Rate: 8 * mib, ETA: 33 * time.Second},
			{Path: "/plans/" + strings.Repeat("a long name of a drawing ", 3) + "(2).dwg", Phase: "uploading",
				Bytes: 250 * mib, BytesDone: 42 * mib, Rate: 4 * mib, ETA: 52 * time.Second},
			{Path: "/plans/設計図面の最新版と古い版を比較した結果の一覧表と説明書.dwg",
				Phase: "queued", Bytes: 8 * mib},
		}}},
	{"downloading", State{Files: 1, Bytes: 512 * mib, BytesDone: 250 * mib, Rate: 8 * mib, Calls: 3,
		ETA: 33 * time.Second, DecidedBy: "bandwidth", Slowest: []File{{Path: "/plans/tower.rvt",
			Phase: "fetching", Bytes: 512 * mib, BytesDone: 250 * mib, Rate: 8 * mib,
			ETA: 33 * time.Second}}}},
	{"creates-wait", State{Files: 120, FilesDone: 50, Bytes: 12 * mib, BytesDone: 12 * mib, Calls: 371,
		ETA: 98 * time.Second, DecidedBy: "post-items", PerMinute: 50, Next: at}},
	{"completion-again", State{Files: 1, Bytes: 29 * mib, BytesDone: 29 * mib, Calls: 8,
		Wait: Wait{Why: "the service has trouble; the call is made again", Files: 1, Since: at,
			Next: at.Add(8 * time.Second)},
		Slowest: []File{{Path: "/plans/tower.rvt", Phase: "uploaded", Bytes: 29 * mib, BytesDone: 29 * mib,
			Tries: 3, Why: "service-error", Next: at.Add(8 * time.Second)}}}},
	{"unreachable", State{Files: 1000, FilesDone: 12, Bytes: 900 * mib, BytesDone: 30 * mib, Calls: 71,
		Wait: Wait{Why: "the service cannot be reached; the file goes on as soon as it can", Files: 8,
			Since: at, Next: at.Add(5 * time.Second)}}},
	{"throttled", State{Files: 30, FilesDone: 4, Bytes: 90 * mib, BytesDone: 30 * mib, Calls: 44,
		ETA: 61 * time.Second, DecidedBy: "post-storage", PerMinute: 150, Next: at}},
	{"some-need-attention", State{Files: 120000, FilesDone: 12345, Attention: 17, Bytes: 3 << 40,
		BytesDone: 1 << 40, Rate: 95 * mib, Calls: 120371, ETA: 7 * time.Hour, DecidedBy: "bandwidth"}},
	{"paused", State{Files: 2, Bytes: 90 * mib, BytesDone: 30 * mib, Calls: 44,
		Wait: Wait{Why: "paused", Files: 2}}},
	{"done", State{Files: 2, FilesDone: 2, Bytes: 90 * mib, BytesDone: 90 * mib, Calls: 20}},
}

// TestScreens: in every phase something stands there, no line is too long, and it is what the golden
// files show (go test -update writes them).
func TestScreens(t *testing.T) {
	for _, scene := range scenes {
		t.Run(scene.name, func(t *testing.T) {
			var got strings.Builder
			for _, width := range []int{60, 80, 120, 200} {
				w := newWindow(t, width, 20)
				w.show(scene.s)
				lines := w.lines()
				drawn := screen(scene.s, 42*time.Second, width, 20)
				if len(lines) != len(drawn) || len(lines) == 0 || lines[0] == "" {
					t.Errorf("at %d columns %d lines became %d:\n%s", width, len(drawn), len(lines),
						strings.Join(lines, "\n"))
				}

				for _, line := range drawn {
					if n := cellsOf(line); n >= width {
						t.Errorf("at %d columns a line has %d: %s", width, n, line)
					}
				}

				fmt.Fprintf(&got, "-- %d columns --\n%s\n", width, strings.Join(lines, "\n"))
			}

			golden := filepath.Join("testdata", "screens", scene.name+".txt")
			if *update {
				if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}

			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}

			if text := strings.ReplaceAll(string(want), "\r\n", "\n"); got.String() != text {
				t.Errorf("got\n%swant\n%s", got.String(), text)
			}
		})
	}
}

// TestScreenStays: what is written scrolls by above the block, however the block and the window
// change, and nothing of an earlier block is left.
func TestScreenStays(t *testing.T) {
	w := newWindow(t, 80, 10)
	want := []string{}
	check := func(s State) {
		t.Helper()
		block := screen(s, 42*time.Second, w.vt.Width(), w.vt.Height())
		all := append([]string{}, append(want, block...)...)
		got := w.lines() // the upper lines may have left
		if len(got) < len(block) || !slices.Equal(got, all[max(0, len(all)-len(got)):]) {
			t.Errorf("got\n%s\nwant the end of\n%s", strings.Join(got, "\n"), strings.Join(all, "\n"))
		}
	}
	for i, scene := range scenes {
		w.show(scene.s)
		check(scene.s)
		line := fmt.Sprintf("attention: file %d", i)
		fmt.Fprintln(w.s, line)
		want = append(want, line)
		w.show(scene.s)
		check(scene.s)
	}

	w.vt.Resize(60, 10)
	w.show(scenes[2].s)
	check(scenes[2].s)
	w.s.Clear()
	if got := w.lines(); len(got) > len(want) || got[len(got)-1] != want[len(want)-1] {
		t.Errorf("the block is left: %q", got)
	}
}

// TestScreenIsCalm: a block that did not change is not drawn again.
func TestScreenIsCalm(t *testing.T) {
	var out strings.Builder
	s := &Screen{out: &out, size: func() (int, int, error) { return 80, 24, nil }}
	block := func(int, int) []string { return []string{"a", "b"} }
	s.Draw(block)
	n := out.Len()
	s.Draw(block)
	if out.Len() != n {
		t.Errorf("drawn again: %q", out.String()[n:])
	}

	if strings.Contains(out.String(), "\x1b[2J") {
		t.Error("the window is cleared")
	}
}
