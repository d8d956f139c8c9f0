package redact

import (
	"strings"
	"testing"
)

func TestText(t *testing.T) {
	r := New("s3cr3t-value", "", "abc")
	for _, tt := range []struct{ name, in, gone, stays string }{
		{"a known one", "log: s3cr3t-value was sent", "s3cr3t-value", "log: "},
		{"a short one is a word", "abc of drawings", "", "abc of drawings"},
		{"a bearer token", "Authorization: Bearer abcdefgh12345678", "abcdefgh12345678", "Bearer"},
		{"a JWT", `x=eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl`, "eyJhbGci", "x="},
		{"a signed URL", `put https://s3.example/part?X-Amz-Signature=00ff&partNumber=1 failed`,
			"00ff", " failed"},
		{"a password of a proxy", "HTTPS_PROXY=http://ana:geheim99@proxy:3128/", "geheim99", "proxy:3128"},
		{"a field", `{"refresh_token": "abcdef0123456789","n":1}`, "abcdef0123456789", `"n":1`},
		{"a setting", "client-secret = 'Qwertz123456'", "Qwertz123456", "client-secret"},
		{"a key", "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nrest",
			"MIIE", "rest"},
		{"a path", "/home/ana/drawings/token plan.dwg", "", "/home/ana/drawings/token plan.dwg"},
		{"a figure", `hoist_token_requests_total{profile="default"} 3`, "", "default"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := r.Text(tt.in)
			if tt.gone != "" && strings.Contains(got, tt.gone) || !strings.Contains(got, tt.stays) {
				t.Errorf("got %q", got)
			}
		})
	}
}
