package emulator

import (
	"cmp"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

const (
	minPart  = 5 << 20
	maxPart  = 5 << 30
	maxParts = 10_000
)

// urlRequest is what one upload asks for: single and batch forms alike.
type urlRequest struct {
	ObjectKey string `json:"objectKey"`
	FirstPart *int   `json:"firstPart"`
	Parts     *int   `json:"parts"`
	UploadKey string `json:"uploadKey"`
}

func orOne(n *int) int {
	if n == nil {
		return 1
	}

	return *n
}

// uploadMinutes reads the lifetime of URLs and checks the acceleration switch.
func (c *call) uploadMinutes() time.Duration {
	c.boolean("useAcceleration", true)
	return c.minutes()
}

func (c *call) uploadURLs() {
	life := c.uploadMinutes()
	highest := maxParts
	if c.knob.Facts.MoreParts {
		highest *= 2
	}

	first := c.number("firstPart", 1, 1, highest)
	n := c.number("parts", 1, 1, maxParts)
	in := urlRequest{ObjectKey: c.p["object"], FirstPart: &first, Parts: &n, UploadKey: c.q.Get("uploadKey")}
	var out obj
	c.withBucket(false, true, func(m *model, b *bucket) (bad *problem) {
		out, bad = c.openUpload(m, b, in, life)
		return bad
	})
	c.ok(out)
}

// openUpload begins a session or finds the one of a key, and signs URLs.
func (c *call) openUpload(m *model, b *bucket, in urlRequest, life time.Duration) (obj, *problem) {
	first, n := orOne(in.FirstPart), orOne(in.Parts)
	most := cmp.Or(c.knob.MaxURLs, 25)

	switch {
	case first < 1 || n < 1 || n > most:
		return nil, invalid("Invalid parts: from 1 to " + itoa(most) + ", firstPart from 1")
	case first+n-1 > maxParts && !c.knob.Facts.MoreParts:
		return nil, invalid("Invalid part number: at most " + itoa(maxParts))
	case len(in.ObjectKey) == 0 || len(in.ObjectKey) > 1024:
		return nil, invalid("Invalid objectKey")
	}

	if b.Owner == storeOwner {
		res := m.reservations.get(objectURN(b.Key, in.ObjectKey))
		if res == nil || res.Client != c.tok.Client {
			return nil, forbidden("Access denied to the object")
		}
	}

	sess := m.sessions.get(in.UploadKey)
	if in.UploadKey == "" {
		sess = &session{Key: "AQICA" + randomID() + randomID(), ID: randomID(), Bucket: b.Key,
			Object: in.ObjectKey, Client: c.tok.Client,
			Expires: c.now.Add(c.s.cfg.UploadLifetime).Truncate(time.Second), parts: map[int]blob{}}
		m.sessions.put(sess.Key, sess)
		m.byID[sess.ID] = sess
		if len(m.sessions.m)%256 == 0 {
			c.s.removeBlobs(m.dropExpired(c.now))
		}
	}

	if bad := usable(sess, b.Key, in.ObjectKey, c.now); bad != nil {
		return nil, bad
	}

	if few := c.knob.FewURLs; few > 0 {
		n = min(n, few)
	}

	urls := list{}
	for p := first; p < first+n; p++ {
		urls = append(urls, c.s.sign(origin(c.r), http.MethodPut, s3Path(b.Key, in.ObjectKey),
			url.Values{"partNumber": {itoa(p)}, "uploadId": {sess.ID}}, c.now, life))
	}

	return obj{"uploadKey": sess.Key, "uploadExpiration": sess.Expires.UTC().Format(time.RFC3339),
		"urlExpiration": c.now.Add(life).UTC().Format(time.RFC3339), "urls": urls}, nil
}

// usable says why a session cannot go on.
func usable(s *session, bucketKey, key string, now time.Time) *problem {
	switch {
	case s == nil || s.Bucket != bucketKey || s.Object != key:
		return invalid("Invalid uploadKey")
	case s.Done || s.Closed:
		return invalid("The upload of this uploadKey has ended")
	case !now.Before(s.Expires):
		return invalid("The upload of this uploadKey has expired")
	}

	return nil
}

// dropExpired forgets sessions past their time and returns their blobs.
func (m *model) dropExpired(now time.Time) []blob {
	var out []blob
	for key, s := range m.sessions.m {
		if now.Before(s.Expires) {
			continue
		}

		if !s.Done {
			for _, b := range s.parts {
				out = append(out, b)
			}
		}

		m.dropParts(s)
		m.sessions.del(key)
		delete(m.byID, s.ID)
	}

	return out
}

func (m *model) dropParts(s *session) {
	for n := range s.parts {
		m.parts.del(partID(s.Key, n))
	}

	s.parts = map[int]blob{}
}

// completion is the body of a completed upload: single and batch forms alike.
type completion struct {
	ObjectKey          string    `json:"objectKey"`
	UploadKey          string    `json:"uploadKey"`
	Size               *int64    `json:"size"`
	ETags              *[]string `json:"eTags"`
	ContentType        string    `json:"x-ads-meta-Content-Type"`
	ContentDisposition string    `json:"x-ads-meta-Content-Disposition"`
	ContentEncoding    string    `json:"x-ads-meta-Content-Encoding"`
	CacheControl       string    `json:"x-ads-meta-Cache-Control"`
	UserDefined        string    `json:"x-ads-user-defined-metadata"`
}

func (c *call) completeUpload() {
	in := body[completion](c)
	h := c.r.Header
	in.ObjectKey = c.p["object"]
	in.ContentType, in.ContentDisposition = h.Get("x-ads-meta-Content-Type"),
		h.Get("x-ads-meta-Content-Disposition")
	in.ContentEncoding, in.CacheControl = h.Get("x-ads-meta-Content-Encoding"),
		h.Get("x-ads-meta-Cache-Control")
	in.UserDefined = h.Get("x-ads-user-defined-metadata")
	var out obj
	var gone []blob
	c.withBucket(false, true, func(m *model, b *bucket) (bad *problem) {
		out, gone, bad = c.complete(m, b, in, "part")
		if bad != nil && in.UploadKey != "" && c.knob.Facts.DeadKeyInSuccess {
			out, bad = obj{"uploadKey": in.UploadKey, "status": "error", "reason": "InvalidUploadKey"}, nil
		}

		return bad
	})
	c.s.removeBlobs(gone)
	c.ok(out)
}

// complete assembles an object, or says what is wrong with its parts. numberField is what the
// answer calls a part's number.
func (c *call) complete(m *model, b *bucket, in completion, numberField string) (obj, []blob, *problem) {
	if bad := metadataProblem(in.UserDefined); bad != nil {
		return nil, nil, bad
	}

	if in.UploadKey == "" || in.Size != nil && *in.Size < 0 {
		return nil, nil, invalid("uploadKey is missing or size is negative")
	}

	sess := m.sessions.get(in.UploadKey)
	if sess != nil && sess.Done && sess.Bucket == b.Key && sess.Object == in.ObjectKey &&
		!c.knob.SecondCompleteFails {
		if o := m.objects.get(b.Key + "/" + in.ObjectKey); o != nil {
			return c.completed(o), nil, nil
		}
	}

	if bad := usable(sess, b.Key, in.ObjectKey, c.now); bad != nil {
		return nil, nil, bad
	}

	statuses, size, good := checkParts(sess, in, numberField)
	if !good {
		if c.knob.CloseOnFailedCheck {
			sess.Closed = true
			m.sessions.put(sess.Key, sess)
		}

		expected := size
		if in.Size != nil {
			expected = *in.Size
		}

		return obj{"uploadKey": sess.Key, "status": "error", "reason": "MissingOrInvalidParts",
			"size": obj{"expected": expected, "detected": size}, "parts": statuses}, nil, nil
	}

	o := &object{Bucket: b.Key, Key: in.ObjectKey, Size: size,
		ContentType: cmp.Or(in.ContentType, "application/octet-stream"),
		Disposition: in.ContentDisposition,
		Encoding:    in.ContentEncoding, Cache: in.CacheControl, UserDef: in.UserDefined, Created: c.now,
		Modified: c.now, AssembledAt: c.now.Add(c.s.cfg.Assembly)}
	for _, n := range sess.numbers() {
		o.Parts = append(o.Parts, sess.parts[n])
	}

	o.ETag = assembledETag(o.Parts)
	gone := m.putObject(o)
	m.dropParts(sess)
	sess.Done = true
	m.sessions.put(sess.Key, sess)

	return c.completed(o), gone, nil
}

func (c *call) completed(o *object) obj {
	return obj{"bucketKey": o.Bucket, "objectKey": o.Key, "objectId": objectURN(o.Bucket, o.Key),
		"size": o.Size, "contentType": o.ContentType,
		"location": c.url("/oss/v2/buckets/"+o.Bucket+"/objects/"+url.PathEscape(o.Key), nil)}
}

// checkParts compares a session's parts with what the caller expects.
func checkParts(sess *session, in completion, numberField string) (statuses list, size int64, good bool) {
	numbers := sess.numbers()
	last := 0
	if len(numbers) > 0 {
		last = numbers[len(numbers)-1]
	}

	if in.ETags != nil {
		last = max(last, len(*in.ETags))
	} else if len(numbers) > 0 && numbers[len(numbers)-1] != len(numbers) {
		last = len(numbers) // whatever parts exist are assembled
	}

	good = len(numbers) > 0
	statuses = list{}
	for n := 1; n <= last; n++ {
		number := n
		if in.ETags == nil {
			number = numbers[n-1]
		}

		part, ok := sess.parts[number]
		if !ok {
			good = false
			statuses = append(statuses, obj{numberField: number, "status": "Pending"})
			continue
		}

		size += part.Size
		status := "Ok"

		unexpected := in.ETags != nil && (n > len(*in.ETags) || unquote((*in.ETags)[n-1]) != part.MD5)
		small := n < last && part.Size < minPart
		switch {
		case unexpected && small:
			status = "Unexpected+TooSmall"
		case unexpected:
			status = "Unexpected"
		case small:
			status = "TooSmall"
		}

		good = good && status == "Ok"
		statuses = append(statuses, obj{numberField: number, "size": part.Size, "eTag": part.MD5,
			"status": status})
	}

	if in.Size != nil && *in.Size != size {
		good = false
	}

	return statuses, size, good
}

func unquote(etag string) string {
	if len(etag) >= 2 && etag[0] == '"' && etag[len(etag)-1] == '"' {
		return etag[1 : len(etag)-1]
	}

	return etag
}

// assembledETag is the MD5 of the parts' MD5s and their number.
func assembledETag(parts []blob) string {
	h := md5.New()
	for _, p := range parts {
		sum, _ := hex.DecodeString(p.MD5)
		h.Write(sum)
	}

	return fmt.Sprintf("%x-%d", h.Sum(nil), len(parts))
}

// batch runs one step for every request of a batch; a failed one says so in its own result.
func batch[T any](c *call, most int, key func(T) string, write bool,
	step func(*model, *bucket, T) (obj, []blob, *problem)) {
	var in struct {
		Requests []json.RawMessage `json:"requests"`
	}
	c.decode(&in)

	if len(in.Requests) == 0 || len(in.Requests) > most {
		c.refuse(invalid(fmt.Sprintf("requests must hold 1 to %d entries", most)))
		return
	}

	results := obj{}
	var gone []blob
	c.withBucket(false, write, func(m *model, b *bucket) *problem {
		for _, raw := range in.Requests {
			var one T
			if err := json.Unmarshal(raw, &one); err != nil || key(one) == "" {
				return invalid("a request is malformed or has no objectKey")
			}

			out, old, bad := step(m, b, one)
			if bad != nil {
				out = obj{"status": "error", "reason": bad.detail}
			}

			gone = append(gone, old...)
			results[key(one)] = out
		}

		return nil
	})
	c.s.removeBlobs(gone)
	c.ok(obj{"results": results})
}

func (c *call) batchUploadURLs() {
	life := c.uploadMinutes()
	batch(c, 25, func(r urlRequest) string {
		return r.ObjectKey
	}, true, func(m *model, b *bucket, r urlRequest) (obj, []blob, *problem) {
		out, bad := c.openUpload(m, b, r, life)
		return out, nil, bad
	})
}

func (c *call) batchComplete() {
	batch(c, 25, func(r completion) string {
		return r.ObjectKey
	}, true, func(m *model, b *bucket, r completion) (obj, []blob, *problem) {
		out, gone, bad := c.complete(m, b, r, "firstPart")
		if bad == nil && out["status"] == "error" {
			out["size"] = out["size"].(obj)["detected"] // the batch form knows one number only
		}

		return out, gone, bad
	})
}
