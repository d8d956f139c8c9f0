package apsclient_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"unicode"

	"hoist/apsclient"
)

// mutation damages one answer: a field dropped or of another type, the end missing, all of it
// wrapped, or bytes around and in it that do not belong there.
func mutation(rnd *rand.Rand, body string) string {
	var v any
	if json.Unmarshal([]byte(body), &v) != nil || rnd.IntN(5) == 0 {
		cut := rnd.IntN(len(body) + 1)
		damaged := []string{body[:cut], "\ufeff" + body, body + "}", body[cut:],
			body[:cut] + "\x00" + body[cut:]}

		return damaged[rnd.IntN(len(damaged))]
	}

	switch rnd.IntN(8) {
	case 0:
		return encoded([]any{v})
	case 1:
		return encoded(map[string]any{[]string{"data", "result", "d", "errors"}[rnd.IntN(4)]: v})
	case 2:
		return encoded(body)
	}

	return encoded(change(rnd, v))
}

func encoded(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}

	return string(raw)
}

// change alters one place of a JSON value.
func change(rnd *rand.Rand, v any) any {
	switch x := v.(type) {
	case map[string]any:
		keys := slices.Sorted(maps.Keys(x))
		if len(keys) == 0 || rnd.IntN(4) == 0 {
			break
		}

		k := keys[rnd.IntN(len(keys))]
		if rnd.IntN(3) == 0 {
			delete(x, k)
		} else {
			x[k] = change(rnd, x[k])
		}

		return x
	case []any:
		if len(x) == 0 || rnd.IntN(4) == 0 {
			break
		}

		i := rnd.IntN(len(x))
		x[i] = change(rnd, x[i])

		return x
	}

	others := []any{nil, 0, -1.5, 1e18, true, "", "text", "12", "\u0000\u001b[31m", []any{}, []any{nil},
		[]any{"text", 1}, map[string]any{}, map[string]any{"id": 1}, strings.Repeat("x", 5000)}

	return others[rnd.IntN(len(others))]
}

// once are the calls that must not be made again after any answer but a refusal before the effect.
var once = []string{"/items", "/versions", "/folders", "/oss/v2/buckets", "/users/import"}

// elementsOf counts what a listing must yield or refuse: the members of its list, without those of
// a type that the client does not know. all is false when there is no list.
func elementsOf(body string) (n int, all bool) {
	var page map[string]json.RawMessage
	if json.Unmarshal([]byte(strings.TrimPrefix(body, "\ufeff")), &page) != nil {
		return 0, false
	}

	var list []json.RawMessage
	if json.Unmarshal(page["data"], &list) != nil || list == nil {
		return 0, false
	}

	for _, raw := range list {
		var e struct {
			Type string `json:"type"`
		}
		if json.Unmarshal(raw, &e) != nil || slices.Contains([]string{"", "folders", "items"}, e.Type) {
			n++
		}
	}

	return n, true
}

// hold reads a damaged answer and says what the client did wrong; "" is nothing.
func (r recorded) hold(t *testing.T) string {
	next, posts := "", 0
	s := r.serve(&next)
	answer := s.answer
	s.answer = func(n int, req *http.Request, body string) (*http.Response, error) {
		if req.Method == http.MethodPost && slices.ContainsFunc(once, func(end string) bool {
			return strings.HasSuffix(req.URL.Path, end)
		}) {
			posts++
		}

		return answer(n, req, body)
	}
	quiet := func(c *apsclient.Config) { c.Logger = slog.New(slog.DiscardHandler) }
	out, err := readerOf(r.file)(t.Context(), newClient(t, s, quiet))

	contents := strings.HasPrefix(r.file, "contents/")
	members, listed := elementsOf(r.body)
	switch {
	case posts > 1 && r.status != http.StatusUnauthorized && r.status != http.StatusTooManyRequests:
		return "a call that must not be made twice was"
	case s.count() > 12:
		return "it does not end"
	case err != nil && len(strings.TrimSpace(err.Error())) < 12:
		return "an error without a reason: " + err.Error()
	case err != nil && (strings.ContainsFunc(err.Error(), unicode.IsControl) || len(err.Error()) > 3000):
		return fmt.Sprintf("a message that is too long or holds control characters: %.200q", err.Error())
	case err != nil || r.status >= 400:
		if err == nil {
			return "a refusal became a success"
		}
	case contents && !listed:
		return "a page without its list was taken for an empty one"
	case contents && len(out)-strings.Count(strings.Join(out, "\n"), "next /") < members:
		return "members of a page got lost: " + strings.Join(out, "; ")
	}

	return ""
}

// TestMutatedAnswers damages the recorded answers in 500 ways, in 20,000 with HOIST_NIGHTLY=1. None
// may make the client panic, hang, repeat a creation or lose a member of a listing, and each error
// says why.
func TestMutatedAnswers(t *testing.T) {
	all := corpus(t)
	n := 500
	if os.Getenv("HOIST_NIGHTLY") == "1" {
		n = 20_000
	}

	for i := range n {
		rnd := rand.New(rand.NewPCG(7, uint64(i)))
		r := all[i%len(all)]
		r.body = mutation(rnd, r.body)
		wrong := ""
		synctest.Test(t, func(t *testing.T) { wrong = r.hold(t) })
		if wrong != "" {
			t.Errorf("%d %s: %s\n%.600s", i, r.file, wrong, r.body)
		}
	}
}

// FuzzAnswers begins with the recorded answers.
func FuzzAnswers(f *testing.F) {
	files := map[string]recorded{}
	for _, r := range corpus(f) {
		files[r.file] = r
		f.Add(r.file, r.status, []byte(r.body))
	}

	f.Fuzz(func(t *testing.T, file string, status int, body []byte) {
		r, known := files[file]
		if !known || status < 200 || status > 599 || bytes.ContainsAny(body, "\x00") {
			t.Skip()
		}

		r.status, r.body = status, string(body)
		synctest.Test(t, func(t *testing.T) {
			if wrong := r.hold(t); wrong != "" {
				t.Error(wrong)
			}
		})
	})
}
