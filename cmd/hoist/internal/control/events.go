package control

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
)

// readEvent reads the first whole event of a stream of server-sent events.
func readEvent(ctx context.Context, r io.Reader) (Event, error) {
	var e Event
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return e, gone(ctx, err)
		}

		if data, ok := bytes.CutPrefix(line, []byte("data: ")); ok {
			if err := json.Unmarshal(data, &e); err != nil {
				return e, gone(ctx, err)
			}

			return e, nil
		}
	}
}
