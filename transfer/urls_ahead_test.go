package transfer

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
)

// TestURLsAreAskedForAhead: no part waits for a call that gives URLs but the first, no run is asked for
// twice, and none sooner than its parts' turn is near.
func TestURLsAreAskedForAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const (
			parts, inFlight, aCall = 14, 2, 4
			call, put              = 3 * time.Second, 2 * time.Second
		)
		w := newWorld(t, func(e *emulator.Config, _ *apsclient.Config, c *Config) {
			e.Knobs.FewURLs, e.OpaqueETags = aCall, true
			c.PartSize, c.Parts, c.Checksum = minPartSize, inFlight, "never"
		})
		w.write("big.rvt", 0, 1)
		if err := os.Truncate(w.path("big.rvt"), parts*minPartSize); err != nil {
			t.Fatal(err)
		}

		w.srv.SetFault(func(r emulator.Request) emulator.Fault {
			switch r.Op {
			case "s3-put":
				return emulator.Fault{Delay: put}
			case "get-signed-s3-upload-urls":
				return emulator.Fault{Delay: call}
			}

			return emulator.Fault{}
		})
		w.enqueue(w.job("big.rvt"))
		w.runAll(w.engine())

		var begun time.Time
		runs, sent := 0, 0
		for _, r := range w.srv.Requests() {
			switch r.Op {
			case "get-signed-s3-upload-urls":
				if runs++; r.Part > 1 && sent < r.Part-1-2*inFlight {
					t.Errorf("the URLs from part %d on were asked for when %d had come", r.Part, sent)
				}
			case "s3-put":
				if begun.IsZero() {
					begun = r.Time
				}

				sent++
				if late := r.Time.Sub(begun) - time.Duration(
					(sent-1)/inFlight)*put; late > 100*time.Millisecond {
					t.Errorf("part %d came %v late", r.Part, late)
				}
			}
		}

		if want := (parts + aCall - 1) / aCall; runs != want || sent != parts {
			t.Errorf("%d calls for URLs and %d parts, want %d and %d", runs, sent, want, parts)
		}
	})
}
