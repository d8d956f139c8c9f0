package emulator

import (
	"strings"
	"time"
)

// What the examples of `hoist api ACTION --help` name. They live in a project of their own, so that
// Demo Project stays empty.
const (
	exampleProject = "b.5c1f0000-0000-4000-8000-0000000000b3"
	exampleUser    = "5c1f0000-0000-4000-8000-0000000000c1"
	exampleCompany = "5c1f0000-0000-4000-8000-0000000000d1"
	exampleHook    = "5c1f0000-0000-4000-8000-0000000000e1"
	spareHook      = "5c1f0000-0000-4000-8000-0000000000e2"
	exampleFolder  = "urn:adsk.wipprod:fs.folder:co.HoistDemoFolder0000001"
	exampleItem    = "urn:adsk.wipprod:dm.lineage:HoistDemoItem000000001"
	exampleBucket  = "hoist-demo-bucket"
	spareBucket    = "hoist-demo-spare"
	exampleObject  = "hello.txt"
	spareObject    = "spare.txt"
)

// AddExamples puts into the world what the examples of the command line name, with fixed
// identifiers: a project with a folder and a file, a bucket with an object, a person, a company
// and a webhook, and a spare one of whatever an example deletes. It does nothing when they are
// there already.
func (s *Server) AddExamples() error {
	const content = "hello\n"
	var blobs [3]blob
	for i := range blobs {
		b, _, _, err := s.storeBlob(strings.NewReader(content), int64(len(content)), false)
		if err != nil {
			return err
		}

		blobs[i] = b
	}

	now := s.now()
	s.update(func(m *model) {
		if m.projects.get(exampleProject) != nil {
			return
		}

		p := m.addProject(exampleProject, m.hubs.get("b."+demoAccount), "Example Project", PlatformACC, now)
		m.exampleFile(p, blobs[0], now)
		m.examplePerson(now)

		for _, key := range []string{exampleBucket, spareBucket} {
			m.buckets.put(key, &bucket{Key: key, Owner: s.cfg.ClientID, Region: "US", Policy: "persistent",
				Created: now})
		}

		m.putObject(exampleContent(exampleBucket, exampleObject, blobs[1], now))
		m.putObject(exampleContent(exampleBucket, spareObject, blobs[2], now))

		for _, id := range []string{exampleHook, spareHook} {
			m.hooks.put(id, &hook{ID: id, System: "data", Event: "dm.version.added", Region: "US",
				Callback: "https://example.com/" + id, Client: s.cfg.ClientID,
				Scope: map[string]string{"folder": exampleFolder}, Tenant: exampleFolder, Status: "active",
				Created: now, Updated: now, numbered: m.seq()})
		}
	})

	return nil
}

func exampleContent(bucketKey, key string, b blob, now time.Time) *object {
	return &object{Bucket: bucketKey, Key: key, Size: b.Size, Parts: []blob{b},
		ETag: assembledETag([]blob{b}), ContentType: "text/plain",
		Created: now, Modified: now, AssembledAt: now}
}

// exampleFile makes the folder and the file with the fixed identifiers.
func (m *model) exampleFile(p *project, b blob, now time.Time) {
	top := m.childNamed(p.Root, demoFolderName)
	f := &folder{ID: exampleFolder, Project: p.ID, Parent: top, Name: "Examples", CreatedBy: demoAdmin,
		ModifiedBy: demoAdmin, Created: now, Modified: now, Rollup: now, numbered: m.seq()}
	m.child(top).folders = append(m.child(top).folders, f.ID)
	m.child(top).take(f.Name, f.ID)
	m.folders.put(f.ID, f)
	o := exampleContent(wipBucket, "HoistDemoItem000000001.dwg", b, now)
	m.putObject(o)
	itemType, versionType := typesFor(f)
	i := &item{ID: exampleItem, Project: p.ID, Folder: f.ID, Name: "hello.dwg", ExtType: itemType,
		CreatedBy: demoDrafter, ModifiedBy: demoDrafter,
		Created: now, Modified: now, numbered: m.seq()}
	m.child(f.ID).items = append(m.child(f.ID).items, i.ID)
	m.child(f.ID).take(i.Name, i.ID)
	m.addVersion(i, content{i.Name, objectURN(wipBucket, o.Key), o.Size}, versionType,
		deed{by: demoDrafter, at: now})
}

// examplePerson makes a person who is a member of two projects, and the person's company.
func (m *model) examplePerson(now time.Time) {
	at := adminTime(now)
	m.companies.put(demoAccount+"/"+exampleCompany,
		&record{numbered: m.seq(), Fields: obj{"id": exampleCompany, "account_id": demoAccount,
			"name":  "Example Engineers",
			"trade": "Engineering", "country": "United States", "website_url": "https://example.com",
			"description": "", "erp_id": "", "tax_id": "", "created_at": at, "updated_at": at}})
	p := &person{ID: exampleUser, Account: demoAccount, UID: "EXAMPLEUSER1",
		Email: "erin.example@example.com", First: "Erin", Last: "Example", Status: "active",
		Role: "account_user", Company: exampleCompany, Created: now, Updated: now, Fields: map[string]any{},
		numbered: m.seq()}
	m.people.put(demoAccount+"/"+p.ID, p)

	for _, id := range []string{"b." + demoBIMProject, exampleProject} {
		m.addMember(m.projects.get(id), p, list{obj{"key": "docs", "access": "member"}}, nil, now)
	}
}
