package transfer

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
)

// TestStreamLooksForAMinute: a stream of which nothing was read yet does not wait for a service that
// does not answer as long as one that is under way.
func TestStreamLooksForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.srv.SetFault(func(r emulator.Request) emulator.Fault {
			return emulator.Fault{Kind: emulator.FailBefore, Status: http.StatusServiceUnavailable}
		})
		in, began := strings.NewReader("all of it"), time.Now()
		_, err := Stream{Object: apsclient.NewObjectID("some-bucket", "key"), Name: "key",
			Spool: w.home}.Write(t.Context(), w.client, in)
		took := time.Since(began)
		if err == nil || took < lookPatience || took > 2*lookPatience {
			t.Errorf("after %v: %v", took, err)
		}

		if in.Len() != len("all of it") {
			t.Error("the input was read though nothing can take it")
		}
	})
}
