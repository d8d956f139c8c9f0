package main

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hoist/apsclient/emulator"
	"hoist/cmd/hoist/internal/control"
	"hoist/state"
	"hoist/transfer"
	"hoist/transfer/remote"
)

// cureRow is one reason in the table. A new reason needs a row: its cause, made with the row's own
// project or key prefix so that it touches no other row, what mends it, and how the file ends. What
// truly cannot be made with whole processes goes into curedElsewhere with the test that makes it.
type cureRow struct {
	name, reason string
	cause        func(c *cure)
	mend         func(c *cure) // besides the end of the row's faults; nil: nothing
	// the command that is printed is pasted, after the cause was mended where a command alone cannot
	// do that; without, the cause is mended and the file goes on by itself
	fix    bool
	end    state.Status // afterwards; done: the file is where it belongs too
	seen   string       // in the status, see below; "": attention
	copies int          // versions at the service in the end; 0: one
}

// Where the status shows a reason.
const (
	seenWaiting = "waiting" // nothing needs a person
	seenEither  = "either"  // it waits at first and is parked after some tries
	seenNowhere = "nowhere" // the job has ended, and another one or nobody has its file
)

var cureRows = []cureRow{
	{name: "permission is given and tried", reason: transfer.ReasonForbidden, cause: refused(403, ""),
		fix: true, end: state.StatusDone},
	{name: "permission is given", reason: transfer.ReasonForbidden, cause: refused(403, ""),
		end: state.StatusDone},
	{name: "the place is gone", reason: transfer.ReasonNotFound, cause: refused(410, ""), fix: true,
		end: state.StatusCancelled},
	{name: "the place comes back", reason: transfer.ReasonNotFound, cause: refused(410, ""),
		end: state.StatusDone},
	{name: "too large", reason: transfer.ReasonTooLarge, cause: refused(413, ""), fix: true,
		end: state.StatusCancelled},
	{name: "refused", reason: transfer.ReasonRefused,
		cause: refused(400,
			`{"jsonapi":{"version":"1.0"},"errors":[{"code":"BAD_INPUT","detail":"no such thing"}]}`),
		fix: true, end: state.StatusDone},
	{name: "trouble", reason: transfer.ReasonServiceTrouble, cause: refused(503, ""), end: state.StatusDone,
		seen: seenWaiting},
	{name: "locked", reason: transfer.ReasonLocked, cause: refused(423, ""), end: state.StatusDone,
		seen: seenEither},
	{name: "new credentials", reason: transfer.ReasonUnauthorised, cause: refused(401, ""), fix: true,
		end: state.StatusDone},
	{name: "it becomes a folder", reason: transfer.ReasonNotAFile, fix: true, end: state.StatusCancelled,
		cause: blocked(func(c *cure, _ string) {
			must(c.t, os.Remove(c.path))
			must(c.t, os.Mkdir(c.path, 0o755))
		})},
	{name: "it goes", reason: transfer.ReasonVanished, fix: true, end: state.StatusCancelled,
		cause: blocked(func(c *cure, _ string) { must(c.t, os.Remove(c.path)) })},
	{name: "it goes and comes back", reason: transfer.ReasonVanished, end: state.StatusDone,
		cause: blocked(func(c *cure, _ string) { must(c.t, os.Remove(c.path)) }),
		mend:  func(c *cure) { c.file(c.rel(), 10) }},
	{name: "it may not be read", reason: transfer.ReasonUnreadable, fix: true, end: state.StatusDone,
		cause: func(c *cure) {
			must(c.t, os.Chmod(c.path, 0))
			c.push()
		}},
	{name: "it is saved all the time", reason: transfer.ReasonChanging, fix: true, end: state.StatusDone,
		cause: func(c *cure) { c.saving(); c.push() }, mend: func(c *cure) { c.rest() }},
	{name: "empty", reason: transfer.ReasonEmptyFile, fix: true, end: state.StatusCancelled,
		cause: func(c *cure) {
			c.truncate(c.path)
			c.push()
		}},
	{name: "shrank", reason: transfer.ReasonShrankToZero, fix: true, end: state.StatusDone, copies: 2,
		cause: func(c *cure) {
			c.run(0, "push", c.path, c.remote)
			c.truncate(c.path)
			c.push()
		}},
	{name: "conflict", reason: transfer.ReasonConflict, fix: true, end: state.StatusDone, copies: 3,
		cause: func(c *cure) {
			c.run(0, "push", c.path, c.remote)
			other := c.second()
			other.dir = c.t.TempDir()
			other.run(0, "push", other.file(filepath.Base(c.path), 20, "theirs"), c.remote)
			c.file(c.rel(), 30, "ours")
			c.push()
		}},
	{name: "edited here", reason: transfer.ReasonLocalDiffers, fix: true, end: state.StatusDone,
		cause: func(c *cure) {
			c.run(0, "push", c.path, c.remote)
			c.file(c.rel(), 40, "edited")
			c.pull()
		}},
	{name: "a name that is refused", reason: transfer.ReasonNameRefused, fix: true, end: state.StatusDone,
		cause: func(c *cure) {
			c.path = c.file(filepath.Join(c.name, "it's a plan\n2.rvt"), 10)
			c.push()
		}},
	{name: "an extension that is said to be blocked", reason: transfer.ReasonExtension, fix: true,
		end: state.StatusDone, cause: func(c *cure) {
			c.path = c.file(filepath.Join(c.name, "set it up.exe"), 10)
			c.watch()
		}},
	{name: "parts that the service does not take", reason: transfer.ReasonDamaged, fix: true,
		end: state.StatusDone, cause: stored("signed-s3-upload", 200,
			`{"status":"error","reason":"MissingOrInvalidParts"}`)},
	{name: "names that clash", reason: transfer.ReasonNameClash, fix: true, end: state.StatusDone,
		cause: func(c *cure) {
			c.file(filepath.Join(c.name, "plan of it.rvt"), 10)
			c.path = c.file(filepath.Join(c.name, "Plan of it.rvt"), 10)
			c.pushed = c.start("push", filepath.Dir(c.path)+"/", c.remote)
		}},
	{name: "cancelled by a person", reason: transfer.ReasonCancelled, fix: true, end: state.StatusDone,
		seen: seenNowhere, cause: blocked(func(c *cure, job string) { c.run(0, "cancel", job) })},
	{name: "the rules are mended", reason: transfer.ReasonRules, end: state.StatusDone, seen: seenWaiting,
		cause: func(c *cure) {
			must(c.t, os.Mkdir(filepath.Join(c.dir, c.name, ".hoistignore"), 0o755))
			c.watch()
		}, mend: func(c *cure) { must(c.t, os.Remove(filepath.Join(c.dir, c.name, ".hoistignore"))) }},
	{name: "no drawing", reason: transfer.ReasonDoubtful, fix: true, end: state.StatusDone,
		cause: func(c *cure) {
			c.run(0, "watch", "add", c.folder(), c.remote, "--settle", "100ms", "--exclude", "*.rvt")
			c.run(0, "watch", "set", c.folder(), "gate=park", "exclude=")
		}},
	{name: "too many folders", reason: transfer.ReasonTooDeep, end: state.StatusDone,
		cause: func(c *cure) {
			deep := strings.Repeat("in/", remote.MaxDepth+1)
			must(c.t, os.Remove(c.path))
			c.path = c.file(filepath.Join(c.name, filepath.FromSlash(deep), "deep.rvt"), 10)
			c.watch()
		}, mend: func(c *cure) {
			up := filepath.Join(c.folder(), "up.rvt")
			must(c.t, os.Rename(c.path, up))
			c.path = up
		}},
	{name: "the folder is away", reason: transfer.ReasonFolderAway, end: state.StatusDone, seen: seenWaiting,
		cause: watchBlocked("create-storage", func(c *cure) {
			must(c.t, os.Rename(c.folder(), c.folder()+".away"))
		}),
		mend: func(c *cure) { must(c.t, os.Rename(c.folder()+".away", c.folder())) }},
	{name: "a newer content", reason: transfer.ReasonSourceChanged, end: state.StatusDone, seen: seenNowhere,
		cause: func(c *cure) {
			c.inBucket()
			watchBlocked("signed-s3-upload", func(c *cure) { c.file(c.rel(), 50, "newer") })(c)
		}},
	{name: "a rule that comes late", reason: transfer.ReasonExcluded, end: state.StatusDone,
		seen: seenNowhere,
		cause: watchBlocked("create-storage", func(c *cure) {
			must(c.t, os.WriteFile(filepath.Join(c.folder(), ".hoistignore"), []byte("*.rvt\n"), 0o600))
		}), mend: func(c *cure) { must(c.t, os.Remove(filepath.Join(c.folder(), ".hoistignore"))) }},
	{name: "two names for one file", reason: transfer.ReasonAmbiguous, fix: true, end: state.StatusCancelled,
		cause: func(c *cure) {
			c.theirs("in/"+filepath.Base(c.path), "a file")
			c.theirs("in/"+filepath.Base(c.path)+"/b.rvt", "a file in a folder of its name")
			must(c.t, os.Remove(c.path))
			c.pushed = c.start("pull", c.remote+"/in", c.folder())
		}},
	{name: "a version that was removed", reason: transfer.ReasonNoContent, fix: true,
		end: state.StatusCancelled,
		cause: func(c *cure) {
			at := c.remote + "/" + filepath.Base(c.path)
			c.theirs(filepath.Base(c.path), "a file")
			c.run(0, "rm", "--yes", at)
			c.run(0, "restore", at)
			must(c.t, os.Remove(c.path))
			c.pushed = c.start("pull", at, c.path, "--version", "2")
		}},
	{name: "the URLs are refused", reason: transfer.ReasonURLRefused, fix: true, end: state.StatusDone,
		cause: stored("s3-put", 403, `<Error><Code>SignatureDoesNotMatch</Code></Error>`)},
	{name: "something unforeseen", reason: transfer.ReasonUnexpected, fix: true, end: state.StatusDone,
		cause: stored("s3-put", 400, `<Error><Code>EntityTooSmall</Code></Error>`)},
	{name: "the session ends again and again", reason: transfer.ReasonSessionLost, fix: true,
		end: state.StatusDone, cause: stored("signed-s3-upload", 404, `{"reason":"Upload not found"}`)},
	{name: "too many requests", reason: transfer.ReasonRateLimited, end: state.StatusDone, seen: seenWaiting,
		cause: stored("s3-put", 503, `<Error><Code>SlowDown</Code></Error>`)},
	{name: "other bytes arrive", reason: transfer.ReasonDamaged, fix: true, end: state.StatusDone,
		cause: func(c *cure) {
			c.fetched(emulator.Fault{Kind: emulator.CorruptBytes})
		}},
	{name: "it changes there all the time", reason: transfer.ReasonRemoteChanged, fix: true,
		end: state.StatusDone, seen: seenEither, cause: func(c *cure) {
			c.fetched(emulator.Fault{Kind: emulator.FailBefore, Status: http.StatusPreconditionFailed})
		}},
	{name: "a model of another kind", reason: transfer.ReasonOtherKind, fix: true,
		end: state.StatusDone, copies: 2,
		cause: func(c *cure) {
			must(c.t, c.cloud.SetVersionType(c.theirs(filepath.Base(c.path), "theirs"),
				"versions:autodesk.bim360:C4RModel"))
			c.watch()
		}},
	{name: "somebody else saved what was removed", reason: transfer.ReasonNotCarried,
		end:  state.StatusCancelled,
		seen: seenNowhere, cause: func(c *cure) {
			c.file(filepath.Join(c.name, "another.rvt"), 10) // a folder without files is in doubt
			c.run(0, "watch", "add", c.folder(), c.remote, "--settle", "100ms", "--delete", "hide")
			eventually(c.t, c.name+" is sent", func() bool { return c.there() == 2 })
			c.refuse("get-item", http.StatusLocked, "")
			must(c.t, os.Remove(c.path))
			c.waiting()
			c.theirs(filepath.Base(c.path), "theirs")
			c.mended()
		}},
	{name: "below a folder that is renamed", reason: transfer.ReasonBehindRename, end: state.StatusDone,
		seen: seenWaiting, copies: 2, cause: func(c *cure) {
			old := filepath.Dir(c.file(filepath.Join(c.name, "old", "plan.rvt"), 10))
			c.watch()
			eventually(c.t, c.name+" is sent", func() bool { return c.there() == 2 })
			c.refuse("update-folder", http.StatusLocked, "")
			must(c.t, os.Rename(old, filepath.Join(c.folder(), "new")))
			c.waiting(filepath.Join(c.folder(), "new"))
			c.path = c.file(filepath.Join(c.name, "new", "more.rvt"), 10)
		}},
}

// curedElsewhere are the reasons that take a home of their own, a disk or a time that no table has: the
// tests that make them. Those of this package ask as this table does (told). That status, jobs, explain
// and the log tell them alike is seen by owner.TestEveryReasonIsSeenAlike too.
var curedElsewhere = map[string]string{
	transfer.ReasonFolderFull:   "transfer.TestLimits: ten thousand files, and each has a job",
	transfer.ReasonMassChange:   "TestMassChange: of a watch, not of a job",
	transfer.ReasonMassDelete:   "TestWatchHides: of a watch, not of a job",
	transfer.ReasonNeverSettles: "owner.TestSlowReasonsAreSeen: it takes minutes, which pass at once there",
	transfer.ReasonNoSpace:      "TestDiskOfAPull, TestFullDiskOfTheState",
	transfer.ReasonNoResources:  "transfer.TestOutOfResources: a process without handles answers nobody",
	transfer.ReasonSessionShort: "owner.TestSlowReasonsAreSeen: the sockets of one machine hide how " +
		"slow a link is",
	transfer.ReasonOffline:  "TestServiceAway: all files of a home wait for it",
	transfer.ReasonRestored: "TestRestored: a state is damaged for it",
}

// TestEveryReasonIsMade: each reason is in the table, or somewhere else for a cause.
func TestEveryReasonIsMade(t *testing.T) {
	made := maps.Clone(curedElsewhere)
	for _, row := range cureRows {
		if curedElsewhere[row.reason] != "" {
			t.Errorf("%s is in the table and elsewhere", row.reason)
		}

		made[row.reason] = row.name
	}

	for _, r := range transfer.Reasons() {
		if made[r.Code] == "" {
			t.Errorf("nothing makes %s: give it a row of cureRows", r.Code)
		}
	}
}

// refuse answers an operation of the row with a status until mend.
func (c *cure) refuse(op string, status int, body string) {
	c.fault(op, emulator.Fault{Kind: emulator.FailBefore, Status: status, Body: []byte(body)})
}

func (c *cure) fault(op string, f emulator.Fault) {
	if strings.HasPrefix(string(f.Body), "{") {
		f.Header = http.Header{"Content-Type": {"application/json"}}
	} else if len(f.Body) == 0 {
		f.Body = nil
	}

	c.faults.set(c.key, func(r emulator.Request) emulator.Fault {
		if r.Op != op {
			return emulator.Fault{}
		}

		return f
	})
}

// push pushes the row's file beside the test.
func (c *cure) push() { c.pushed = c.start("push", c.path, c.remote) }

// pull fetches what is under the row's name over its file, beside the test.
func (c *cure) pull() { c.pushed = c.start("pull", c.remote+"/"+filepath.Base(c.path), c.path) }

// watch watches the row's folder.
func (c *cure) watch() { c.run(0, "watch", "add", c.folder(), c.remote, "--settle", "100ms") }

// inBucket gives the row a place in the bucket, whose parts have the row in their path.
func (c *cure) inBucket() { c.remote = "oss://cures/" + c.key }

// theirs puts a file into the row's project as another user would.
func (c *cure) theirs(name, content string) (version string) {
	c.t.Helper()
	_, version, err := c.cloud.AddFile(c.project, "Project Files/"+name, strings.NewReader(content),
		int64(len(content)))
	must(c.t, err)

	return version
}

// refused is a push whose first call for bytes is answered with a status.
func refused(status int, body string) func(c *cure) {
	return func(c *cure) {
		c.refuse("create-storage", status, body)
		c.push()
	}
}

// stored is a push to the bucket, with an operation that is answered with a status.
func stored(op string, status int, body string) func(c *cure) {
	return func(c *cure) {
		c.inBucket()
		c.refuse(op, status, body)
		c.push()
	}
}

// fetched is a pull of what lies in the bucket, with a fault of what the storage sends.
func (c *cure) fetched(f emulator.Fault) {
	c.inBucket()
	c.run(0, "push", c.path, c.remote)
	must(c.t, os.Remove(c.path))
	c.fault("s3-get", f)
	c.pull()
}

// blocked is a push that waits for the service; then is called with it waiting.
func blocked(then func(c *cure, job string)) func(c *cure) {
	return func(c *cure) {
		c.refuse("create-storage", http.StatusLocked, "")
		c.push()
		j := c.waiting()
		then(c, j.ID)
		c.mended()
	}
}

// watchBlocked is a file of a watch that waits for an operation of the service; then is called with it
// waiting.
func watchBlocked(op string, then func(c *cure)) func(c *cure) {
	return func(c *cure) {
		c.refuse(op, http.StatusLocked, "")
		c.watch()
		c.waiting()
		then(c)
		c.mended()
	}
}

// waiting is the job of the row's file, or of another path, once it waits for the service.
func (c *cure) waiting(path ...string) (j control.Job) {
	c.t.Helper()
	eventually(c.t, c.name+" waits", func() (ok bool) {
		j, ok = c.job(path...)
		return ok && j.Reason == transfer.ReasonLocked
	})

	return j
}

// saving changes the row's file all the time, until rest.
func (c *cure) saving() {
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)

		for n := 0; ; n++ {
			// a test that failed has no folder
			_ = os.WriteFile(c.path, fmt.Append(nil, "edition ", n), 0o600)

			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()

	c.rest = func() { close(stop); <-ended }
}
