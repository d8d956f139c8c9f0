package emulator

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"sort"
	"strings"
	"time"
)

var (
	bucketForm = regexp.MustCompile(`^[-_.a-z0-9]{3,128}$`)
	regions    = []string{"US", "EMEA", "AUS", "APAC", "CAN", "DEU", "IND", "JPN", "GBR"}
	policies   = []string{"transient", "temporary", "persistent"}
)

// bucketRest is how long a deleted bucket's key stays blocked. The service does not tell.
const bucketRest = 10 * time.Minute

func ossRoutes() []route {
	row := func(op, method, pattern string, h func(*call), scopes ...string) route {
		return route{op: op, method: method, pattern: "/oss/v2" + pattern, family: famOSS, scopes: scopes,
			class: "oss", perMinute: 1000, user: appOnly, handle: h}
	}
	get, post, del := http.MethodGet, http.MethodPost, http.MethodDelete
	const objects, object = "/buckets/{bucket}/objects", "/buckets/{bucket}/objects/{object}"
	rows := []route{
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

	return append(rows, route{op: "signed-resource", method: get, pattern: "/oss/v2/signedresources/{hash}",
		family: famOSS, user: noToken, handle: (*call).signedResource})
}

func (c *call) createBucket() {
	var in struct {
		BucketKey string `json:"bucketKey"`
		PolicyKey string `json:"policyKey"`
		Allow     []struct {
			AuthID string `json:"authId"`
			Access string `json:"access"`
		} `json:"allow"`
	}
	if !c.decode(&in) {
		return
	}

	region := c.r.Header.Get("x-ads-region")
	if region == "" {
		region = c.r.Header.Get("region")
	}

	if region == "" {
		region = "US"
	}

	allow := map[string]string{}
	for _, a := range in.Allow {
		if a.AuthID == "" || !slices.Contains([]string{"full", "read", "write"}, a.Access) {
			c.fail(http.StatusBadRequest, "BAD_INPUT",
				"allow holds an entry without authId or with an unknown access")
			return
		}

		allow[a.AuthID] = a.Access
	}

	switch {
	case !bucketForm.MatchString(in.BucketKey):
		c.fail(http.StatusBadRequest, "BAD_INPUT",
			"Valid field 'bucketKey' must be of the form  [-_.a-z0-9]{3,128}")
		return
	case !slices.Contains(policies, in.PolicyKey):
		c.fail(http.StatusBadRequest, "BAD_INPUT",
			"Valid field 'policyKey' must be one of transient, temporary, persistent")
		return
	case !slices.Contains(regions, region):
		c.fail(http.StatusBadRequest, "BAD_INPUT", "Invalid region")
		return
	case len(allow) > 59:
		c.fail(http.StatusBadRequest, "BAD_INPUT", "allow holds more than 59 applications")
		return
	}

	if region == "APAC" {
		region = "AUS"
	}

	var b *bucket
	c.s.update(func(m *model) {
		if old := m.buckets.get(in.BucketKey); old != nil &&
			(old.DeletedAt.IsZero() || c.now.Sub(old.DeletedAt) < bucketRest) {
			return
		}

		b = &bucket{Key: in.BucketKey, Owner: c.tok.Client, Region: region, Policy: in.PolicyKey,
			Allow: allow, Created: c.now}
		m.buckets.put(b.Key, b)
	})
	if b == nil {
		c.fail(http.StatusConflict, "CONFLICT", "Bucket already exists")
		return
	}

	c.json(http.StatusOK, bucketBody(b))
}

func bucketBody(b *bucket) obj {
	permissions := list{obj{"authId": b.Owner, "access": "full"}}
	for _, id := range slices.Sorted(func(yield func(string) bool) {
		for id := range b.Allow {
			if !yield(id) {
				return
			}
		}
	}) {
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
func (c *call) ossPage() (limit int, startAt string, ok bool) {
	limit, ok = c.number("limit", 10, 1, 100)
	return limit, c.q.Get("startAt"), ok
}

func (c *call) next(key string) string {
	q := url.Values{}
	maps.Copy(q, c.q)
	q.Set("startAt", key)

	return c.url(c.r.URL.EscapedPath(), q)
}

func (c *call) listBuckets() {
	limit, startAt, ok := c.ossPage()
	if !ok {
		return
	}

	region := c.q.Get("region")
	if region == "" {
		region = "US"
	}

	if !slices.Contains(regions, region) {
		c.fail(http.StatusBadRequest, "BAD_INPUT", "Invalid region")
		return
	}

	items, out := list{}, obj{}
	c.s.read(func(m *model) {
		keys := make([]string, 0, len(m.buckets.m))
		for k, b := range m.buckets.m {
			if b.Owner == c.tok.Client && b.DeletedAt.IsZero() && b.Region == region && k > startAt {
				keys = append(keys, k)
			}
		}

		sort.Strings(keys)

		for i, k := range keys {
			if i == limit {
				out["next"] = c.next(keys[i-1])
				break
			}

			b := m.buckets.get(k)
			items = append(items, obj{"bucketKey": b.Key, "createdDate": b.Created.UnixMilli(),
				"policyKey": b.Policy})
		}
	})
	out["items"] = items
	c.json(http.StatusOK, out)
}

// withBucket runs fn with the path's bucket when the application may: own and full cover every
// right, read only reading.
func (c *call) withBucket(ownerOnly, write bool, fn func(*model, *bucket) *problem) bool {
	var bad *problem
	c.s.update(func(m *model) {
		b := m.buckets.get(c.p["bucket"])
		switch {
		case !bucketForm.MatchString(c.p["bucket"]):
			bad = &problem{http.StatusBadRequest, "BAD_INPUT",
				"Valid field 'bucketKey' must be of the form  [-_.a-z0-9]{3,128}"}
		case b == nil || !b.DeletedAt.IsZero():
			bad = &problem{http.StatusNotFound, "NOT_FOUND", "Bucket not found"}
		case b.Owner == c.tok.Client:
			bad = fn(m, b)
		case b.Key == wipBucket && !ownerOnly:
			bad = fn(m, b)
		case ownerOnly || b.Allow[c.tok.Client] == "" || write && b.Allow[c.tok.Client] == "read":
			bad = &problem{http.StatusForbidden, "FORBIDDEN", "Access denied to the bucket"}
		default:
			bad = fn(m, b)
		}
	})
	if bad != nil {
		c.fail(bad.status, bad.code, bad.detail)
	}

	return bad == nil
}

func (c *call) bucketDetails() {
	var out obj
	if c.withBucket(true, false, func(_ *model, b *bucket) *problem {
		out = bucketBody(b)
		return nil
	}) {
		c.json(http.StatusOK, out)
	}
}

func (c *call) deleteBucket() {
	var blobs []blob
	var marked bool
	c.s.read(func(m *model) {
		b := m.buckets.get(c.p["bucket"])
		marked = b != nil && b.Owner == c.tok.Client && !b.DeletedAt.IsZero() &&
			c.now.Sub(b.DeletedAt) < bucketRest
	})
	if marked {
		c.fail(http.StatusConflict, "CONFLICT", "Bucket is already marked for deletion")
		return
	}

	if c.withBucket(true, true, func(m *model, b *bucket) *problem {
		for _, key := range slices.Clone(m.keys[b.Key]) {
			blobs = append(blobs, m.dropObject(b.Key, key)...)
		}

		b.DeletedAt = c.now
		m.buckets.put(b.Key, b)

		return nil
	}) {
		c.s.removeBlobs(blobs)
		c.empty(http.StatusOK)
	}
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
	limit, startAt, ok := c.ossPage()
	if !ok {
		return
	}

	var found []*object
	out := obj{}
	if !c.withBucket(true, false, func(m *model, b *bucket) *problem {
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
	}) {
		return
	}

	items := list{}
	for _, o := range found {
		items = append(items, c.objectBody(o))
	}

	out["items"] = items
	c.json(http.StatusOK, out)
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

var noObject = &problem{http.StatusNotFound, "NOT_FOUND", "Object not found"}

func (c *call) objectDetails() {
	with := c.q["with"]
	for _, w := range with {
		if !slices.Contains([]string{"createdDate", "lastAccessedDate", "lastModifiedDate",
			"userDefinedMetadata"}, w) {
			c.fail(http.StatusBadRequest, "BAD_INPUT", "Invalid value of parameter with")
			return
		}
	}

	var o *object
	if !c.withBucket(false, false, func(m *model, b *bucket) *problem {
		if o = m.objects.get(b.Key + "/" + c.p["object"]); o == nil {
			return noObject
		}

		return nil
	}) {
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

	c.json(http.StatusOK, out)
}

func (c *call) deleteObject() {
	var blobs []blob
	if c.withBucket(true, true, func(m *model, b *bucket) *problem {
		if m.objects.get(b.Key+"/"+c.p["object"]) == nil {
			return noObject
		}

		blobs = m.dropObject(b.Key, c.p["object"])

		return nil
	}) {
		c.s.removeBlobs(blobs)
		c.empty(http.StatusOK)
	}
}

// metadataProblem checks user-defined metadata: a JSON object under 100 bytes.
func metadataProblem(raw string) *problem {
	var o map[string]any
	if raw != "" && (len(raw) >= 100 || json.Unmarshal([]byte(raw), &o) != nil) {
		return &problem{http.StatusBadRequest, "BAD_INPUT",
			"x-ads-user-defined-metadata must be a JSON object of less than 100 bytes"}
	}

	return nil
}
