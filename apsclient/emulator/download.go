package emulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

type downloadRequest struct {
	ObjectKey          string `json:"objectKey"`
	ContentType        string `json:"response-content-type"`
	ContentDisposition string `json:"response-content-disposition"`
	CacheControl       string `json:"response-cache-control"`
	IfNoneMatch        string `json:"If-None-Match"`
	IfModifiedSince    string `json:"If-Modified-Since"`
}

func (c *call) downloadSwitches() (life time.Duration, fallback, ok bool) {
	n, ok := c.number("minutesExpiration", 2, 1, 60)
	if !ok {
		return 0, false, false
	}

	if _, ok = c.boolean("useCdn", false); !ok {
		return 0, false, false
	}

	fallback, ok = c.boolean("public-resource-fallback", false)

	return time.Duration(n) * time.Minute, fallback, ok
}

func (c *call) downloadURL() {
	life, fallback, ok := c.downloadSwitches()
	if !ok {
		return
	}

	in := downloadRequest{ObjectKey: c.p["object"], ContentType: c.q.Get("response-content-type"),
		ContentDisposition: c.q.Get("response-content-disposition"),
		CacheControl:       c.q.Get("response-cache-control"), IfNoneMatch: c.r.Header.Get("If-None-Match"),
		IfModifiedSince: c.r.Header.Get("If-Modified-Since")}
	var o *object
	if !c.withBucket(false, false, func(m *model, b *bucket) (bad *problem) {
		o, bad = c.readable(m, b, in.ObjectKey)
		return bad
	}) {
		return
	}

	out, unchanged := c.download(o, in, life, fallback)
	if unchanged {
		c.empty(http.StatusNotModified)
		return
	}

	c.json(http.StatusOK, out)
}

func (c *call) readable(m *model, b *bucket, key string) (*object, *problem) {
	if c.knob.DenyDownload {
		return nil, &problem{http.StatusForbidden, "FORBIDDEN", "Access denied to the object"}
	}

	o := m.objects.get(b.Key + "/" + key)
	if o == nil {
		return nil, noObject
	}

	return o, nil
}

// download makes the answer with its signed URLs. It reads the object's bytes when its SHA-1 is not
// known yet, so it runs without the world's lock.
func (c *call) download(o *object, in downloadRequest, life time.Duration, fallback bool) (out obj,
	unchanged bool) {
	sum := c.s.sha1(o, c.now, c.knob)
	if m := unquote(in.IfNoneMatch); m != "" && (m == sum || m == o.ETag) {
		return nil, true
	}

	if since, err := http.ParseTime(in.IfModifiedSince); err == nil &&
		!o.Modified.Truncate(time.Second).After(since) {
		return nil, true
	}

	params, q := obj{}, url.Values{}
	for name, v := range map[string][2]string{"content-type": {in.ContentType, o.ContentType},
		"content-disposition": {in.ContentDisposition, o.Disposition},
		"cache-control":       {in.CacheControl, o.Cache}} {
		if v[0] != "" {
			q.Set("response-"+name, v[0])
			params[name] = v[0]
		} else if v[1] != "" {
			params[name] = v[1]
		}
	}

	out = obj{"status": "complete", "params": params, "size": o.Size}
	path, base := s3Path(o.Bucket, o.Key), origin(c.r)
	switch {
	case !c.now.Before(o.AssembledAt):
		out["url"] = c.s.sign(base, http.MethodGet, path, q, c.now, life)
		if sum != "" {
			out["sha1"] = sum
		}
	case fallback:
		out["status"] = "fallback"
		out["url"] = base + "/oss/v2/signedresources/" + c.s.resourceHash(o, c.now.Add(life))
	default:
		out["status"] = "chunked"

		urls, at := obj{}, int64(0)
		for n, p := range o.Parts {
			if p.Size == 0 {
				continue
			}

			urls[fmt.Sprintf("%d-%d", at, at+p.Size-1)] = c.s.sign(base, http.MethodGet, path,
				url.Values{"chunk": {itoa(n)}}, c.now, life)
			at += p.Size
		}

		out["urls"] = urls
	}

	return out, false
}

func (c *call) batchDownloadURLs() {
	life, fallback, ok := c.downloadSwitches()
	if !ok {
		return
	}

	type wanted struct {
		o  *object
		in downloadRequest
	}
	var in struct {
		Requests []downloadRequest `json:"requests"`
	}
	if !c.decode(&in) {
		return
	}

	if len(in.Requests) == 0 || len(in.Requests) > 25 {
		c.fail(http.StatusBadRequest, "BAD_INPUT", "requests must hold 1 to 25 entries")
		return
	}

	results := obj{}
	var found []wanted
	if !c.withBucket(false, false, func(m *model, b *bucket) *problem {
		for _, r := range in.Requests {
			if o, bad := c.readable(m, b, r.ObjectKey); bad != nil {
				results[r.ObjectKey] = obj{"status": "error", "reason": bad.detail}
			} else {
				found = append(found, wanted{o, r})
			}
		}

		return nil
	}) {
		return
	}

	for _, w := range found {
		out, unchanged := c.download(w.o, w.in, life, fallback)
		if unchanged {
			out = obj{"status": "skipped"}
		}

		results[w.in.ObjectKey] = out
	}

	c.json(http.StatusOK, obj{"results": results})
}

// resourceHash names an object and an end in a way that cannot be altered.
func (s *Server) resourceHash(o *object, end time.Time) string {
	text := strconv.FormatInt(end.Unix(), 10) + " " + o.Bucket + "/" + o.Key
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte("signedresource " + text))

	return base64.RawURLEncoding.EncodeToString(mac.Sum([]byte(text)))
}

// signedResource is the address of a fallback download.
func (c *call) signedResource() {
	raw, err := base64.RawURLEncoding.DecodeString(c.p["hash"])
	if err != nil || len(raw) <= sha256.Size {
		c.fail(http.StatusNotFound, "NOT_FOUND", "Signed resource not found")
		return
	}

	text := string(raw[:len(raw)-sha256.Size])
	when, name, _ := strings.Cut(text, " ")
	unix, _ := strconv.ParseInt(when, 10, 64)
	mac := hmac.New(sha256.New, c.s.key)
	mac.Write([]byte("signedresource " + text))
	var o *object
	c.s.read(func(m *model) { o = m.objects.get(name) })

	switch {
	case !hmac.Equal(mac.Sum(nil), raw[len(raw)-sha256.Size:]) || o == nil:
		c.fail(http.StatusNotFound, "NOT_FOUND", "Signed resource not found")
	case !c.now.Before(time.Unix(unix, 0)):
		c.fail(http.StatusForbidden, "FORBIDDEN", "Signed resource has expired")
	default:
		c.sendObject(o.Parts, o.Size, o)
	}
}
