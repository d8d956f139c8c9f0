package emulator

import (
	"fmt"
	"strings"
	"time"
)

// HubKind is what a hub is for. Only accounts have account administration behind them.
type HubKind string

// The kinds of hubs.
const (
	HubAccount  HubKind = "account"  // Autodesk Construction Cloud and BIM 360
	HubTeam     HubKind = "team"     // Fusion Team
	HubPersonal HubKind = "personal" // Autodesk Drive, which neither hides folders nor deletes items
)

// hubTypes are the extension types of the kinds.
var hubTypes = map[HubKind]string{HubAccount: "hubs:autodesk.bim360:Account",
	HubTeam: "hubs:autodesk.core:Hub", HubPersonal: "hubs:autodesk.a360:PersonalHub"}

// kind is the hub's kind.
func (h *hub) kind() HubKind {
	switch {
	case !h.core():
		return HubAccount
	case h.Personal:
		return HubPersonal
	}

	return HubTeam
}

// AddHubIn makes a hub of a kind in a region ("US", "EMEA", …) and returns its id. Projects of an
// EMEA hub have URNs and a bucket of that region.
func (s *Server) AddHubIn(name string, kind HubKind, region string) string {
	var id string
	s.update(func(m *model) {
		h := &hub{Name: name, Region: region, Personal: kind == HubPersonal, numbered: m.seq()}
		if h.ID = "a." + randomID(); kind == HubAccount {
			h.Account = uuid()
			h.ID = "b." + h.Account
		}

		m.hubs.put(h.ID, h)
		m.openStore(region, s.now())
		id = h.ID
	})

	return id
}

// SetHubKind makes a hub, with its projects and folders, one of another kind. Its ids stay, and so do the
// types of the items that are there.
func (s *Server) SetHubKind(hubID string, kind HubKind) error {
	var err error
	s.update(func(m *model) {
		h := m.hubs.get(hubID)
		if h == nil {
			err = fmt.Errorf("set the kind: no hub %q", hubID)
			return
		}

		h.Personal = kind == HubPersonal
		if h.Account = ""; kind == HubAccount {
			h.Account = strings.TrimPrefix(hubID, "b.")
		}

		m.hubs.put(h.ID, h)
		for _, p := range m.projects.m {
			if p.Hub != hubID {
				continue
			}

			if p.Platform = PlatformCore; kind == HubAccount {
				p.Platform = PlatformACC
			}

			m.projects.put(p.ID, p)
		}

		for _, f := range m.folders.m {
			if p := m.projects.get(f.Project); p != nil && p.Hub == hubID {
				f.Core = h.core()
				m.folders.put(f.ID, f)
			}
		}
	})

	return err
}

// storeOwner owns the service's own buckets, where the bytes of project files are.
const storeOwner = "autodesk"

// openStore makes the service's bucket of a region when there is none.
func (m *model) openStore(region string, now time.Time) {
	if key := storeOf(region); m.buckets.get(key) == nil {
		m.buckets.put(key, &bucket{Key: key, Owner: storeOwner, Region: region, Policy: "persistent",
			Created: now})
	}
}

// storeOf is the service's own bucket in a region.
func storeOf(region string) string {
	if region == "EMEA" {
		return "wip.dm.emea.2"
	}

	return wipBucket
}

// urnSpace begins the URNs of a region's folders, items and versions.
func urnSpace(region string) string {
	if region == "EMEA" {
		return "urn:adsk.wipemea:"
	}

	return "urn:adsk.wipprod:"
}

// spaceOf begins the URNs beside one.
func spaceOf(urn string) string {
	space, _, _ := strings.Cut(strings.TrimPrefix(urn, "urn:adsk."), ":")
	return "urn:adsk." + space + ":"
}

// storeOf is the bucket of a project's files.
func (m *model) storeOf(projectID string) string {
	return storeOf(m.hubs.get(m.projects.get(projectID).Hub).Region)
}

// personal reports whether a project is in a personal hub.
func (m *model) personal(p *project) bool { return m.hubs.get(p.Hub).kind() == HubPersonal }
