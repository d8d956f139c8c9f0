package page

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"embed"
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/guide"
)

//go:embed assets
var assets embed.FS

// TokenHeader carries the token of a session.
const TokenHeader = "Hoist-Token"

const (
	ticketTime  = time.Minute
	sessionTime = 24 * time.Hour // without a request
	mostKept    = 32             // tickets, and sessions
	maxBody     = 1 << 20        // of a request, in bytes; a form is never as long
)

// policy lets the page load its own files and speak to its own origin, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Server serves the page. It is safe for concurrent use.
type Server struct {
	cookie string // its name
	mux    *http.ServeMux

	mu       sync.Mutex
	host     string               // that requests must name; "" while it does not listen; guarded by mu
	tickets  map[string]time.Time // when they end; guarded by mu
	sessions map[string]*session  // by the value of the cookie; guarded by mu
}

type session struct {
	token string
	ends  time.Time
}

// New returns a server of the page with a control API behind it. It does not listen yet.
func New(api http.Handler) *Server {
	s := &Server{cookie: "hoist-" + rand.Text()[:12], mux: http.NewServeMux(),
		tickets: map[string]time.Time{}, sessions: map[string]*session{}}
	files, err := fs.Sub(assets, "assets")
	if err != nil {
		panic(err) // the folder is part of the binary
	}

	s.mux.Handle("/", http.FileServerFS(files))
	s.mux.Handle("/v1/", api)
	s.mux.Handle("/metrics", api)
	s.mux.HandleFunc("/guide.json", guideFor)
	s.mux.HandleFunc("/guide.html", guidePage)

	return s
}

// Link returns an address that opens the page once, within a minute. The first one makes it listen;
// serve is then called with its listener, and is to end when the owner does.
func (s *Server) Link(serve func(net.Listener)) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()

	if s.host == "" {
		l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
		if err != nil {
			return "", err
		}

		s.host = l.Addr().String()
		serve(l)
	}

	ticket := rand.Text()
	keep(s.tickets, func(ends time.Time) time.Time { return ends })
	s.tickets[ticket] = time.Now().Add(ticketTime)

	return "http://" + s.host + "/open?ticket=" + ticket, nil
}

// keep drops what has ended, and when there are too many the one that ends first.
func keep[V any](all map[string]V, ends func(V) time.Time) {
	first := ""
	for key, v := range all {
		if time.Now().After(ends(v)) {
			delete(all, key)
		} else if first == "" || ends(v).Before(ends(all[first])) {
			first = key
		}
	}

	if len(all) >= mostKept {
		delete(all, first)
	}
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")

	if r.URL.Path == "/open" && r.Method == http.MethodGet {
		s.open(w, r)
		return
	}

	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := s.allow(r); err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}

	s.mux.ServeHTTP(w, r)
}

// allow is why a request is not answered.
func (s *Server) allow(r *http.Request) error {
	s.mu.Lock()
	defer s.mu.Unlock()

	if r.Host != s.host {
		return errors.New("the Host header does not name this page")
	}

	if http.NewCrossOriginProtection().Check(r) != nil {
		return errors.New("the request comes from a page of another site")
	}

	cookie, err := r.Cookie(s.cookie)
	if err != nil || s.sessions[cookie.Value] == nil || time.Now().After(s.sessions[cookie.Value].ends) {
		return errors.New(`no session: run "hoist open" for a new link`)
	}

	now := s.sessions[cookie.Value]
	now.ends = time.Now().Add(sessionTime)
	// The files of the page itself, and the guide, tell nothing of the home.
	tells := strings.HasPrefix(r.URL.Path, "/v1/") || r.URL.Path == "/metrics" ||
		r.Method != http.MethodGet && r.Method != http.MethodHead
	if tells && subtle.ConstantTimeCompare([]byte(r.Header.Get(TokenHeader)), []byte(now.token)) != 1 {
		return errors.New("the " + TokenHeader + " header does not hold the token of the session")
	}

	return nil
}

// open gives a session for a ticket. The page that it answers with goes on to the real one: a cookie of
// the strict kind does not go with a redirect of a link that another program opened. The token goes behind
// the "#", which no server is told: a browser sends the cookie to every port of this machine, and who listens
// at another one must not be able to read or change anything with it.
func (s *Server) open(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()

	ticket := r.URL.Query().Get("ticket")
	ends, ok := s.tickets[ticket]
	delete(s.tickets, ticket)
	if r.Host != s.host || !ok || time.Now().After(ends) {
		http.Error(w, `This link was used or is older than a minute. Run "hoist open" for a new one.`,
			http.StatusForbidden)

		return
	}

	keep(s.sessions, func(v *session) time.Time { return v.ends })
	value := rand.Text()
	token := rand.Text()
	s.sessions[value] = &session{token: token, ends: time.Now().Add(sessionTime)}
	//nolint:gosec // http, loopback
	http.SetCookie(w, &http.Cookie{Name: s.cookie, Value: value, Path: "/", HttpOnly: true,
		SameSite: http.SameSiteStrictMode})
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	there := "/#token=" + token
	_, _ = w.Write(
		[]byte(`<!doctype html><title>hoist</title><meta http-equiv="refresh" content="0;url=` + there +
			`"><p><a href="` + there + `">Go on to hoist</a>`)) // a browser that has gone needs no answer
}

// guideFor answers ?actions=NAME,… with what "hoist guide NAME… --json" prints, and with every action that
// there is to choose.
func guideFor(w http.ResponseWriter, r *http.Request) {
	chosen := strings.FieldsFunc(r.URL.Query().Get("actions"), func(c rune) bool { return c == ',' })
	actions, err := guide.Expand(chosen)
	if err != nil {
		reply(w, http.StatusBadRequest, map[string]any{"error": map[string]string{"message": err.Error()}})
		return
	}

	type choice struct {
		Name   string `json:"name"`
		Title  string `json:"title"`
		Family string `json:"family"`
	}

	var all []choice
	for _, a := range apsclient.Actions() {
		all = append(all, choice{a.Name, a.Title, a.Family})
	}

	reply(w, http.StatusOK, map[string]any{"all": all, "guide": guide.For(actions, chosen)})
}

// guidePage answers the same choice as one page that needs nothing else, to be saved.
func guidePage(w http.ResponseWriter, r *http.Request) {
	chosen := strings.FieldsFunc(r.URL.Query().Get("actions"), func(c rune) bool { return c == ',' })
	actions, err := guide.Expand(chosen)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}

	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="hoist-guide.html"`)
	_ = guide.For(actions, chosen).HTML(w) // a browser that has gone needs no answer
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a browser that has gone needs no answer
}
