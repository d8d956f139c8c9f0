package apsclient

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Pages performs a list action page by page: it yields each answer, or one error and ends. Of a
// next link only the query is used; scheme, host and path stay. An action without paging yields its
// one answer.
func (c *Client) Pages(ctx context.Context, r Request) iter.Seq2[*Response, error] {
	return func(yield func(*Response, error) bool) {
		r := r
		r.Query = maps.Clone(r.Query)
		a, err := resolveAction(r.Action, r.Variant)
		if err != nil {
			yield(nil, err)
			return
		}

		if a.Paging == PagingHQ {
			r = withHQPage(r)
		}

		seen := map[string]bool{}
		for {
			resp, err := c.Do(ctx, r)
			if err != nil {
				yield(resp, err)
				return
			}

			_, err = elements(a, resp)
			var next url.Values
			more := false
			if err == nil {
				next, more, err = nextQuery(a.Paging, resp, r)
			}

			if err != nil {
				yield(nil, &DecodeError{Op: opName(a), Err: err})
				return
			}

			if !yield(resp, nil) || !more {
				return
			}

			if key := next.Encode(); seen[key] {
				yield(nil, &DecodeError{Op: opName(a),
					Err: errors.New("the next link leads back to a page that was read")})
				return
			} else {
				seen[key] = true
			}

			r = nextRequest(a, r, next)
		}
	}
}

// withHQPage makes limit and offset explicit: the answer is a bare array that only ends by being
// short.
func withHQPage(r Request) Request {
	q := maps.Clone(r.Query)
	if q == nil {
		q = url.Values{}
	}

	params := maps.Clone(r.Params)
	for name, fallback := range map[string]string{"limit": "100", "offset": "0"} {
		if q.Get(name) == "" {
			q.Set(name, fallback)
			if v := params[name]; v != "" {
				q.Set(name, v)
			}
		}

		delete(params, name)
	}

	r.Query, r.Params = q, params

	return r
}

// nextRequest is the request with the query of the next link over its own: a link may hold the page
// key alone.
func nextRequest(a Action, r Request, next url.Values) Request {
	params, query := map[string]string{}, url.Values{}
	for k, v := range r.Params {
		if p, ok := a.param(k); ok && p.In == InQuery {
			query.Set(p.Name, v)
		} else {
			params[k] = v
		}
	}

	maps.Copy(query, r.Query)
	maps.Copy(query, next)
	r.Params, r.Query = params, query

	return r
}

// nextQuery reads where the next page is.
func nextQuery(style Paging, resp *Response, r Request) (next url.Values, more bool, err error) {
	if style == PagingNone || formOf(resp.Body) == formEmpty {
		return nil, false, nil
	}

	if style == PagingHQ {
		var list []json.RawMessage
		if err := json.Unmarshal(trimmed(resp.Body), &list); err != nil {
			return nil, false, err
		}

		limit, _ := strconv.Atoi(r.Query.Get("limit"))
		offset, _ := strconv.Atoi(r.Query.Get("offset"))
		if len(list) == 0 || limit <= 0 || len(list) < limit {
			return nil, false, nil
		}

		next = maps.Clone(r.Query)
		next.Set("offset", strconv.Itoa(offset+limit))

		return next, true, nil
	}

	var page struct {
		Links      json.RawMessage   `json:"links"`
		Next       json.RawMessage   `json:"next"`
		Pagination json.RawMessage   `json:"pagination"`
		Results    []json.RawMessage `json:"results"`
	}
	if err := json.Unmarshal(trimmed(resp.Body), &page); err != nil {
		return nil, false, err
	}

	var links, pagination struct {
		Next    json.RawMessage `json:"next"`
		NextURL json.RawMessage `json:"nextUrl"`
		Total   json.Number     `json:"totalResults"`
	}
	for _, part := range []struct {
		raw  json.RawMessage
		into any
	}{{page.Links, &links}, {page.Pagination, &pagination}} {
		if len(part.raw) == 0 || saysNothing(part.raw) {
			continue
		}

		if err := json.Unmarshal(part.raw, part.into); err != nil {
			return nil, false, err
		}
	}

	href := ""
	for _, raw := range []json.RawMessage{links.Next, page.Next, pagination.NextURL, pagination.Next} {
		href = cmp.Or(href, linkText(raw))
	}

	if href == "" {
		total, _ := pagination.Total.Int64()
		next, more = byOffset(r, len(page.Results), int(total))

		return next, more, nil
	}

	u, err := url.Parse(href)
	if err != nil {
		return nil, false, errors.New("next link is not a URL")
	}

	q, err := url.ParseQuery(u.RawQuery)
	if err != nil || len(q) == 0 {
		return nil, false, errors.New("next link has no query")
	}

	return q, true, nil
}

// byOffset is the next page of a list that counts its elements and gives no link.
func byOffset(r Request, got, total int) (next url.Values, more bool) {
	offset, _ := strconv.Atoi(cmp.Or(r.Query.Get("offset"), r.Params["offset"]))
	if got == 0 || offset+got >= total {
		return nil, false
	}

	return url.Values{"offset": {strconv.Itoa(offset + got)}}, true
}

// linkText reads a link that is a string or an object with href.
func linkText(raw json.RawMessage) string {
	if len(raw) == 0 {
		return ""
	}

	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}

	var l link
	_ = json.Unmarshal(raw, &l)

	return l.Href
}

// fullPages asks for the largest pages, which cost the fewest calls, if the request does not
// say.
func fullPages(r Request) Request {
	a, err := resolveAction(r.Action, r.Variant)
	if err != nil {
		return r
	}

	for _, name := range []string{"limit", "page[limit]"} {
		p, ok := find(a.Params, name)
		if !ok || p.Max == 0 || r.Query.Has(name) || r.Params[name] != "" {
			continue
		}

		r.Query = maps.Clone(r.Query)
		if r.Query == nil {
			r.Query = url.Values{}
		}

		r.Query.Set(name, strconv.FormatInt(p.Max, 10))
	}

	return r
}

// Elements performs a list action to its end, in the largest pages, and yields the elements as
// received, one by one. It stops after an error.
func (c *Client) Elements(ctx context.Context, r Request) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		a, _ := resolveAction(r.Action, r.Variant) // Pages refuses an unknown one
		for resp, err := range c.Pages(ctx, fullPages(r)) {
			if err != nil {
				yield(nil, err)
				return
			}

			list, err := elements(a, resp)
			if err != nil {
				yield(nil, &DecodeError{Op: r.Action, Err: err})
				return
			}

			for _, e := range list {
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}

// listKeys name the list in a page of each style; "" is the page itself.
var listKeys = map[Paging]string{PagingJSONAPI: "data", PagingOSS: "items", PagingHQ: "",
	PagingAdmin: "results", PagingWebhooks: "data"}

// elements finds the list in an answer. A page without its list is none: what is not in it may well
// be there. An object that is no page is its own only element.
func elements(a Action, resp *Response) (list []json.RawMessage, err error) {
	body := trimmed(resp.Body)
	key, paged := listKeys[a.Paging]
	switch {
	case len(body) == 0 && (!paged || resp.Status == http.StatusNoContent):
		return nil, nil
	case len(body) > 0 && body[0] == '[', paged && key == "":
		return list, json.Unmarshal(body, &list)
	}

	var page map[string]json.RawMessage
	if err := json.Unmarshal(body, &page); err != nil {
		return nil, err
	}

	for _, name := range []string{"data", "items", "results", "business_units"} {
		if raw := page[name]; len(raw) > 0 && raw[0] == '[' && (!paged || key == name) {
			return list, json.Unmarshal(raw, &list)
		}
	}

	// Null is a list that is empty, but for JSON:API, where it is no list.
	if paged && key != "" && string(page[key]) == "null" && !dataFamily(a.Path) {
		return nil, nil
	}

	if paged || strings.HasPrefix(a.Name, "list-") && dataFamily(a.Path) {
		return nil, errors.New("a page without its list")
	}

	return []json.RawMessage{body}, nil
}

// listOf yields what decode makes of each page.
func listOf[T any](ctx context.Context, c *Client, r Request, decode func([]byte) ([]T, error)) iter.Seq2[T,
	error] {
	return func(yield func(T, error) bool) {
		var zero T
		for resp, err := range c.Pages(ctx, fullPages(r)) {
			if err != nil {
				yield(zero, err)
				return
			}

			var list []T
			if len(bytes.TrimSpace(resp.Body)) > 0 {
				if list, err = decode(resp.Body); err != nil {
					yield(zero, &DecodeError{Op: r.Action, Err: err})
					return
				}
			}

			for _, v := range list {
				if !yield(v, nil) {
					return
				}
			}
		}
	}
}

// call performs r and decodes the answer into a T.
func call[T any](ctx context.Context, c *Client, r Request) (T, error) {
	resp, err := c.Do(ctx, r)
	if err != nil {
		var none T
		return none, err
	}

	return decoded[T](r, resp)
}

func decoded[T any](r Request, resp *Response) (out T, _ error) {
	if err := json.Unmarshal(resp.Body, &out); err != nil {
		return out, &DecodeError{Op: r.Action, Err: fmt.Errorf("status %d: %w", resp.Status, err)}
	}

	return out, nil
}

// jsonBody is the body of a typed call; the shapes are ours and always marshal.
func jsonBody(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("apsclient: body does not marshal: " + err.Error())
	}

	return b
}
