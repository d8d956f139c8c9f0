package transfer

import (
	"encoding/json"
	"testing"

	"hoist/apsclient"
)

// FuzzChunks: a map of chunks that is accepted covers the object, each byte once.
func FuzzChunks(f *testing.F) {
	f.Add(`{"0-9":"u","10-14":"v"}`, int64(15))
	f.Add(`{"0-9223372036854775807":"u"}`, int64(-1))
	f.Add(`{"0-5":"u","4-9":"v"}`, int64(10))
	f.Fuzz(func(t *testing.T, text string, size int64) {
		var urls map[string]apsclient.SignedURL
		if json.Unmarshal([]byte(text), &urls) != nil {
			t.Skip()
		}

		chunks, err := parseChunks(urls, size)
		next := int64(0)
		for _, c := range chunks {
			if c.from != next || c.to < c.from {
				t.Fatalf("%s: %+v", text, chunks)
			}

			if next = c.to + 1; next < 0 {
				t.Fatalf("%s ends nowhere", text)
			}
		}

		if err == nil && size >= 0 && next != size {
			t.Errorf("%s: %d of %d bytes", text, next, size)
		}
	})
}
