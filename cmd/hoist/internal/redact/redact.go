package redact

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Mark stands where a secret was.
const Mark = "[redacted]"

// shortest is the length below which a value is no secret: it would take common words out.
const shortest = 6

type form struct {
	form *regexp.Regexp
	with string
}

// forms are what secrets look like, with what to leave of them.
var forms = sync.OnceValue(func() []form {
	return []form{
		{regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----`),
			Mark},
		{regexp.MustCompile(`(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}`), "$1 " + Mark},
		{regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]+){1,2}`), Mark},
		// the query of any URL: signatures are there, and nothing that a reader needs
		{regexp.MustCompile(`(https?://[^\s"'?<>]+)\?[^\s"'<>]+`), "$1?" + Mark},
		// name and password before a host
		{regexp.MustCompile(`(https?://)[^\s/"'@]+@`), "$1" + Mark + "@"},
		{regexp.MustCompile(`(?i)((?:secret|token|password|private_?key|signature)["']?\s*[:=]\s*["']?)` +
			`([A-Za-z0-9._~+/=%-]{8,})`), "$1" + Mark},
	}
})

// Redactor takes secrets out of text.
type Redactor struct{ known *strings.Replacer }

// New knows these secrets; short ones and empty ones are ignored.
func New(secrets ...string) Redactor {
	secrets = slices.DeleteFunc(slices.Clone(secrets), func(s string) bool { return len(s) < shortest })
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) }) // one may hold another

	var pairs []string
	for _, s := range secrets {
		pairs = append(pairs, s, Mark)
	}

	return Redactor{strings.NewReplacer(pairs...)}
}

// Text without secrets.
func (r Redactor) Text(s string) string {
	s = r.known.Replace(s)
	for _, f := range forms() {
		s = f.form.ReplaceAllString(s, f.with)
	}

	return s
}
