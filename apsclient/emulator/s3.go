package emulator

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

func s3Routes() []route {
	const pattern = "/s3/{bucket}/{object...}"

	return []route{
		{op: "s3-put", method: http.MethodPut, pattern: pattern, family: famS3, user: noToken,
			handle: (*call).s3put},
		{op: "s3-get", method: http.MethodGet, pattern: pattern, family: famS3, user: noToken,
			handle: (*call).s3get},
		{op: "s3-head", method: http.MethodHead, pattern: pattern, family: famS3, user: noToken,
			handle: (*call).s3get},
	}
}

// s3Path is where an object lies at the S3 end, escaped.
func s3Path(bucketKey, key string) string {
	parts := strings.Split(key, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}

	return "/s3/" + bucketKey + "/" + strings.Join(parts, "/")
}

const amzTime = "20060102T150405Z"

// sign makes an URL that is good for one method, host, path and query until its end.
func (s *Server) sign(base, method, path string, q url.Values, now time.Time, life time.Duration) string {
	q.Set("X-Amz-Algorithm", "AWS4-HMAC-SHA256")
	q.Set("X-Amz-Credential", "EMULATOR/"+now.UTC().Format("20060102")+"/us-east-1/s3/aws4_request")
	q.Set("X-Amz-Date", now.UTC().Format(amzTime))
	q.Set("X-Amz-Expires", strconv.Itoa(int(life/time.Second)))
	q.Set("X-Amz-SignedHeaders", "host")
	_, host, _ := strings.Cut(base, "://")
	q.Set("X-Amz-Signature", signature(s.key, method, host, path, q))

	return base + path + "?" + q.Encode()
}

func signature(key []byte, method, host, path string, q url.Values) string {
	rest := url.Values{}
	for k, v := range q {
		if k != "X-Amz-Signature" {
			rest[k] = v
		}
	}

	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s\n%s\n%s\n%s", method, host, path, rest.Encode())

	return hex.EncodeToString(mac.Sum(nil))
}

// s3fail answers an S3 error; only the first one of a call counts. extra are further elements.
func (c *call) s3fail(status int, code, message string, extra ...[2]string) {
	if c.over {
		return
	}

	c.over = true
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n<Error>")
	element := func(name, text string) {
		b.WriteString("<" + name + ">")
		_ = xml.EscapeText(&b, []byte(text))
		b.WriteString("</" + name + ">")
	}
	element("Code", code)
	element("Message", message)

	for _, e := range extra {
		element(e[0], e[1])
	}

	id := strings.ToUpper(randomHex(8))
	element("RequestId", id)
	element("HostId", randomID())
	b.WriteString("</Error>")
	c.w.Header().Set("Content-Type", "application/xml")
	c.w.Header().Set("x-amz-request-id", id)
	c.w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	c.w.WriteHeader(status)
	if c.r.Method != http.MethodHead {
		_, _ = io.WriteString(c.w, b.String())
	}

	c.drain()
}

// drain takes the rest of a refused body, so that the refusal reaches a client that is still
// sending.
func (c *call) drain() {
	if c.r.Method == http.MethodPut && c.r.Body != nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(c.r.Body, 256<<20))
	}
}

// s3check checks a signed URL and the headers that came with it.
func (c *call) s3check() {
	if c.r.Header.Get("Authorization") != "" {
		c.s3fail(http.StatusBadRequest, "InvalidArgument",
			"Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, "+
				"Signature query string parameter or the Authorization header should be specified",
			[2]string{"ArgumentName", "Authorization"})
	}

	for name := range c.r.Header {
		if strings.HasPrefix(name, "X-Amz-") {
			c.s3fail(http.StatusForbidden, "AccessDenied",
				"There were headers present in the request which were not signed",
				[2]string{"HeadersNotSigned", strings.ToLower(name)})
		}
	}

	if c.q.Get("X-Amz-Signature") == "" {
		c.s3fail(http.StatusForbidden, "AccessDenied", "Access Denied")
	}

	method := c.r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}

	want := signature(c.s.key, method, c.r.Host, c.r.URL.EscapedPath(), c.q)
	if !hmac.Equal([]byte(want), []byte(c.q.Get("X-Amz-Signature"))) {
		c.s3fail(http.StatusForbidden, "SignatureDoesNotMatch", "The request signature we calculated does "+
			"not match the signature you provided. Check your key and signing method.")
	}

	start, _ := time.Parse(amzTime, c.q.Get("X-Amz-Date"))
	seconds, _ := strconv.Atoi(c.q.Get("X-Amz-Expires"))
	end := start.Add(time.Duration(seconds) * time.Second)
	if !c.now.Before(end) || c.fault.Kind == ExpireNow {
		c.s3fail(http.StatusForbidden, "AccessDenied", "Request has expired",
			[2]string{"X-Amz-Expires", strconv.Itoa(seconds)},
			[2]string{"Expires", end.UTC().Format(time.RFC3339)},
			[2]string{"ServerTime", c.now.UTC().Format(time.RFC3339)})
	}
}

// openSession is the session that a part belongs to.
func (m *model) openSession(id string, now time.Time) *session {
	s := m.byID[id]
	if s == nil || s.Done || s.Closed || !now.Before(s.Expires) {
		return nil
	}

	return s
}

var noUpload = noSuch("NoSuchUpload", "The specified upload does not exist. The upload ID may be invalid, "+
	"or the upload may have been aborted or completed.")

func (c *call) s3put() {
	c.s3check()
	size := c.r.ContentLength
	number, _ := strconv.Atoi(c.q.Get("partNumber"))
	id := c.q.Get("uploadId")
	c.inWorld(func(m *model) *problem {
		switch {
		case size < 0:
			return &problem{http.StatusLengthRequired, "MissingContentLength",
				"You must provide the Content-Length HTTP header."}
		case size > maxPart:
			return &problem{http.StatusBadRequest, "EntityTooLarge",
				"Your proposed upload exceeds the maximum allowed size"}
		case size == 0 && c.knob.RefuseEmptyPart:
			return &problem{http.StatusBadRequest, "EntityTooSmall",
				"Your proposed upload is smaller than the minimum allowed size"}
		case m.openSession(id, c.now) == nil:
			return noUpload
		}

		return nil
	})
	if c.over {
		return
	}

	b, got, sum, err := c.s.storeBlob(c.r.Body, size, c.r.Header.Get("Content-MD5") != "")
	c.rec.Bytes = got
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		c.s3fail(http.StatusBadRequest, "IncompleteBody",
			"You did not provide the number of bytes specified by the Content-Length HTTP header")
		return
	case errors.Is(err, errStore):
		c.s3fail(http.StatusInternalServerError, "InternalError",
			"We encountered an internal error. Please try again.")
		return
	case err != nil:
		panic(http.ErrAbortHandler) // the client went away
	}

	if want := c.r.Header.Get("Content-MD5"); want != "" && want != base64.StdEncoding.EncodeToString(sum) {
		c.s.removeBlobs([]blob{b})
		c.s3fail(http.StatusBadRequest, "BadDigest",
			"The Content-MD5 you specified did not match what we received.")

		return
	}

	if c.r.Context().Err() != nil {
		c.s.removeBlobs([]blob{b})
		panic(http.ErrAbortHandler)
	}

	unused := []blob{b}
	c.inWorld(func(m *model) *problem {
		sess := m.openSession(id, c.now)
		if sess == nil {
			return noUpload
		}

		unused = []blob{sess.parts[number]}
		sess.parts[number] = b
		m.parts.put(partID(sess.Key, number), &b)

		return nil
	})
	c.s.removeBlobs(unused)
	etag := b.MD5
	if c.fault.Kind == WrongETag {
		etag = hex.EncodeToString(md5.New().Sum(nil))
	}

	if !c.knob.Facts.BareETags {
		etag = `"` + etag + `"`
	}

	c.w.Header().Set("ETag", etag)
	c.empty(http.StatusOK)
}

func (c *call) s3get() {
	if c.r.Method == http.MethodHead && !c.knob.Facts.SignedHead { // an URL is signed for GET
		c.s3fail(http.StatusForbidden, "SignatureDoesNotMatch", "")
	}

	c.s3check()
	bucketKey, key := c.p["bucket"], c.p["object"]
	if k, err := url.PathUnescape(key); err == nil {
		key = k
	}

	var o *object
	c.s.read(func(m *model) { o = m.objects.get(bucketKey + "/" + key) })
	if o == nil {
		c.s3fail(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.",
			[2]string{"Key", key})
	}

	if c.over {
		return
	}

	if n, err := strconv.Atoi(c.q.Get("chunk")); err == nil && n >= 0 && n < len(o.Parts) {
		cp := *o
		cp.ETag = o.Parts[n].MD5
		c.sendObject(o.Parts[n:n+1], o.Parts[n].Size, &cp)

		return
	}

	c.sendObject(o.Parts, o.Size, o)
}

// sendObject answers a GET: conditions, one range, bytes.
func (c *call) sendObject(parts []blob, size int64, o *object) {
	h, out := c.r.Header, c.w.Header()
	etag := `"` + o.ETag + `"`
	if m := h.Get("If-Match"); m != "" && m != "*" && unquote(m) != o.ETag && !c.knob.Facts.IgnoreIfMatch {
		c.s3fail(http.StatusPreconditionFailed, "PreconditionFailed",
			"At least one of the pre-conditions you specified did not hold",
			[2]string{"Condition", "If-Match"})

		return
	}

	out.Set("ETag", etag)
	out.Set("Last-Modified", o.Modified.UTC().Format(http.TimeFormat))
	out.Set("Accept-Ranges", "bytes")
	if m := h.Get("If-None-Match"); m != "" && (m == "*" || unquote(m) == o.ETag) {
		c.w.WriteHeader(http.StatusNotModified)
		return
	}

	for name, stored := range map[string]string{"Content-Type": o.ContentType,
		"Content-Disposition": o.Disposition, "Cache-Control": o.Cache, "Content-Encoding": o.Encoding} {
		if v := c.q.Get("response-" + strings.ToLower(name)); v != "" {
			stored = v
		}

		if stored != "" {
			out.Set(name, stored)
		}
	}

	from, to, status := int64(0), size-1, http.StatusOK
	if spec := h.Get("Range"); spec != "" && !c.knob.NoRanges {
		var valid, ok bool
		from, to, valid, ok = parseRange(spec, size)
		switch {
		case !valid: // not understood: the whole
			from, to = 0, size-1
		case !ok:
			out.Set("Content-Range", fmt.Sprintf("bytes */%d", size))
			c.s3fail(http.StatusRequestedRangeNotSatisfiable, "InvalidRange",
				"The requested range is not satisfiable",
				[2]string{"RangeRequested", spec}, [2]string{"ActualObjectSize", strconv.FormatInt(size, 10)})

			return
		default:
			status = http.StatusPartialContent
			out.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to, size))
		}
	}

	out.Set("Content-Length", strconv.FormatInt(to-from+1, 10))
	c.w.WriteHeader(status)
	if err := c.s.copyBlobs(c.w, parts, from, to-from+1); err != nil {
		panic(http.ErrAbortHandler) // the length is promised already
	}
}

// parseRange reads one byte range. valid: it is of the known form; ok: it lies within the object.
func parseRange(spec string, size int64) (from, to int64, valid, ok bool) {
	rest, found := strings.CutPrefix(spec, "bytes=")
	a, b, dash := strings.Cut(rest, "-")
	if !found || !dash || strings.Contains(rest, ",") {
		return 0, 0, false, false
	}

	if a == "" { // the last b bytes
		n, err := strconv.ParseInt(b, 10, 64)
		if err != nil {
			return 0, 0, false, false
		}

		return max(size-n, 0), size - 1, true, n > 0 && size > 0
	}

	from, err := strconv.ParseInt(a, 10, 64)
	if err != nil {
		return 0, 0, false, false
	}

	to = size - 1
	if b != "" {
		if to, err = strconv.ParseInt(b, 10, 64); err != nil || to < from {
			return 0, 0, false, false
		}

		to = min(to, size-1)
	}

	return from, to, true, from < size
}
