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

func (c *call) downloadSwitches() (life time.Duration, fallback bool) {
	c.boolean("useCdn", false)
	return c.minutes(), c.boolean("public-resource-fallback", false)
}

// minutes is the lifetime of URLs.
func (c *call) minutes() time.Duration {
	life := c.number("minutesExpiration", 2, 1, 60)
	if longest := c.knob.URLMinutes; longest > 0 {
		life = min(life, longest)
	}

	return time.Duration(life) * time.Minute
}

func (c *call) downloadURL() {
	life, fallback := c.downloadSwitches()
	in := downloadRequest{ObjectKey: c.p["object"], ContentType: c.q.Get("response-content-type"),
		ContentDisposition: c.q.Get("response-content-disposition"),
		CacheControl:       c.q.Get("response-cache-control"), IfNoneMatch: c.r.Header.Get("If-None-Match"),
		IfModifiedSince: c.r.Header.Get("If-Modified-Since")}
	var o *object
	c.withBucket(false, false, func(m *model, b *bucket) (bad *problem) {
		o, bad = c.readable(m, b, in.ObjectKey)
		return bad
	})

	if c.over {
		return
	}

	if out, unchanged := c.download(o, in, life, fallback); unchanged {
		c.empty(http.StatusNotModified)
	} else {
		c.ok(out)
	}
}

func (c *call) readable(m *model, b *bucket, key string) (*object, *problem) {
	if c.knob.DenyDownload {
		return nil, forbidden("Access denied to the object")
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
	life, fallback := c.downloadSwitches()
	type wanted struct {
		o  *object
		in downloadRequest
	}
	var in struct {
		Requests []downloadRequest `json:"requests"`
	}
	c.decode(&in)

	if len(in.Requests) == 0 || len(in.Requests) > 25 {
		c.refuse(invalid("requests must hold 1 to 25 entries"))
		return
	}

	results := obj{}
	var found []wanted
	c.withBucket(false, false, func(m *model, b *bucket) *problem {
		for _, r := range in.Requests {
			if o, bad := c.readable(m, b, r.ObjectKey); bad != nil {
				results[r.ObjectKey] = obj{"status": "error", "reason": bad.detail}
			} else {
				found = append(found, wanted{o, r})
			}
		}

		return nil
	})

	for _, w := range found {
		out, unchanged := c.download(w.o, w.in, life, fallback)
		if unchanged {
			out = obj{"status": "skipped"}
		}

		results[w.in.ObjectKey] = out
	}

	c.ok(obj{"results": results})
}

// resourceHash names an object and an end in a way that cannot be altered.
func (s *Server) resourceHash(o *object, end time.Time) string {
	text := strconv.FormatInt(end.Unix(), 10) + " " + o.Bucket + "/" + o.Key
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte("signedresource " + text))

	return base64.RawURLEncoding.EncodeToString(mac.Sum([]byte(text)))
}

// fallback is the address of a fallback download.
func (c *call) fallback() {
	raw, err := base64.RawURLEncoding.DecodeString(c.p["hash"])
	if err != nil || len(raw) <= sha256.Size {
		c.refuse(noSigned)
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
		c.refuse(noSigned)
	case !c.now.Before(time.Unix(unix, 0)):
		c.refuse(forbidden("Signed resource has expired"))
	default:
		c.sendObject(o.Parts, o.Size, o)
	}
}
