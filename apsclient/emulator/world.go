package emulator

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// What is always there. Names with spaces are on purpose.
const (
	demoHubName     = "Demo Hub"
	demoProjectName = "Demo Project"
	demoFolderName  = "Project Files"
	demoAccount     = "5c1f0000-0000-4000-8000-0000000000a1"
	demoProjectID   = "5c1f0000-0000-4000-8000-0000000000b1"
	demoBIMProject  = "5c1f0000-0000-4000-8000-0000000000b2"
	demoAdmin       = "DEMOADMIN001" // Autodesk ids of the people of the demonstration account
	demoDrafter     = "DEMODRAFTER1"
	demoRobot       = "DEMOROBOT001"
	demoRobotEmail  = "robot@hoist-demo-client.adskserviceaccount.autodesk.com"
)

// DemoRemote is the address of a folder that is always there, in the form of the command line.
func (s *Server) DemoRemote() string {
	return "aps://" + demoHubName + "/" + demoProjectName + "/" + demoFolderName
}

// Demo are the identifiers of what is always there.
type Demo struct {
	Account       string // UUID
	Hub           string // "b." + Account
	Project       string // of DemoRemote, with "b."
	Folder        string // of DemoRemote
	BIM360Project string // a second project, on the old platform
	Admin, User   string // Autodesk ids of two people of the account
	// AdminID and UserID are the ids that the account has for them (BIM 360 ids).
	AdminID, UserID string
}

// Demo returns the identifiers of what is always there.
func (s *Server) Demo() Demo {
	d := Demo{Account: demoAccount, Hub: "b." + demoAccount, Project: "b." + demoProjectID,
		BIM360Project: "b." + demoBIMProject, Admin: demoAdmin, User: demoDrafter}
	s.read(func(m *model) {
		d.Folder = m.childNamed(m.projects.get(d.Project).Root, demoFolderName)
		d.AdminID, d.UserID = m.personByUID(demoAdmin).ID, m.personByUID(demoDrafter).ID
	})

	return d
}

func (m *model) childNamed(folderID, name string) string { return m.child(folderID).names[name] }

// found makes the world when there is none, and takes the configured application in.
func (s *Server) found() error {
	s.update(func(m *model) {
		if m.meta.get("signing-key") == nil {
			key := randomHex(32)
			m.meta.put("signing-key", &key)
			s.demoWorld(m)
		}

		s.key = []byte(*m.meta.get("signing-key"))
		m.clients.put(s.cfg.ClientID,
			&client{ID: s.cfg.ClientID, Secret: s.cfg.ClientSecret, Redirects: []string{RedirectURI}})
		if m.robots.get(demoRobot) == nil {
			m.robots.put(demoRobot, &robot{ID: demoRobot, Client: s.cfg.ClientID, Email: demoRobotEmail,
				Status: enabled, Created: s.now(), Accessed: s.now(),
				Expires: s.now().AddDate(1, 0, 0), numbered: m.seq()})
		}

		m.clients.put(PublicClientID, &client{ID: PublicClientID, Redirects: []string{RedirectURI}})
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.world.log.err != nil {
		return fmt.Errorf("make the emulator's world: %w", s.world.log.err)
	}

	return nil
}

func (s *Server) demoWorld(m *model) {
	now := s.now()
	m.openStore("US", now)
	h := m.addHub("b."+demoAccount, demoHubName, demoAccount)
	m.addProject("b."+demoProjectID, h, demoProjectName, PlatformACC, now)
	m.addProject("b."+demoBIMProject, h, "Demo BIM 360 Project", PlatformBIM360, now)
	second := m.addHub("a."+randomID(), "Second Hub", "")
	m.addProject("a."+randomID(), second, "Second Project", PlatformCore, now)
	m.demoPeople(now)
}

func (m *model) addHub(id, name, account string) *hub {
	h := &hub{ID: id, Name: name, Region: "US", Account: account, numbered: m.seq()}
	m.hubs.put(id, h)
	return h
}

// addProject makes a project with its root and top folders.
func (m *model) addProject(id string, h *hub, name, platform string, now time.Time) *project {
	p := &project{ID: id, Hub: h.ID, Name: name, Platform: platform, numbered: m.seq(),
		Admin: map[string]any{}}
	root := &folder{ID: urnSpace(h.Region) + "fs.folder:co." + randomID(), Project: id,
		Name: strings.TrimPrefix(id, "b.") + "-root-folder", Root: true,
		Core: platform == PlatformCore, CreatedBy: "autodesk", ModifiedBy: "autodesk", Created: now,
		Modified: now, Rollup: now, numbered: m.seq()}
	m.folders.put(root.ID, root)

	p.Root = root.ID
	for _, top := range [][2]string{{demoFolderName, "normal"}, {"Plans", "plan"}} {
		f := m.addFolder(root, top[0], deed{by: "autodesk", at: now})
		f.FolderType, f.Root = top[1], true
		if platform != PlatformBIM360 {
			f.FolderType = "normal" // only BIM 360 has a Plans folder in this API
		}

		if platform == PlatformACC && top[0] == "Plans" {
			f.Name = "Shared"
			f.FolderType = "shared"
		}

		m.child(root.ID).take(f.Name, f.ID)
		m.folders.put(f.ID, f)
	}

	m.projects.put(id, p)

	return p
}

// userName is a person's name by Autodesk id; other ids stand for themselves.
func (m *model) userName(uid string) string {
	if p := m.personByUID(uid); p != nil {
		return p.Name()
	}

	return uid
}

// AddHub makes a hub with an account behind it, or, with core, one that uses the autodesk.core
// types. It returns its id.
func (s *Server) AddHub(name string, core bool) string {
	var id string
	s.update(func(m *model) {
		if core {
			id = m.addHub("a."+randomID(), name, "").ID
			return
		}

		account := uuid()
		id = m.addHub("b."+account, name, account).ID
	})

	return id
}

// AddProject makes a project with its top folders and returns its id. Names may repeat.
func (s *Server) AddProject(hubID, name, platform string) (string, error) {
	var id string
	s.update(func(m *model) {
		h := m.hubs.get(hubID)
		if h == nil {
			return
		}

		prefix := "b."
		if h.core() {
			prefix, platform = "a.", PlatformCore
		}

		if platform == "" {
			platform = PlatformACC
		}

		id = m.addProject(prefix+uuid(), h, name, platform, s.now()).ID
	})
	if id == "" {
		return "", fmt.Errorf("add project %q: no hub %q", name, hubID)
	}

	return id, nil
}

// SetProjectInactive suspends a project or wakes it again.
func (s *Server) SetProjectInactive(projectID string, inactive bool) {
	s.update(func(m *model) {
		if p := m.projects.get(projectID); p != nil {
			p.Inactive = inactive
			m.projects.put(p.ID, p)
		}
	})
}

// AddFolder makes the folders of a slash path below a project's root that are missing and returns
// the last one's id.
func (s *Server) AddFolder(projectID, path string) (string, error) {
	var id string
	var err error
	s.update(func(m *model) { id, err = m.makePath(projectID, path, s.now()) })

	return id, err
}

func (m *model) makePath(projectID, path string, now time.Time) (string, error) {
	p := m.projects.get(projectID)
	if p == nil {
		return "", fmt.Errorf("add folder %q: no project %q", path, projectID)
	}

	at, by := m.folders.get(p.Root), deed{by: demoAdmin, at: now}
	for name := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if id := m.childNamed(at.ID, name); m.folders.get(id) != nil {
			at = m.folders.get(id)
			continue
		}

		if why := nameProblem(name); why != "" {
			return "", fmt.Errorf("add folder %q: %s", name, why)
		}

		f := m.addFolder(at, name, by)
		m.child(at.ID).take(name, f.ID)
		m.folders.put(f.ID, f)
		m.touch(at.ID, by)
		at = f
	}

	return at.ID, nil
}

// AddNamingStandard makes a folder enforce a naming standard. It says so, and refuses no name.
func (s *Server) AddNamingStandard(folderID, standard string) {
	s.update(func(m *model) {
		f := m.folders.get(folderID)
		f.NamingStandards = append(f.NamingStandards, standard)
		m.folders.put(f.ID, f)
	})
}

// AddFile puts bytes under a slash path below a project's root ("Project Files/a/b.dwg") as
// another user would: a new item, or a version on top of the one that has the name. It returns item
// and version id.
func (s *Server) AddFile(projectID, path string, from io.Reader, size int64) (itemID, versionID string,
	err error) {
	dir, name, ok := cutLast(path)
	if !ok {
		return "", "", fmt.Errorf("add file %q: needs a folder", path)
	}

	b, _, _, err := s.storeBlob(from, size, false)
	if err != nil {
		return "", "", fmt.Errorf("add file %q: %w", path, err)
	}

	now := s.now()
	by := deed{by: demoDrafter, at: now}
	s.update(func(m *model) {
		var folderID string
		if folderID, err = m.makePath(projectID, dir, now); err != nil {
			return
		}

		key := uuid() + extOf(name)
		o := &object{Bucket: m.storeOf(projectID), Key: key, Size: size, Parts: []blob{b},
			ETag: assembledETag([]blob{b}), ContentType: "application/octet-stream",
			Created: now, Modified: now, AssembledAt: now}
		m.putObject(o)
		what := content{name, objectURN(o.Bucket, key), size}
		f := m.folders.get(folderID)
		i := m.items.get(m.childNamed(folderID, name))
		var v *version
		if i == nil {
			i, v = m.addItem(f, what, by)
			m.child(folderID).take(name, i.ID)
		} else {
			_, kind := typesFor(f)
			v = m.addVersion(i, what, kind, by)
		}

		m.touch(folderID, by)
		itemID, versionID = i.ID, v.ID
		s.announce(m, "dm.version.added", f, i, v, by)
	})

	return itemID, versionID, err
}

func cutLast(path string) (dir, name string, ok bool) {
	path = strings.Trim(path, "/")
	at := strings.LastIndexByte(path, '/')
	if at < 0 {
		return "", path, false
	}

	return path[:at], path[at+1:], true
}

func extOf(name string) string {
	if t := fileType(name); t != "" && !strings.ContainsAny(t, " +%#&") {
		return "." + t
	}

	return ""
}

// Reserve locks an item for a user, or unlocks it with "".
func (s *Server) Reserve(itemID, user string) error {
	var err error
	s.update(func(m *model) {
		i := m.items.get(itemID)
		if i == nil {
			err = fmt.Errorf("reserve: no item %q", itemID)
			return
		}

		i.Reserved, i.ReservedBy = user != "", user
		m.items.put(i.ID, i)
	})

	return err
}

// SetVersionType makes a version one of another kind, as programs of the service do, such as
// "versions:autodesk.bim360:C4RModel" for that of a cloud-workshared model.
func (s *Server) SetVersionType(versionID, kind string) error {
	var err error
	s.update(func(m *model) {
		v := m.versions.get(versionID)
		if v == nil {
			err = fmt.Errorf("set the type: no version %q", versionID)
			return
		}

		v.ExtType = kind
		m.versions.put(v.ID, v)
	})

	return err
}

// AddClient registers another application; scopes are what it is granted at most, none given: all.
func (s *Server) AddClient(id, secret string, scopes ...string) {
	s.update(func(m *model) {
		m.clients.put(id, &client{ID: id, Secret: secret, Scopes: scopes, Redirects: []string{RedirectURI}})
	})
}

// ExpireTokens ends all access tokens.
func (s *Server) ExpireTokens() {
	s.update(func(m *model) {
		for id := range m.tokens.m {
			m.tokens.del(id)
		}
	})
}

// ExpireUploads ends all upload sessions that are not completed.
func (s *Server) ExpireUploads() {
	now := s.now()
	s.update(func(m *model) {
		for _, sess := range m.sessions.m {
			if !sess.Done {
				sess.Expires = now.Add(-time.Second)
				m.sessions.put(sess.Key, sess)
			}
		}
	})
}
