package apsclient

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const maxErrorBody = 64 << 10

// newError reads an error answer of any family: JSON:API, OSS, gateway and OAuth, hq, webhooks, S3
// XML.
func newError(op, method, path string, status int, h http.Header, body []byte) *Error {
	e := &Error{Op: op, Method: method, Path: path, Status: status, RequestID: requestID(h),
		RetryAfter: retryAfter(h, time.Now())}

	e.Body = body[:min(len(body), maxErrorBody)]
	trimmed := bytes.TrimSpace(e.Body)
	switch {
	case len(trimmed) == 0:
	case trimmed[0] == '{':
		e.readJSON(trimmed)
	case trimmed[0] == '<':
		e.readXML(trimmed)
	}

	return e
}

// text takes a JSON string, number, or list of strings as one text.
func text(raw json.RawMessage) string {
	if len(raw) == 0 || string(raw) == "null" {
		return ""
	}

	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}

	var list []string
	if json.Unmarshal(raw, &list) == nil {
		return strings.Join(list, "; ")
	}

	return string(raw)
}

func (e *Error) readJSON(body []byte) {
	var b struct {
		Errors []struct {
			Code, Title, Detail json.RawMessage
		} `json:"errors"`
		Reason           json.RawMessage `json:"reason"`
		DeveloperMessage json.RawMessage `json:"developerMessage"`
		ErrorCode        json.RawMessage `json:"errorCode"`
		OAuth            json.RawMessage `json:"error"`
		Description      json.RawMessage `json:"error_description"`
		Message          json.RawMessage `json:"message"`
		Code             json.RawMessage `json:"code"`
		Title            json.RawMessage `json:"title"`
		Detail           json.RawMessage `json:"detail"`
	}
	if json.Unmarshal(body, &b) != nil {
		// "errors" of another shape (a list of strings, an object): the other keys still speak.
		var rest map[string]json.RawMessage
		if json.Unmarshal(body, &rest) != nil {
			return
		}

		b.Errors = nil
		b.Message, b.Code, b.Detail, b.Title = rest["message"], rest["code"], rest["detail"], rest["title"]
		if b.Message == nil {
			b.Message = rest["errors"]
		}
	}

	switch {
	case len(b.Errors) > 0:
		e.Code, e.Title, e.Detail = text(b.Errors[0].Code), text(b.Errors[0].Title), text(b.Errors[0].Detail)
	case b.Reason != nil:
		e.Detail = text(b.Reason)
	case b.DeveloperMessage != nil:
		e.Detail, e.Code = text(b.DeveloperMessage), text(b.ErrorCode)
	case b.Description != nil:
		e.Detail, e.Code = text(b.Description), text(b.OAuth)
	default:
		e.Code, e.Title, e.Detail = text(b.Code), text(b.Title), text(b.Detail)
		if m := text(b.Message); m != "" && e.Detail == "" {
			e.Detail = m
		}

		if e.Code == "" {
			e.Code = text(b.OAuth)
		}
	}
}

func (e *Error) readXML(body []byte) {
	var b struct {
		XMLName   xml.Name `xml:"Error"`
		Code      string   `xml:"Code"`
		Message   string   `xml:"Message"`
		RequestID string   `xml:"RequestId"`
	}
	if xml.Unmarshal(body, &b) != nil {
		return
	}

	e.Code, e.Detail = b.Code, b.Message
	if b.RequestID != "" {
		e.RequestID = b.RequestID
	}
}

func requestID(h http.Header) string {
	for _, k := range []string{"X-Ads-Request-Id", "X-Request-Id", "X-Amz-Request-Id", "X-Amz-Cf-Id"} {
		if v := h.Get(k); v != "" {
			return v
		}
	}

	return ""
}

// retryAfter reads Retry-After in whole seconds or as an HTTP date; 0 when there is none. At most a
// day is believed.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0
	}

	var d time.Duration
	if s, err := strconv.ParseFloat(v, 64); err == nil {
		d = time.Duration(min(max(s, 0), 86400) * float64(time.Second))
	} else if t, err := http.ParseTime(v); err == nil {
		d = t.Sub(now)
	}

	return min(max(d, 0), 24*time.Hour)
}
