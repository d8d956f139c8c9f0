package apsclient

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

type (
	// BucketsService are the calls on buckets of the application.
	BucketsService struct{ c *Client }
	// ObjectsService are the calls on objects: signed URLs, completion, details.
	ObjectsService struct{ c *Client }
)

type wireBucket struct {
	Key     string    `json:"bucketKey"`
	Owner   string    `json:"bucketOwner"`
	Policy  string    `json:"policyKey"`
	Created looseTime `json:"createdDate"`
}

func (b wireBucket) bucket() Bucket {
	return Bucket{Key: b.Key, Owner: b.Owner, Policy: b.Policy, Created: b.Created.Time}
}

// List yields the application's buckets of one region ("": the configured one, else US).
// GET /oss/v2/buckets; bucket:read; acts as the application; 1000 a minute over all OSS calls.
func (s *BucketsService) List(ctx context.Context, region string) iter.Seq2[Bucket, error] {
	r := Request{Action: "list-buckets"}
	if region != "" {
		r.Query = url.Values{"region": {region}}
	}

	return listOf(ctx, s.c, r, func(body []byte) ([]Bucket, error) {
		var page struct {
			Items []wireBucket `json:"items"`
		}

		err := json.Unmarshal(body, &page)
		out := make([]Bucket, 0, len(page.Items))
		for _, b := range page.Items {
			out = append(out, b.bucket())
		}

		return out, err
	})
}

// All yields the application's buckets of every region, each once. A region that the service does
// not know is passed over; one that cannot be asked is an error after the others.
func (s *BucketsService) All(ctx context.Context) iter.Seq2[Bucket, error] {
	return func(yield func(Bucket, error) bool) {
		seen := map[string]bool{}
		var failed []error
		for i, region := range regions {
			for b, err := range s.List(ctx, region) {
				switch {
				case err == nil && seen[b.Key]:
				case err == nil:
					seen[b.Key] = true
					if !yield(b, nil) {
						return
					}
				case i > 0 && errors.Is(err, ErrBadRequest):
				case i == 0 && !errors.Is(err, ErrUnavailable), ctx.Err() != nil: // so it would go in each
					yield(Bucket{}, err)
					return
				default:
					failed = append(failed, fmt.Errorf("buckets in %s: %w", region, err))
				}
			}
		}

		if len(failed) > 0 {
			yield(Bucket{}, errors.Join(failed...))
		}
	}
}

// Details returns a bucket; 403 when another application owns it. GET
// /oss/v2/buckets/{bucketKey}/details; bucket:read.
func (s *BucketsService) Details(ctx context.Context, key string) (Bucket, error) {
	b, err := call[wireBucket](ctx, s.c,
		Request{Action: "get-bucket-details", Params: map[string]string{"bucketKey": key}})
	return b.bucket(), err
}

// Create makes a bucket. policy is transient (24 h), temporary (30 days) or persistent; region ""
// is the configured one, else US. POST /oss/v2/buckets; bucket:create; not idempotent: on 409 look
// whether it is ours.
func (s *BucketsService) Create(ctx context.Context, key, policy, region string) (Bucket, error) {
	r := Request{Action: "create-bucket", Body: jsonBody(m{"bucketKey": key, "policyKey": policy})}
	if region != "" {
		r.Params = map[string]string{"x-ads-region": region}
	}

	b, err := call[wireBucket](ctx, s.c, r)

	return b.bucket(), err
}

// Delete marks a bucket for deletion, which happens later; the key cannot be used again at once.
// DELETE /oss/v2/buckets/{bucketKey}; bucket:delete.
func (s *BucketsService) Delete(ctx context.Context, key string) error {
	_, err := s.c.Do(ctx, Request{Action: "delete-bucket", Params: map[string]string{"bucketKey": key}})
	return err
}

type wireObject struct {
	Bucket      string          `json:"bucketKey"`
	Key         string          `json:"objectKey"`
	ID          string          `json:"objectId"`
	Size        json.Number     `json:"size"`
	SHA1        string          `json:"sha1"`
	ContentType string          `json:"contentType"`
	Created     looseTime       `json:"createdDate"`
	Modified    looseTime       `json:"lastModifiedDate"`
	Metadata    json.RawMessage `json:"userDefinedMetadata"`
}

// id comes from bucket and key: objectId may hold the key percent-encoded.
func (o wireObject) id() ObjectID {
	if o.Bucket != "" && o.Key != "" {
		return NewObjectID(o.Bucket, o.Key)
	}

	return ObjectID(o.ID)
}

func (o wireObject) object() Object {
	size, err := o.Size.Int64()
	if err != nil {
		size = -1
	}

	out := Object{
		ID: o.id(), Bucket: o.Bucket, Key: o.Key, Size: size, SHA1: strings.ToLower(o.SHA1),
		ContentType: o.ContentType,
		Created:     o.Created.Time, Modified: o.Modified.Time,
	}
	if len(o.Metadata) > 0 && string(o.Metadata) != "null" {
		out.UserMetadata = string(o.Metadata)
		var s string
		if json.Unmarshal(o.Metadata, &s) == nil {
			out.UserMetadata = s
		}
	}

	return out
}

// List yields the objects of a bucket whose keys begin with prefix. GET
// /oss/v2/buckets/{bucketKey}/objects; data:read; owner only.
func (s *ObjectsService) List(ctx context.Context, bucket, prefix string) iter.Seq2[Object, error] {
	r := Request{Action: "list-bucket-objects", Params: map[string]string{"bucketKey": bucket}}
	if prefix != "" {
		r.Query = url.Values{"beginsWith": {prefix}}
	}

	return listOf(ctx, s.c, r, func(body []byte) ([]Object, error) {
		var page struct {
			Items []wireObject `json:"items"`
		}

		err := json.Unmarshal(body, &page)
		out := make([]Object, 0, len(page.Items))
		for _, o := range page.Items {
			out = append(out, o.object())
		}

		return out, err
	})
}

// onObject gives the path parameters of an object.
func onObject(id ObjectID) (map[string]string, error) {
	bucket, key, err := id.Split()
	return map[string]string{"bucketKey": bucket, "objectKey": key}, err
}

// Details returns an object with its size, and its SHA-1 once assembled. GET
// /oss/v2/buckets/{bucketKey}/objects/{objectKey}/details; data:read.
func (s *ObjectsService) Details(ctx context.Context, id ObjectID) (Object, error) {
	p, err := onObject(id)
	if err != nil {
		return Object{}, err
	}

	// The times are only given when asked for, and the metadata of the upload with
	// "userDefinedMetadata".
	o, err := call[wireObject](ctx, s.c, Request{Action: "get-object-details", Params: p,
		Query: url.Values{"with": {"createdDate", "lastModifiedDate", "userDefinedMetadata"}}})

	return o.object(), err
}

type wireURLs struct {
	UploadKey        string      `json:"uploadKey"`
	URLs             []SignedURL `json:"urls"`
	URLExpiration    looseTime   `json:"urlExpiration"`
	UploadExpiration looseTime   `json:"uploadExpiration"`
	Status           string      `json:"status"`
	Reason           string      `json:"reason"`
}

// urls are those of the parts from first on: at most as many as were asked for, at least one. One that
// names another part than its own would store the bytes of one in the place of another.
func (w wireURLs) urls(first, wanted int) (UploadURLs, error) {
	first, wanted = max(1, first), max(1, wanted)
	out := UploadURLs{UploadKey: w.UploadKey, UploadExpires: w.UploadExpiration.Time,
		URLExpires: w.URLExpiration.Time, URLs: w.URLs[:min(len(w.URLs), wanted)]}
	bad := func(format string, args ...any) (UploadURLs, error) {
		return UploadURLs{}, &DecodeError{Op: "get signed S3 upload URLs", Err: fmt.Errorf(format, args...)}
	}
	if w.UploadKey == "" || len(out.URLs) == 0 {
		return bad("asked for %d URLs, got %d", wanted, len(w.URLs))
	}

	for i, u := range out.URLs {
		if n := u.parameter("partNumber"); u == "" || n != "" && n != strconv.Itoa(first+i) {
			return bad("the URL of part %d is that of part %s", first+i, cmp.Or(clean(n), "none"))
		}
	}

	return out, nil
}

// UploadURLs begins an upload or continues that of UploadKey. A repeat without UploadKey begins a
// second upload, which is harmless. GET .../signeds3upload; data:write data:create; acts as the
// application; at most 25 URLs a call, and perhaps fewer than were asked for.
func (s *ObjectsService) UploadURLs(ctx context.Context, id ObjectID, r UploadURLsRequest) (UploadURLs,
	error) {
	p, err := onObject(id)
	if err != nil {
		return UploadURLs{}, err
	}

	q := url.Values{"useAcceleration": {strconv.FormatBool(r.Acceleration)}}
	if r.Parts > 0 {
		q.Set("parts", strconv.Itoa(r.Parts))
	}

	if r.FirstPart > 0 {
		q.Set("firstPart", strconv.Itoa(r.FirstPart))
	}

	if r.UploadKey != "" {
		q.Set("uploadKey", r.UploadKey)
	}

	if r.Minutes > 0 {
		q.Set("minutesExpiration", strconv.Itoa(r.Minutes))
	}

	w, err := call[wireURLs](ctx, s.c, Request{Action: "get-signed-s3-upload-urls", Params: p, Query: q})
	if err != nil {
		return UploadURLs{}, err
	}

	return w.urls(r.FirstPart, r.Parts)
}

type wireCompleted struct {
	Status   string          `json:"status"`
	Reason   string          `json:"reason"`
	Bucket   string          `json:"bucketKey"`
	Key      string          `json:"objectKey"`
	ObjectID string          `json:"objectId"`
	Size     json.RawMessage `json:"size"` // a number on success, an object on failure
	Parts    []wirePart      `json:"parts"`
}

type wirePart struct {
	Part      int    `json:"part"`
	FirstPart int    `json:"firstPart"` // the batch form's name
	Size      int64  `json:"size"`
	ETag      string `json:"eTag"`
	Status    string `json:"status"`
}

// failed reports whether the answer says that the object was not made, or not asked for rightly.
func (w wireCompleted) failed() bool {
	return strings.EqualFold(w.Status, "error") || w.Reason != "" && w.ObjectID == ""
}

// result tells success from the failure that is also answered with 200.
func (w wireCompleted) result() (CompletedObject, error) {
	if w.failed() || w.ObjectID == "" {
		e := &PartsError{Reason: w.Reason, Expected: -1, Detected: -1}
		var size struct {
			Expected *int64 `json:"expected"`
			Detected *int64 `json:"detected"`
		}
		if json.Unmarshal(w.Size, &size) == nil {
			if size.Expected != nil {
				e.Expected = *size.Expected
			}

			if size.Detected != nil {
				e.Detected = *size.Detected
			}
		}

		for _, p := range w.Parts {
			e.Parts = append(e.Parts, PartStatus{Part: max(p.Part, p.FirstPart), Size: p.Size, ETag: p.ETag,
				Status: p.Status})
		}

		if w.Status == "" && w.Reason == "" && len(w.Parts) == 0 {
			return CompletedObject{}, &DecodeError{Op: "signed S3 upload",
				Err: errors.New("neither an object id nor a failure")}
		}

		return CompletedObject{}, e
	}

	out := CompletedObject{Size: -1, ID: wireObject{ID: w.ObjectID, Bucket: w.Bucket, Key: w.Key}.id()}
	_ = json.Unmarshal(w.Size, &out.Size)

	return out, nil
}

func completionBody(c Completion) m {
	return m{"uploadKey": c.UploadKey, "size": c.Size, "eTags": c.ETags}
}

// Complete assembles the parts; the service checks size and ETags. A refusal of the parts, which
// comes with status 200, is a *PartsError. POST .../signeds3upload; data:write data:create; not
// idempotent: after a lost answer look at Details.
func (s *ObjectsService) Complete(ctx context.Context, id ObjectID, c Completion) (CompletedObject, error) {
	p, err := onObject(id)
	if err != nil {
		return CompletedObject{}, err
	}

	r := Request{Action: "signed-s3-upload", Params: p, Body: jsonBody(completionBody(c)),
		Header: http.Header{}}
	if c.UserMetadata != "" {
		r.Header.Set("x-ads-user-defined-metadata", c.UserMetadata)
	}

	if c.ContentType != "" {
		r.Header.Set("x-ads-meta-Content-Type", c.ContentType)
	}

	w, err := call[wireCompleted](ctx, s.c, r)
	if err != nil {
		return CompletedObject{}, err
	}

	return w.result()
}

type wireDownload struct {
	Status string               `json:"status"`
	URL    SignedURL            `json:"url"`
	URLs   map[string]SignedURL `json:"urls"`
	Size   *int64               `json:"size"`
	SHA1   string               `json:"sha1"`
}

// DownloadURL signs a download. GET .../signeds3download; data:read; acts as the application.
func (s *ObjectsService) DownloadURL(ctx context.Context, id ObjectID, r DownloadURLRequest) (Download,
	error) {
	p, err := onObject(id)
	if err != nil {
		return Download{}, err
	}

	q := url.Values{}
	if r.Minutes > 0 {
		q.Set("minutesExpiration", strconv.Itoa(r.Minutes))
	}

	if r.Fallback {
		q.Set("public-resource-fallback", "true")
	}

	w, err := call[wireDownload](ctx, s.c,
		Request{Action: "get-signed-s3-download-url", Params: p, Query: q})
	if err != nil {
		return Download{}, err
	}

	return w.download(), nil
}

func (w wireDownload) download() Download {
	out := Download{Status: w.Status, URL: w.URL, Chunks: w.URLs, Size: -1, SHA1: strings.ToLower(w.SHA1)}
	if w.Size != nil {
		out.Size = *w.Size
	}

	return out
}

// Delete deletes an object of an application's bucket for good; never use it on the storage of ACC
// files. DELETE .../objects/{objectKey}; data:write.
func (s *ObjectsService) Delete(ctx context.Context, id ObjectID) error {
	p, err := onObject(id)
	if err != nil {
		return err
	}

	_, err = s.c.Do(ctx, Request{Action: "delete-object", Params: p})

	return err
}
