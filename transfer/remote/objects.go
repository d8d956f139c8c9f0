package remote

import (
	"context"
	"errors"
	"strings"

	"hoist/apsclient"
)

// bucket checks that a bucket is there.
func (r *Resolver) bucket(ctx context.Context, name string) error {
	_, err := r.oss.Buckets.Details(ctx, name)
	if !errors.Is(err, apsclient.ErrNotFound) {
		return err
	}

	nf := &NotFoundError{What: "bucket", Name: name}

	var names []string
	for b, err := range r.oss.Buckets.All(ctx) {
		if err != nil {
			r.log.Debug("list buckets for near matches", "error", err)
			break
		}

		names = append(names, b.Key)
	}

	nf.Near = apsclient.Nearest(name, names)

	return nf
}

// Retention says for how long a bucket keeps objects when that is not for good; "" when it is.
func (r *Resolver) Retention(ctx context.Context, bucket string) (string, error) {
	b, err := r.oss.Buckets.Details(ctx, bucket)

	return map[string]string{"transient": "24 hours", "temporary": "30 days"}[b.Policy], err
}

func (r *Resolver) resolveObject(ctx context.Context, a Address) (Place, error) {
	p := Place{Kind: KindBuckets, Address: a, Bucket: a.Bucket(), Key: a.Key()}
	if p.Bucket == "" {
		return p, nil
	}

	if p.Key == "" {
		p.Kind = KindBucket
		return p, r.bucket(ctx, p.Bucket)
	}

	if !strings.HasSuffix(p.Key, "/") {
		o, err := r.oss.Objects.Details(ctx, apsclient.NewObjectID(p.Bucket, p.Key))
		if err == nil {
			p.Kind, p.Object = KindObject, &o
			return p, nil
		}

		if !errors.Is(err, apsclient.ErrNotFound) {
			return p, err
		}

		p.Key += "/"
	}

	for _, err := range r.oss.Objects.List(ctx, p.Bucket, p.Key) {
		if errors.Is(err, apsclient.ErrNotFound) {
			break
		}

		if err != nil {
			return p, err
		}

		p.Kind = KindPrefix

		return p, nil
	}

	if err := r.bucket(ctx, p.Bucket); err != nil {
		return p, err
	}

	nf := &NotFoundError{What: "object", Name: a.Key(), In: "oss://" + p.Bucket}
	var keys []string
	for o, err := range r.oss.Objects.List(ctx, p.Bucket, "") {
		if err != nil || len(keys) == 1000 {
			break
		}

		keys = append(keys, o.Key)
	}

	nf.Near = apsclient.Nearest(a.Key(), keys)

	return p, nf
}

// FewObjects is how many objects are looked at one by one; beyond, a listing of the prefix costs
// fewer calls.
const FewObjects = 3

// listedPerKey bounds a listing: of a prefix with far more objects than are asked for, looks at
// single ones cost fewer calls.
const listedPerKey = 50

// Objects lists the objects of a bucket whose keys begin with prefix, for a caller that asks for so
// many of them. whole reports whether these were all: a listing that grows out of proportion is
// given up.
func (r *Resolver) Objects(ctx context.Context, bucket, prefix string, keys int,
	each func(apsclient.Object)) (whole bool, err error) {
	listed := 0
	for o, err := range r.oss.Objects.List(ctx, bucket, prefix) {
		if err != nil {
			return false, err
		}

		each(o)

		if listed++; listed > listedPerKey*keys {
			return false, nil
		}
	}

	return true, nil
}

// Object looks at a single object of a bucket; false: it is not there.
func (r *Resolver) Object(ctx context.Context, bucket, key string) (apsclient.Object, bool, error) {
	o, err := r.oss.Objects.Details(ctx, apsclient.NewObjectID(bucket, key))
	if errors.Is(err, apsclient.ErrNotFound) {
		return o, false, nil
	}

	return o, err == nil, err
}
