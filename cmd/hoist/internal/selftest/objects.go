package selftest

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // the ETag of a part is its MD5
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"hoist/apsclient"
)

// objectFacts are about bytes, wherever they are stored.
var objectFacts = []fact{
	{"url-count", "Does one call sign 26 part URLs?", "refused", (*run).urlCount},
	{"part-numbers", "May a part have number 10001?", "refused", (*run).partNumbers},
	{"wrong-upload-key", "What does a completion with a dead upload key answer?", "refused",
		(*run).wrongKey},
	{"etag-quotes", "Has the ETag of a part quotes?", "yes", (*run).etagQuotes},
	{"etag-md5", "Is the ETag of a part its MD5?", "yes", (*run).etagMD5},
	{"second-completion", "Is a completion that is made again answered as the first?", "accepted",
		(*run).secondCompletion},
	{"sha1", "Has an object its SHA-1 at once?", "yes", (*run).sha1},
	{"range", "Does a signed URL answer a range?", "yes", (*run).ranges},
	{"if-match", "Does a signed URL heed If-Match?", "yes", (*run).ifMatch},
	{"signed-head", "Does a URL signed for GET answer HEAD?", "no", (*run).signedHead},
	{"empty-object", "Can an empty object be uploaded?", "accepted", (*run).emptyObject},
}

// lastFacts look at what came with the answers before.
var lastFacts = []fact{
	{"limit-headers", "Do answers tell the rate limit in headers?", "no", (*run).limitHeaders},
}

// upload is one object on its way.
type upload struct {
	object apsclient.ObjectID
	key    string
	etag   string // as the header has it
	bytes  []byte
	done   bool
}

const sample = 1 << 10 // bytes of what is uploaded

func (r *run) params(id apsclient.ObjectID) (map[string]string, error) {
	bucket, key, err := id.Split()
	return map[string]string{"bucketKey": bucket, "objectKey": key}, err
}

// urls asks for signed URLs without the checks that the client makes of its own.
func (r *run) urls(ctx context.Context, query url.Values) error {
	if r.first.object == "" {
		var err error
		if r.first.object, err = r.object(ctx, "First.txt"); err != nil {
			return err
		}
	}

	p, err := r.params(r.first.object)
	if err != nil {
		return err
	}

	resp, err := r.Client.Do(ctx, apsclient.Request{Action: "get-signed-s3-upload-urls", Params: p,
		Query: query})
	if resp != nil {
		r.headers = resp.Header
	}

	return err
}

func (r *run) urlCount(ctx context.Context) (seen, note string, err error) {
	return refusal(r.urls(ctx, url.Values{"parts": {"26"}}))
}

func (r *run) partNumbers(ctx context.Context) (seen, note string, err error) {
	return refusal(r.urls(ctx, url.Values{"firstPart": {"10001"}}))
}

func (r *run) wrongKey(ctx context.Context) (seen, note string, err error) {
	if r.first.object == "" {
		return "", "", errNothing
	}

	p, err := r.params(r.first.object)
	if err != nil {
		return "", "", err
	}

	body, _ := json.Marshal(map[string]any{"uploadKey": "AQICA" + strings.Repeat("A", 120), "size": 1,
		"eTags": []string{strings.Repeat("0", 32)}}) // texts and numbers always encode
	resp, err := r.Client.Do(ctx, apsclient.Request{Action: "signed-s3-upload", Params: p, Body: body})
	if err != nil {
		return refusal(err)
	}

	var answer struct {
		Status string `json:"status"`
	}
	if json.Unmarshal(resp.Body, &answer) == nil && answer.Status == "error" {
		return "refused in a success", "200 status error", nil
	}

	return "accepted", "", nil
}

// send makes a raw request to a signed URL. The error holds no URL.
func (r *run) send(ctx context.Context, method string, signed apsclient.SignedURL, body []byte,
	header ...string) (status int, h http.Header, err error) {
	req, err := http.NewRequestWithContext(ctx, method, signed.Reveal(), bytes.NewReader(body))
	if err != nil {
		return 0, nil, errors.New("the signed URL cannot be used")
	}

	req.Header.Set("User-Agent", "hoist")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}

	resp, err := r.HTTP.Do(req)
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return 0, nil, &apsclient.NetError{Op: "signed URL", Err: wrapped.Err, Sent: true}
	}

	if err != nil {
		return 0, nil, err
	}

	defer resp.Body.Close() //nolint:errcheck // nothing is done with it
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))

	return resp.StatusCode, resp.Header, err
}

// put begins an upload of n random bytes and stores its only part.
func (r *run) put(ctx context.Context, name string, n int, at apsclient.ObjectID) (upload, error) {
	u := upload{object: at, bytes: make([]byte, n)}
	_, _ = rand.Read(u.bytes) // never fails
	var err error
	if u.object == "" {
		if u.object, err = r.object(ctx, name); err != nil {
			return u, err
		}
	}

	signed, err := r.Client.Objects.UploadURLs(ctx, u.object, apsclient.UploadURLsRequest{Parts: 1})
	if err != nil {
		return u, err
	}

	u.key = signed.UploadKey
	status, header, err := r.send(ctx, http.MethodPut, signed.URLs[0], u.bytes)
	if err != nil {
		return u, err
	}

	if status != http.StatusOK {
		return u, &apsclient.Error{Op: "put part", Status: status}
	}

	u.etag = header.Get("ETag")
	r.stored = append(r.stored, u.object)

	return u, nil
}

func (r *run) complete(ctx context.Context, u *upload) error {
	_, err := r.Client.Objects.Complete(ctx, u.object, apsclient.Completion{UploadKey: u.key,
		Size: int64(len(u.bytes)), ETags: []string{strings.Trim(u.etag, `"`)}})
	u.done = u.done || err == nil

	return err
}

func (r *run) etagQuotes(ctx context.Context) (seen, note string, err error) {
	if r.first, err = r.put(ctx, "First.txt", sample, r.first.object); err != nil {
		return "", "", err
	}

	return yes(strings.HasPrefix(r.first.etag, `"`)), "", nil
}

func (r *run) etagMD5(context.Context) (seen, note string, err error) {
	if r.first.etag == "" {
		return "", "", errNothing
	}

	sum := md5.Sum(r.first.bytes) //nolint:gosec // as above

	return yes(strings.EqualFold(strings.Trim(r.first.etag, `"`), hex.EncodeToString(sum[:]))), "", nil
}

func yes(is bool) string {
	if is {
		return "yes"
	}

	return "no"
}

func (r *run) secondCompletion(ctx context.Context) (seen, note string, err error) {
	if r.first.etag == "" {
		return "", "", errNothing
	}

	if err := r.complete(ctx, &r.first); err != nil {
		return "", "", err
	}

	return refusal(r.complete(ctx, &r.first))
}

func (r *run) sha1(ctx context.Context) (seen, note string, err error) {
	if !r.first.done {
		return "", "", errNothing
	}

	o, err := r.Client.Objects.Details(ctx, r.first.object)

	return yes(o.SHA1 != ""), "", err
}

// get asks a signed URL of the first object.
func (r *run) get(ctx context.Context, method string, header ...string) (status int, err error) {
	if !r.first.done {
		return 0, errNothing
	}

	d, err := r.Client.Objects.DownloadURL(ctx, r.first.object, apsclient.DownloadURLRequest{})
	if err != nil {
		return 0, err
	}

	if d.URL == "" {
		return 0, errNothing
	}

	status, _, err = r.send(ctx, method, d.URL, nil, header...)

	return status, err
}

func (r *run) ranges(ctx context.Context) (seen, note string, err error) {
	status, err := r.get(ctx, http.MethodGet, "Range", "bytes=0-9")
	return yes(status == http.StatusPartialContent), fmt.Sprint(status), err
}

func (r *run) ifMatch(ctx context.Context) (seen, note string, err error) {
	status, err := r.get(ctx, http.MethodGet, "If-Match", `"`+strings.Repeat("0", 32)+`"`)
	return yes(status == http.StatusPreconditionFailed), fmt.Sprint(status), err
}

func (r *run) signedHead(ctx context.Context) (seen, note string, err error) {
	status, err := r.get(ctx, http.MethodHead)
	return yes(status == http.StatusOK), fmt.Sprint(status), err
}

func (r *run) emptyObject(ctx context.Context) (seen, note string, err error) {
	u, err := r.put(ctx, "Empty.txt", 0, "")
	if err == nil {
		err = r.complete(ctx, &u)
	}

	return refusal(err)
}

var limitHeader = regexp.MustCompile(`(?i)rate.?limit|quota`)

func (r *run) limitHeaders(ctx context.Context) (seen, note string, err error) {
	if r.headers == nil {
		if resp, err := r.Client.Do(ctx, apsclient.Request{Action: "list-hubs"}); err != nil {
			return "", "", err
		} else {
			r.headers = resp.Header
		}
	}

	var found []string
	for name := range r.headers {
		if limitHeader.MatchString(name) {
			found = append(found, name)
		}
	}

	slices.Sort(found)

	return yes(len(found) > 0), strings.Join(found, ", "), nil
}
