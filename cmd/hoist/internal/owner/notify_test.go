package owner

import (
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hoist/cmd/hoist/internal/control"
)

// TestMachineIsTold: without any configuration the administrator is told once what needs somebody.
func TestMachineIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		options, cloud := newOptions(t)
		options.apart = true
		var told []string
		options.Tell = func(urgent bool, text string) {
			if urgent {
				text = "urgent: " + text
			}

			told = append(told, text)
		}
		o := open(t, Full, options)
		bad := filepath.Join(t.TempDir(), "price$.dwg")
		write(t, bad, []byte("x"))
		time.Sleep(time.Second) // after its start
		push(t, o, control.PushRequest{Paths: []string{bad}, Remote: cloud.DemoRemote()})
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if len(told) != 1 || !strings.HasPrefix(told[0], "urgent: a file needs you: "+bad) {
			t.Fatalf("told %q", told)
		}

		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if len(told) != 1 {
			t.Errorf("told again: %q", told)
		}
	})
}
