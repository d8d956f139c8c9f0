package transfer

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"hoist/apsclient/emulator"
	"hoist/state"
)

// TestEmptyPageOfVersionsSettlesNothing: an item has versions, so a page without any says nothing
// about the create whose reply was lost.
func TestEmptyPageOfVersionsSettlesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.srv.SetKnobs(func(k *emulator.Knobs) { k.NoSHA1 = true }) // else the content would tell
		data := w.write("plan.dwg", 1000, 1)
		w.enqueue(w.job("plan.dwg"))

		var mu sync.Mutex
		seen := map[string]bool{}
		w.srv.SetFault(func(q emulator.Request) emulator.Fault {
			mu.Lock()
			defer mu.Unlock()

			first := !seen[q.Op]
			seen[q.Op] = true
			switch {
			case first && q.Op == "create-item":
				return emulator.Fault{Kind: emulator.LoseReply}
			case first && q.Op == "list-item-versions":
				return emulator.Fault{Kind: emulator.FailBefore, Status: 200,
					Body: []byte(`{"jsonapi":{"version":"1.0"},"links":{"self":{"href":"x"}},"data":[]}`)}
			}

			return emulator.Fault{}
		})
		w.runAll(w.engine())
		w.wantVersions("plan.dwg", data)
	})
}

// TestCreateDoneBehindARefusal: whatever refusal stands in the place of the reply to a create that was
// done, its effect is seen before anything is made again.
func TestCreateDoneBehindARefusal(t *testing.T) {
	for _, op := range []string{"/items", "/versions"} {
		for _, status := range []int{404, 409, 410, 412, 503} {
			t.Run(fmt.Sprint(op, status), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					done := false
					w.instead = func(r *http.Request) *http.Response {
						if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, op) || done {
							return nil
						}

						done = true
						resp, err := w.srv.Transport().RoundTrip(r)
						if err != nil || resp.StatusCode != http.StatusCreated {
							t.Errorf("create: %v, %v", resp, err)
							return nil
						}

						resp.Body.Close()

						return &http.Response{StatusCode: status, Request: r,
							Header: http.Header{"Content-Type": {"application/vnd.api+json"}},
							Body: io.NopCloser(strings.NewReader(
								`{"jsonapi":{"version":"1.0"},"errors":[{"code":"C",` +
									`"detail":"it is not there"}]}`))}
					}

					var states [][]byte
					for seed := range uint64(2) {
						states = append(states, w.write("plan.rvt", small, seed+1))
						j := w.enqueue(w.job("plan.rvt"))
						w.runAll(w.engine())
						if now := w.get(j.ID); now.End != state.EndDone {
							t.Fatalf("end %q, %s: %s", now.End, now.Reason, now.Error)
						}
					}

					w.wantVersions("plan.rvt", states...)
				})
			})
		}
	}
}
