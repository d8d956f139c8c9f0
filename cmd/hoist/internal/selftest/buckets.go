package selftest

import (
	"context"
	"errors"

	"hoist/apsclient"
)

// bucketFacts are about buckets.
var bucketFacts = []fact{
	{"bucket-region", "Is a bucket made in the region that is asked for?", "yes", (*run).bucketRegion},
}

// makeBucket makes the scratch: a bucket, or keys of their own in the bucket of the place.
func (r *run) makeBucket(ctx context.Context) error {
	prefix := ""
	r.bucket = r.Place.Bucket
	if r.bucket == "" {
		r.bucket = r.name
		if err := r.newBucket(ctx, r.name, region(r.Env)); err != nil {
			return err
		}
	} else {
		prefix = r.name + "/"
	}

	r.object = func(_ context.Context, name string) (apsclient.ObjectID, error) {
		return apsclient.NewObjectID(r.bucket, prefix+name), nil
	}

	return nil
}

func (r *run) newBucket(ctx context.Context, key, region string) error {
	r.buckets = append(r.buckets, key) // whatever comes of the call: it may have been made
	_, err := r.Client.Buckets.Create(ctx, key, "transient", region)
	if err == nil {
		r.log("made the bucket " + key)
	}

	return err
}

func (r *run) bucketRegion(ctx context.Context) (seen, note string, err error) {
	other := "EMEA"
	if region(r.Env) == other {
		other = "US"
	}

	key := r.name + "-other"
	if err := r.newBucket(ctx, key, other); err != nil {
		return "", "", err
	}

	for b, err := range r.Client.Buckets.List(ctx, other) {
		if err != nil {
			return "", "", err
		}

		if b.Key == key {
			return "yes", other, nil
		}
	}

	return "no", other, nil
}

// dropBuckets deletes what was stored in a bucket of the user's own, and the buckets that were made
// with all that is in them.
func (r *run) dropBuckets(ctx context.Context) (Result, error) {
	var failed error
	gone := func(err error) {
		if err != nil && !errors.Is(err, apsclient.ErrNotFound) {
			failed = ErrLeft
		}
	}
	if r.Place.Bucket != "" {
		for _, id := range r.stored {
			gone(r.Client.Objects.Delete(ctx, id))
		}
	}

	for _, key := range r.buckets {
		gone(r.Client.Buckets.Delete(ctx, key))
	}

	return Result{}, failed
}
