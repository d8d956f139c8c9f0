package gitignore

import (
	"fmt"
	"strings"
	"testing"
)

var benchRules = strings.Repeat("*.bak\n*.sv$\n/Archive/\n~$*\nThumbs.db\n*_backup/\n[Tt]emp/\n**/cache/**\n"+
	"!keep.bak\n*.[0-9][0-9][0-9][0-9].rvt\n", 3)

func BenchmarkLast(b *testing.B) {
	for _, letter := range []Case{Exact, ASCII, Unicode} {
		for name, p := range map[string]string{
			"ascii": "Project 12/Area B/Level 03/plan_2024_rev7.dwg",
			"nfc":   "Projekt 12/Gebäude/Geschoß 03/plan_2024_rev7.dwg",
			"nfd":   "Projekt 12/Geba\u0308ude/Geschoß 03/plan_2024_rev7.dwg",
		} {
			b.Run(fmt.Sprintf("case %d/%s", letter, name), func(b *testing.B) {
				s := Stack{Parse("", []byte(benchRules), letter)}
				b.ReportAllocs()

				for b.Loop() {
					s.Last(p, false)
				}
			})
		}
	}
}

func TestPlainNamesAllocateNothing(t *testing.T) {
	for _, letter := range []Case{Exact, ASCII, Unicode} {
		s := Stack{Parse("", []byte(benchRules), letter), Parse("a", []byte(benchRules), letter)}
		if n := testing.AllocsPerRun(100, func() { s.Judge("a/b/Plan 7.dwg", false) }); n != 0 {
			t.Errorf("case %d: %v allocations a judgement", letter, n)
		}
	}
}
