package remote

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"hoist/apsclient"
)

// Memory keeps a text over restarts.
type Memory interface {
	Recall() (string, error)
	Keep(text string) error
}

// The ids at the beginning of an address seldom change, and a process that begins asks for them
// with three calls. So the first waysKept ways to a top folder are kept, for wayFor each.
const (
	waysKept = 16
	wayFor   = 24 * time.Hour
)

// way is where the first three steps of an address lead to.
type way struct {
	Address string    `json:"address"` // as it was asked for
	Asked   time.Time `json:"asked"`
	Hub     wayStep   `json:"hub"`
	Project wayStep   `json:"project"`
	Folder  wayStep   `json:"folder"`

	told bool // by the service, to this process, that it leads there
}

type wayStep struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Type   string `json:"type,omitempty"`
	Parent string `json:"parent,omitempty"` // of a project its root folder, of a folder its parent
	Region string `json:"region,omitempty"` // of a hub
	System string `json:"system,omitempty"` // of a project its platform

	Takes []string `json:"takes,omitempty"` // of a folder the types that it allows
}

// Remember makes the resolver begin with the ways in m, and keep there what it learns. A way is
// believed until the service knows nothing of its folder or refuses it, or a name below is missing;
// then everything is asked for again. A memory that fails costs calls and nothing else.
func (r *Resolver) Remember(m Memory) {
	text, err := m.Recall()
	if err != nil {
		r.log.Warn("what was known of hubs and projects cannot be read", "error", err)
	}

	var ways []way
	if text != "" {
		if err := json.Unmarshal([]byte(text), &ways); err != nil {
			r.log.Warn("what was known of hubs and projects cannot be read", "error", err)
			ways = nil
		}
	}

	r.mu.Lock()
	defer r.mu.Unlock()
	r.memory = m
	for _, w := range ways {
		if w.Folder.ID != "" {
			r.ways[w.Address] = w
		}
	}
}

// stale reports whether a way is too old; a time to come is one of a clock that was wrong.
func (w way) stale() bool {
	age := time.Since(w.Asked)
	return age < 0 || age >= wayFor
}

// wayAlong returns the place to which the first three steps of an address are known to lead.
func (r *Resolver) wayAlong(a Address) (p Place, w way, ok bool) {
	if len(a.Steps) < 3 || isID(a.Steps[2]) {
		return p, w, false
	}

	key := firstSteps(a)
	r.mu.Lock()
	w, ok = r.ways[key]
	r.mu.Unlock()
	if !ok {
		return p, w, false
	}

	if w.stale() {
		r.forgetPlaces(min(time.Since(w.Asked), wayFor))
		return p, w, false
	}

	p = w.place()
	r.mu.Lock()
	r.known[folderKey{p.Project.ID, p.Folder.ID}] = p.Folder
	r.mu.Unlock()

	return p, w, true
}

func (w way) place() Place {
	p := Place{
		Kind: KindFolder, Address: Address{Scheme: SchemeAPS}.Join(w.Hub.Name, w.Project.Name, w.Folder.Name),
		Hub: apsclient.Hub{ID: apsclient.HubID(w.Hub.ID), Name: w.Hub.Name, Type: w.Hub.Type,
			Region: w.Hub.Region},
		Project: apsclient.Project{ID: apsclient.ProjectID(w.Project.ID), Name: w.Project.Name,
			Type: w.Project.Type, Platform: w.Project.System, Hub: apsclient.HubID(w.Hub.ID),
			RootFolder: apsclient.FolderID(w.Project.Parent)},
		Folder: apsclient.Folder{ID: apsclient.FolderID(w.Folder.ID), Name: w.Folder.Name,
			Type: w.Folder.Type, Parent: apsclient.FolderID(w.Folder.Parent), AllowedTypes: w.Folder.Takes},
	}
	p.Core = p.Hub.Core()

	return p
}

// toldWay notes that the service showed what is in the folder of a way.
func (r *Resolver) toldWay(address string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w, ok := r.ways[address]; ok {
		w.told = true
		r.ways[address] = w
	}
}

// forgetRecalled drops the ways of which the service told this process nothing yet, and reports
// whether there were any.
func (r *Resolver) forgetRecalled() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := len(r.ways)
	maps.DeleteFunc(r.ways, func(_ string, w way) bool { return !w.told })

	return len(r.ways) < before
}

// learnWay keeps where the first three steps of an address were just found to lead. Of two that
// are learned at once one may be lost, which is asked for again.
func (r *Resolver) learnWay(a Address, p Place) {
	w := way{
		Address: firstSteps(a),
		Hub: wayStep{ID: string(p.Hub.ID), Name: p.Hub.Name, Type: p.Hub.Type,
			Region: p.Hub.Region},
		Project: wayStep{ID: string(p.Project.ID), Name: p.Project.Name, Type: p.Project.Type,
			Parent: string(p.Project.RootFolder), System: p.Project.Platform},
		Folder: wayStep{ID: string(p.Folder.ID), Name: p.Folder.Name, Type: p.Folder.Type,
			Parent: string(p.Folder.Parent), Takes: p.Folder.AllowedTypes},
		told: true,
	}

	r.mu.Lock()
	maps.DeleteFunc(r.ways, func(_ string, w way) bool { return w.stale() })
	if w.Asked = r.placesRead.UTC(); r.memory == nil || r.placesRead.IsZero() || len(r.ways) >= waysKept {
		r.mu.Unlock()
		return
	}

	r.ways[w.Address] = w
	list := slices.Collect(maps.Values(r.ways))
	memory := r.memory
	r.mu.Unlock()

	text, err := json.Marshal(list)
	if err == nil {
		err = memory.Keep(string(text))
	}

	if err != nil {
		r.log.Warn("what is known of hubs and projects is not kept", "error", err)
	}
}

func firstSteps(a Address) string {
	return Address{Scheme: a.Scheme, Steps: a.Steps[:3]}.String()
}
