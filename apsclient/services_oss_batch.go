package apsclient

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// BatchURLs is the outcome for one object: Err, or the URLs.
type BatchURLs struct {
	UploadURLs
	Err error
}

// BatchCompleted is the outcome for one object: Err (a *PartsError or *Error), or the object.
type BatchCompleted struct {
	CompletedObject
	Err error
}

// BatchDownload is the outcome for one object: Err, or where its content is.
type BatchDownload struct {
	Download
	Err error
}

// MaxBatch is the documented number of objects of one batch call.
const MaxBatch = 25

// BatchUploadURLs is UploadURLs for up to MaxBatch objects of one bucket, by object key. POST
// .../objects/batchsigneds3upload; data:write data:create. Minutes and Acceleration are those of
// the largest request.
func (s *ObjectsService) BatchUploadURLs(ctx context.Context, bucket string,
	reqs map[string]UploadURLsRequest) (map[string]BatchURLs, error) {
	if len(reqs) > MaxBatch {
		return nil, &ParamError{Action: "batch-signed-s3-upload", Param: "requests",
			Problem: fmt.Sprintf("%d objects; at most %d", len(reqs), MaxBatch)}
	}

	minutes, accelerate := 0, false
	var list []m
	for _, key := range slices.Sorted(maps.Keys(reqs)) {
		r := reqs[key]
		minutes, accelerate = max(minutes, r.Minutes), accelerate || r.Acceleration
		one := m{"objectKey": key, "firstPart": max(1, r.FirstPart), "parts": max(1, r.Parts)}
		if r.UploadKey != "" {
			one["uploadKey"] = r.UploadKey
		}

		list = append(list, one)
	}

	q := url.Values{"useAcceleration": {strconv.FormatBool(accelerate)}}
	if minutes > 0 {
		q.Set("minutesExpiration", strconv.Itoa(minutes))
	}

	w, err := batch[struct {
		Results map[string]wireURLs `json:"results"`
	}](ctx, s.c, Request{Action: "batch-signed-s3-upload", Params: map[string]string{"bucketKey": bucket},
		Query: q, Body: jsonBody(m{"requests": list})})
	if err != nil {
		return nil, err
	}

	out := map[string]BatchURLs{}
	for key, r := range reqs {
		x, ok := w.Results[key]
		switch {
		case !ok:
			out[key] = BatchURLs{Err: &DecodeError{Op: "batch signed S3 upload",
				Err: errors.New("no result for this object")}}
		case x.UploadKey == "" && x.Reason != "":
			out[key] = BatchURLs{Err: batchError("batch signed S3 upload", x.Status, x.Reason)}
		default:
			u, err := x.urls(r.FirstPart, r.Parts)
			out[key] = BatchURLs{UploadURLs: u, Err: err}
		}
	}

	return out, nil
}

// batch performs a call about several objects; the outcome of each is in the answer.
func batch[T any](ctx context.Context, c *Client, r Request) (T, error) {
	resp, err := c.Do(ctx, r)
	if _, partly := errors.AsType[*PartialError](err); err != nil && !partly {
		var none T
		return none, err
	}

	return decoded[T](r, resp)
}

// BatchDownloadURLs is DownloadURL for up to MaxBatch objects of one bucket, by object key. POST
// .../objects/batchsigneds3download; data:read; owner only. Minutes are those of the largest request.
func (s *ObjectsService) BatchDownloadURLs(ctx context.Context, bucket string,
	reqs map[string]DownloadURLRequest) (map[string]BatchDownload, error) {
	if len(reqs) > MaxBatch {
		return nil, &ParamError{Action: "batch-signed-s3-download", Param: "requests",
			Problem: fmt.Sprintf("%d objects; at most %d", len(reqs), MaxBatch)}
	}

	minutes, fallback := 0, false
	var list []m
	for _, key := range slices.Sorted(maps.Keys(reqs)) {
		minutes, fallback = max(minutes, reqs[key].Minutes), fallback || reqs[key].Fallback
		list = append(list, m{"objectKey": key})
	}

	q := url.Values{}
	if minutes > 0 {
		q.Set("minutesExpiration", strconv.Itoa(minutes))
	}

	if fallback {
		q.Set("public-resource-fallback", "true")
	}

	type result struct {
		wireDownload
		Reason string `json:"reason"`
	}

	w, err := batch[struct {
		Results map[string]result `json:"results"`
	}](ctx, s.c, Request{Action: "batch-signed-s3-download", Params: map[string]string{"bucketKey": bucket},
		Query: q, Body: jsonBody(m{"requests": list})})
	if err != nil {
		return nil, err
	}

	out := map[string]BatchDownload{}
	for key := range reqs {
		x, ok := w.Results[key]
		switch {
		case !ok:
			out[key] = BatchDownload{Err: &DecodeError{Op: "batch signed S3 download",
				Err: errors.New("no result for this object")}}
		case x.URL == "" && len(x.URLs) == 0:
			out[key] = BatchDownload{Err: batchError("batch signed S3 download", x.Status, x.Reason)}
		default:
			out[key] = BatchDownload{Download: x.download()}
		}
	}

	return out, nil
}

// batchError is the refusal of one object inside a 200; its status, if given, is a text.
func batchError(op, status, reason string) error {
	n, err := strconv.Atoi(status)
	if err != nil || n < 400 {
		n = http.StatusBadRequest
	}

	return &Error{Op: op, Method: http.MethodPost, Status: n, Detail: reason}
}

// BatchComplete is Complete for up to MaxBatch objects of one bucket, by object key. POST
// .../objects/batchcompleteupload; data:write data:create.
func (s *ObjectsService) BatchComplete(ctx context.Context, bucket string,
	reqs map[string]Completion) (map[string]BatchCompleted, error) {
	if len(reqs) > MaxBatch {
		return nil, &ParamError{Action: "batch-complete-upload", Param: "requests",
			Problem: fmt.Sprintf("%d objects; at most %d", len(reqs), MaxBatch)}
	}

	var list []m
	for _, key := range slices.Sorted(maps.Keys(reqs)) {
		c := reqs[key]
		one := completionBody(c)
		one["objectKey"] = key
		if c.UserMetadata != "" {
			one["x-ads-user-defined-metadata"] = c.UserMetadata
		}

		if c.ContentType != "" {
			one["x-ads-meta-Content-Type"] = c.ContentType
		}

		list = append(list, one)
	}

	w, err := batch[struct {
		Results map[string]wireCompleted `json:"results"`
	}](ctx, s.c, Request{Action: "batch-complete-upload", Params: map[string]string{"bucketKey": bucket},
		Body: jsonBody(m{"requests": list})})
	if err != nil {
		return nil, err
	}

	out := map[string]BatchCompleted{}
	for key := range reqs {
		x, ok := w.Results[key]
		if !ok {
			out[key] = BatchCompleted{Err: &DecodeError{Op: "batch complete upload",
				Err: errors.New("no result for this object")}}
			continue
		}

		if n, e := strconv.Atoi(x.Status); e == nil && n >= 400 {
			out[key] = BatchCompleted{Err: batchError("batch complete upload", x.Status, x.Reason)}
			continue
		}

		o, err := x.result()
		out[key] = BatchCompleted{CompletedObject: o, Err: err}
	}

	return out, nil
}
