package emulator

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// signedResource is an address at which anybody may read or write an object for a while.
type signedResource struct {
	Hash, Bucket, Key, Access string // Access: read, write, readwrite
	Client                    string
	Expires                   time.Time
	Once, Used                bool
}

// signedRoutes are the calls of object storage beside those of transfers: copies, addresses that
// need no token, protection, and what the service retired.
func signedRoutes() []route {
	row := func(op, method, pattern string, h func(*call), scopes ...string) route {
		return route{op: op, method: method, pattern: "/oss/v2" + pattern, family: famOSS, scopes: scopes,
			class: "oss", perMinute: 1000, user: appOnly, handle: h}
	}
	open := func(op, method, pattern string, h func(*call)) route {
		return route{op: op, method: method, pattern: "/oss/v2/signedresources" + pattern, family: famOSS,
			user: noToken, streams: true, handle: h}
	}
	get, post, put := http.MethodGet, http.MethodPost, http.MethodPut

	const object = "/buckets/{bucket}/objects/{object}"
	rows := []route{
		row("copy-object", put, object+"/copyto/{copy}", (*call).copyObject, "data:write", "data:create"),
		row("create-signed-resource", post, object+"/signed", (*call).createSigned, "data:write"),
		row("protect-bucket", post, "/buckets/{bucket}/protect", (*call).protectBucket, "bucket:update"),
		open("signed-resource", get, "/{hash}", (*call).getSigned),
		open("upload-signed-resource", put, "/{hash}", (*call).putSigned),
		open("upload-signed-resource-chunk", put, "/{hash}/resumable", (*call).putSignedChunk),
		open("delete-signed-resource", http.MethodDelete, "/{hash}", (*call).deleteSigned),
	}
	for _, retired := range []route{row("upload-object", put, object, (*call).retired),
		row("upload-object-chunk", put, object+"/resumable", (*call).retired),
		row("get-object", get, object, (*call).retired),
		row("get-upload-status", get, object+"/status/{session}", (*call).retired)} {
		retired.streams = true // whatever comes, nobody looks at it
		rows = append(rows, retired)
	}

	return rows
}

// retired answers for the endpoints that moved bytes through the service itself, until 2022.
func (c *call) retired() {
	c.drain()
	c.refuse(forbidden("Legacy endpoint is deprecated"))
}

func (c *call) copyObject() {
	var to *object
	var gone []blob
	c.withBucket(false, true, func(m *model, b *bucket) *problem {
		from := m.objects.get(b.Key + "/" + c.p["object"])
		if from == nil {
			return noObject
		}

		cp := *from
		cp.Key, cp.Created, cp.Modified = c.p["copy"], c.now, c.now
		to = &cp
		if cp.Key != from.Key {
			gone = m.putObject(to)
		}

		return nil
	})
	if c.over {
		return
	}

	c.s.removeBlobs(gone)
	c.ok(c.storedBody(to))
}

// storedBody is an object as the calls answer that store one.
func (c *call) storedBody(o *object) obj {
	out := c.objectBody(o)
	out["contentType"] = o.ContentType

	return out
}

func (c *call) protectBucket() {
	in := body[struct {
		Protection *bool `json:"protection"`
	}](c)
	if in.Protection == nil {
		c.refuse(invalid("protection is missing"))
	}

	c.withBucket(true, true, func(m *model, b *bucket) *problem {
		b.Protected = *in.Protection
		m.buckets.put(b.Key, b)

		return nil
	})
	if !c.over {
		c.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintf(c.w, "Bucket %s protection set to %t", c.p["bucket"], *in.Protection)
	}
}

func (c *call) createSigned() {
	var in struct {
		Minutes *int `json:"minutesExpiration"`
		Once    bool `json:"singleUse"`
	}
	if len(c.body) > 0 {
		c.decode(&in)
	}

	access := c.q.Get("access")
	if access == "" {
		access = "read"
	}

	minutes := 60
	if in.Minutes != nil {
		minutes = *in.Minutes
	}

	switch access {
	case "Read", "Write", "ReadWrite":
		access = map[string]string{"Read": "read", "Write": "write", "ReadWrite": "readwrite"}[access]
	case "read", "write", "readwrite":
	default:
		c.refuse(invalid("Invalid access"))
	}

	if minutes < 1 || minutes > 60*24*7 {
		c.refuse(invalid("Invalid minutesExpiration"))
	}

	r := &signedResource{Hash: uuid(), Key: c.p["object"], Access: access, Client: c.tok.Client,
		Expires: c.now.Add(time.Duration(minutes) * time.Minute), Once: in.Once}
	c.withBucket(false, access != "read", func(m *model, b *bucket) *problem {
		if access == "read" && m.objects.get(b.Key+"/"+r.Key) == nil {
			return noObject
		}

		r.Bucket = b.Key
		m.resources.put(r.Hash, r)

		return nil
	})
	c.ok(obj{"signedUrl": c.url("/oss/v2/signedresources/"+r.Hash, url.Values{"region": {"US"}}),
		"expiration": r.Expires.UnixMilli(), "singleUse": r.Once})
}

var noSigned = missing("Signed resource not found")

// signed finds the address of the path, if it still allows what is asked. An address for one use is
// used up by it.
func (c *call) signed(allowed ...string) (r signedResource) {
	c.inWorld(func(m *model) *problem {
		found := m.resources.get(c.p["hash"])
		switch {
		case found == nil:
			return noSigned
		case !c.now.Before(found.Expires) || found.Used:
			return forbidden("Signed resource has expired")
		case !slices.Contains(allowed, found.Access):
			return forbidden("The signed resource does not allow this access")
		}

		found.Used = found.Once
		m.resources.put(found.Hash, found)
		r = *found

		return nil
	})

	return r
}

func (c *call) getSigned() {
	var o *object
	known := false
	c.s.read(func(m *model) { known = m.resources.get(c.p["hash"]) != nil })
	if !known {
		c.fallback()
		return
	}

	r := c.signed("read", "readwrite")
	c.inWorld(func(m *model) *problem {
		if o = m.objects.get(r.Bucket + "/" + r.Key); o == nil {
			return noObject
		}

		return nil
	})
	if !c.over {
		c.sendObject(o.Parts, o.Size, o)
	}
}

// receive stores the body of the request; nothing when it was refused.
func (c *call) receive() blob {
	if c.over {
		return blob{}
	}

	b, got, _, err := c.s.storeBlob(c.r.Body, max(c.r.ContentLength, 0), false)
	c.rec.Bytes = got
	if err != nil {
		c.refuse(invalid("the body is shorter than its Content-Length"))
	}

	return b
}

// put stores an object at a signed address and answers it.
func (c *call) put(r signedResource, parts []blob) {
	if c.over {
		return
	}

	o := &object{Bucket: r.Bucket, Key: r.Key, Parts: parts, ETag: assembledETag(parts), Created: c.now,
		Modified: c.now, AssembledAt: c.now, ContentType: c.r.Header.Get("Content-Type"),
		Disposition: c.r.Header.Get("Content-Disposition")}
	if o.ContentType == "" {
		o.ContentType = "application/octet-stream"
	}

	for _, p := range parts {
		o.Size += p.Size
	}

	var gone []blob
	c.inWorld(func(m *model) *problem {
		gone = m.putObject(o)
		return nil
	})
	c.s.removeBlobs(gone)
	c.ok(c.storedBody(o))
}

func (c *call) putSigned() {
	r := c.signed("write", "readwrite")
	c.put(r, []blob{c.receive()})
}

// putSignedChunk takes one chunk of an object; they come in order, and the last one makes the
// object.
func (c *call) putSignedChunk() {
	r := c.signed("write", "readwrite")
	var from, to, size int64

	_, err := fmt.Sscanf(c.r.Header.Get("Content-Range"), "bytes %d-%d/%d", &from, &to, &size)
	id := c.r.Header.Get("Session-Id")
	switch {
	case id == "":
		c.refuse(invalid("Session-Id is missing"))
	case err != nil || from > to || to >= size || to-from+1 != c.r.ContentLength:
		c.refuse(invalid("Content-Range is missing or does not fit"))
	}

	b := c.receive()
	var parts []blob
	c.inWorld(func(m *model) *problem {
		key := "signed " + r.Hash + " " + id
		sess := m.sessions.get(key)
		if sess == nil {
			sess = &session{Key: key, ID: key, Bucket: r.Bucket, Object: r.Key, Client: r.Client,
				Expires: r.Expires, parts: map[int]blob{}}
			m.sessions.put(key, sess)
			m.byID[key] = sess
		}

		have := int64(0)
		for _, n := range sess.numbers() {
			have += sess.parts[n].Size
			parts = append(parts, sess.parts[n])
		}

		if from != have {
			return &problem{http.StatusRequestedRangeNotSatisfiable, "",
				fmt.Sprintf("the next chunk begins at %d", have)}
		}

		n := len(parts) + 1
		parts = append(parts, b)
		if to+1 < size {
			sess.parts[n] = b
			m.parts.put(partID(key, n), &b)

			return nil
		}

		m.dropParts(sess)
		m.sessions.del(key)
		delete(m.byID, key)

		return nil
	})
	if to+1 < size {
		c.json(http.StatusAccepted, obj{"result": "Upload in progress"})
		return
	}

	c.put(r, parts)
}

func (c *call) deleteSigned() {
	c.inWorld(func(m *model) *problem {
		if m.resources.get(c.p["hash"]) == nil {
			return noSigned
		}

		m.resources.del(c.p["hash"])

		return nil
	})
	c.empty(http.StatusOK)
}
