package apsclient

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"sync"
)

// Identifiers are opaque strings of the service; one type each, so that the compiler catches
// swapped ones.
type (
	// AccountID is the UUID of an account, without the "b." of a hub.
	AccountID string
	// HubID is "b." + account id for ACC, BIM 360 and Forma, "a."-prefixed for Fusion hubs.
	HubID string
	// ProjectID is "b." + UUID in Data Management; the client strips or adds "b." as the family of
	// a call needs.
	ProjectID string
	// FolderID is a folder URN.
	FolderID string
	// ItemID is a lineage URN: one item is one file with its versions.
	ItemID string
	// VersionID is a version URN; it holds "?version=N" and is escaped wherever it enters a path.
	VersionID string
	// ObjectID is a storage URN, urn:adsk.objects:os.object:BUCKET/KEY.
	ObjectID string
)

const objectPrefix = "urn:adsk.objects:os.object:"

// NewObjectID returns the storage URN of key in bucket.
func NewObjectID(bucket, key string) ObjectID {
	return ObjectID(objectPrefix + bucket + "/" + key)
}

var bucketPattern = lazily(`^[-_.a-zA-Z0-9]{3,128}$`)

// lazily compiles a pattern when it is first asked for: most runs ask for few.
func lazily(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

// Split returns the bucket and the object key of a storage URN. The key is as given, not escaped.
func (o ObjectID) Split() (bucket, key string, err error) {
	rest, ok := strings.CutPrefix(string(o), objectPrefix)
	if !ok {
		// Other name spaces occur; the documented rule is: after the last colon before the first
		// slash.
		slash := strings.IndexByte(string(o), '/')
		if slash < 0 || !strings.HasPrefix(string(o), "urn:") {
			return "", "", fmt.Errorf("storage id %q: not of the form %sBUCKET/KEY", string(o), objectPrefix)
		}

		colon := strings.LastIndexByte(string(o)[:slash], ':')
		rest = string(o)[colon+1:]
	}

	bucket, key, ok = strings.Cut(rest, "/")
	if !ok || key == "" || !bucketPattern().MatchString(bucket) {
		return "", "", fmt.Errorf("storage id %q: not of the form %sBUCKET/KEY", string(o), objectPrefix)
	}

	return bucket, key, nil
}

var bareUUID = lazily(
	`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)

// withB adds the "b." that Data Management wants to a bare UUID; anything else is left as given.
func withB(id string) string {
	if bareUUID().MatchString(id) {
		return "b." + id
	}

	return id
}

// withoutB removes the "b." that account administration does not know.
func withoutB(id string) string { return strings.TrimPrefix(id, "b.") }

// escapeSegment percent-encodes an id for one path segment. url.PathEscape leaves ":" "=" "&" "+"
// "$" "@" alone; version URNs are documented with "?" and "=" encoded, so everything but the
// unreserved characters and ":" is.
func escapeSegment(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9',
			c == '-', c == '_', c == '.', c == '~', c == ':':
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}

	// "." and ".." alone would be eaten by path cleaning on the way.
	switch b.String() {
	case ".":
		return "%2E"
	case "..":
		return "%2E%2E"
	}

	return b.String()
}

// escapeQuery percent-encodes a query. A space goes as "%20", as the documentation writes it: not all who
// read a URL take the "+" of a form for one.
func escapeQuery(q url.Values) string { return strings.ReplaceAll(q.Encode(), "+", "%20") }
