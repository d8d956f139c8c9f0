package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/problem"
)

// maxSkew is how far the clock may be off before signed sign-ins and times of files come out wrong.
const maxSkew = 30 * time.Second

// servicePath is documented, and answers everybody.
const servicePath = "/.well-known/openid-configuration"

// checkService asks the origin without credentials: what counts is that it answers, and how.
func checkService(ctx context.Context, e Env, f facts) (facts, []Finding) {
	base, err := apsclient.ParseBaseURL(e.BaseURL)
	if err != nil {
		return f, []Finding{failed("service", "the address of the service", err)}
	}

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base.String()+servicePath, nil)
	if err != nil {
		return f, []Finding{failed("service", "the address of the service", err)}
	}

	req.Header.Set("User-Agent", "hoist")

	var out []Finding
	proxy, err := http.ProxyFromEnvironment(req)
	switch {
	case err != nil:
		return f, []Finding{{"proxy", Problem, "HTTPS_PROXY is not an address of a proxy",
			problem.Text("set it to something like http://proxy.example.com:3128, or remove it")}}
	case proxy == nil:
		out = append(out, Finding{Check: "proxy", Verdict: OK,
			Detail: "none: HTTPS_PROXY and NO_PROXY lead straight to " + base.Host})
	default:
		out = append(out, Finding{Check: "proxy", Verdict: OK,
			Detail: "HTTPS_PROXY leads through " + proxy.Scheme + "://" + proxy.Host})
	}

	t := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		TLSClientConfig:     &tls.Config{RootCAs: e.RootCAs, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: 20 * time.Second, DisableKeepAlives: true, ForceAttemptHTTP2: true,
	}
	defer t.CloseIdleConnections()
	began := time.Now()
	resp, err := t.RoundTrip(req)
	if err != nil {
		if fix := certificateFix(err); fix != "" {
			return f, append(out, Finding{"tls", Problem,
				"the certificate of " + base.Host + " is not accepted: " + err.Error(), problem.Text(fix)})
		}

		return f, append(out, Finding{"service", Problem, base.String() + " does not answer: " + err.Error(),
			problem.Fix{Step: problem.Network}})
	}

	took := time.Since(began)
	_ = resp.Body.Close()
	f.reachable = true
	out = append(out, Finding{Check: "service", Verdict: OK,
		Detail: fmt.Sprintf("%s answers within %v", base, took.Round(time.Millisecond))})
	if resp.TLS == nil {
		out = append(out, Finding{Check: "tls", Verdict: Skipped, Detail: "plain http to this machine"})
	} else {
		cert := resp.TLS.PeerCertificates[0]
		out = append(out, Finding{Check: "tls", Verdict: OK,
			Detail: fmt.Sprintf("%s, certificate by %s until %s", tls.VersionName(resp.TLS.Version),
				cert.Issuer.CommonName, cert.NotAfter.Format(time.DateOnly))})
	}

	return f, append(out, clock(resp.Header.Get("Date"), began.Add(took/2)))
}

// clock compares this machine's time with that of an answer, which is told in whole seconds.
func clock(date string, now time.Time) Finding {
	there, err := http.ParseTime(date)
	if err != nil {
		return Finding{Check: "clock", Verdict: Skipped, Detail: "the service does not tell its time"}
	}

	skew := now.Sub(there).Round(time.Second)
	switch {
	case skew > maxSkew:
		return Finding{"clock", Warning, fmt.Sprintf("this machine's clock is %v ahead of the service", skew),
			problem.Text("set the clock, and keep it right by NTP")}
	case skew < -maxSkew:
		return Finding{"clock", Warning, fmt.Sprintf("this machine's clock is %v behind the service", -skew),
			problem.Text("set the clock, and keep it right by NTP")}
	}

	return Finding{Check: "clock", Verdict: OK, Detail: fmt.Sprintf("within %v of the service", maxSkew)}
}

// certificateFix is what helps against a certificate that is not accepted; "" for other errors.
func certificateFix(err error) string {
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	_, otherHost := errors.AsType[x509.HostnameError](err)
	_, invalid := errors.AsType[x509.CertificateInvalidError](err)

	switch {
	case unknown:
		return "a proxy that looks into the traffic has a certificate of its own: give it as a PEM file in " +
			"SSL_CERT_FILE"
	case otherHost:
		return "check APS_BASE_URL, and what answers under its name"
	case invalid:
		return "check the clock of this machine, then the certificate"
	}

	return ""
}

// checkToken asks for a token of each scope set that is needed.
func checkToken(ctx context.Context, e Env, f facts) (facts, []Finding) {
	switch {
	case e.Client == nil:
		return f, []Finding{failed("token", "no credentials can be used", e.ClientErr)}
	case !f.reachable:
		return f, []Finding{{Check: "token", Verdict: Skipped, Detail: "the service does not answer"}}
	case e.Tokens == nil:
		if _, _, err := e.Client.Hubs.List(ctx); err != nil && !e.refused("list-hubs") {
			return f, []Finding{failed("token", "the process that owns the home has no token that works",
				err)}
		}

		f.token = true

		return f, []Finding{{Check: "token", Verdict: OK, Detail: "the process that owns the home has one"}}
	}

	var out []Finding
	for _, set := range e.Scopes {
		_, err := e.Tokens.Token(ctx, set)
		if err == nil {
			f.token = true
			out = append(out, Finding{Check: "token", Verdict: OK,
				Detail: "granted: " + strings.Join(set, " ")})

			continue
		}

		finding, more := tokenFinding(ctx, e, set, err)
		if out = append(out, finding); !more {
			return f, out
		}
	}

	return f, out
}

// tokenFinding explains a refusal; more tells that other scope sets may still be granted.
func tokenFinding(ctx context.Context, e Env, set []string, err error) (_ Finding, more bool) {
	auth, refused := errors.AsType[*apsclient.AuthError](err)

	switch {
	case !refused:
		return failed("token", "no token", err), false
	case auth.Login:
		return Finding{"token", Problem, "the sign-in has ended: " + err.Error(),
			problem.Fix{Step: problem.SignIn, On: auth.Command}}, false
	case auth.Status != http.StatusBadRequest && auth.Status != http.StatusForbidden ||
		auth.Code == "invalid_client":
		return Finding{"token", Problem, "the service refuses the client id or its secret: " + err.Error(),
			problem.Fix{Step: problem.WrongSecret}}, false
	}

	var granted, missing []string
	for _, scope := range set {
		if _, err := e.Tokens.Token(ctx, []string{scope}); err == nil {
			granted = append(granted, scope)
		} else {
			missing = append(missing, scope)
		}
	}

	detail := "needed: " + strings.Join(set, " ") + "; granted: " + orNone(granted) + "; missing: " +
		orNone(missing) + ": " + err.Error()

	return Finding{"token", Problem, detail,
		problem.Fix{Step: problem.GrantScopes}}, true
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}

	return strings.Join(list, " ")
}
