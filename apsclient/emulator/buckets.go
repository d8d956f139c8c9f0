package emulator

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// form is a pattern that is compiled when it is first asked for: a count of 100 weighs, and the
// emulator is part of every start of hoist.
func form(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

var (
	bucketForm = form(`^[-_.a-z0-9]{3,128}$`)
	regions    = []string{"US", "EMEA", "AUS", "APAC", "CAN", "DEU", "IND", "JPN", "GBR"}
	policies   = []string{"transient", "temporary", "persistent"}
)

// bucketRest is how long a deleted bucket's key stays blocked; the documentation is silent.
const bucketRest = 10 * time.Minute

func ossRoutes() []route {
	row := func(op, method, pattern string, h func(*call), scopes ...string) route {
		return route{op: op, method: method, pattern: "/oss/v2" + pattern, family: famOSS, scopes: scopes,
			class: "oss", perMinute: 1000, user: appOnly, handle: h}
	}
	get, post, del := http.MethodGet, http.MethodPost, http.MethodDelete
	const objects, object = "/buckets/{bucket}/objects", "/buckets/{bucket}/objects/{object}"

	return []route{
		row("create-bucket", post, "/buckets", (*call).createBucket, "bucket:create"),
		row("list-buckets", get, "/buckets", (*call).listBuckets, "bucket:read"),
		row("get-bucket-details", get, "/buckets/{bucket}/details", (*call).bucketDetails, "bucket:read"),
		row("delete-bucket", del, "/buckets/{bucket}", (*call).deleteBucket, "bucket:delete"),
		row("list-bucket-objects", get, objects, (*call).listObjects, "data:read"),
		row("batch-signed-s3-upload", post, objects+"/batchsigneds3upload", (*call).batchUploadURLs,
			"data:write", "data:create"),
		row("batch-complete-upload", post, objects+"/batchcompleteupload", (*call).batchComplete,
			"data:write", "data:create"),
		row("batch-signed-s3-download", post, objects+"/batchsigneds3download", (*call).batchDownloadURLs,
			"data:read"),
		row("get-object-details", get, object+"/details", (*call).objectDetails, "data:read"),
		row("delete-object", del, object, (*call).deleteObject, "data:write"),
		row("get-signed-s3-upload-urls", get, object+"/signeds3upload", (*call).uploadURLs, "data:write",
			"data:create"),
		row("signed-s3-upload", post, object+"/signeds3upload", (*call).completeUpload, "data:write",
			"data:create"),
		row("get-signed-s3-download-url", get, object+"/signeds3download", (*call).downloadURL, "data:read"),
	}
}

func (c *call) createBucket() {
	in := body[struct {
		BucketKey string `json:"bucketKey"`
		PolicyKey string `json:"policyKey"`
		Allow     []struct {
			AuthID string `json:"authId"`
			Access string `json:"access"`
		} `json:"allow"`
	}](c)
	region := cmp.Or(c.r.Header.Get("x-ads-region"), c.r.Header.Get("region"), "US")

	allow := map[string]string{}
	for _, a := range in.Allow {
		if a.AuthID == "" || !slices.Contains([]string{"full", "read", "write"}, a.Access) {
			c.refuse(invalid("allow holds an entry without authId or with an unknown access"))
		}

		allow[a.AuthID] = a.Access
	}

	switch {
	case !bucketForm().MatchString(in.BucketKey):
		c.refuse(badBucketKey)
	case !slices.Contains(policies, in.PolicyKey):
		c.refuse(invalid("Valid field 'policyKey' must be one of transient, temporary, persistent"))
	case !slices.Contains(regions, region):
		c.refuse(badRegion)
	case len(allow) > 59:
		c.refuse(invalid("allow holds more than 59 applications"))
	}

	switch {
	case c.knob.Facts.IgnoreRegion:
		region = "US"
	case region == "APAC":
		region = "AUS"
	}

	b := &bucket{Key: in.BucketKey, Owner: c.tok.Client, Region: region, Policy: in.PolicyKey, Allow: allow,
		Created: c.now}
	c.inWorld(func(m *model) *problem {
		if old := m.buckets.get(b.Key); old != nil && (old.DeletedAt.IsZero() || old.resting(c.now)) {
			return conflict("Bucket already exists")
		}

		m.buckets.put(b.Key, b)

		return nil
	})
	c.ok(bucketBody(b))
}

// resting reports whether the bucket was deleted a moment ago, so that its key cannot be used yet.
func (b *bucket) resting(now time.Time) bool {
	return !b.DeletedAt.IsZero() && now.Sub(b.DeletedAt) < bucketRest
}

func bucketBody(b *bucket) obj {
	permissions := list{obj{"authId": b.Owner, "access": "full"}}
	for _, id := range slices.Sorted(maps.Keys(b.Allow)) {
		access := "read"
		if b.Allow[id] != "read" {
			access = "full"
		}

		permissions = append(permissions, obj{"authId": id, "access": access})
	}

	return obj{"bucketKey": b.Key, "bucketOwner": b.Owner, "createdDate": b.Created.UnixMilli(),
		"permissions": permissions, "policyKey": b.Policy}
}

// ossPage reads limit and startAt.
func (c *call) ossPage() (limit int, startAt string) {
	return c.number("limit", 10, 1, 100), c.q.Get("startAt")
}

func (c *call) next(key string) string {
	q := url.Values{}
	maps.Copy(q, c.q)
	q.Set("startAt", key)

	return c.url(c.r.URL.EscapedPath(), q)
}

func (c *call) listBuckets() {
	limit, startAt := c.ossPage()
	region := cmp.Or(c.q.Get("region"), "US")

	if !slices.Contains(regions, region) {
		c.refuse(badRegion)
	}

	items, out := list{}, obj{}
	c.s.read(func(m *model) {
		for _, k := range slices.Sorted(maps.Keys(m.buckets.m)) {
			b := m.buckets.get(k)
			if b.Owner != c.tok.Client || !b.DeletedAt.IsZero() || b.Region != region || k <= startAt {
				continue
			}

			if len(items) == limit {
				out["next"] = c.next(items[limit-1].(obj)["bucketKey"].(string))
				break
			}

			items = append(items, obj{"bucketKey": k, "createdDate": b.Created.UnixMilli(),
				"policyKey": b.Policy})
		}
	})
	out["items"] = items
	c.ok(out)
}

// withBucket runs fn with the path's bucket when the application may: own and full cover every
// right, read only reading.
func (c *call) withBucket(ownerOnly, write bool, fn func(*model, *bucket) *problem) {
	c.inWorld(func(m *model) *problem {
		b := m.buckets.get(c.p["bucket"])
		switch {
		case !bucketForm().MatchString(c.p["bucket"]):
			return badBucketKey
		case b == nil || !b.DeletedAt.IsZero():
			return missing("Bucket not found")
		case b.Owner == c.tok.Client, b.Owner == storeOwner && !ownerOnly:
		case ownerOnly || b.Allow[c.tok.Client] == "" || write && b.Allow[c.tok.Client] == "read":
			return forbidden("Access denied to the bucket")
		}

		return fn(m, b)
	})
}

var badBucketKey = invalid("Valid field 'bucketKey' must be of the form  [-_.a-z0-9]{3,128}")

var badRegion = invalid("Invalid region")

func (c *call) bucketDetails() {
	var out obj
	c.withBucket(true, false, func(_ *model, b *bucket) *problem {
		out = bucketBody(b)
		return nil
	})
	c.ok(out)
}

func (c *call) deleteBucket() {
	var blobs []blob
	c.inWorld(func(m *model) *problem {
		if b := m.buckets.get(c.p["bucket"]); b != nil && b.Owner == c.tok.Client && b.resting(c.now) {
			return conflict("Bucket is already marked for deletion")
		}

		return nil
	})
	c.withBucket(true, true, func(m *model, b *bucket) *problem {
		if b.Protected {
			return forbidden("Bucket is protected")
		}

		for _, key := range slices.Clone(m.keys[b.Key]) {
			blobs = append(blobs, m.dropObject(b.Key, key)...)
		}

		b.DeletedAt = c.now
		m.buckets.put(b.Key, b)

		return nil
	})
	c.s.removeBlobs(blobs)
	c.empty(http.StatusOK)
}

// putObject stores an object and keeps its bucket's keys sorted. It returns the blobs that nothing
// refers to any more.
func (m *model) putObject(o *object) []blob {
	old := m.dropObject(o.Bucket, o.Key)
	keys := m.keys[o.Bucket]
	at, _ := slices.BinarySearch(keys, o.Key)
	m.keys[o.Bucket] = slices.Insert(keys, at, o.Key)
	m.objects.put(o.Bucket+"/"+o.Key, o)

	return old
}

// dropObject removes an object and returns the blobs that nothing refers to any more.
func (m *model) dropObject(bucketKey, key string) []blob {
	o := m.objects.get(bucketKey + "/" + key)
	if o == nil {
		return nil
	}

	m.objects.del(bucketKey + "/" + key)
	if at, ok := slices.BinarySearch(m.keys[bucketKey], key); ok {
		m.keys[bucketKey] = slices.Delete(m.keys[bucketKey], at, at+1)
	}

	for _, other := range m.objects.m {
		if len(other.Parts) > 0 && len(o.Parts) > 0 && other.Parts[0].File == o.Parts[0].File &&
			other.Parts[0].File != "" {
			return nil // the same bytes under another name
		}
	}

	return o.Parts
}

func (c *call) listObjects() {
	limit, startAt := c.ossPage()
	var found []*object
	out := obj{}
	c.withBucket(true, false, func(m *model, b *bucket) *problem {
		prefix := c.q.Get("beginsWith")
		keys := m.keys[b.Key]
		from, exact := slices.BinarySearch(keys, max(startAt, prefix))
		if exact && startAt >= prefix && startAt != "" {
			from++
		}

		for _, k := range keys[from:] {
			if !strings.HasPrefix(k, prefix) {
				break
			}

			if len(found) == limit {
				out["next"] = c.next(found[limit-1].Key)
				break
			}

			found = append(found, m.objects.get(b.Key+"/"+k))
		}

		return nil
	})

	items := list{}
	for _, o := range found {
		items = append(items, c.objectBody(o))
	}

	out["items"] = items
	c.ok(out)
}

// objectBody is an object without its type: what listings hold.
func (c *call) objectBody(o *object) obj {
	out := obj{"bucketKey": o.Bucket, "objectKey": o.Key, "objectId": objectURN(o.Bucket, o.Key),
		"size":     o.Size,
		"location": c.url("/oss/v2/buckets/"+o.Bucket+"/objects/"+url.PathEscape(o.Key), nil)}
	if sum := c.s.sha1(o, c.now, c.knob); sum != "" {
		out["sha1"] = sum
	}

	return out
}

var noObject = missing("Object not found")

func (c *call) objectDetails() {
	with := c.q["with"]
	for _, w := range with {
		if !slices.Contains([]string{"createdDate", "lastAccessedDate", "lastModifiedDate",
			"userDefinedMetadata"}, w) {
			c.refuse(invalid("Invalid value of parameter with"))
		}
	}

	var o *object
	c.withObject(func(_ *model, found *object) { o = found })
	if c.over {
		return
	}

	out := c.objectBody(o)
	out["contentType"] = o.ContentType
	for _, w := range with {
		switch w {
		case "createdDate":
			out[w] = o.Created.UnixMilli()
		case "lastModifiedDate", "lastAccessedDate":
			out[w] = o.Modified.UnixMilli()
		case "userDefinedMetadata":
			if o.UserDef != "" {
				out[w] = o.UserDef
			}
		}
	}

	c.ok(out)
}

// withObject runs fn with the path's object.
func (c *call) withObject(fn func(*model, *object)) {
	write := c.r.Method != http.MethodGet
	c.withBucket(write, write, func(m *model, b *bucket) *problem {
		o := m.objects.get(b.Key + "/" + c.p["object"])
		if o == nil {
			return noObject
		}

		fn(m, o)

		return nil
	})
}

func (c *call) deleteObject() {
	var blobs []blob
	c.withObject(func(m *model, o *object) { blobs = m.dropObject(o.Bucket, o.Key) })
	c.s.removeBlobs(blobs)
	c.empty(http.StatusOK)
}

// metadataProblem checks user-defined metadata: a JSON object under 100 bytes.
func metadataProblem(raw string) *problem {
	var o map[string]any
	if raw != "" && (len(raw) >= 100 || json.Unmarshal([]byte(raw), &o) != nil) {
		return invalid("x-ads-user-defined-metadata must be a JSON object of less than 100 bytes")
	}

	return nil
}
