package emulator

import (
	"io"
	"net/http"
	"time"
)

// Credentials of the demonstration application and of what belongs to it.
const (
	DefaultClientID     = "hoist-demo-client"
	DefaultClientSecret = "hoist-demo-secret"
	// PublicClientID is an application without a secret: only for the authorization code flow with
	// PKCE.
	PublicClientID = "hoist-demo-public"
	// RedirectURI is registered for the demonstration applications; any loopback host, port and
	// path is accepted too.
	RedirectURI = "http://localhost:8080/callback"
)

// Config says where a Server keeps its data and how it departs from its defaults. The zero value
// with a Dir works.
type Config struct {
	// Dir is the data directory; it is created when missing and survives restarts. Required.
	Dir string
	// Limits turns the documented rate limits on: requests per minute, for each client id and
	// endpoint class.
	Limits bool
	// Quotas overrides single documented limits by class name (see the Class of a Request); only
	// with Limits.
	Quotas map[string]int
	// Journal receives one JSON line a request; nil: none. Write errors are ignored.
	Journal io.Writer
	// ClientID and ClientSecret are the accepted application credentials; empty: the demonstration
	// ones.
	ClientID, ClientSecret string
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// TokenLifetime is what a new access token lasts; 0: 3599 s.
	TokenLifetime time.Duration
	// UploadLifetime is what an upload session lasts; 0: 24 h.
	UploadLifetime time.Duration
	// Visibility delays the appearance of a new item, version or folder in listings after the call
	// that made it; 0: at once.
	Visibility time.Duration
	// Assembly is how long an object stays "not yet assembled" after its completion:
	// signeds3download then answers chunked or fallback, and no SHA-1 is known. 0: assembled at
	// once.
	Assembly time.Duration
	// OpaqueETags answers parts with random ETags in place of their MD5, as S3 does under KMS
	// encryption; it also spares the processor in benchmarks.
	OpaqueETags bool
	// Provisioning is how long a project made through construction/admin stays pending; 0: active
	// at once.
	Provisioning time.Duration
	// HookTransport delivers webhook callbacks; nil: http.DefaultTransport.
	HookTransport http.RoundTripper
	// Knobs are further switches; SetKnobs changes them while the server runs.
	Knobs Knobs
}

// Knobs choose between behaviours that the documentation leaves open. The zero value is the
// default.
type Knobs struct {
	// SecondCompleteFails answers 400 to a repeated completion of a finished session; default: the
	// same 200 again.
	SecondCompleteFails bool
	// CloseOnFailedCheck ends a session when size or ETags did not match; default: it stays open.
	CloseOnFailedCheck bool
	// RewriteStorage replaces the storage URN of a version by another one right after it was
	// created, as a processing step might.
	RewriteStorage bool
	// RefuseEmptyPart answers 400 to an S3 PUT of zero bytes.
	RefuseEmptyPart bool
	// CaseInsensitiveNames treats names in a folder as equal when only their case differs.
	CaseInsensitiveNames bool
	// HideHubs leaves all hubs out of List Hubs and answers 403 warnings in meta.warnings instead,
	// as for an application that was not added to the account as a custom integration.
	HideHubs bool
	// NotProvisioned answers 403 to account administration, as without a custom integration.
	NotProvisioned bool
	// DenyDownload answers 403 to signeds3download: view without download.
	DenyDownload bool
	// NamingStandard holds every version back: no name conforms to the standard of its folder.
	NamingStandard bool
	// NoSHA1 leaves the SHA-1 of objects out.
	NoSHA1 bool
	// NoRanges answers an S3 GET of a range with 200 and the whole object.
	NoRanges bool
	// KeepRefreshToken lets an old refresh token live on after a rotation; default: it is dead at
	// once.
	KeepRefreshToken bool
	// DenyUserHeader answers 403 to a two-legged token with a user header.
	DenyUserHeader bool
	// NoAutoApprove answers the authorize address with access_denied.
	NoAutoApprove bool
	// CreateHookBody answers Create Webhook and Update Webhook with the hook as their body;
	// default: no body, as specified.
	CreateHookBody bool
	// EmptyEvery answers every n-th listing with nothing: by turns 200 without a body, 204, and a
	// page that holds nothing; 0: none.
	EmptyEvery int
	// CutEvery cuts every n-th answer with a body in the middle of its JSON; 0: none.
	CutEvery int
	// TextErrors answers errors as plain text, whatever the family.
	TextErrors bool
	// RegionWarnings adds a warning for each region to List Hubs, beside the hubs.
	RegionWarnings bool
	// ShortNextLinks leaves the caller's own query out of next links: they hold the page alone.
	ShortNextLinks bool
	// Portal lets somebody else answer in the service's place; the zero one answers nothing.
	Portal Portal
	// Facts are behaviours of the service that are not confirmed.
	Facts Facts
	// MaxURLs is the most part URLs one call answers; 0: 25. More asked for is a 400.
	MaxURLs int
	// FewURLs is the most part URLs one call answers, however many it asks for; 0: all.
	FewURLs int
	// URLMinutes is the longest lifetime of signed URLs, whatever is asked for; 0: what is asked for.
	URLMinutes int
}

// Portal is a proxy, captive portal or block page between client and service.
type Portal struct {
	Status int      // of every answer, with a page of HTML; 0: there is no portal
	Blank  bool     // the answers have no body
	Only   []string // "token", "api" and "s3": what it answers; nil: all of them
}
