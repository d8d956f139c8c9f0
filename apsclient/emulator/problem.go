package emulator

import (
	"net/http"
	"strconv"
)

// problem is why a call is refused. Without a code it has its family's code for the status.
type problem struct {
	status       int
	code, detail string
}

func invalid(detail string) *problem   { return &problem{http.StatusBadRequest, "", detail} }
func forbidden(detail string) *problem { return &problem{http.StatusForbidden, "", detail} }
func missing(detail string) *problem   { return &problem{http.StatusNotFound, "", detail} }
func conflict(detail string) *problem  { return &problem{http.StatusConflict, "", detail} }

// noSuch is missing with a code that names the kind of what is not there.
func noSuch(code, detail string) *problem { return &problem{http.StatusNotFound, code, detail} }

// codes are what the families call a status; those that are not here speak of plainCodes.
var codes = map[family]map[int]string{
	famHQ: {http.StatusBadRequest: "1001", http.StatusNotFound: "1002", http.StatusForbidden: "1003",
		http.StatusConflict: "1005", http.StatusUnprocessableEntity: "1006"},
	famDM: {http.StatusBadRequest: "BAD_INPUT"},
	famWH: {http.StatusConflict: "CONFLICT_ERROR"},
	famAuth: {http.StatusBadRequest: "invalid_request", http.StatusUnauthorized: "invalid_token",
		http.StatusForbidden: "forbidden", http.StatusNotFound: "not_found",
		http.StatusInternalServerError: "server_error"},
}

var plainCodes = map[int]string{http.StatusBadRequest: "BAD_REQUEST", http.StatusForbidden: "FORBIDDEN",
	http.StatusNotFound: "NOT_FOUND", http.StatusConflict: "CONFLICT",
	http.StatusMethodNotAllowed: "METHOD_NOT_ALLOWED", http.StatusInternalServerError: "INTERNAL",
	http.StatusUnsupportedMediaType: "UNSUPPORTED_MEDIA_TYPE", http.StatusLocked: "LOCKED"}

// inWorld runs fn with the world locked and answers the problem that it finds. In a call that is
// refused already it does nothing, so that a handler can be a straight line.
func (c *call) inWorld(fn func(*model) *problem) {
	if c.over {
		return
	}

	var bad *problem
	c.s.update(func(m *model) { bad = fn(m) })
	c.refuse(bad)
}

// refuse answers a problem, if there is one.
func (c *call) refuse(bad *problem) {
	if bad != nil {
		c.fail(bad.status, bad.code, bad.detail)
	}
}

// fail answers an error in the shape of the family; only the first one of a call counts.
func (c *call) fail(status int, code, detail string) {
	if c.over {
		return
	}

	fam := familyOf(c.r.URL.Path)
	if c.rt != nil {
		fam = c.rt.family
	}

	if code == "" {
		code = codes[fam][status]
	}

	if code == "" {
		code = plainCodes[status]
	}

	if c.knob.TextErrors && fam != famS3 {
		c.over = true
		c.plain(status, "text/plain; charset=utf-8", detail)

		return
	}

	number, title := strconv.Itoa(status), http.StatusText(status)
	switch fam {
	case famDM:
		c.write(status, obj{"jsonapi": jsonapi(), "errors": list{obj{"id": uuid(), "status": number,
			"code": code, "title": title, "detail": detail}}})
	case famOSS:
		c.write(status, obj{"reason": detail})
	case famHQ:
		var shown any = code
		if n, err := strconv.Atoi(code); err == nil {
			shown = n
		}

		c.write(status, obj{"code": shown, "message": detail})
	case famCA:
		c.write(status, obj{"code": code, "title": title, "detail": detail})
	case famWH:
		c.write(status, obj{"id": uuid(), "status": number, "code": code, "title": title,
			"detail": list{detail}})
	case famAuth:
		c.write(status, obj{"error": code, "error_description": detail, "developerMessage": detail,
			"errorCode": "AUTH-" + number, "more info": moreInfo})
	case famS3:
		c.s3fail(status, code, detail)
	}

	c.over = true
}

const moreInfo = "https://aps.autodesk.com/en/docs/oauth/v2/developers_guide/error_handling/"

// gateway answers an error of the gateway in front of all families.
func (c *call) gateway(status int, errorCode, message string) {
	c.over = true
	c.write(status, obj{"developerMessage": message, "userMessage": "", "errorCode": errorCode,
		"more info": moreInfo})
}
