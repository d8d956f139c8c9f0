package emulator

import (
	"net/http"
	"slices"
	"strings"
)

// Odd answers: what a service, or something in front of it, was seen to answer, as knobs ask for.

const portalPage = "<!DOCTYPE html><html><head><title>Sign in to the network</title></head>" +
	"<body><h1>Access is restricted</h1></body></html>"

// portal answers in the service's place and reports whether it did.
func (c *call) portal() bool {
	p := c.knob.Portal
	kind := "api"
	if c.rt != nil && c.rt.family == famS3 {
		kind = "s3"
	} else if c.rt != nil && c.rt.op == "token" {
		kind = "token"
	}

	if p.Status == 0 || p.Only != nil && !slices.Contains(p.Only, kind) {
		return false
	}

	c.over = true
	if p.Status/100 == 3 {
		c.w.Header().Set("Location", "http://portal.test/login")
	}

	if p.Blank {
		c.w.WriteHeader(p.Status)
	} else {
		c.plain(p.Status, "text/html; charset=utf-8", portalPage)
	}

	c.drain()

	return true
}

// oddly is what is answered in the place of v: nil for no body at all.
func (c *call) oddly(v any) any {
	if n := int64(c.knob.CutEvery); n > 0 && c.s.cuts.Add(1)%n == 0 {
		c.cut = true
	}

	n := int64(c.knob.EmptyEvery)
	if n <= 0 || !strings.HasPrefix(c.rt.op, "list-") {
		return v
	}

	turn := c.s.empties.Add(1)
	doc, ok := v.(obj)
	if turn%n != 0 || !ok || doc["data"] == nil {
		return v
	}

	if turn/n%3 != 0 {
		return nil
	}

	doc["data"] = list{}
	delete(doc, "included")
	if links, ok := doc["links"].(obj); ok {
		delete(links, "next")
	}

	return doc
}

// blank answers without a body: by turns with the status it would have had, and with 204.
func (c *call) blank() {
	status := http.StatusOK
	if c.s.empties.Load()/int64(c.knob.EmptyEvery)%3 == 2 {
		status = http.StatusNoContent
	}

	c.empty(status)
}
