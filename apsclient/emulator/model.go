package emulator

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"
)

// Kinds of hubs and platforms of projects.
const (
	PlatformACC    = "acc"    // Autodesk Construction Cloud and Forma
	PlatformBIM360 = "bim360" // BIM 360
	PlatformCore   = "core"   // Fusion and Team hubs, which use the autodesk.core types
)

// wipBucket is the service's own bucket outside of EMEA, where the bytes of project files are.
const wipBucket = "wip.dm.prod"

type hub struct {
	numbered
	ID, Name, Region, Account string // Account: "" for core hubs
	Personal                  bool
}

func (h *hub) core() bool { return h.Account == "" }

type project struct {
	numbered
	ID, Hub, Name, Platform, Root string // ID as data management has it
	Inactive                      bool
	Admin                         map[string]any // fields of account administration
}

type folder struct {
	numbered
	ID, Project, Parent, Name, OriginalName string
	FolderType, Description                 string
	NamingStandards                         []string
	Root, Hidden, Core                      bool
	CreatedBy, ModifiedBy                   string
	Created, Modified, Rollup, VisibleAt    time.Time
}

type item struct {
	numbered
	ID, Project, Folder, Name, Description string
	ExtType                                string
	Hidden, Reserved                       bool
	ReservedBy, CreatedBy, ModifiedBy      string
	Created, Modified, VisibleAt           time.Time
	Versions                               []string // ids, oldest first
}

func (i *item) tip() string { return i.Versions[len(i.Versions)-1] }

type version struct {
	ID, Item, Project, Name, OriginalName, Storage, ExtType string
	Number                                                  int
	Size                                                    int64
	CreatedBy                                               string
	Created, VisibleAt                                      time.Time
}

func (v *version) deleted() bool { return v.ExtType == typeDeleted }

type bucket struct {
	Key, Owner, Region, Policy string
	Allow                      map[string]string // client id -> full, read
	Created                    time.Time
	DeletedAt                  time.Time // the key is blocked for a while after a deletion
	Protected                  bool
}

// blob is a stored part. File is empty when all bytes are zero.
type blob struct {
	File string `json:",omitempty"`
	Size int64
	MD5  string // hex; what S3 answered without its quotes, random with opaque ETags
}

type object struct {
	Bucket, Key                                        string
	Size                                               int64
	Parts                                              []blob
	ETag, SHA1                                         string
	ContentType, Disposition, Encoding, Cache, UserDef string
	Created, Modified, AssembledAt                     time.Time
}

// reservation is a storage location that POST storage handed out.
type reservation struct {
	Client, Project, Target, Name string
}

type session struct {
	Key, ID, Bucket, Object, Client string
	Expires                         time.Time
	Done, Closed                    bool
	parts                           map[int]blob
}

func (s *session) numbers() []int { return slices.Sorted(maps.Keys(s.parts)) }

type token struct {
	Client, User string // User: "" two-legged
	Scopes       []string
	Expires      time.Time
}

// model is the world. Everything in it is guarded by Server.mu.
type model struct {
	log          *metaLog
	meta         *table[string]
	hubs         *table[hub]
	projects     *table[project]
	folders      *table[folder]
	items        *table[item]
	versions     *table[version]
	buckets      *table[bucket]
	objects      *table[object]      // by bucket/key
	reservations *table[reservation] // by object URN
	sessions     *table[session]     // by upload key
	parts        *table[blob]        // by upload key/number
	tokens       *table[token]       // by access token
	grants       *table[grant]       // refresh tokens and authorization codes
	clients      *table[client]
	robots       *table[robot]  // service accounts
	people       *table[person] // account users, by account/id
	companies    *table[record] // by account/id
	units        *table[record] // business units by account/id
	members      *table[record] // project users by project/id
	roles        *table[record] // industry roles by account/id
	hooks        *table[hook]
	hookTokens   *table[string] // secret by client/user/region
	relations    *table[relation]
	resources    *table[signedResource] // by hash

	// derived
	kids    map[string]*children // by folder id
	byID    map[string]*session  // by internal upload id
	keys    map[string][]string  // sorted object keys by bucket
	lastSeq int64
}

// children are a folder's members in the order of their making.
type children struct {
	folders, items []string
	names          map[string]string // name -> id of what holds it and is not hidden
	folded         map[string]string // the same by names without their case, in NFC
}

func (c *children) take(name, id string) { c.names[name], c.folded[foldName(name)] = id, id }

func (c *children) drop(name string) {
	delete(c.names, name)
	delete(c.folded, foldName(name))
}

// holder is the id of what has a name; "" when it is free.
func (c *children) holder(name string, fold bool) string {
	if fold {
		return c.folded[foldName(name)]
	}

	return c.names[name]
}

// record is a row of account administration whose fields are answered as they are.
type record struct {
	numbered
	Fields map[string]any
}

func newModel() *model {
	l := &metaLog{}

	return &model{
		log: l, meta: newTable[string]("meta", l), hubs: newTable[hub]("hub", l),
		projects: newTable[project]("project", l),
		folders:  newTable[folder]("folder", l), items: newTable[item]("item", l),
		versions: newTable[version]("version", l),
		buckets:  newTable[bucket]("bucket", l), objects: newTable[object]("object", l),
		reservations: newTable[reservation]("storage", l),
		sessions:     newTable[session]("session", l), parts: newTable[blob]("part", l),
		tokens: newTable[token]("token", l), robots: newTable[robot]("robot", l),
		grants: newTable[grant]("grant", l), clients: newTable[client]("client", l),
		people:    newTable[person]("person", l),
		companies: newTable[record]("company", l), units: newTable[record]("unit", l),
		members: newTable[record]("member", l),
		roles:   newTable[record]("role", l), hooks: newTable[hook]("hook", l),
		hookTokens: newTable[string]("hooktoken", l),
		relations:  newTable[relation]("relation", l), resources: newTable[signedResource]("signed", l),
		kids: map[string]*children{}, byID: map[string]*session{}, keys: map[string][]string{},
	}
}

func (m *model) tables() []rows {
	return []rows{m.meta, m.hubs, m.projects, m.folders, m.items, m.versions, m.buckets, m.objects,
		m.reservations, m.sessions, m.parts,
		m.tokens, m.grants, m.clients, m.robots, m.people, m.companies, m.units, m.members, m.roles, m.hooks,
		m.hookTokens, m.relations, m.resources}
}

// numbered gives what is made its place in listings.
type numbered struct{ Seq int64 }

func (n numbered) seq() int64 { return n.Seq }

func (m *model) seq() numbered {
	m.lastSeq++
	return numbered{m.lastSeq}
}

// index builds what is derived, after loading.
func (m *model) index() {
	for _, t := range m.tables() {
		m.lastSeq = max(m.lastSeq, t.last())
	}

	for _, f := range inOrder(m.folders.m) {
		m.child(f.Parent).folders = append(m.child(f.Parent).folders, f.ID)
		if !f.Hidden {
			m.child(f.Parent).take(f.Name, f.ID)
		}
	}

	for _, i := range inOrder(m.items.m) {
		m.child(i.Folder).items = append(m.child(i.Folder).items, i.ID)
		if !i.Hidden {
			m.child(i.Folder).take(i.Name, i.ID)
		}
	}

	for _, s := range m.sessions.m {
		s.parts = map[int]blob{}
		m.byID[s.ID] = s
	}

	for id, b := range m.parts.m {
		key, n := splitPartID(id)
		if s := m.sessions.get(key); s != nil {
			s.parts[n] = *b
		}
	}

	for _, o := range m.objects.m {
		m.keys[o.Bucket] = append(m.keys[o.Bucket], o.Key)
	}

	for _, keys := range m.keys {
		slices.Sort(keys)
	}
}

func (m *model) child(id string) *children {
	c := m.kids[id]
	if c == nil {
		c = &children{names: map[string]string{}, folded: map[string]string{}}
		m.kids[id] = c
	}

	return c
}

// inOrder are rows in the order of their making.
func inOrder[R interface{ seq() int64 }](rows map[string]R) []R {
	return slices.SortedFunc(maps.Values(rows), func(a, b R) int { return cmp.Compare(a.seq(), b.seq()) })
}

func foldName(name string) string { return strings.ToLower(norm.NFC.String(name)) }

func partID(key string, n int) string { return fmt.Sprintf("%s/%d", key, n) }

func splitPartID(id string) (key string, n int) {
	key, num, _ := strings.Cut(id, "/")
	_, _ = fmt.Sscanf(num, "%d", &n)
	return key, n
}

func objectURN(bucket, key string) string { return "urn:adsk.objects:os.object:" + bucket + "/" + key }

func splitURN(urn string) (bucket, key string, ok bool) {
	rest, ok := strings.CutPrefix(urn, "urn:adsk.objects:os.object:")
	if !ok {
		return "", "", false
	}

	return strings.Cut(rest, "/")
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

func randomID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

func uuid() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80

	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// wireTime is how data management writes times.
func wireTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.0000000Z") }
