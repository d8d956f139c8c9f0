package owner

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"hoist/apsclient/emulator"
	"hoist/cmd/hoist/internal/control"
	"hoist/state"
)

// manyOnline makes empty files in a folder of the demonstration project, a hundred a folder, and returns
// its address.
func manyOnline(t *testing.T, cloud *emulator.Server, n int) string {
	t.Helper()
	for i := range n {
		path := fmt.Sprintf("Project Files/all/Level %04d/A-%07d plan.dwg", i/100, i)
		if _, _, err := cloud.AddFile(cloud.Demo().Project, path, strings.NewReader(""), 0); err != nil {
			t.Fatal(err)
		}
	}

	return cloud.DemoRemote() + "/all"
}

// TestFetchGoesOn: what a pull had not queued when it ended is queued by who goes on with the work of the
// home, but for what a user cancelled; not all are open at once.
func TestFetchGoesOn(t *testing.T) {
	atMost(t, 200)

	options, cloud := newOptions(t)
	o := open(t, Passive, options)

	const files = 2100
	request := control.PullRequest{Remote: manyOnline(t, cloud, files),
		Path: filepath.Join(t.TempDir(), "here")}
	ctx, interrupt := context.WithCancelCause(t.Context())
	interrupted := errors.New("interrupted")

	first := &sent{owner: o}
	to := first.sending()
	to.Update = func(control.Update) error { // progress: all that goes into the queue is there
		st, err := o.Status(t.Context())
		if err != nil || len(st.Pushes) != 1 || !st.Pushes[0].Pull || st.Pushes[0].Remote != request.Remote ||
			st.Pushes[0].Left == nil || *st.Pushes[0].Left != files-first.files {
			t.Errorf("%+v, %v: %d files were told", st.Pushes, err, first.files)
		}

		interrupt(interrupted)

		return nil
	}
	if err := o.Fetch(ctx, request, to); !errors.Is(err, interrupted) {
		t.Fatal(err)
	}

	jobs, err := o.store.OpenJobs()
	if err != nil || len(jobs) >= files {
		t.Fatalf("%d are open of %d that were told, %v", len(jobs), first.files, err)
	}

	if _, err := o.store.Commit(jobs[0].ID, state.Cancel{}); err != nil {
		t.Fatal(err)
	}

	shut(t, o)

	o = open(t, Passive, options)
	endsWhatIsLeft(t, o, files)
}
