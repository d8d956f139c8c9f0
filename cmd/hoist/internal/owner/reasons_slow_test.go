package owner

import (
	"log/slog"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient/emulator"
	"hoist/cmd/hoist/internal/control"
	"hoist/transfer"
)

// TestSlowReasonsAreSeen: reasons whose cause takes minutes. A file that is saved all the time waits with
// its reason, in the status and where it is explained alike, and is sent once it rests. A link that is too
// slow for the session of an upload is told in the log and the job's history.
func TestSlowReasonsAreSeen(t *testing.T) {
	where := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := newLife(t, where, 1)
		l.cloud.SetKnobs(func(k *emulator.Knobs) { *k = emulator.Knobs{} })
		l.cloud.SetFault(func(r emulator.Request) (f emulator.Fault) {
			if r.Op == "s3-put" {
				f = emulator.Fault{Kind: emulator.Slow, BytesPerSecond: 2 << 10}
			}

			return f
		})
		log := &record{}
		l.options.Logger = slog.New(slog.NewJSONHandler(log, nil))
		l.save("busy.dgn", l.content())
		l.save("a/big.rvt", nil)
		if err := os.Truncate(l.path("a/big.rvt"), 2<<30); err != nil { // more than it carries in a day
			t.Fatal(err)
		}

		l.open()

		for range 70 { // beyond the cap and a settle time
			// in place: Windows replaces no file that is read
			l.put("busy.dgn", l.content(), time.Time{}, true)
			time.Sleep(time.Second)
		}

		synctest.Wait()
		e, err := l.owner.Explain(t.Context(), l.path("busy.dgn"))
		if r, _ := transfer.ReasonByCode(transfer.ReasonNeverSettles); err != nil || e.Reason != r.Code ||
			e.Sentence != r.Sentence || e.Since == nil || e.Fix != "" {
			t.Errorf("explain: %+v %v", e, err)
		}

		if s := l.status(); !slices.ContainsFunc(s.Waiting, func(w control.Waiting) bool {
			return w.Reason == e.Reason && w.Detail == e.Detail &&
				slices.Equal(w.Paths, []string{l.path("busy.dgn")})
		}) {
			t.Errorf("not in waiting: %+v", s.Waiting)
		}

		if !slices.ContainsFunc(log.lines(t), func(x logLine) bool {
			return x.Path == l.path("a/big.rvt") && x.Reason == transfer.ReasonSessionShort
		}) {
			t.Errorf("the log does not tell of the slow link: %+v", log.lines(t))
		}

		l.cloud.SetFault(nil)
		time.Sleep(time.Minute)
		if l.tip("busy.dgn") == nil {
			t.Error("what rests is not sent")
		}

		l.close()
		if err := l.cloud.Close(); err != nil {
			t.Error(err)
		}
	})
}
