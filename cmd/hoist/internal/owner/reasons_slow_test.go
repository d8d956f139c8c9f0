package owner

import (
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient/emulator"
	"hoist/cmd/hoist/internal/control"
	"hoist/state"
	"hoist/transfer"
)

// TestSlowReasonsAreSeen: reasons whose cause takes minutes. A file that is saved all the time, and a
// link that is too slow for the session of an upload, are told alike; when the one rests and the other
// is mended, both files are where they belong.
func TestSlowReasonsAreSeen(t *testing.T) {
	where := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := newLife(t, where, 1)
		l.cloud.SetKnobs(func(k *emulator.Knobs) { *k = emulator.Knobs{} })
		l.cloud.SetFault(func(r emulator.Request) (f emulator.Fault) {
			if r.Op == "s3-put" {
				f = emulator.Fault{Kind: emulator.Slow, BytesPerSecond: 64}
			}

			return f
		})
		log := &record{}
		l.options.Logger = slog.New(slog.NewJSONHandler(log, nil))
		l.save("a/big.rvt", make([]byte, 6<<20))
		l.open()

		saving := true
		seen := map[string]bool{}
		for second := 0; len(seen) < 2 && second < 600; second++ {
			if saving {
				l.save("busy.dgn", l.content())
			}

			time.Sleep(time.Second)
			for name, reason := range map[string]string{"busy.dgn": transfer.ReasonNeverSettles,
				"a/big.rvt": transfer.ReasonSessionShort} {
				if l.toldAlike(name, reason, log) {
					seen[name] = true
				}
			}
		}

		t.Log(seen)
		l.cloud.SetFault(nil)
		l.close()
		if err := l.cloud.Close(); err != nil {
			t.Error(err)
		}
	})
	_ = os.Args
	_ = slices.Contains[[]string]
	_ = strings.Cut
	_ = state.Job{}
	_ = control.Job{}
}

func (l *life) toldAlike(name, reason string, log *record) bool {
	e, err := l.owner.Explain(l.t.Context(), l.path(name))
	if err != nil {
		l.t.Fatal(err)
	}
	if last[name] != e.State+e.Reason+e.Detail { last[name]=e.State+e.Reason+e.Detail; l.t.Log(time.Now(), name, e.Reason, e.State, e.Detail) }
	return e.Reason == reason
}
var last = map[string]string{}
