package apsclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/time/rate"
)

// DefaultBaseURL is the origin of every APS call.
const DefaultBaseURL = "https://developer.api.autodesk.com"

// Scope sets of a whole transfer, so that it needs one token.
var (
	// TransferScopes serve aps:// transfers.
	TransferScopes = []string{"data:read", "data:write", "data:create"}
	// TransferScopesOSS serve oss:// transfers.
	TransferScopesOSS = []string{"data:read", "data:write", "data:create", "bucket:read"}
)

// Config of a Client. The zero value makes calls without a token to the real service.
type Config struct {
	BaseURL string      // origin; "": DefaultBaseURL. http only for loopback
	Tokens  TokenSource // nil: no Authorization header (Chain set, or data plane only)
	UserID  string      // sent in the user header of the calls that take one
	// Region is sent with buckets, webhooks and administration, when that of the account is not
	// known; "": the service's default.
	Region string
	// Memory keeps the regions of accounts and the BIM 360 ids of users, which calls of account
	// administration need and which are looked up once; nil: for the life of the client.
	Memory Memory
	Scopes []string // see WithScopes
	// Allow refuses actions before they are sent: an action list of a profile. nil: all are
	// allowed. Its error comes in a *NotAllowedError.
	Allow func(Action) error
	// Grant leaves scopes out of the set of WithScopes that were not granted to the application;
	// nil: none.
	Grant     []string
	Limits    Limits            // nil map: only 429 and Retry-After
	Logger    *slog.Logger      // nil: discard
	Transport http.RoundTripper // below both chains; nil: own pooled transports
	RootCAs   *x509.CertPool    // nil: the system's; see LoadRoots
	// Chain makes the calls of the control plane in place of the client's own layers: token,
	// budget and repeats are its business, as when another process owns them. An error of its own
	// is a *NetError when the call may have been made. nil: the client's own.
	Chain     http.RoundTripper
	Calls     Calls     // nil: nobody is told
	UserAgent string    // "": "hoist"
	Bandwidth Bandwidth // of both planes together
}

// Calls is told when a call of the control plane begins. again is told why an attempt is made again,
// or waits; end is called with the call's end. Both may be called from any goroutine.
type Calls func(op string) (again func(why string), end func())

// Bandwidth limits bytes a second, each direction by itself; nil: no limit.
type Bandwidth struct{ Up, Down *rate.Limiter }

// TokenSource gives access tokens. Implementations are safe for concurrent use and make one request
// a scope set at a time.
type TokenSource interface {
	// Token returns a token with exactly these scopes, refreshed early.
	Token(ctx context.Context, scopes []string) (*oauth2.Token, error)
	// Invalidate forgets a token that the service refused.
	Invalidate(accessToken string)
}

// ParseBaseURL checks an origin: https, or http to a loopback host; no path, query or user. Errors
// are *ConfigError.
func ParseBaseURL(s string) (*url.URL, error) {
	if s == "" {
		s = DefaultBaseURL
	}

	bad := func(problem string) (*url.URL, error) {
		return nil, &ConfigError{Name: "APS_BASE_URL", Problem: problem}
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return bad("not an origin such as " + DefaultBaseURL)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		return bad("holds more than scheme, host and port")
	case u.Scheme == "http" && !loopback(u):
		return bad("plain http to " + u.Host + ": only https leaves this machine")
	case u.Scheme != "http" && u.Scheme != "https":
		return bad("scheme " + u.Scheme + ": only https, or http to this machine")
	}

	u.Path, u.RawPath = "", ""

	return u, nil
}

// loopback reports whether the host is this machine: localhost, 127.0.0.0/8, ::1.
func loopback(u *url.URL) bool {
	h := u.Hostname()
	if strings.EqualFold(h, "localhost") {
		return true
	}

	a, err := netip.ParseAddr(h)

	return err == nil && a.IsLoopback()
}

// LoadRoots returns the system's roots with the certificates of a PEM file (SSL_CERT_FILE) added;
// with file "" nil, which means the system's roots. Errors are *ConfigError.
func LoadRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}

	pem, err := os.ReadFile(file)
	if err != nil {
		if path, ok := errors.AsType[*fs.PathError](err); ok {
			err = path.Err
		}

		return nil, &ConfigError{Name: "SSL_CERT_FILE", Problem: "read " + file + ": " + err.Error()}
	}

	pool, err := systemRoots()
	if err != nil {
		pool = x509.NewCertPool()
	}

	if !pool.AppendCertsFromPEM(pem) {
		return nil, &ConfigError{Name: "SSL_CERT_FILE", Problem: "no certificate found in " + file}
	}

	return pool, nil
}

const handshakeTimeout = 20 * time.Second

// newTransport returns a pooled transport of the control plane: proxies from the environment,
// HTTP/2 if it is offered.
func newTransport(roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           newDialer().DialContext,
		TLSHandshakeTimeout:   handshakeTimeout,
		TLSClientConfig:       &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		MaxIdleConns:          256,
		MaxIdleConnsPerHost:   64,
		IdleConnTimeout:       60 * time.Second,
		ExpectContinueTimeout: time.Second,
		ForceAttemptHTTP2:     true,
	}
}

func newDialer() *net.Dialer {
	return &net.Dialer{Timeout: 20 * time.Second, KeepAlive: 15 * time.Second}
}

// newDataTransport returns the transport of the data plane; dialed is called with each new socket.
// S3 speaks HTTP/1.1; over HTTP/2 all parts would share one connection at 1.2 to 1.4 times the CPU.
func newDataTransport(roots *x509.CertPool,
	dialed func(network, address string, c syscall.RawConn) error) *http.Transport {
	dialer := newDialer()
	dialer.Control = dialed
	t := newTransport(roots)
	t.DialContext, t.ForceAttemptHTTP2, t.DisableCompression = dialer.DialContext, false, true
	t.DialTLSContext = dialGathered(dialer.DialContext, t.TLSClientConfig)
	t.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}

	return t
}
