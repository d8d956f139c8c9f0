package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/problem"
)

// ErrNoOwner says that nobody answers: no process has this home open, or it has just ended.
// Whatever was asked may or may not have been done; everything that commands ask for can be asked
// again.
var ErrNoOwner = errors.New("no owner answers")

// Client is the [API] of an owner in another process.
type Client struct {
	http  *http.Client
	base  string // scheme and host; the host means nothing on a socket
	token string
	// Account, when not "", is sent along as "PROFILE FINGERPRINT"; an owner that uses another
	// account refuses.
	Account string

	process string // that was dialled
	calls   int64  // that it had made of the service by then

	lately atomic.Int64 // that it had made by its last answer
}

// Dial finds the owner of a home by its socket, or by the address in addrFile when that exists,
// and asks whether it lives. [ErrNoOwner] when not.
func Dial(ctx context.Context, socket, addrFile string) (*Client, error) {
	c, err := find(socket, addrFile)
	if err != nil {
		return nil, err
	}

	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if c.process, c.calls, err = c.health(ctx); err != nil {
		c.Close()
		return nil, err
	}

	return c, nil
}

// health asks whether the owner lives, and what it tells of itself: its process, "" when it does not
// say, and how many calls of the service that made.
func (c *Client) health(ctx context.Context) (process string, calls int64, err error) {
	req, err := c.request(ctx, http.MethodGet, "/healthz", nil)
	if err != nil {
		return "", 0, err
	}

	resp, err := c.http.Do(req)
	if err != nil {
		return "", 0, fmt.Errorf("%w: %v", ErrNoOwner, err)
	}
	defer resp.Body.Close()
	// an owner that is not well is one that answers
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusServiceUnavailable {
		return "", 0, fmt.Errorf("%w: %s", ErrNoOwner, resp.Status)
	}

	process, calls = madeBy(resp.Header)

	return process, calls, nil
}

// madeBy is which process answered, and how many calls of the service it made; one of an older release
// tells neither.
func madeBy(h http.Header) (process string, calls int64) {
	process, number, _ := strings.Cut(h.Get(callsHeader), " ")
	calls, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return "", 0
	}

	return process, calls
}

// Process is which one was dialled; "" when it does not say.
func (c *Client) Process() string { return c.process }

// Calls is how many calls of the service the owner made since it was dialled, for whomever; when it has
// ended, by its last answer, which is at least so many. False: it does not say.
func (c *Client) Calls(ctx context.Context) (int64, bool) {
	if process, calls, err := c.health(ctx); err == nil && process == c.process {
		return calls - c.calls, process != ""
	}

	return max(c.lately.Load()-c.calls, 0), c.process != ""
}

// find reads where the owner listens.
func find(socket, addrFile string) (*Client, error) {
	data, err := os.ReadFile(addrFile)
	switch {
	case err == nil:
		addr, token, _ := strings.Cut(strings.TrimSpace(string(data)), "\n")
		addr = strings.TrimSpace(addr)
		if filepath.IsAbs(addr) {
			return newClient("unix", addr, ""), nil
		}

		return newClient("tcp", addr, strings.TrimSpace(token)), nil
	case errors.Is(err, os.ErrNotExist):
		return newClient("unix", socket, ""), nil
	}

	return nil, fmt.Errorf("read the address of the owner: %w", err)
}

func newClient(network, addr, token string) *Client {
	var d net.Dialer
	t := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return d.DialContext(ctx, network, addr)
		},
		DisableCompression: true,
	}
	base := "http://hoist"
	if network == "tcp" {
		base = "http://" + addr
	}

	return &Client{http: &http.Client{Transport: t}, base: base, token: token}
}

// Close drops the connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// replaced finds what JSON holds in the place of bytes that are no UTF-8. The character itself, which a name
// may have, is not escaped.
var replaced = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(^|[^\\])(\\\\)*\\ufffd`) })

// errNotUTF8 ends a request that would name another file.
var errNotUTF8 = errors.New("a name that is not valid UTF-8 cannot be told to the process that has this " +
	"home open")

func (c *Client) request(ctx context.Context, method, path string, body any) (*http.Request, error) {
	var r io.Reader
	_, whole := body.(apsclient.Request)
	if body != nil {
		data, err := json.Marshal(body)
		if err == nil && !whole && replaced().Match(data) {
			err = problem.With(problem.Usage, errNotUTF8,
				problem.Text("rename it, or end that process first"))
		}

		if err != nil {
			return nil, err
		}

		r = bytes.NewReader(data)
	}

	req, err := http.NewRequestWithContext(ctx, method, c.base+path, r)
	if err != nil {
		return nil, err
	}

	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}

	if whole {
		req.Header.Set("Content-Type", wholeAction)
	}

	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}

	if to := RemoteOf(ctx); to != "" {
		req.Header.Set(remoteHeader, to)
	}

	if c.Account != "" && method == http.MethodPost {
		req.Header.Set(accountHeader, c.Account)
	}

	return req, nil
}

// send makes a request and hands over the body of a success, to be closed by the caller.
func (c *Client) send(ctx context.Context, method, path string, body any) (io.ReadCloser, error) {
	req, err := c.request(ctx, method, path, body)
	if err != nil {
		return nil, err
	}

	resp, err := c.http.Do(req)
	if err != nil {
		return nil, gone(ctx, err)
	}

	if process, calls := madeBy(resp.Header); process != "" && process == c.process {
		c.lately.Store(calls)
	}

	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}

	defer resp.Body.Close()
	var e errorBody
	if err := json.NewDecoder(resp.Body).Decode(&e); err != nil || e.Error == "" {
		return nil, fmt.Errorf("ask the owner of the home: %s %s: %s", method,
			strings.SplitN(path, "?", 2)[0], resp.Status)
	}

	return nil, e.err()
}

// gone turns a broken connection into ErrNoOwner, unless it was us who gave up.
func gone(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}

	return fmt.Errorf("%w: %v", ErrNoOwner, err)
}

func call[T any](ctx context.Context, c *Client, method, path string, body any) (T, error) {
	var v T
	r, err := c.send(ctx, method, path, body)
	if err != nil {
		return v, err
	}
	defer r.Close()
	if err := json.NewDecoder(r).Decode(&v); err != nil {
		return v, gone(ctx, err)
	}

	return v, nil
}

// Status implements [API].
func (c *Client) Status(ctx context.Context) (Status, error) {
	return call[Status](ctx, c, http.MethodGet, "/v1/status", nil)
}

// Brief implements [API].
func (c *Client) Brief(ctx context.Context, most int) (Status, error) {
	return call[Status](ctx, c, http.MethodGet, "/v1/status?limit="+strconv.Itoa(most), nil)
}

// Jobs implements [API].
func (c *Client) Jobs(ctx context.Context, q JobQuery) ([]Job, error) {
	v := url.Values{}
	if q.After != "" {
		v.Set("after", q.After)
	}

	if len(q.States) > 0 {
		v.Set("state", join(q.States, ","))
	}

	if q.Open {
		v.Set("open", "true")
	}

	if q.Newest {
		v.Set("newest", "true")
	}

	if q.Path != "" {
		v.Set("path", q.Path)
	}

	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}

	return call[[]Job](ctx, c, http.MethodGet, "/v1/jobs?"+v.Encode(), nil)
}

// Job implements [API].
func (c *Client) Job(ctx context.Context, id string) (JobDetail, error) {
	return call[JobDetail](ctx, c, http.MethodGet, "/v1/jobs/"+url.PathEscape(id), nil)
}

// Act implements [API].
func (c *Client) Act(ctx context.Context, id string, verb Verb) (ActResult, error) {
	return call[ActResult](ctx, c, http.MethodPost, "/v1/jobs/"+url.PathEscape(id)+"/"+string(verb),
		struct{}{})
}

// Push implements [API].
func (c *Client) Push(ctx context.Context, r PushRequest) (Plan, error) {
	return call[Plan](ctx, c, http.MethodPost, "/v1/push", r)
}

// DropPushes implements [API].
func (c *Client) DropPushes(ctx context.Context) (DroppedPushes, error) {
	return call[DroppedPushes](ctx, c, http.MethodDelete, "/v1/pushes", nil)
}

// Pull implements [API].
func (c *Client) Pull(ctx context.Context, r PullRequest) (Plan, error) {
	return call[Plan](ctx, c, http.MethodPost, "/v1/pull", r)
}

// Follow implements [API].
func (c *Client) Follow(ctx context.Context, ids []string, each func(Update) error) error {
	r, err := c.send(ctx, http.MethodPost, "/v1/follow", map[string][]string{"ids": ids})
	if err != nil {
		return err
	}
	defer r.Close()

	lines := json.NewDecoder(r)
	for {
		var line struct {
			Update
			lastLine
		}
		if err := lines.Decode(&line); err != nil {
			return gone(ctx, err)
		}

		if line.Calls != nil {
			c.lately.Store(*line.Calls)
		}

		switch {
		case line.Error != nil:
			return line.Error.err()
		case line.End:
			return nil
		}

		if err := each(line.Update); err != nil {
			return err
		}
	}
}

// Watches implements [API].
func (c *Client) Watches(ctx context.Context) ([]Watch, error) {
	return call[[]Watch](ctx, c, http.MethodGet, "/v1/watches", nil)
}

// AddWatch implements [API].
func (c *Client) AddWatch(ctx context.Context, r WatchRequest) (WatchAdded, error) {
	return call[WatchAdded](ctx, c, http.MethodPost, "/v1/watches", r)
}

// SetWatch implements [API].
func (c *Client) SetWatch(ctx context.Context, which string, r WatchSettings) (WatchAdded, error) {
	return call[WatchAdded](ctx, c, http.MethodPatch, "/v1/watches/"+url.PathEscape(which), r)
}

// Open implements [API].
func (c *Client) Open(ctx context.Context) (PageLink, error) {
	return call[PageLink](ctx, c, http.MethodPost, "/v1/open", nil)
}

// ChangeWatch implements [API].
func (c *Client) ChangeWatch(ctx context.Context, which string, verb Verb) (WatchAdded, error) {
	if verb == Remove {
		return call[WatchAdded](ctx, c, http.MethodDelete, "/v1/watches?id="+url.QueryEscape(which), nil)
	}

	return call[WatchAdded](ctx, c, http.MethodPost, "/v1/watches/"+url.PathEscape(which)+"/"+string(verb),
		struct{}{})
}

// Action implements [API].
func (c *Client) Action(ctx context.Context, profile string, r apsclient.Request) (*Answer,
	error) {
	resp, err := call[Answer](ctx, c, http.MethodPost,
		"/v1/actions/"+url.PathEscape(r.Action)+"?profile="+url.QueryEscape(profile), r)
	if err != nil {
		return nil, err
	}

	return &resp, nil
}

// Metrics is what GET /metrics answers.
func (c *Client) Metrics(ctx context.Context) (string, error) {
	r, err := c.send(ctx, http.MethodGet, "/metrics", nil)
	if err != nil {
		return "", err
	}
	defer r.Close()
	data, err := io.ReadAll(r)

	return string(data), err
}
