package control

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/once"
)

// wholeAction is the media type by which [Client] sends a call as package apsclient knows it; the
// answer is then an [Answer]. Any other request is of the plain form.
const wholeAction = "application/vnd.hoist.action+json"

// plainAction is the body of POST /v1/actions/{name}. Values are strings, numbers or booleans; of
// the query also lists of them.
type plainAction struct {
	Variant string                     `json:"variant"`
	Params  map[string]json.RawMessage `json:"params"`
	Query   map[string]json.RawMessage `json:"query"`
	// Body goes to the service as it stands here; a string is its text, for
	// upload-binary-to-signed-s3-url in base64, for upload-file-in-project-folder the path of the
	// file.
	Body json.RawMessage `json:"body"`
	// Strict refuses what is only warned of.
	Strict bool `json:"strict"`
}

// warningHeader holds a warning of [apsclient.Warnings] each time it stands in an answer.
const warningHeader = "X-Hoist-Warning"

// plainValue is the text of a JSON string, number or boolean.
func plainValue(data json.RawMessage) (string, bool) {
	var s string
	if json.Unmarshal(data, &s) != nil {
		s = string(data)
	}

	return s, data[0] != '{' && data[0] != '[' && data[0] != 'n'
}

// request checks a plain call against the registry before anything is sent.
func (p plainAction) request(name string) (apsclient.Request, error) {
	r := apsclient.Request{Action: name, Variant: p.Variant, Params: map[string]string{}, Query: url.Values{}}
	bad := func(param string) error {
		return &apsclient.ParamError{Action: name, Param: param,
			Problem: "is not a string, a number or a boolean"}
	}
	for k, v := range p.Params {
		var ok bool
		if r.Params[k], ok = plainValue(v); !ok {
			return r, bad(k)
		}
	}

	for k, v := range p.Query {
		list := []json.RawMessage{v}
		if v[0] == '[' {
			if err := json.Unmarshal(v, &list); err != nil {
				return r, bad(k)
			}
		}

		for _, v := range list {
			text, ok := plainValue(v)
			if !ok {
				return r, bad(k)
			}

			r.Query.Add(k, text)
		}
	}

	action, _ := apsclient.ActionByName(name)
	var text string
	switch {
	case string(p.Body) == "null":
	case json.Unmarshal(p.Body, &text) != nil:
		r.Body = p.Body
	case action.Body == "bytes" && action.Method != apsclient.MethodComposite:
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return r, &apsclient.ParamError{Action: name, Param: "body", Problem: "takes the bytes in base64"}
		}

		r.Body = data
	default:
		r.Body = []byte(text)
	}

	if err := apsclient.Validate(r); err != nil {
		return r, err
	}

	if warnings := apsclient.Warnings(r); p.Strict && len(warnings) > 0 {
		return r, warnings[0]
	}

	return r, nil
}

// printableASCII leaves in a header what it may hold, and nothing that may end it.
func printableASCII(r rune) rune {
	if r < ' ' || r > '~' {
		return '?'
	}

	return r
}

// action answers POST /v1/actions/{name}.
func (s server) action(w http.ResponseWriter, r *http.Request) {
	name, profile := r.PathValue("name"), r.URL.Query().Get("profile")
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == wholeAction {
		var req apsclient.Request
		if s.read(w, r, &req) {
			req.Action = name
			ctx := WithRemote(r.Context(), r.Header.Get(remoteHeader))
			s.answer(w)(s.api.Action(ctx, profile, req))
		}

		return
	}

	var plain plainAction
	if !s.read(w, r, &plain) {
		return
	}

	req, err := plain.request(name)
	if err != nil {
		s.writeError(w, err)
		return
	}

	for _, warning := range apsclient.Warnings(req) {
		w.Header().Add(warningHeader, strings.Map(printableASCII, warning.Error()))
	}

	if action, _ := apsclient.ActionByName(name); action.Method == apsclient.MethodComposite {
		s.answer(w)(s.uploadInFolder(r.Context(), profile, string(req.Body), req.Params))
		return
	}

	c, err := apsclient.New(apsclient.Config{Chain: Forwarder{API: s.api, Profile: profile}})
	if err != nil {
		s.writeError(w, err)
		return
	}
	defer c.Close()
	resp, err := once.Do(r.Context(), c, s.log, req)
	if err != nil {
		var words []byte
		if resp != nil {
			words = resp.Body
		}

		s.writeActionError(w, err, words)

		return
	}

	for _, h := range []string{"ETag", "Location"} {
		if v := resp.Header.Get(h); v != "" {
			w.Header().Set(h, v)
		}
	}

	w.Header().Set("Content-Type", "application/json")
	status := resp.Status
	// those may have no body, and this answer has one
	if status == http.StatusNoContent || status == http.StatusNotModified {
		status = http.StatusOK
	}

	w.WriteHeader(status)
	_, _ = w.Write(AnswerBody(resp)) //nolint:gosec // JSON, to no browser; one that has gone needs no answer
}

// writeActionError is the one shape of an error, with the service's status and its own words when
// it gave any.
func (s server) writeActionError(w http.ResponseWriter, err error, words []byte) {
	body := struct {
		*errorBody
		Body json.RawMessage `json:"body,omitempty"`
	}{errorBody: s.bodyOf(err)}
	if json.Valid(words) {
		body.Body = words
	}

	status, ok := statusOf[body.Kind]
	refused, answered := errors.AsType[*apsclient.Error](err)
	_, cut := errors.AsType[*apsclient.NetError](err)

	switch {
	case answered:
		status = refused.Status
	case ok:
	case cut:
		status = http.StatusBadGateway
	default:
		status = http.StatusInternalServerError
	}

	writeJSON(w, status, body)
}

// AnswerBody is what is shown of an answer: its body as given, with a line end; when there is
// none, the status and what the headers hold.
func AnswerBody(resp *apsclient.Response) []byte {
	if len(bytes.TrimSpace(resp.Body)) > 0 {
		return append(bytes.TrimSuffix(bytes.Clone(resp.Body), []byte("\n")), '\n')
	}

	out := struct {
		Status   int    `json:"status"`
		ETag     string `json:"etag,omitempty"`
		Location string `json:"location,omitempty"`
		HookID   string `json:"hook_id,omitempty"`
	}{Status: resp.Status, ETag: strings.Trim(resp.Header.Get("ETag"), `"`),
		Location: resp.Header.Get("Location")}
	if _, id, ok := strings.Cut(out.Location, "/hooks/"); ok {
		out.HookID = id
	}

	data, err := json.Marshal(out)
	if err != nil {
		return nil // strings and a number always marshal
	}

	return append(data, '\n')
}
