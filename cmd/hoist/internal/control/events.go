package control

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"hoist/cmd/hoist/internal/problem"
)

// events streams what changes as server-sent events, from the index given or from now on.
func (s server) events(w http.ResponseWriter, r *http.Request) {
	since := r.URL.Query().Get("since")
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		since = id
	}

	var index uint64 = FromNow
	if since != "" {
		var err error
		if index, err = strconv.ParseUint(since, 10, 64); err != nil {
			s.writeError(w, problem.Usagef("since %q is not an index", since))
			return
		}
	}

	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	flush := http.NewResponseController(w)
	if flush.Flush() != nil {
		return
	}

	for {
		e, err := s.api.Changes(r.Context(), index)
		if err != nil {
			return
		}

		data, err := json.Marshal(e)
		if err != nil {
			return
		}

		if _, err := fmt.Fprintf(w, "id: %d\nevent: change\ndata: %s\n\n", e.Index, data); err != nil ||
			flush.Flush() != nil {
			return
		}

		index = e.Index
	}
}

// Events calls each with what is committed after an index, or from now on, one event after the
// other, until the context or the owner ends or each fails.
func (c *Client) Events(ctx context.Context, since uint64, each func(Event) error) error {
	path := "/v1/events"
	if since != FromNow {
		path += "?since=" + strconv.FormatUint(since, 10)
	}

	r, err := c.send(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer r.Close()

	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return gone(ctx, err)
		}

		data, ok := bytes.CutPrefix(line, []byte("data: "))
		if !ok {
			continue
		}

		var e Event
		if err := json.Unmarshal(data, &e); err != nil {
			return gone(ctx, err)
		}

		if err := each(e); err != nil {
			return err
		}
	}
}

// errOne ends a stream after its first event.
var errOne = errors.New("one is enough")

// Changes implements [API].
func (c *Client) Changes(ctx context.Context, since uint64) (first Event, err error) {
	err = c.Events(ctx, since, func(e Event) error { first = e; return errOne })
	if errors.Is(err, errOne) {
		err = nil
	}

	return first, err
}
