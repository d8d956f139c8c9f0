package transfer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"hoist/state"
)

// damage changes one place of a JSON answer, cuts it, or wraps it.
func damage(rnd *rand.Rand, body []byte) []byte {
	var v any
	if json.Unmarshal(body, &v) != nil || rnd.IntN(6) == 0 {
		return body[:rnd.IntN(len(body)+1)]
	}

	if rnd.IntN(8) == 0 {
		v = map[string]any{"result": v}
	} else {
		v = damaged(rnd, v)
	}

	out, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}

	return out
}

func damaged(rnd *rand.Rand, v any) any {
	switch x := v.(type) {
	case map[string]any:
		if keys := slices.Sorted(maps.Keys(x)); len(keys) > 0 && rnd.IntN(6) > 0 {
			k := keys[rnd.IntN(len(keys))]
			if rnd.IntN(3) == 0 {
				delete(x, k)
			} else {
				x[k] = damaged(rnd, x[k])
			}

			return x
		}
	case []any:
		if len(x) > 0 && rnd.IntN(6) > 0 {
			i := rnd.IntN(len(x))
			if rnd.IntN(3) == 0 {
				return slices.Delete(x, i, i+1)
			}

			x[i] = damaged(rnd, x[i])

			return x
		}
	}

	others := []any{nil, 0, -1.5, true, "", "text", "12", []any{}, []any{"text", 1}, map[string]any{}}

	return others[rnd.IntN(len(others))]
}

// TestMutatedAnswers sends a new file and a next version while some answers of the service are
// damaged. Nothing panics or hangs; what does not get through says why; and when the answers are whole
// again each state is there once. 30 histories, 2,000 with HOIST_LONG=1.
func TestMutatedAnswers(t *testing.T) {
	n := 30
	if os.Getenv("HOIST_LONG") == "1" {
		n = 2000
	}

	for i := range n {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { mutatedHistory(t, uint64(i)) })
		})
	}
}

func mutatedHistory(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(10, seed))
	w := newWorld(t)
	turn := make(chan struct{}, 1) // guards rnd and left
	left := 1 + rnd.IntN(3)        // answers to damage
	w.instead = func(r *http.Request) *http.Response {
		resp, err := w.srv.Transport().RoundTrip(r)
		if err != nil || strings.Contains(r.URL.Path, "/s3/") || strings.HasSuffix(r.URL.Path, "/token") {
			return resp
		}

		turn <- struct{}{}
		defer func() { <-turn }()
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if left > 0 && rnd.IntN(4) == 0 {
			left--
			before := body
			body = damage(rnd, body)
			t.Logf("%s %s: %d\n%.500s\nbecame\n%.500s", r.Method, r.URL.Path, resp.StatusCode, before, body)
			resp.ContentLength = int64(len(body))
			resp.Header.Set("Content-Length", fmt.Sprint(len(body)))
		}

		resp.Body = io.NopCloser(bytes.NewReader(body))

		return resp
	}

	var versions [][]byte
	for _, result := range []string{state.ResultCreated, state.ResultVersioned} {
		versions = append(versions, w.write("plan.rvt", small, seed+uint64(len(versions))))
		j := w.enqueue(w.job("plan.rvt"))
		w.runAll(w.engine())
		if now := w.get(j.ID); now.End != state.EndDone {
			if now.Reason == "" || now.Error == "" {
				t.Errorf("%s: parked without a reason: %+v", j.Path, now)
			}

			left = 0
			if _, err := w.store.Commit(j.ID, state.RetryNow{}); err != nil {
				t.Fatal(err)
			}

			w.runAll(w.engine())
			left = rnd.IntN(2)
		}

		if now := w.get(j.ID); now.End != state.EndDone || now.Result != result {
			t.Fatalf("%s: end %q result %q, want %s; reason %q error %q", j.Path, now.End, now.Result, result,
				now.Reason, now.Error)
		}
	}

	w.wantVersions("plan.rvt", versions...)
}
