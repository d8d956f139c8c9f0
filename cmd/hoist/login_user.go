package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"runtime"
	"slices"
	"time"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/guide"
	"hoist/cmd/hoist/internal/problem"
	"hoist/cmd/hoist/internal/secrets"
)

// signInPatience is how long a user has to sign in.
const signInPatience = 5 * time.Minute

// signInUser opens the sign-in page and waits for the browser to come back with the code.
func (a *app) signInUser(ctx context.Context, o loginOptions, p config.Profile, conf apsclient.Config,
	set *secrets.Set) error {
	redirect, err := url.Parse(o.redirect)
	if err != nil || redirect.Scheme != "http" ||
		!slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, redirect.Hostname()) {
		return problem.Usagef("--redirect %q: it is an http address on this machine, as registered for the "+
			"application", o.redirect)
	}

	flow := apsclient.CodeFlow{BaseURL: p.BaseURL, ClientID: p.ClientID,
		Secret: apsclient.Secret(set.ClientSecret), RedirectURL: o.redirect, Scopes: p.Scopes,
		UserAgent: conf.UserAgent}
	if flow.Transport = conf.Transport; flow.Transport == nil && conf.RootCAs != nil {
		own := http.DefaultTransport.(*http.Transport).Clone()
		own.TLSClientConfig = &tls.Config{RootCAs: conf.RootCAs}
		defer own.CloseIdleConnections()
		flow.Transport = own
	}

	if len(flow.Scopes) == 0 { // what transfers need, unless actions were chosen
		chosen := p.Actions
		if len(chosen) == 0 {
			chosen = []string{"transfer"}
		}

		actions, err := guide.Expand(chosen)
		if err != nil {
			return err
		}

		flow.Scopes = guide.For(actions, nil).Scopes
	}

	listener, err := net.Listen("tcp", redirect.Host) //nolint:noctx // closed below, and accepts at once
	if err != nil {
		return fail(problem.Failure, fmt.Errorf("wait for the browser at %s: %w", redirect.Host, err),
			"free that port, or register another callback and give it with --redirect")
	}
	defer listener.Close()
	state, verifier := rand.Text(), apsclient.NewVerifier()
	page, err := flow.AuthorizeURL(state, verifier)
	if err != nil {
		return err
	}

	fmt.Fprintf(a.stderr, "Open this address to sign in:\n%s\n", page)
	if !o.noBrowser {
		openBrowser(ctx, page)
	}

	ctx, cancel := context.WithTimeoutCause(ctx, signInPatience,
		errors.New("nobody signed in within "+signInPatience.String()))
	defer cancel()
	code, err := waitForCode(ctx, listener, redirect.Path, state)
	if errors.Is(err, problem.ErrInterrupted) {
		return fail(problem.Interrupted, err, "nothing was stored: run \"hoist login\" again")
	}

	if err != nil {
		return fail(problem.Unauthorized, err, "run \"hoist login\" again and sign in in the browser")
	}

	signed, err := flow.Exchange(ctx, code, verifier)
	if err != nil {
		return err
	}

	set.RefreshToken = signed.Refresh.Reveal()

	return nil
}

// waitForCode serves the callback until a request carries our state.
func waitForCode(ctx context.Context, listener net.Listener, path, state string) (string, error) {
	type answer struct {
		code string
		err  error
	}
	answers := make(chan answer, 1)

	server := &http.Server{ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			q := r.URL.Query()
			if path == "" {
				path = "/"
			}

			if r.URL.Path != path || subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(state)) != 1 {
				http.Error(w, "This is not the sign-in that hoist waits for.", http.StatusBadRequest)
				return
			}

			got, said := answer{code: q.Get("code")}, "hoist has what it needs. You can close this window."
			if got.code == "" {
				said = "The sign-in was refused. You can close this window."
				got.err = fmt.Errorf("the sign-in was refused: %s",
					oneLine(q.Get("error")+" "+q.Get("error_description")))
			}

			select {
			case answers <- got:
			default: // a reload of the page
			}

			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			fmt.Fprintln(w, said)
		})}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	defer func() {
		short, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = server.Shutdown(short) // the page was answered; what hangs on is cut
		<-served                   //nolint:errcheck // that it was closed is no news
	}()

	select {
	case got := <-answers:
		return got.code, got.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// openBrowser tries to open a page; when there is no browser the address was printed.
func openBrowser(ctx context.Context, page string) {
	name, args := "xdg-open", []string{page}
	switch runtime.GOOS {
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", page}
	case "darwin":
		name = "open"
	}

	cmd := exec.CommandContext(context.WithoutCancel(ctx), name, args...)
	if cmd.Start() == nil {
		go func() { _ = cmd.Wait() }() // ends with the opener, which returns at once
	}
}
