package selftest

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient"
	"hoist/apsclient/emulator"
	"hoist/transfer/remote"
)

// world is a cloud with a client whose requests are counted.
type world struct {
	t     *testing.T
	srv   *emulator.Server
	meter *Meter
	env   Env
}

func newWorld(t *testing.T, c emulator.Config, address string) *world {
	t.Helper()
	c.Dir = t.TempDir()
	srv, err := emulator.New(c)
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	if address == "" {
		address = srv.DemoRemote()
	}

	w := &world{t: t, srv: srv, meter: NewMeter(srv.Transport())}
	client, err := apsclient.New(apsclient.Config{Transport: w.meter,
		Tokens: apsclient.ClientCredentials("", emulator.DefaultClientID, emulator.DefaultClientSecret)})
	if err != nil {
		t.Fatal(err)
	}

	a, err := remote.ParseAddress(address)
	if err != nil {
		t.Fatal(err)
	}

	place, err := remote.NewResolver(client, nil).Resolve(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}

	w.env = Env{Client: client, HTTP: &http.Client{Transport: w.meter}, Meter: w.meter, Place: place,
		Wait: time.Minute}

	return w
}

// run runs all facts and returns those that differ.
func (w *world) run() (Report, []string) {
	w.t.Helper()
	report, err := Run(w.t.Context(), w.env)
	if err != nil {
		w.t.Fatal(err)
	}

	var differ []string
	for _, f := range report.Facts {
		switch f.Verdict {
		case Differs:
			differ = append(differ, f.Fact)
		case Untried:
			w.t.Errorf("%s was not tried: %s", f.Fact, f.Note)
		}
	}

	if report.Left || report.Calls > Calls {
		w.t.Errorf("left %t, %d calls", report.Left, report.Calls)
	}

	return report, differ
}

// flips are the facts and how the emulator turns each.
var flips = []struct {
	fact string
	flip func(*emulator.Config)
}{
	{"url-count", func(c *emulator.Config) { c.Knobs.MaxURLs = 50 }},
	{"part-numbers", func(c *emulator.Config) { c.Knobs.Facts.MoreParts = true }},
	{"wrong-upload-key", func(c *emulator.Config) { c.Knobs.Facts.DeadKeyInSuccess = true }},
	{"etag-quotes", func(c *emulator.Config) { c.Knobs.Facts.BareETags = true }},
	{"etag-md5", func(c *emulator.Config) { c.OpaqueETags = true }},
	{"second-completion", func(c *emulator.Config) { c.Knobs.SecondCompleteFails = true }},
	{"sha1", func(c *emulator.Config) { c.Knobs.NoSHA1 = true }},
	{"range", func(c *emulator.Config) { c.Knobs.NoRanges = true }},
	{"if-match", func(c *emulator.Config) { c.Knobs.Facts.IgnoreIfMatch = true }},
	{"signed-head", func(c *emulator.Config) { c.Knobs.Facts.SignedHead = true }},
	{"empty-object", func(c *emulator.Config) { c.Knobs.RefuseEmptyPart = true }},
	{"list-lag", func(c *emulator.Config) { c.Visibility = 20 * time.Second }},
	{"rollup-lag", func(c *emulator.Config) { c.Knobs.Facts.NoRollup = true }},
	{"storage-kept", func(c *emulator.Config) { c.Knobs.RewriteStorage = true }},
	{"storage-reuse", func(c *emulator.Config) { c.Knobs.Facts.StorageOnce = true }},
	{"same-name", func(c *emulator.Config) { c.Knobs.Facts.TwinNames = true }},
	{"name-case", func(c *emulator.Config) { c.Knobs.CaseInsensitiveNames = true }},
	{"copy-from", func(c *emulator.Config) { c.Knobs.Facts.RefuseCopy = true }},
	{"limit-headers", func(c *emulator.Config) { c.Knobs.Facts.LimitHeaders = true }},
}

// TestFlippedFacts turns one fact at a time, and all that can be at once: a run in a project finds
// exactly what was turned.
func TestFlippedFacts(t *testing.T) {
	check := func(t *testing.T, want []string, c emulator.Config) {
		synctest.Test(t, func(t *testing.T) {
			if _, differ := newWorld(t, c, "").run(); !slices.Equal(differ, want) {
				t.Errorf("found %q, turned %q", differ, want)
			}
		})
	}
	t.Run("none", func(t *testing.T) { check(t, nil, emulator.Config{}) })

	var every []string
	var all emulator.Config
	for _, f := range flips {
		t.Run(f.fact, func(t *testing.T) {
			var c emulator.Config
			f.flip(&c)
			check(t, []string{f.fact}, c)
		})

		// Names cannot both be twins and be one when their case differs; a storage that was
		// replaced has no version.
		if f.fact != "same-name" && f.fact != "storage-reuse" {
			f.flip(&all)
			every = append(every, f.fact)
		}
	}

	t.Run("all at once", func(t *testing.T) {
		if len(every) < 15 {
			t.Fatalf("only %d", len(every))
		}

		check(t, every, all)
	})
}

// TestBuckets runs in a bucket of its own and in one of the user's: nothing is left, and what was
// there before is.
func TestBuckets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, emulator.Config{}, "oss://")
		if _, differ := w.run(); len(differ) > 0 {
			t.Errorf("%q", differ)
		}

		for _, region := range []string{"US", "EMEA"} {
			for b, err := range w.env.Client.Buckets.List(t.Context(), region) {
				t.Errorf("left: %v %v", b.Key, err)
			}
		}
	})
	synctest.Test(t, func(t *testing.T) {
		knobs := emulator.Knobs{Facts: emulator.Facts{IgnoreRegion: true}}
		w := newWorld(t, emulator.Config{Knobs: knobs}, "oss://")
		if _, differ := w.run(); !slices.Equal(differ, []string{"bucket-region"}) {
			t.Errorf("%q", differ)
		}

		c := w.env.Client
		if _, err := c.Buckets.Create(t.Context(), "mine-own", "transient", "US"); err != nil {
			t.Fatal(err)
		}

		w.env.Place, w.env.Meter = remote.Place{Kind: remote.KindBucket, Bucket: "mine-own",
			Address: remote.Address{Scheme: remote.SchemeOSS, Steps: []string{"mine-own"}}}, NewMeter(nil)
		if report, err := Run(t.Context(), w.env); err != nil || report.Count(Untried) > 1 {
			t.Errorf("%v, %+v", err, report)
		}

		for o, err := range c.Objects.List(t.Context(), "mine-own", "") {
			t.Errorf("left: %v %v", o.Key, err)
		}
	})
}

// TestPersonalHub: the hub ignores the hiding of the scratch; the run says that it is left.
func TestPersonalHub(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, emulator.Config{}, "")
		hub := w.srv.AddHubIn("Drive", emulator.HubPersonal, "US")
		if _, err := w.srv.AddProject(hub, "Own", ""); err != nil {
			t.Fatal(err)
		}

		a, err := remote.ParseAddress("aps://Drive/Own/Project Files")
		if err != nil {
			t.Fatal(err)
		}

		if w.env.Place, err = remote.NewResolver(w.env.Client, nil).Resolve(t.Context(), a); err != nil {
			t.Fatal(err)
		}

		report, err := Run(t.Context(), w.env)
		if !errors.Is(err, ErrLeft) || !report.Left || report.Hub != "personal" {
			t.Errorf("%v, %+v", err, report)
		}

		var differ []string
		for _, f := range report.Facts {
			if f.Verdict == Differs {
				differ = append(differ, f.Fact)
			}
		}

		if !slices.Equal(differ, []string{"delete", "hide-folder"}) {
			t.Errorf("%q differ of %+v", differ, report)
		}
	})
}

// TestCallsAreBounded: in a world that fails all the time a run ends, within its calls, and what
// was not tried says why.
func TestCallsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, emulator.Config{}, "")
		w.srv.SetFault(func(r emulator.Request) emulator.Fault {
			if r.Op == "get-signed-s3-upload-urls" || r.Op == "s3-put" || strings.HasPrefix(r.Op, "list-") {
				return emulator.Fault{Kind: emulator.FailBefore, Status: 503}
			}

			return emulator.Fault{}
		})
		report, err := Run(t.Context(), w.env)
		if err != nil || report.Left || report.Calls > Calls || report.Count(Untried) < 10 {
			t.Errorf("%v, %+v", err, report)
		}

		for _, f := range report.Facts {
			if f.Verdict == Untried && f.Note == "" {
				t.Errorf("%s does not say why", f.Fact)
			}
		}

		if n := len(w.srv.Requests()); n > Calls {
			t.Errorf("%d requests", n)
		}
	})
}

// TestNoNames: a report holds nothing that names anybody or anything, whatever went wrong.
func TestNoNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, emulator.Config{}, "")
		n := 0
		w.srv.SetFault(func(r emulator.Request) emulator.Fault {
			if n++; n%3 == 0 && r.Op != "token" {
				return emulator.Fault{Kind: emulator.FailBefore, Status: 400,
					Body: []byte(`{"reason":"` + w.srv.DemoRemote() +
						` https://s3.test/?X-Amz-Signature=s"}`)}
			}

			return emulator.Fault{}
		})
		report, _ := Run(t.Context(), w.env)
		raw, err := json.Marshal(report)
		if err != nil {
			t.Fatal(err)
		}

		d := w.srv.Demo()
		for _, secret := range []string{"Demo", d.Account, d.Project, d.Folder, "urn:", "http", "Signature",
			"hoist-selftest", emulator.DefaultClientID} {
			if strings.Contains(string(raw), secret) {
				t.Errorf("the report holds %q: %s", secret, raw)
			}
		}
	})
}

// TestKnown: what a run did not try stays as an earlier one found it, each hub kind and region by
// itself.
func TestKnown(t *testing.T) {
	f, err := LoadFacts(filepath.Join(t.TempDir(), "facts.json"))
	if err != nil || len(f) > 0 {
		t.Fatal(f, err)
	}

	run := func(facts ...Result) { f.Add(Report{Hub: "account", Region: "US", Facts: facts}) }
	run(Result{Fact: "sha1", Seen: "yes", Verdict: AsExpected},
		Result{Fact: "range", Seen: "no", Verdict: Differs})
	run(Result{Fact: "sha1", Verdict: Untried}, Result{Fact: "range", Seen: "yes", Verdict: AsExpected})
	f.Add(Report{Hub: "oss", Region: "EMEA"})
	got := f["account/US"]
	if !maps.Equal(got.Seen, map[string]string{"sha1": "yes", "range": "yes"}) || len(got.Differs) > 0 ||
		len(f) != 2 {
		t.Errorf("%+v", f)
	}
}

// TestAMissingRightIsNoFact: where a right is missing, what was refused for it is not tried, and says
// nothing of the service.
func TestAMissingRightIsNoFact(t *testing.T) {
	w := newWorld(t, emulator.Config{}, "")
	w.srv.SetFault(func(r emulator.Request) emulator.Fault {
		if r.Op != "get-signed-s3-upload-urls" {
			return emulator.Fault{}
		}

		return emulator.Fault{Kind: emulator.FailBefore, Status: 403, Body: []byte(`{"reason":"not yours"}`)}
	})
	report, err := Run(t.Context(), w.env)
	if err != nil {
		t.Fatal(err)
	}

	for _, f := range report.Facts {
		stands := !slices.Contains([]string{"wrong-upload-key", "limit-headers", "hide-folder"}, f.Fact)
		if f.Verdict == Differs || stands && (f.Verdict != Untried || f.Seen != "") {
			t.Errorf("%+v", f)
		}
	}
}
