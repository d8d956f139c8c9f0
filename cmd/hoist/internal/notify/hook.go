package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"hoist/cmd/hoist/internal/config"
)

// Headers of a message. The signature is the HMAC-SHA256, in hex, of the timestamp, a dot and the
// body.
const (
	SignatureHeader = "Hoist-Signature"
	TimestampHeader = "Hoist-Timestamp"
)

const (
	mostTries  = 5
	firstPause = 2 * time.Second // doubles with each try
	tryTimeout = 15 * time.Second
	mostQueued = 16
)

// Hook sends messages to a webhook, one after the other.
type Hook struct {
	client *http.Client
	log    *slog.Logger
	queue  chan envelope
}

type envelope struct {
	to *config.Notify
	m  Message
}

// NewHook sends through a transport; nil: the default one.
func NewHook(transport http.RoundTripper, log *slog.Logger) *Hook {
	return &Hook{log: log, queue: make(chan envelope, mostQueued), client: &http.Client{Transport: transport,
		Timeout: tryTimeout,
		// a redirect could lead the message to a host that nobody named
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// Send queues a message; when too many are waiting already it is dropped.
func (h *Hook) Send(to *config.Notify, m Message) {
	select {
	case h.queue <- envelope{to, m}:
	default:
		h.log.Warn("a notification is dropped: too many wait", "event", m.Event)
	}
}

// Run delivers until the context ends.
func (h *Hook) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case e := <-h.queue:
			if err := h.deliver(ctx, e); err != nil && ctx.Err() == nil {
				h.log.Warn("a notification is not delivered", "event", e.m.Event, "to", e.to.Host(),
					"error", err)
			}
		}
	}
}

// deliver tries a few times; a refusal (4xx) is final.
func (h *Hook) deliver(ctx context.Context, e envelope) error {
	body, err := json.Marshal(e.m)
	if err != nil {
		return err
	}

	pause := firstPause
	for try := 1; ; try++ {
		again, err := h.post(ctx, e.to, body)
		if err == nil || !again || try == mostTries {
			return err
		}

		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause):
			pause *= 2
		}
	}
}

func (h *Hook) post(ctx context.Context, to *config.Notify, body []byte) (again bool, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(body))
	if err != nil {
		return false, errors.New("the address of the webhook cannot be read")
	}

	r.Header.Set("Content-Type", "application/json")
	if secret := to.Secret(); secret != "" {
		at := strconv.FormatInt(time.Now().Unix(), 10)
		r.Header.Set(TimestampHeader, at)
		r.Header.Set(SignatureHeader, "sha256="+Sign(secret, at, body))
	}

	resp, err := h.client.Do(r)
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // the address may hold a secret
	}

	if err != nil {
		return true, err
	}

	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16)) // so that the connection can be used again
	_ = resp.Body.Close()
	if resp.StatusCode < 300 {
		return false, nil
	}

	return resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests,
		fmt.Errorf("the webhook answers %d", resp.StatusCode)
}

// Sign is the signature of a message.
func Sign(secret, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)

	return hex.EncodeToString(mac.Sum(nil))
}
