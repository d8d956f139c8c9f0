package emulator

import (
	"net/http"
	"time"
)

// Request is one line of the journal: a request that arrived and how it ended. It never holds a
// query string.
type Request struct {
	Time      time.Time `json:"time"`
	Method    string    `json:"method"`
	Path      string    `json:"path"`                 // escaped, without the query
	Op        string    `json:"op"`                   // action in kebab case, "token", "s3-put"; "" unknown
	Class     string    `json:"class,omitempty"`      // of the rate limits; "" none
	Status    int       `json:"status"`               // 0 in the fault hook; the effect's own for LoseReply
	Part      int       `json:"part,omitempty"`       // part number of an S3 PUT, firstPart of URL requests
	UploadKey string    `json:"upload_key,omitempty"` // of a part, of URL requests with one, of a completion
	Bytes     int64     `json:"bytes"`                // body bytes received (PUT, POST, PATCH) or sent (GET)
	Fault     string    `json:"fault,omitempty"`      // kind of the fault that was applied
	Scopes    []string  `json:"scopes,omitempty"`     // of the token
	User      string    `json:"user,omitempty"`       // the user the request acts for
	N         int       `json:"n"`                    // running number, from 1
}

// FaultKind is a kind of failure.
type FaultKind int

// The kinds of faults.
const (
	// FaultNone changes nothing; Delay, Do and DoAfter still apply.
	FaultNone FaultKind = iota
	// FailBefore answers Status (default 500) with Body and Header; nothing else happens.
	FailBefore
	// LoseReply lets the effect happen, then closes the connection without an answer.
	LoseReply
	// ResetBody closes the connection after After bytes: of the request's body for PUT, POST and
	// PATCH, else of the answer's. The effect of a request does not happen.
	ResetBody
	// Stall goes silent after After bytes until the client goes away, Delay has passed or the
	// server closes.
	Stall
	// Slow moves the bodies at BytesPerSecond.
	Slow
	// WrongETag answers an S3 PUT with an ETag that is not the one stored.
	WrongETag
	// CorruptBytes damages one byte: of what an S3 PUT stores, or of what a GET answers.
	CorruptBytes
	// SlowDown answers 503 SlowDown at S3, 429 with Retry-After elsewhere. Nothing else happens.
	SlowDown
	// ExpireNow lets what the request relies on expire first: the signed URL, the upload session of
	// its upload key, or the access token.
	ExpireNow
)

// String is the name the journal uses.
func (k FaultKind) String() string {
	names := [...]string{"", "fail-before", "lose-reply", "reset-body", "stall", "slow", "wrong-etag",
		"corrupt-bytes", "slow-down", "expire-now"}
	if k < 0 || int(k) >= len(names) {
		return "unknown"
	}

	return names[k]
}

// Fault is what happens to one request.
type Fault struct {
	Kind   FaultKind
	Status int         // FailBefore: status; 0: 500. SlowDown outside S3: 0: 429
	Body   []byte      // FailBefore: body; nil: the error body of the endpoint's family
	Header http.Header // FailBefore, SlowDown: further headers
	// waited before anything else; for Stall: how long it lasts, 0: until the client goes
	Delay time.Duration
	// ResetBody, Stall: bytes let through first; CorruptBytes: offset of the byte
	After          int64
	BytesPerSecond int64  // Slow; 0: 64 KiB/s
	Do             func() // called first, before the effect
	// called after the effect, before the answer leaves; for an S3 GET after it left
	DoAfter func()
}
