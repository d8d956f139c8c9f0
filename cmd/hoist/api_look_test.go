package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hoist/apsclient/emulator"
)

// TestLostReplyThroughTheOwner: the same when another process makes the calls.
func TestLostReplyThroughTheOwner(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.start("daemon")
	l.owned("daemon")
	body := filepath.Join(l.dir, "body.json")
	if err := os.WriteFile(body, []byte(`{"bucketKey":"look-bucket","policyKey":"transient"}`),
		0o600); err != nil {
		t.Fatal(err)
	}

	l.cloud.SetFault(func(r emulator.Request) emulator.Fault {
		if r.Op == "create-bucket" {
			return emulator.Fault{Kind: emulator.LoseReply}
		}

		return emulator.Fault{}
	})
	out, _ := l.run(0, "api", "create-bucket", "--body", body)
	if !strings.Contains(out, "look-bucket") {
		t.Errorf("printed %s", out)
	}

	n := 0
	for _, r := range l.cloud.Requests() {
		if r.Op == "create-bucket" {
			n++
		}
	}

	if n != 1 {
		t.Errorf("the call was made %d times", n)
	}
}
