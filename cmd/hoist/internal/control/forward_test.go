package control

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"hoist/apsclient"
)

// forwarding is an owner that makes calls by a client of its own.
type forwarding struct {
	owner
	c *apsclient.Client
}

func (o *forwarding) Action(ctx context.Context, _ string, r apsclient.Request) (*Answer, error) {
	if o.c == nil {
		return nil, errors.New("no such profile")
	}

	return AnswerOf(o.c.Do(ctx, r)), nil
}

// answered is a service that gives the same answer to each call, and to each request for a token.
type answered struct {
	status, token int
	body, refusal string
	lose          bool // the first reply
	calls         int
}

func (s *answered) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := s.status, s.body
	if strings.HasPrefix(r.URL.Path, "/authentication/") {
		status, body = http.StatusOK, `{"access_token":"t","token_type":"Bearer","expires_in":3599}`
		if s.token != 0 {
			status, body = s.token, s.refusal
		}
	} else if s.calls++; s.lose && s.calls == 1 || status == 0 {
		return nil, io.ErrUnexpectedEOF
	}

	return &http.Response{StatusCode: status, Header: http.Header{}, ContentLength: int64(len(body)),
		Body: io.NopCloser(strings.NewReader(body))}, nil
}

// TestForwardedCallsMeanTheSame: an error that crosses the control socket is the one that the call
// would have given in the same process.
func TestForwardedCallsMeanTheSame(t *testing.T) {
	create := func(ctx context.Context, c *apsclient.Client) error {
		_, err := c.Items.Create(
			ctx,
			"b.p",
			apsclient.NewItem{Folder: "urn:f", Name: "a.dwg", Storage: "urn:s"},
		)

		return err
	}
	rename := func(ctx context.Context, c *apsclient.Client) error {
		name := "Plans"
		_, err := c.Folders.Update(ctx, "b.p", "urn:f", apsclient.FolderUpdate{Name: &name})
		return err
	}
	conflict := `{"errors":[{"detail":"Another object with the same name"}]}`

	for _, row := range []struct {
		name    string
		service answered
		call    func(context.Context, *apsclient.Client) error
		says    string
		check   func(error) bool
		applied bool
	}{
		{"success", answered{status: 201, body: `{"data":{"type":"items","id":"urn:i"}}`}, create, "",
			func(err error) bool { return err == nil }, false},
		{"conflict", answered{status: 409, body: conflict}, create,
			"create item: 409 conflict: Another object with the same name",
			func(err error) bool { return errors.Is(err, apsclient.ErrConflict) }, false},
		{"conflict after a lost reply", answered{status: 409, body: conflict, lose: true}, rename,
			"409 conflict", func(err error) bool { return errors.Is(err, apsclient.ErrConflict) }, true},
		{"reply lost", answered{}, create, "create item: no answer",
			func(err error) bool {
				n, ok := errors.AsType[*apsclient.NetError](err)
				return ok && n.Sent
			}, true},
		{"somebody else answered", answered{status: 407}, create, "something else answered",
			func(err error) bool {
				n, ok := errors.AsType[*apsclient.NetError](err)
				return ok && n.Sent
			}, true},
		{"token refused", answered{token: 400, refusal: `{"error":"invalid_scope"}`}, create, "invalid_scope",
			func(err error) bool {
				a, ok := errors.AsType[*apsclient.AuthError](err)
				return ok && a.Code == "invalid_scope"
			}, false},
		{"token endpoint answers by somebody else", answered{token: 302}, rename, "something else answered",
			func(err error) bool {
				n, ok := errors.AsType[*apsclient.NetError](err)
				return ok && !n.Sent
			}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()

			here := row.service
			for where, config := range map[string]apsclient.Config{
				"here": {Transport: &here, Tokens: apsclient.ClientCredentials("", "id", "secret")},
				"there": {Chain: Forwarder{API: serve(t, &forwarding{c: client(t, apsclient.Config{
					Transport: &row.service, Tokens: apsclient.ClientCredentials("", "id", "secret")})},
					ServerOptions{})}},
			} {
				err := row.call(t.Context(), client(t, config))
				if !row.check(err) || apsclient.MaybeApplied(err) != row.applied {
					t.Errorf("%s: got %v, maybe applied %v", where, err, apsclient.MaybeApplied(err))
				}

				if err != nil && !strings.Contains(err.Error(), row.says) {
					t.Errorf("%s: says %v", where, err)
				}
			}
		})
	}

	t.Run("the owner refuses", func(t *testing.T) {
		err := create(t.Context(), client(t, apsclient.Config{
			Chain: Forwarder{API: serve(t, &forwarding{}, ServerOptions{})}}))
		if err == nil || apsclient.MaybeApplied(err) {
			t.Errorf("got %v, maybe applied %v", err, apsclient.MaybeApplied(err))
		}
	})
}

func client(t *testing.T, config apsclient.Config) *apsclient.Client {
	t.Helper()
	c, err := apsclient.New(config)
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(c.Close)

	return c
}
