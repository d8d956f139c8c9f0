package apsclient_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hoist/apsclient"
)

func TestRetryByClass(t *testing.T) {
	get := func(ctx context.Context, c *apsclient.Client) error {
		_, err := c.Folders.Folder(ctx, "b.p", "urn:x")
		return err
	}
	storage := func(ctx context.Context, c *apsclient.Client) error {
		_, err := c.Items.CreateStorage(ctx, "b.p", "urn:x", "a.dwg")
		return err
	}
	item := func(ctx context.Context, c *apsclient.Client) error {
		_, err := c.Items.Create(ctx, "b.p", apsclient.NewItem{Folder: "urn:x", Name: "a", Storage: "urn:s"})
		return err
	}
	remove := func(ctx context.Context, c *apsclient.Client) error {
		return c.Objects.Delete(ctx, apsclient.NewObjectID("bucket", "key"))
	}

	status := func(codes ...int) func(int, *http.Request, string) (*http.Response, error) {
		return func(n int, r *http.Request, _ string) (*http.Response, error) {
			code := codes[min(n, len(codes))-1]
			if code == 0 {
				return nil, io.ErrUnexpectedEOF
			}

			switch {
			case code < 300 && strings.HasSuffix(r.URL.Path, "/storage"):
				return reply(code, "", objectBody), nil
			case code < 300:
				return reply(code, "", folderBody), nil
			}

			return reply(code, "application/json", `{"developerMessage":"no"}`, "Retry-After", "7"), nil
		}
	}
	tests := []struct {
		name   string
		call   func(context.Context, *apsclient.Client) error
		answer []int // 0: the reply is lost
		calls  int
		want   error // nil: success
		tokens int
	}{
		{"a read repeats on 503", get, []int{503, 503, 200}, 3, nil, 1},
		{"a read repeats on a lost reply", get, []int{0, 200}, 2, nil, 1},
		{"a read gives up after four", get, []int{500}, 4, apsclient.ErrUnavailable, 1},
		{"a read does not repeat a 404", get, []int{404}, 1, apsclient.ErrNotFound, 1},
		{"a read does not repeat a 423", get, []int{423}, 1, apsclient.ErrLocked, 1},
		{"storage repeats, leaving an empty place", storage, []int{502, 201}, 2, nil, 1},
		{"an item is not repeated on 503", item, []int{503, 201}, 1, apsclient.ErrUnavailable, 1},
		{"an item is not repeated on a lost reply", item, []int{0, 201}, 1, io.ErrUnexpectedEOF, 1},
		{"an item is repeated on 429, which had no effect", item, []int{429, 201}, 2, nil, 1},
		{"401 asks for a new token once", item, []int{401, 201}, 2, nil, 2},
		{"a second 401 is final", get, []int{401}, 2, apsclient.ErrUnauthorized, 2},
		{"a deletion that is gone after a lost reply is done", remove, []int{0, 404}, 2, nil, 1},
		{"a deletion of nothing is not found", remove, []int{404}, 1, apsclient.ErrNotFound, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &service{answer: status(tt.answer...)}
				c := newClient(t, s)
				err := tt.call(t.Context(), c)
				if tt.want == nil && err != nil || tt.want != nil && !errors.Is(err, tt.want) {
					t.Errorf("got %v, want %v", err, tt.want)
				}

				if s.count() != tt.calls {
					t.Errorf("%d calls, want %d", s.count(), tt.calls)
				}

				if got := c.TokenRequests(); got != int64(tt.tokens) || s.tokens != tt.tokens {
					t.Errorf("%d token requests counted, %d seen, want %d", got, s.tokens, tt.tokens)
				}

				for i, r := range s.requests {
					if s.bodies[i] != s.bodies[0] {
						t.Errorf("repeat %d has another body", i)
					}

					if r.Header.Get("Authorization") == "" {
						t.Errorf("repeat %d has no token", i)
					}
				}
			})
		})
	}
}

func TestTokensAreSharedByScopeSetAndRefreshedEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{answer: func(int, *http.Request, string) (*http.Response, error) {
			return reply(200, "", folderBody), nil
		}}
		var forms []string
		s.token = func(n int, r *http.Request, form string) (*http.Response, error) {
			forms = append(forms, form)
			time.Sleep(time.Second)
			if user, pass, _ := r.BasicAuth(); user != "id" || pass != "secret-of-the-app" {
				t.Errorf("credentials %q", user)
			}

			return jsonReply(200, map[string]any{"access_token": "t" + strings.Repeat("x", n),
				"token_type": "Bearer", "expires_in": 3599}), nil
		}
		c := newClient(t, s)
		burst := func(c *apsclient.Client) {
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					if _, err := c.Folders.Folder(t.Context(), "b.p", "urn:x"); err != nil {
						t.Error(err)
					}
				})
			}

			wg.Wait()
		}
		expect := func(what string, want int) {
			t.Helper()
			if s.tokens != want {
				t.Errorf("%s: %d token requests, want %d", what, s.tokens, want)
			}
		}
		burst(c)
		expect("twenty calls at once", 1)
		burst(c.WithScopes(apsclient.TransferScopes...))
		expect("another scope set", 2)
		if forms[0] != "grant_type=client_credentials&scope=data%3Aread" ||
			!strings.Contains(forms[1], "data%3Acreate+data%3Aread+data%3Awrite") {
			t.Errorf("scopes asked for: %q", forms)
		}

		time.Sleep(40 * time.Minute)
		burst(c)
		expect("at two thirds of the lifetime", 2)
		time.Sleep(9 * time.Minute)
		burst(c)
		expect("past 80 % of the lifetime", 3)
		// Due for refresh while the endpoint is down: the old token is still good.
		time.Sleep(49 * time.Minute)
		s.token = func(int, *http.Request, string) (*http.Response, error) { return reply(503, "", ""), nil }
		burst(c)
		if last := s.requests[len(s.requests)-1].Header.Get("Authorization"); last != "Bearer txxx" {
			t.Errorf("token %q, want the one that is still good", last)
		}
	})
}

func TestRefusedCredentials(t *testing.T) {
	tests := []struct {
		name string
		body string
		code string
	}{
		{"gateway",
			`{"developerMessage":"The client_id specified does not have access to the api product",` +
				`"errorCode":"AUTH-001"}`, "AUTH-001"},
		{"oauth", `{"error":"invalid_client","error_description":"wrong secret"}`, "invalid_client"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &service{token: func(int, *http.Request, string) (*http.Response, error) {
				return reply(401, "application/json", tt.body), nil
			}}
			c := newClient(t, s)
			_, err := c.Folders.Folder(t.Context(), "b.p", "urn:x")
			auth, ok := errors.AsType[*apsclient.AuthError](err)
			if !ok || auth.Code != tt.code || auth.Status != 401 ||
				auth.Scopes[0] != "data:read" {
				t.Fatalf("got %#v", err)
			}

			if apsclient.MaybeApplied(err) {
				t.Error("a call without a token cannot have been applied")
			}

			if s.count() != 0 {
				t.Error("a call was sent without a token")
			}

			if strings.Contains(err.Error(), "secret-of-the-app") {
				t.Errorf("the error shows the secret: %v", err)
			}
		})
	}
}

func TestSentTellsWhetherTheCallLeft(t *testing.T) {
	// A port that nobody listens on.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}

	addr := l.Addr().String()
	_ = l.Close()
	closed, err := apsclient.New(apsclient.Config{BaseURL: "http://" + addr})
	if err != nil {
		t.Fatal(err)
	}

	_, err = closed.Items.Create(t.Context(), "b.p", apsclient.NewItem{Name: "a"})
	n, ok := errors.AsType[*apsclient.NetError](err)
	if !ok || n.Sent || apsclient.MaybeApplied(err) {
		t.Errorf("refused connection: %v, sent %v", err, n != nil && n.Sent)
	}

	// A server that reads the call and hangs up.
	l, err = net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}

	var wg sync.WaitGroup
	defer wg.Wait()
	defer func() { _ = l.Close() }()
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}

			_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
			_, _ = conn.Read(make([]byte, 1000))
			_ = conn.Close()
		}
	})
	open, err := apsclient.New(apsclient.Config{BaseURL: "http://" + l.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}

	_, err = open.Items.Create(t.Context(), "b.p", apsclient.NewItem{Name: "a"})
	n, ok = errors.AsType[*apsclient.NetError](err)
	if !ok || !n.Sent || !apsclient.MaybeApplied(err) {
		t.Errorf("lost reply: %v, sent %v", err, n != nil && n.Sent)
	}
}

func TestLogsHoldNoSecret(t *testing.T) {
	var log bytes.Buffer
	s := &service{answer: func(n int, r *http.Request, _ string) (*http.Response, error) {
		if r.URL.Host == "s3.example.com" {
			return reply(403, "application/xml",
				`<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>`), nil
		}

		return jsonReply(200, map[string]any{"uploadKey": "UPLOADKEY",
			"urls": []string{"https://s3.example.com/b/k?X-Amz-Signature=SIGNATURE"}}), nil
	}}
	c := newClient(t, s, func(c *apsclient.Config) {
		c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	u, err := c.Objects.UploadURLs(t.Context(), apsclient.NewObjectID("bucket", "key"),
		apsclient.UploadURLsRequest{Parts: 1})
	if err != nil {
		t.Fatal(err)
	}

	_, err = c.Data.PutPart(t.Context(), u.URLs[0], apsclient.PartBody{R: strings.NewReader("x"), Size: 1})
	if !errors.Is(err, apsclient.ErrForbidden) {
		t.Fatalf("got %v", err)
	}

	slog.New(slog.NewTextHandler(&log, nil)).Error("everything", "err", err, "urls", u, "secret",
		apsclient.Secret("secret-of-the-app"))
	if log.Len() == 0 {
		t.Fatal("nothing was logged")
	}

	for _, secret := range []string{"SIGNATURE", "secret-of-the-app", "token-1"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log shows %s:\n%s", secret, log.String())
		}
	}
}

// TestLogLinesHoldTheRequestID: what was sent with a call is in its line, answered or not.
func TestLogLinesHoldTheRequestID(t *testing.T) {
	for name, answer := range map[string]func() (*http.Response, error){
		"answered": func() (*http.Response, error) { return reply(404, "", ""), nil },
		"with another id": func() (*http.Response, error) {
			return reply(404, "", "", "X-Request-Id", "OTHER"), nil
		},
		"nobody answered":  func() (*http.Response, error) { return nil, io.ErrUnexpectedEOF },
		"no answer of its": func() (*http.Response, error) { return reply(200, "text/html", "<html>"), nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				s := &service{answer: func(int, *http.Request, string) (*http.Response, error) {
					return answer()
				}}
				c := newClient(t, s, func(c *apsclient.Config) {
					c.Logger = slog.New(slog.NewTextHandler(&log,
						&slog.HandlerOptions{Level: slog.LevelDebug}))
				})
				_, err := c.Do(t.Context(), apsclient.Request{Action: "list-hubs"})
				if err == nil {
					t.Fatal("no error")
				}

				id := s.requests[0].Header.Get("X-Ads-Request-Id")
				for _, r := range s.requests {
					if got := r.Header.Get("X-Ads-Request-Id"); got != id || id == "" {
						t.Errorf("an attempt with the id %q instead of %q", got, id)
					}
				}

				for line := range strings.Lines(log.String()) {
					if !strings.Contains(line, "request_id="+id) ||
						strings.Contains(line, "answer_id=OTHER") != (name == "with another id") {
						t.Errorf("the line %s", line)
					}
				}

				if log.Len() == 0 {
					t.Error("nothing was logged")
				}
			})
		})
	}
}

// TestAnswerWithoutAnID: it is no answer, whoever asks.
func TestAnswerWithoutAnID(t *testing.T) {
	s := &service{answer: func(int, *http.Request, string) (*http.Response, error) {
		return jsonReply(201, map[string]any{"data": map[string]any{"type": "objects"}}), nil
	}}
	id, err := newClient(t, s).Items.CreateStorage(t.Context(), "b.p", "urn:f", "a.dwg")
	if _, ok := errors.AsType[*apsclient.DecodeError](err); !ok {
		t.Errorf("got %q, %v", id, err)
	}
}

// TestPutPartSaysItsMD5: S3 then checks the bytes on arrival, whatever its ETags are.
func TestPutPartSaysItsMD5(t *testing.T) {
	for sum, want := range map[string]string{"": "",
		"9dd4e461268c8034f5c8564e155c67a6": "ndTkYSaMgDT1yFZOFVxnpg=="} {
		s := &service{answer: func(_ int, r *http.Request, _ string) (*http.Response, error) {
			if got := r.Header.Get("Content-MD5"); got != want {
				t.Errorf("MD5 %q: Content-MD5 %q, want %q", sum, got, want)
			}

			answer := reply(200, "", "")
			answer.Header.Set("ETag", `"e"`)

			return answer, nil
		}}
		if _, err := newClient(t, s).Data.PutPart(t.Context(), "https://s3.example.com/b/k",
			apsclient.PartBody{R: strings.NewReader("x"), Size: 1, MD5: sum}); err != nil {
			t.Error(err)
		}
	}
}

// pooled is a transport with connections to close.
type pooled struct {
	*service
	closed int
}

func (p *pooled) CloseIdleConnections() { p.closed++ }

func TestCallTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{answer: func(_ int, r *http.Request, _ string) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}}
		pool := &pooled{service: s}
		c := newClient(t, s, func(c *apsclient.Config) { c.Transport = pool })
		_, err := c.Items.Create(t.Context(), "b.p", apsclient.NewItem{Name: "a"})
		if err == nil || !apsclient.MaybeApplied(err) ||
			!strings.Contains(err.Error(), "no answer within 1m0s") {
			t.Errorf("got %v", err)
		}

		if pool.closed != 1 {
			t.Errorf("idle connections were closed %d times, want once: the next call may meet another "+
				"silent one", pool.closed)
		}

		if _, again := apsclient.Retryable(err); !again {
			t.Error("a time-out of ours is retryable")
		}
	})
}

func TestTokenFailuresAreSharedAndNotMultiplied(t *testing.T) {
	tests := []struct {
		name   string
		status int
		calls  int // at once
		want   int // token requests
	}{
		{"twenty callers share a refusal", 401, 20, 1},
		{"an endpoint that is down is asked four times", 503, 1, 4},
		{"an endpoint that cannot be reached is asked four times", 0, 1, 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &service{token: func(int, *http.Request, string) (*http.Response, error) {
					time.Sleep(time.Second)
					if tt.status == 0 {
						return nil, io.ErrUnexpectedEOF
					}

					return reply(tt.status, "application/json", `{"error":"invalid_client"}`), nil
				}}

				c := newClient(t, s)
				var wg sync.WaitGroup
				for range tt.calls {
					wg.Go(func() {
						if _, err := c.Folders.Folder(t.Context(), "b.p", "urn:x"); err == nil {
							t.Error("a call succeeded without a token")
						}
					})
				}

				wg.Wait()
				_, err := c.Items.Create(t.Context(), "b.p", apsclient.NewItem{Name: "a"})
				if apsclient.MaybeApplied(err) {
					t.Errorf("a call without a token cannot have been applied: %v", err)
				}

				if _, again := apsclient.Retryable(err); again != (tt.status != 401) {
					t.Errorf("retryable %v: %v", again, err)
				}

				tt.want *= 2 // for that one
				if s.tokens != tt.want {
					t.Errorf("%d token requests, want %d", s.tokens, tt.want)
				}
			})
		})
	}
}
