package emulator

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// hqList answers a bare array: limit 1..100 (default 10), offset, sort (comma list, "-"
// descending), field (comma list).
func (c *call) hqList(rows []obj) {
	limit := c.number("limit", 10, 1, 100)

	offset := c.number("offset", 0, 0, 1<<30)
	var keys []sortKey
	for _, s := range splitList(c.q["sort"]) {
		keys = append(keys, sortKey{strings.TrimPrefix(s, "-"), strings.HasPrefix(s, "-")})
	}

	sortRows(rows, keys)
	c.ok(pick(window(rows, limit, offset), splitList(c.q["field"])))
}

// caPage answers a page of construction/admin: limit default 20, more than 200 is cut, offset, sort
// ("name desc"), fields, filters, filterTextMatch, orFilters. path and the query make the links.
func (c *call) caPage(rows []obj, textFilters ...string) {
	limit := c.number("limit", 20, 1, 1<<30)
	limit = min(limit, 200)
	offset := c.number("offset", 0, 0, 1<<30)
	match := c.q.Get("filterTextMatch")
	if match == "" {
		match = "contains"
	}

	if !slices.Contains([]string{"contains", "startsWith", "endsWith", "equals"}, match) {
		c.refuse(invalid("filterTextMatch must be contains, startsWith, endsWith or equals"))
		return
	}

	rows = c.caFilter(rows, match, textFilters)
	var keys []sortKey
	for _, s := range splitList(c.q["sort"]) {
		name, dir, _ := strings.Cut(strings.TrimSpace(s), " ")
		if dir != "" && dir != "asc" && dir != "desc" {
			c.refuse(invalid("sort must name fields with asc or desc"))
			return
		}

		keys = append(keys, sortKey{name, dir == "desc"})
	}

	sortRows(rows, keys)
	at := func(offset int) string {
		q := url.Values{}
		maps.Copy(q, c.q)
		q.Set("limit", strconv.Itoa(limit))
		q.Set("offset", strconv.Itoa(offset))

		return c.url(c.r.URL.EscapedPath(), q)
	}
	pagination := obj{"limit": limit, "offset": offset, "totalResults": len(rows), "nextUrl": "",
		"previousUrl": ""}
	if offset+limit < len(rows) {
		pagination["nextUrl"] = at(offset + limit)
	}

	if offset > 0 {
		pagination["previousUrl"] = at(max(offset-limit, 0))
	}

	c.ok(obj{"pagination": pagination,
		"results": pick(window(rows, limit, offset), splitList(c.q["fields"]))})
}

func (c *call) caFilter(rows []obj, match string, textFilters []string) []obj {
	type one struct {
		name   string
		values []string
		or     bool
	}

	or := splitList(c.q["orFilters"])
	var all []one
	for key, vals := range c.q {
		if name, ok := strings.CutPrefix(key, "filter["); ok && strings.HasSuffix(name, "]") {
			name = strings.TrimSuffix(name, "]")
			all = append(all, one{name, splitList(vals), slices.Contains(or, name)})
		}
	}

	var out []obj
	for _, r := range rows {
		pass, anyOr, hitOr := true, false, false
		for _, f := range all {
			hit := slices.ContainsFunc(f.values, func(want string) bool {
				how := "equals"
				if slices.Contains(textFilters, f.name) {
					how = match
				}

				return fieldMatches(r, f.name, want, how)
			})
			if f.or {
				anyOr, hitOr = true, hitOr || hit
			} else {
				pass = pass && hit
			}
		}

		if pass && (!anyOr || hitOr) {
			out = append(out, r)
		}
	}

	return out
}

// fieldMatches compares a field, or any member of a list field, with a wanted text.
func fieldMatches(r obj, name, want, how string) bool {
	switch name {
	case "products":
		for _, p := range asList(r["products"]) {
			if o, ok := p.(obj); ok && o["key"] == want {
				return true
			}
		}

		return false
	case "roleId", "roleIds":
		return slices.Contains(asList(r["roleIds"]), any(want))
	case "accessLevels":
		levels, _ := r["accessLevels"].(obj)
		return levels[want] == true
	case "updatedAt", "addedOn": // a range from..to
		from, to, ranged := strings.Cut(want, "..")
		got := fmt.Sprint(r[name])
		if !ranged {
			return strings.HasPrefix(got, want)
		}

		return got >= from && (to == "" || got <= to)
	}

	got, ok := r[name]
	if !ok {
		return false
	}

	a, b := strings.ToLower(fmt.Sprint(got)), strings.ToLower(want)
	switch how {
	case "contains":
		return strings.Contains(a, b)
	case "startsWith":
		return strings.HasPrefix(a, b)
	case "endsWith":
		return strings.HasSuffix(a, b)
	}

	return a == b
}

func asList(v any) list {
	l, _ := v.([]any)
	return l
}

type sortKey struct {
	name string
	down bool
}

func sortRows(rows []obj, keys []sortKey) {
	if len(keys) == 0 {
		return
	}

	slices.SortStableFunc(rows, func(a, b obj) int {
		for _, k := range keys {
			if d := strings.Compare(fmt.Sprint(a[k.name]), fmt.Sprint(b[k.name])); d != 0 {
				if k.down {
					return -d
				}

				return d
			}
		}

		return 0
	})
}

func window(rows []obj, limit, offset int) []obj {
	from := min(offset, len(rows))
	return rows[from:min(from+limit, len(rows))]
}

// pick leaves the named fields and the id; no names: all.
func pick(rows []obj, names []string) list {
	out := list{}
	for _, r := range rows {
		if len(names) > 0 {
			cut := obj{"id": r["id"]}
			for _, n := range names {
				if v, ok := r[n]; ok {
					cut[n] = v
				}
			}

			r = cut
		}

		out = append(out, r)
	}

	return out
}

func splitList(vals []string) []string {
	var out []string
	for _, v := range vals {
		for s := range strings.SplitSeq(v, ",") {
			if s != "" {
				out = append(out, s)
			}
		}
	}

	return out
}

// take copies the text fields of a body that are named. It refuses one of a wrong type, and one
// that is neither named nor among the others.
func take(into, from obj, names []string, others ...string) *problem {
	for n, v := range from {
		switch s, isText := v.(string); {
		case slices.Contains(others, n), v == nil && slices.Contains(names, n):
		case !slices.Contains(names, n):
			return invalid(n + " is not a field here")
		case !isText:
			return invalid(n + " must be text")
		case len(s) > 255:
			return invalid(n + " is longer than 255 characters")
		default:
			into[n] = s
		}
	}

	return nil
}

// searched are the rows that match what the query asks of the named fields: any of them, or all
// with operator=AND.
func (c *call) searched(rows []obj, names ...string) (out []obj) {
	how := "equals"
	if c.boolean("partial", true) {
		how = "contains"
	}

	and := strings.EqualFold(c.q.Get("operator"), "AND")
	for _, r := range rows {
		asked, hits := 0, 0
		for _, name := range names {
			want := c.q.Get(name)
			if want == "" {
				continue
			}

			asked++
			if fieldMatches(r, name, want, how) {
				hits++
			}
		}

		if asked == 0 || hits == asked || hits > 0 && !and {
			out = append(out, r)
		}
	}

	return out
}
