package transfer

import (
	"bytes"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hoist/state"
)

// TestObjectWithoutSHA1: the mark of the upload that made an object tells its content where the service
// shows no SHA-1; another's mark, or another state of the file, tells nothing.
func TestObjectWithoutSHA1(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("plan.rvt", small, 1)
		hash := regexp.MustCompile(`"sha1":"[0-9a-f]*",?`)
		others := false
		w.instead = func(r *http.Request) *http.Response {
			if !strings.HasSuffix(r.URL.Path, "/details") {
				return nil
			}

			resp, err := w.srv.Transport().RoundTrip(r)
			if err != nil {
				return resp
			}

			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			body = hash.ReplaceAll(body, nil)
			if others {
				body = bytes.ReplaceAll(body, []byte("hoist"), []byte("other"))
			}

			resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))

			return resp
		}
		push := func(what, want string) {
			t.Helper()
			j := w.enqueue(w.inBucket("plan.rvt"))
			w.srv.ResetJournal()
			w.runAll(w.engine())
			w.wantDone(j.ID, want)

			sent := 0
			if want != state.ResultUnchanged {
				sent = 1
			}

			if got := len(w.storedParts()); got != sent {
				t.Errorf("%s: %d parts sent, want %d", what, got, sent)
			}
		}
		push("new", state.ResultCreated)
		push("again", state.ResultUnchanged)
		push("and again", state.ResultUnchanged)
		w.write("plan.rvt", small, 2)
		w.touch("plan.rvt", time.Now().Add(time.Second))
		push("saved", state.ResultVersioned)
		push("saved, again", state.ResultUnchanged)

		others = true
		push("replaced by another", state.ResultVersioned)
	})
}
