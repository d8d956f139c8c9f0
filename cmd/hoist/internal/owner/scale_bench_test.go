package owner

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/state"
)

// openOfALarge is how many jobs of a large home have not ended: as many as a first watch of a project brings.
const openOfALarge = 10_000

// aLargeHome opens a home of HOIST_JOBS (default 1,000,000) jobs that are done and openOfALarge that are not:
// queued, waiting, paused, and in need of a person. HOIST_JOBS_HOME keeps it in a folder for the next time.
func aLargeHome(b *testing.B) (o *Owner, done int) {
	b.Helper()
	done, err := strconv.Atoi(cmp.Or(os.Getenv("HOIST_JOBS"), "1000000"))
	if err != nil {
		b.Fatal(err)
	}

	dir, most := cmp.Or(os.Getenv("HOIST_JOBS_HOME"), b.TempDir()), done+1
	o, err = Open(b.Context(), Serving,
		Options{Home: config.Home{Config: dir, State: dir}, Profile: "default",
			Logger: slog.New(slog.DiscardHandler), History: config.History{Jobs: &most},
			Clients: func(string, apsclient.Bandwidth) (*apsclient.Client, error) {
				return nil, errors.New("none")
			}})
	if err != nil {
		b.Fatal(err)
	}

	b.Cleanup(func() { o.Close() })
	have := o.store.Counts(nil, time.Now())
	fill(b, o, have.Done, done, func(int) []state.Event {
		return []state.Event{
			state.Reserved{
				Object: "urn:adsk.objects:os.object:drawings/01234567-89ab-cdef-0123-456789abcdef.dwg",
			},
			state.Opened{UploadKey: "key", PartSize: 5 << 20, Parts: 1, Expires: time.Now().Add(time.Hour)},
			state.PartStored{Part: 1, Size: 1000, ETag: "d41d8cd98f00b204e9800998ecf8427e"},
			state.AllStored{}, state.Assembled{},
			state.Finished{Result: state.ResultCreated, Record: &state.PublishedRecord{}},
		}
	})

	if have.Queued+have.Waiting+have.Paused+have.Attention < openOfALarge {
		fill(b, o, done, done+openOfALarge, func(i int) []state.Event {
			return [][]state.Event{
				{state.Parked{Reason: "forbidden", Error: "create storage: 403 forbidden"}},
				{state.Retry{Reason: "service-trouble", Error: "503", At: time.Now().Add(100 * time.Hour)}},
				{state.Pause{}}, nil,
			}[i%4]
		})
	}

	return o, done
}

// fill adds the jobs of these numbers and lets the events of each happen.
func fill(b *testing.B, o *Owner, from, to int, events func(int) []state.Event) {
	b.Helper()
	const together = 10_000
	for ; from < to; from += together {
		jobs := make([]state.Job, min(together, to-from))
		for i := range jobs {
			n := from + i
			name := fmt.Sprintf("A-%07d plan.dwg", n)
			rel := fmt.Sprintf("Tower %d/Level %02d/%s", n/20_000, n/500%40, name)
			jobs[i] = state.Job{Kind: state.Upload, Path: "/srv/drawings/" + rel, Rel: rel, Root: "w",
				Profile: "default", Size: 1000, Snapshot: state.Snapshot{Size: 1000, FileID: "f" + name},
				Target: state.Target{Address: "oss://drawings/" + rel, Bucket: "drawings",
					Key: rel, Name: name}}
		}

		added, _, err := o.store.EnqueueAll(jobs)
		if err != nil {
			b.Fatal(err)
		}

		var group errgroup.Group
		group.SetLimit(2000) // they share their commits
		for i, j := range added {
			group.Go(func() error {
				_, err := o.store.Commit(j.ID, events(i)...)
				return err
			})
		}

		if err := group.Wait(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLargeHome asks a large home for what status and the page ask for.
func BenchmarkLargeHome(b *testing.B) {
	o, done := aLargeHome(b)
	api := control.NewHandler(o, control.ServerOptions{Known: true})
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		api.ServeHTTP(w, httptest.NewRequestWithContext(b.Context(), http.MethodGet, path, nil))
		if w.Code != http.StatusOK {
			b.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}

		return w
	}

	middle, err := o.Jobs(b.Context(), control.JobQuery{Path: fmt.Sprintf("A-%07d", done/2)})
	if err != nil || len(middle) != 1 {
		b.Fatal(len(middle), err)
	}

	const list = "/v1/jobs?limit=200&newest=true"
	for _, one := range []struct{ name, path string }{
		{"status", "/v1/status"}, {"status of the page", "/v1/status?limit=100"},
		{"newest", list}, {"a page in the middle", list + "&after=" + middle[0].ID},
		{"attention", list + "&state=attention"}, {"done", list + "&state=done"},
		{"failed", list + "&state=failed"},
		{"search of many", list + "&path=level%2007"},
		{"search of one", list + fmt.Sprintf("&path=A-%07d", done/2)},
		{"search of none", list + "&path=nowhere"}, {"one job", "/v1/jobs/" + middle[0].ID},
	} {
		b.Run(one.name, func(b *testing.B) {
			size := 0
			for b.Loop() {
				size = get(one.path).Body.Len()
			}

			b.ReportMetric(float64(size), "B/answer")
		})
	}
}
