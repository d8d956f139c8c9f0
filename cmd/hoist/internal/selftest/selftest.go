package selftest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"hoist/apsclient"
	"hoist/transfer/remote"
)

// Verdict is what a run says of a fact.
type Verdict string

// The verdicts.
const (
	AsExpected Verdict = "as-expected"
	Differs    Verdict = "differs"
	Untried    Verdict = "untried"
)

// Result is what became of one fact.
type Result struct {
	Fact     string  `json:"fact"`
	Question string  `json:"question"`
	Expected string  `json:"expected"`
	Seen     string  `json:"seen,omitempty"`
	Note     string  `json:"note,omitempty"` // a status, a number of seconds, or why it was not tried
	Verdict  Verdict `json:"verdict"`
}

// Report is a whole run. It holds nothing that names anybody or anything.
type Report struct {
	Hoist  string    `json:"hoist"` // version of the program
	Date   time.Time `json:"date"`
	Hub    string    `json:"hub"` // account, team, personal, or oss
	Region string    `json:"region"`
	Calls  int       `json:"calls"`
	Facts  []Result  `json:"facts"`
	// Left tells that the scratch could not be taken away.
	Left bool `json:"left,omitempty"`
}

// Count is the number of facts with a verdict.
func (r Report) Count(v Verdict) (n int) {
	for _, f := range r.Facts {
		if f.Verdict == v {
			n++
		}
	}

	return n
}

// Env is what a run works with.
type Env struct {
	Client *apsclient.Client // its requests go through Meter
	HTTP   *http.Client      // for signed URLs; its requests go through Meter
	Meter  *Meter
	Place  remote.Place  // a folder of a project, a bucket, or what holds all buckets
	Region string        // of the account of the application; "": US
	Wait   time.Duration // how long an effect may take to show; 0: one look
	// Tell is given each result at once; its error ends the run.
	Tell func(Result) error
	Log  func(text string) // what is done in the scratch; nil: nobody listens
}

// run is one run.
type run struct {
	Env
	name    string // of the scratch
	results []Result

	object  func(ctx context.Context, name string) (apsclient.ObjectID, error) // a place for bytes
	scratch apsclient.Folder
	bucket  string
	buckets []string // made by the run
	stored  []apsclient.ObjectID
	headers http.Header // of an answer of the control plane

	first upload
	item  apsclient.Item
	lag   lag
}

// fact is a question with the answer that is expected, and how it is tried.
type fact struct {
	name, question, expected string
	try                      func(r *run, ctx context.Context) (seen, note string, err error)
}

// errNothing says why a fact cannot be tried when another one before it has failed.
var errNothing = errors.New("what it stands on did not work")

// Run tries all facts that fit the place, and takes the scratch away. The error is that of making
// the scratch or of Tell; the report is whole in either case.
func Run(ctx context.Context, e Env) (Report, error) {
	raw := make([]byte, 6)
	_, _ = rand.Read(raw) // never fails
	r := &run{Env: e, name: "hoist-selftest-" + hex.EncodeToString(raw)}
	report := Report{Date: time.Now().UTC().Truncate(time.Second), Hub: kind(e.Place), Region: region(e)}

	facts := append([]fact{}, objectFacts...)
	prepare, clean := r.makeBucket, r.dropBuckets
	if e.Place.Address.OSS() {
		facts = append(facts, bucketFacts...)
	} else {
		facts = append(facts, projectFacts...)
		prepare, clean = r.makeFolder, r.hideFolder
	}

	err := prepare(ctx)
	if err == nil {
		err = r.try(ctx, append(facts, lastFacts...))
	}

	e.Meter.clean()
	ending := context.WithoutCancel(ctx)
	result, cleaned := clean(ending)
	report.Left = cleaned != nil
	if result.Fact != "" && err == nil {
		err = r.tell(result)
	}

	report.Facts, report.Calls = r.results, e.Meter.Made()
	if err == nil {
		err = cleaned
	}

	return report, err
}

// kind is what sort of hub a place is in.
func kind(p remote.Place) string {
	switch {
	case p.Address.OSS():
		return "oss"
	case strings.HasSuffix(p.Hub.Type, ":PersonalHub"):
		return "personal"
	case p.Hub.Core():
		return "team"
	}

	return "account"
}

func region(e Env) string {
	for _, r := range []string{e.Place.Hub.Region, e.Region} {
		if r != "" {
			return r
		}
	}

	return "US"
}

func (r *run) try(ctx context.Context, facts []fact) error {
	for _, f := range facts {
		if err := ctx.Err(); err != nil {
			return err
		}

		out := Result{Fact: f.name, Question: f.question, Expected: f.expected, Verdict: Untried}
		if r.Meter.spent() {
			out.Note = errSpent.Error()
		} else if seen, note, err := f.try(r, ctx); err != nil {
			out.Note = said(err)
		} else {
			out.Seen, out.Note, out.Verdict = seen, note, verdict(seen, f.expected)
		}

		if err := r.tell(out); err != nil {
			return err
		}
	}

	return nil
}

func verdict(seen, expected string) Verdict {
	if seen == expected {
		return AsExpected
	}

	return Differs
}

func (r *run) tell(out Result) error {
	r.results = append(r.results, out)
	if r.Tell == nil {
		return nil
	}

	return r.Tell(out)
}

// said is an error without what it may name: status and code of an answer, or the kind of failure.
func said(err error) string {
	if e, ok := errors.AsType[*apsclient.Error](err); ok {
		return strings.TrimSpace(fmt.Sprintf("%d %s", e.Status, e.Code))
	}

	switch {
	case errors.Is(err, errNothing), errors.Is(err, errSpent):
		return err.Error()
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return "interrupted"
	}

	switch _, refused := errors.AsType[*apsclient.PartsError](err); {
	case refused:
		return "200 status error"
	case asNet(err):
		return "no answer"
	}

	return "answer not understood"
}

func asNet(err error) bool {
	_, net := errors.AsType[*apsclient.NetError](err)
	_, raw := errors.AsType[*url.Error](err)

	return net || raw
}

// refusal turns the outcome of a call into accepted, ignored or refused: a 4xx is an answer to the
// question, anything else is none. Nor is a missing right, unless the answer is about the upload key.
func refusal(err error) (seen, note string, _ error) {
	e, ok := errors.AsType[*apsclient.Error](err)
	_, ignored := errors.AsType[*apsclient.IgnoredError](err)
	switch _, parts := errors.AsType[*apsclient.PartsError](err); {
	case err == nil:
		return "accepted", "", nil
	case ignored:
		return "ignored", "", nil
	case parts:
		return "refused in a success", "200 status error", nil
	case ok && e.Status == http.StatusForbidden && !strings.Contains(strings.ToLower(e.Detail), "uploadkey"):
		return "", "", err
	case ok && e.Status >= 400 && e.Status < 500 && e.Status != http.StatusTooManyRequests &&
		e.Status != http.StatusUnauthorized:
		return "refused", said(err), nil
	}

	return "", "", err
}
