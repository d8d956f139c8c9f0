package control

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"hoist/cmd/hoist/internal/problem"
	"hoist/state"
)

// accountHeader carries whose account a command would use, so that no command's work is done with
// another one's.
const accountHeader = "Hoist-Account"

// callsHeader tells with answers which process gives them and how many calls of the service it made.
const callsHeader = "Hoist-Calls"

// maxRequest bounds the body of a request, in bytes: a list of paths may be long, a mistake is
// longer.
const maxRequest = 256 << 20

// ServerOptions of [NewHandler].
type ServerOptions struct {
	// Token that every request must carry; "" on a socket that the file system protects.
	Token string
	// Known says that the caller of the handler knows who speaks: the page of the home has sessions.
	Known bool
	// CheckAccount refuses the account of a command, as [Client] sends it; nil accepts all.
	CheckAccount func(profile, fingerprint string) error
	// Metrics answers GET /metrics; nil: not found.
	Metrics http.HandlerFunc
	// Health is why nothing moves though it should; nil: it is not known.
	Health func() error
	// Calls is how many calls of the service were made so far; nil: it is not told.
	Calls  func() int64
	Logger *slog.Logger // nil: none
	// Words are the exit code and the hint that a command gives for a problem, for the clients
	// that show those; nil: answers have neither.
	Words func(problem.Kind, problem.Fix) (code int, hint string)
}

// NewHandler serves an API over HTTP.
func NewHandler(api API, o ServerOptions) http.Handler {
	s := server{api: api, log: o.Logger, words: o.Words, calls: o.Calls}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}

	mux := http.NewServeMux()
	for pattern, handle := range s.routes(o) {
		mux.HandleFunc(pattern, handle)
	}

	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if allowed := methods(mux, r); len(allowed) > 0 {
			list := strings.Join(allowed, ", ")
			w.Header().Set("Allow", list)
			writeJSON(w, http.StatusMethodNotAllowed,
				s.bodyOf(problem.With(problem.Usage,
					fmt.Errorf("%s takes %s, not %s", r.URL.Path, list, r.Method),
					problem.Fix{Step: problem.ControlAPI})))

			return
		}

		s.writeError(w, problem.With(problem.NotFound,
			fmt.Errorf("%s %s is not part of the control API", r.Method, r.URL.Path),
			problem.Fix{Step: problem.ControlAPI}))
	})

	return s.guard(o, http.MaxBytesHandler(mux, maxRequest))
}

// routes are what the API answers, by the pattern of each; openapi.yaml describes them.
func (s server) routes(o ServerOptions) map[string]http.HandlerFunc {
	routes := map[string]http.HandlerFunc{
		"GET /healthz":                   s.health(o.Health),
		"GET /v1/openapi.yaml":           s.describe,
		"GET /v1/status":                 s.status,
		"GET /v1/jobs":                   s.jobs,
		"GET /v1/jobs/{id}":              s.job,
		"POST /v1/push":                  s.push,
		"DELETE /v1/pushes":              s.dropPushes,
		"POST /v1/pull":                  s.pull,
		"POST /v1/preflight":             s.preflight,
		"POST /v1/follow":                s.follow,
		"GET /v1/watches":                s.watches,
		"POST /v1/watches":               s.addWatch,
		"DELETE /v1/watches":             s.removeWatch,
		"PATCH /v1/watches/{id}":         s.setWatch,
		"DELETE /v1/watches/{id}":        s.removeWatch,
		"POST /v1/watches/{id}/{verb}":   s.changeWatch,
		"POST /v1/actions/{name}":        s.action,
		"POST /v1/open":                  s.open,
		"GET /v1/events":                 s.events,
		"GET /v1/state":                  s.checkState,
		"POST /v1/state/backup":          s.backupState,
		"POST /v1/verify":                s.verify,
		"POST /v1/forget":                s.forget,
		"POST /v1/streams":               s.recordStream,
		"GET /v1/explain":                s.explain,
		"GET /v1/plots":                  s.plots,
		"PUT /v1/bandwidth":              s.setBandwidth,
		"POST /v1/doctor":                s.doctor,
		"POST /v1/profiles/{name}/renew": s.renew,
	}
	for _, verb := range []Verb{Pause, Resume, Retry, Cancel} {
		routes["POST /v1/jobs/{id}/"+string(verb)] = func(w http.ResponseWriter, r *http.Request) {
			s.answer(w)(s.api.Act(r.Context(), r.PathValue("id"), verb))
		}
	}

	for _, verb := range []Verb{Pause, Resume, Retry} {
		routes["POST /v1/jobs/"+string(verb)] = s.actAll(verb)
	}

	if o.Metrics != nil {
		routes["GET /metrics"] = o.Metrics
	}

	return routes
}

// methods are those that the path of a request takes; "/" is what no other pattern has.
func methods(mux *http.ServeMux, r *http.Request) []string {
	return slices.DeleteFunc(
		[]string{http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodPatch, http.MethodPost,
			http.MethodPut},
		func(m string) bool {
			other := *r
			other.Method = m
			_, pattern := mux.Handler(&other)

			return pattern == "/"
		})
}

// guard lets through who may use the API: on a socket its owner, on TCP who has the token and speaks
// to this machine by address, nowhere a page of another site. It refuses a command of another
// account.
func (s server) guard(o ServerOptions, next http.Handler) http.Handler {
	sites := http.NewCrossOriginProtection()

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse := func(why string) {
			s.writeError(w, problem.With(problem.Unauthorized, errors.New(why),
				problem.Fix{Step: problem.ControlAPI}))
		}

		switch {
		case o.Known:
		case o.Token != "":
			given := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
			if subtle.ConstantTimeCompare([]byte(given), []byte(o.Token)) != 1 {
				refuse("the token of control.addr is missing or wrong")
				return
			}

			if !loopback(r.Host) {
				refuse("the Host header does not name this machine by a loopback address")
				return
			}
		case !PeerOf(r.Context()).trusted():
			refuse("user " + PeerOf(r.Context()).User + " is not the owner of this home")
			return
		}

		if sites.Check(r) != nil {
			refuse("the request comes from a page of another site")
			return
		}

		if profile, fingerprint, ok := strings.Cut(r.Header.Get(accountHeader), " "); ok &&
			o.CheckAccount != nil {
			if err := o.CheckAccount(profile, fingerprint); err != nil {
				s.writeError(w, err)
				return
			}
		}

		next.ServeHTTP(w, r)
	})
}

// loopback reports whether a Host header names this machine by address; a name could be anybody's
// (DNS rebinding).
func loopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}

	ip := net.ParseIP(strings.Trim(host, "[]"))

	return ip != nil && ip.IsLoopback()
}

type server struct {
	api   API
	log   *slog.Logger
	words func(problem.Kind, problem.Fix) (code int, hint string)
	calls func() int64
}

func (s server) status(w http.ResponseWriter, r *http.Request) {
	if n, ok := s.limit(w, r); ok {
		s.answer(w)(s.api.Brief(r.Context(), n))
	}
}

func (s server) jobs(w http.ResponseWriter, r *http.Request) {
	var q JobQuery
	for _, v := range r.URL.Query()["state"] {
		for s := range strings.SplitSeq(v, ",") {
			q.States = append(q.States, state.Status(s))
		}
	}

	q.Open = r.URL.Query().Get("open") == "true"
	q.Newest = r.URL.Query().Get("newest") == "true"
	q.Path = r.URL.Query().Get("path")
	q.After = r.URL.Query().Get("after")
	var ok bool
	if q.Limit, ok = s.limit(w, r); ok {
		s.answer(w)(s.api.Jobs(r.Context(), q))
	}
}

// limit reads how long a list may be, 0 for any length; what it cannot read it answers itself.
func (s server) limit(w http.ResponseWriter, r *http.Request) (n int, ok bool) {
	v := r.URL.Query().Get("limit")
	if v == "" {
		return 0, true
	}

	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		s.writeError(w, problem.Usagef("limit %q is not a number", v))
		return 0, false
	}

	return n, true
}

func (s server) job(w http.ResponseWriter, r *http.Request) {
	s.answer(w)(s.api.Job(r.Context(), r.PathValue("id")))
}

func (s server) push(w http.ResponseWriter, r *http.Request) {
	var req PushRequest
	if s.read(w, r, &req) {
		s.answer(w)(s.api.Push(r.Context(), req))
	}
}

func (s server) dropPushes(w http.ResponseWriter, r *http.Request) {
	s.answer(w)(s.api.DropPushes(r.Context()))
}

func (s server) pull(w http.ResponseWriter, r *http.Request) {
	var req PullRequest
	if s.read(w, r, &req) {
		s.answer(w)(s.api.Pull(r.Context(), req))
	}
}

func (s server) watches(w http.ResponseWriter, r *http.Request) {
	s.answer(w)(s.api.Watches(r.Context()))
}

func (s server) addWatch(w http.ResponseWriter, r *http.Request) {
	var req WatchRequest
	if s.read(w, r, &req) {
		s.answer(w)(s.api.AddWatch(r.Context(), req))
	}
}

// removeWatch takes the watch from the path or from ?id=, so that paths and remotes can be given
// too.
func (s server) removeWatch(w http.ResponseWriter, r *http.Request) {
	which := r.PathValue("id")
	if which == "" {
		which = r.URL.Query().Get("id")
	}

	if which == "" {
		s.writeError(w, problem.Usagef("which watch: give its id as ?id="))
		return
	}

	s.answer(w)(s.api.ChangeWatch(r.Context(), which, Remove))
}

func (s server) open(w http.ResponseWriter, r *http.Request) {
	s.answer(w)(s.api.Open(r.Context()))
}

func (s server) setWatch(w http.ResponseWriter, r *http.Request) {
	var settings WatchSettings
	if s.read(w, r, &settings) {
		s.answer(w)(s.api.SetWatch(r.Context(), r.PathValue("id"), settings))
	}
}

func (s server) changeWatch(w http.ResponseWriter, r *http.Request) {
	s.answer(w)(s.api.ChangeWatch(r.Context(), r.PathValue("id"), Verb(r.PathValue("verb"))))
}

// lastLine is the last line of a stream: without it the other end has gone away.
type lastLine struct {
	End   bool       `json:"end"`
	Error *errorBody `json:"error,omitempty"`
	Calls *int64     `json:"calls,omitempty"` // of the service that the owner made so far
}

func (s server) follow(w http.ResponseWriter, r *http.Request) {
	var req struct {
		IDs []string `json:"ids"`
	}
	if !s.read(w, r, &req) {
		return
	}

	w.Header().Set("Content-Type", "application/x-ndjson")
	lines := json.NewEncoder(w)
	flush := http.NewResponseController(w)
	err := flush.Flush()
	if err == nil {
		err = s.api.Follow(r.Context(), req.IDs, func(u Update) error {
			if err := lines.Encode(u); err != nil {
				return err
			}

			return flush.Flush()
		})
	}

	if r.Context().Err() != nil {
		return
	}

	last := lastLine{End: true}
	if s.calls != nil {
		last.Calls = new(s.calls())
	}

	if err != nil {
		last.Error = s.bodyOf(err)
	}

	if lines.Encode(last) == nil {
		_ = flush.Flush() // a reader that has gone needs no answer
	}
}

// errorBody is the one shape of an error.
type errorBody struct {
	Error string       `json:"error"`
	Kind  problem.Kind `json:"kind"`
	Fix   problem.Fix  `json:"fix,omitzero"`
	Code  int          `json:"code"` // the exit code of a command
	Hint  string       `json:"hint"` // and what it prints last
}

func (s server) bodyOf(err error) *errorBody {
	b := &errorBody{Error: err.Error()}
	if b.Kind, b.Fix = problem.Of(err); s.words != nil {
		b.Code, b.Hint = s.words(b.Kind, b.Fix)
	}

	return b
}

func (b *errorBody) err() error { return problem.With(b.Kind, errors.New(b.Error), b.Fix) }

// statusOf maps kinds of problem to HTTP statuses.
var statusOf = map[problem.Kind]int{
	problem.Usage: http.StatusBadRequest, problem.Attention: http.StatusConflict,
	problem.Unauthorized: http.StatusForbidden,
	problem.NotFound:     http.StatusNotFound, problem.NoDaemon: http.StatusConflict,
	problem.TimeUp: http.StatusGatewayTimeout,
}

func (s server) writeError(w http.ResponseWriter, err error) {
	body := s.bodyOf(err)
	status, ok := statusOf[body.Kind]
	if !ok {
		status = http.StatusInternalServerError
	}

	writeJSON(w, status, body)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}

	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(data, '\n')) // a reader that has gone needs no answer
}

// answer takes what a method of the API returned and writes it.
func (s server) answer(w http.ResponseWriter) func(v any, err error) {
	return func(v any, err error) {
		s.tellCalls(w)
		if err != nil {
			s.writeError(w, err)
			return
		}

		writeJSON(w, http.StatusOK, v)
	}
}

// read decodes the body of a request strictly; what it cannot read it answers itself.
func (s server) read(w http.ResponseWriter, r *http.Request, v any) bool {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if errors.Is(err, io.EOF) {
		return true // no body: nothing is asked for but what the path says
	}

	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		err = fmt.Errorf("%s is not what it takes: see \"hoist help control-api\"", wrong.Value)
		if wrong.Field != "" {
			err = fmt.Errorf("%s: %w", wrong.Field, err)
		}
	}

	if err == nil && d.More() {
		err = errors.New("more than one JSON value")
	}

	if err != nil {
		s.writeError(w, problem.Usagef("body of %s %s: %w", r.Method, r.URL.Path, err))
		return false
	}

	return true
}
