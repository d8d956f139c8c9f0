package control

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"hoist/apsclient"
)

// wholeAction is the media type by which [Client] sends a call as package apsclient knows it; the answer is then a whole
// [apsclient.Response]. Any other request is of the plain form.
const wholeAction = "application/vnd.hoist.action+json"

// plainAction is the body of POST /v1/actions/{name}. Values are strings, numbers or booleans; of the query also lists of them.
type plainAction struct {
	Variant string                `json:"variant"`
	Params  map[string]plainValue `json:"params"`
	Query   map[string]plainList  `json:"query"`
	// Body goes to the service as it stands here; a string is its text, for upload-binary-to-signed-s3-url in base64, for
	// upload-file-in-project-folder the path of the file.
	Body json.RawMessage `json:"body"`
}

type plainValue string

func (v *plainValue) UnmarshalJSON(data []byte) error {
	var s string
	switch {
	case json.Unmarshal(data, &s) == nil:
		*v = plainValue(s)
	case len(data) > 0 && data[0] != '{' && data[0] != '[' && string(data) != "null":
		*v = plainValue(data)
	default:
		return fmt.Errorf("%s is not a string, a number or a boolean", data)
	}
	return nil
}

type plainList []plainValue

func (l *plainList) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '[' {
		return json.Unmarshal(data, (*[]plainValue)(l))
	}
	var one plainValue
	if err := one.UnmarshalJSON(data); err != nil {
		return err
	}
	*l = plainList{one}
	return nil
}

// request checks a plain call against the registry before anything is sent.
func (p plainAction) request(name string) (apsclient.Request, error) {
	r := apsclient.Request{Action: name, Variant: p.Variant, Params: map[string]string{}, Query: url.Values{}}
	for k, v := range p.Params {
		r.Params[k] = string(v)
	}
	for k, list := range p.Query {
		for _, v := range list {
			r.Query.Add(k, string(v))
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
	return r, nil
}

// action answers POST /v1/actions/{name}.
func (s server) action(w http.ResponseWriter, r *http.Request) {
	name, profile := r.PathValue("name"), r.URL.Query().Get("profile")
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == wholeAction {
		var req apsclient.Request
		if read(w, r, &req) {
			req.Action = name
			answer(w)(s.api.Action(r.Context(), profile, req))
		}
		return
	}
	var plain plainAction
	if !read(w, r, &plain) {
		return
	}
	req, err := plain.request(name)
	if err != nil {
		writeError(w, err)
		return
	}
	if action, _ := apsclient.ActionByName(name); action.Method == apsclient.MethodComposite {
		answer(w)(s.uploadInFolder(r.Context(), profile, string(req.Body), req.Params))
		return
	}
	resp, err := s.api.Action(r.Context(), profile, req)
	if err == nil && resp.Failure != nil {
		err = resp.Failure.Err()
	}
	if err != nil {
		writeActionError(w, err, nil)
		return
	}
	if err := refusal(r.Context(), req, resp); err != nil {
		writeActionError(w, err, resp.Body)
		return
	}
	for _, h := range []string{"ETag", "Location"} {
		if v := resp.Header.Get(h); v != "" {
			w.Header().Set(h, v)
		}
	}
	w.Header().Set("Content-Type", "application/json")
	status := resp.Status
	if status == http.StatusNoContent || status == http.StatusNotModified { // those may have no body, and this answer has one
		status = http.StatusOK
	}
	w.WriteHeader(status)
	_, _ = w.Write(AnswerBody(resp)) // a reader that has gone needs no answer
}

// answered is a Forwarder that has the answer already.
type answered struct{ resp *apsclient.Response }

func (a answered) Forward(context.Context, apsclient.Request) (*apsclient.Response, error) {
	return a.resp, nil
}

// refusal is the typed error of an answer with an error status; nil for any other.
func refusal(ctx context.Context, r apsclient.Request, resp *apsclient.Response) error {
	if resp.Status < 300 || resp.Status == http.StatusNotModified {
		return nil
	}
	c, err := apsclient.New(apsclient.Config{Forward: answered{resp}})
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Do(ctx, r)
	return err
}

// writeActionError is the one shape of an error, with the service's status and its own words where it gave any.
func writeActionError(w http.ResponseWriter, err error, words []byte) {
	body := struct {
		*errorBody
		Body json.RawMessage `json:"body,omitempty"`
	}{errorBody: bodyOf(err)}
	if json.Valid(words) {
		body.Body = words
	}
	status, ok := statusOf[body.Code]
	e, n := (*apsclient.Error)(nil), (*apsclient.NetError)(nil)
	switch {
	case errors.As(err, &e):
		status = e.Status
	case errors.As(err, &n):
		status = http.StatusBadGateway
	case !ok:
		status = http.StatusInternalServerError
	}
	writeJSON(w, status, body)
}

// AnswerBody is what is shown of an answer: its body as given, with a line end; where there is none, the status and what the
// headers hold.
func AnswerBody(resp *apsclient.Response) []byte {
	if len(bytes.TrimSpace(resp.Body)) > 0 {
		return append(bytes.TrimSuffix(bytes.Clone(resp.Body), []byte("\n")), '\n')
	}
	out := struct {
		Status   int    `json:"status"`
		ETag     string `json:"etag,omitempty"`
		Location string `json:"location,omitempty"`
		HookID   string `json:"hook_id,omitempty"`
	}{Status: resp.Status, ETag: strings.Trim(resp.Header.Get("ETag"), `"`), Location: resp.Header.Get("Location")}
	if _, id, ok := strings.Cut(out.Location, "/hooks/"); ok {
		out.HookID = id
	}
	data, err := json.Marshal(out)
	if err != nil {
		return nil // strings and a number always marshal
	}
	return append(data, '\n')
}
