package emulator

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	deliveryTimeout = 7 * time.Second // what the service waits for an answer
	deliveryTime    = "2006-01-02T15:04:05-0700"
)

// deliveryDelays are the waits before each retry. The service spreads its four over two days; an
// offline rehearsal has not that long.
var deliveryDelays = []time.Duration{time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute}

// announce sends an event to the hooks whose scope covers it. The world is locked. i and v are nil
// for folder events.
func (s *Server) announce(m *model, event string, f *folder, i *item, v *version, d deed) {
	select {
	case <-s.done:
		return
	default:
	}

	if len(m.hooks.m) == 0 {
		return
	}

	above := map[string]bool{}
	ancestors := list{}
	for a := f; a != nil; a = m.folders.get(a.Parent) {
		above[a.ID] = true
		ancestors = append(list{obj{"name": a.Name, "urn": a.ID}}, ancestors...)
	}

	payload := eventPayload(m, event, f, i, v, ancestors, d)
	for _, h := range m.hooks.m {
		if h.System != "data" || !eventMatches(h.Event, event) || h.Status == "inactive" ||
			h.Expiry != nil && !d.at.Before(*h.Expiry) {
			continue
		}

		if !above[h.Scope["folder"]] || !filterAllows(h.Filter, payload) {
			continue
		}

		payload["tenant"] = h.Scope["folder"]
		body := obj{"version": "1.0", "resourceUrn": payload["source"], "hook": h.body(), "payload": payload}
		if h.PayloadOnly {
			delete(body, "hook")
		}

		raw, err := json.Marshal(body)
		if err != nil {
			continue
		}

		secret := h.Token
		if t := m.hookTokens.get(h.Client + "/" + h.User + "/" + h.Region); secret == "" && t != nil {
			secret = *t
		}

		id, target := h.ID, h.Callback
		s.work.Go(func() { s.deliver(id, target, secret, raw) })
	}
}

func eventPayload(m *model, event string, f *folder, i *item, v *version, ancestors list,
	d deed) obj {
	p := obj{"creator": f.CreatedBy, "modifiedBy": d.by, "createdTime": f.Created.UTC().Format(deliveryTime),
		"modifiedTime": d.at.UTC().Format(deliveryTime),
		"hidden":       f.Hidden, "indexable": true, "source": f.ID, "name": f.Name,
		"parentFolderUrn": f.Parent,
		"state":           "CONTENT_AVAILABLE", "ancestors": ancestors,
		"project": strings.TrimPrefix(f.Project, "b."), "user_info": obj{"id": d.by},
		"context": obj{"operation": strings.TrimPrefix(event, "dm.")}}
	if v == nil {
		return p
	}

	p["ext"], p["lineageUrn"], p["sizeInBytes"], p["hidden"] = fileType(v.Name), i.ID, v.Size, i.Hidden
	p["source"], p["version"], p["name"], p["creator"], p["parentFolderUrn"] = v.ID, itoa(v.Number), v.Name,
		v.CreatedBy, i.Folder
	p["createdTime"] = v.Created.UTC().Format(deliveryTime)
	p["context"] = obj{"lineage": obj{"reserved": i.Reserved, "reservedUserName": m.userName(i.ReservedBy)},
		"operation": "PostVersionedFiles"}
	p["custom-metadata"] = obj{"dm_command:id": uuid(), "fileName": v.Name}

	return p
}

func eventMatches(pattern, event string) bool {
	if p, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(event, p)
	}

	return pattern == event
}

func filterAllows(filter string, payload obj) bool {
	if filter == "" {
		return true
	}

	parts := filterForm.FindStringSubmatch(filter)
	if parts == nil {
		return false
	}

	got, ok := lookUp(payload, parts[1:2])

	return ok && got == parts[2]
}

// deliver posts a callback, and again after a failure; a hook whose callbacks all failed becomes
// inactive.
func (s *Server) deliver(hookID, target, secret string, body []byte) {
	delivery := uuid()
	for try := 0; ; try++ {
		if s.post(target, secret, delivery, body) {
			return
		}

		if try == len(deliveryDelays) {
			break
		}

		t := time.NewTimer(deliveryDelays[try])
		select {
		case <-t.C:
		case <-s.done:
			t.Stop()
			return
		}
	}

	s.update(func(m *model) {
		if h := m.hooks.get(hookID); h != nil && !h.AutoReactivate {
			h.Status = "inactive"
			m.hooks.put(h.ID, h)
		}
	})
}

func (s *Server) post(target, secret, delivery string, body []byte) bool {
	ctx, cancel := context.WithTimeout(context.Background(), deliveryTimeout)
	defer cancel()

	stop := make(chan struct{})
	defer close(stop)
	s.work.Go(func() {
		select {
		case <-s.done:
			cancel()
		case <-stop:
		}
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return false
	}

	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("x-adsk-delivery-id", delivery)
	if secret != "" {
		mac := hmac.New(sha1.New, []byte(secret))
		mac.Write(body)
		req.Header.Set("x-adsk-signature", "sha1hash="+hex.EncodeToString(mac.Sum(nil)))
	}

	resp, err := s.callbacks.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))

	return resp.StatusCode/100 == 2
}
