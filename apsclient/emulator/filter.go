package emulator

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// filter is one filter[...] parameter: any of values by a comparison.
type filter struct {
	path   []string
	op     string
	values []string
}

var filterOps = []string{"", "-lt", "-le", "-eq", "-ge", "-gt", "-starts", "-ends", "-contains"}

// filters reads all filter parameters. Several mean AND.
func (c *call) filters() (out []filter) {
	for key, vals := range c.q {
		rest, ok := strings.CutPrefix(key, "filter[")
		if !ok {
			continue
		}

		name, op, ok := strings.Cut(rest, "]")
		if !ok || name == "" || !slices.Contains(filterOps, op) {
			c.refuse(invalid(fmt.Sprintf("filter %q is malformed", key)))
			return nil
		}

		f := filter{op: op}
		switch {
		case name == "type" || name == "id":
			f.path = []string{name}
		default:
			f.path = append([]string{"attributes"},
				strings.Split(strings.TrimPrefix(name, "attributes."), ".")...)
		}

		for _, v := range vals {
			f.values = append(f.values, strings.Split(v, ",")...)
		}

		out = append(out, f)
	}

	return out
}

// hasFilter reports whether an attribute is filtered on.
func hasFilter(fs []filter, attribute string) bool {
	return slices.ContainsFunc(fs, func(f filter) bool { return len(f.path) == 2 && f.path[1] == attribute })
}

// matchAll reports whether a resource passes all filters. Comparison is by text and case-sensitive.
func matchAll(fs []filter, resource obj) bool {
	for _, f := range fs {
		got, ok := lookUp(resource, f.path)
		if !ok || !slices.ContainsFunc(f.values, func(want string) bool { return compare(got, f.op, want) }) {
			return false
		}
	}

	return true
}

func lookUp(o obj, path []string) (string, bool) {
	v, ok := o[path[0]]
	if !ok {
		return "", false
	}

	if len(path) == 1 {
		return fmt.Sprint(v), true
	}

	sub, ok := v.(obj)
	if !ok {
		return "", false
	}

	return lookUp(sub, path[1:])
}

func compare(got, op, want string) bool {
	switch op {
	case "-lt":
		return got < want
	case "-le":
		return got <= want
	case "-ge":
		return got >= want
	case "-gt":
		return got > want
	case "-starts":
		return strings.HasPrefix(got, want)
	case "-ends":
		return strings.HasSuffix(got, want)
	case "-contains":
		return strings.Contains(got, want)
	}

	return got == want
}

// page is a window of a JSON:API listing.
type page struct{ number, limit int }

func (c *call) page() page {
	return page{c.number("page[number]", 0, 0, 1<<30), c.number("page[limit]", 200, 1, 200)}
}

// cut is the window's share of n rows, and whether more follow.
func (p page) cut(n int) (from, to int, more bool) {
	from = min(p.number*p.limit, n)
	to = min(from+p.limit, n)
	return from, to, to < n
}

// pageLinks are self, first, prev and next.
func (c *call) pageLinks(p page, more bool) obj {
	at := func(n int) obj {
		q := url.Values{}
		if !c.knob.ShortNextLinks {
			maps.Copy(q, c.q)
		}

		q.Set("page[number]", fmt.Sprint(n))
		if !c.knob.ShortNextLinks {
			q.Set("page[limit]", fmt.Sprint(p.limit))
		}

		return c.link(c.r.URL.EscapedPath() + "?" + q.Encode())
	}
	out := obj{"self": c.link(c.r.URL.RequestURI()), "first": at(0)}
	if p.number > 0 {
		out["prev"] = at(p.number - 1)
	}

	if more {
		out["next"] = at(p.number + 1)
	}

	return out
}
