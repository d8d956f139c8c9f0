package apsclient_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"hoist/apsclient"
)

// service is a scripted service behind a RoundTripper: no sockets, so that it works in a synctest
// bubble.
type service struct {
	mu       sync.Mutex
	requests []*http.Request
	bodies   []string
	tokens   int
	// answer is asked for everything but tokens.
	answer func(n int, r *http.Request, body string) (*http.Response, error)
	// token, when set, answers for the token endpoint.
	token func(n int, r *http.Request, form string) (*http.Response, error)
}

func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}

	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}

		_ = r.Body.Close()
	}

	s.mu.Lock()
	if r.URL.Path == "/authentication/v2/token" {
		s.tokens++
		n := s.tokens
		s.mu.Unlock()
		if s.token != nil {
			return s.token(n, r, string(body))
		}

		return reply(200, "application/json",
			fmt.Sprintf(`{"access_token":"token-%d","token_type":"Bearer","expires_in":3599}`, n)), nil
	}

	s.requests = append(s.requests, r)
	s.bodies = append(s.bodies, string(body))
	n := len(s.requests)
	s.mu.Unlock()

	return s.answer(n, r, string(body))
}

func (s *service) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.requests)
}

func reply(status int, kind, body string, header ...string) *http.Response {
	h := http.Header{}
	if kind != "" {
		h.Set("Content-Type", kind)
	}

	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}

	return &http.Response{
		StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)),
		ContentLength: int64(len(body)), ProtoMajor: 1, ProtoMinor: 1,
	}
}

func jsonReply(status int, v any, header ...string) *http.Response {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}

	return reply(status, "application/json", string(b), header...)
}

// newClient makes a client on the service with two-legged tokens.
func newClient(t *testing.T, s *service, change ...func(*apsclient.Config)) *apsclient.Client {
	t.Helper()

	c := apsclient.Config{
		Tokens: apsclient.ClientCredentials("", "id", "secret-of-the-app"), Transport: s,
		Logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, f := range change {
		f(&c)
	}

	client, err := apsclient.New(c)
	if err != nil {
		t.Fatal(err)
	}

	return client
}
