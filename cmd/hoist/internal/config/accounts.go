package config

import (
	"encoding/json"
	"maps"
	"os"
	"sync"
)

// Accounts is a file that remembers what was looked up of accounts, as an apsclient.Memory: the
// region of each and the BIM 360 ids of users. What cannot be kept is looked up again. It is safe
// for concurrent use, by several processes too.
type Accounts struct {
	home Home

	mu     sync.Mutex
	values map[string]string // as read last and changed since; nil: not read yet
}

// NewAccounts returns the memory of a home. It reads nothing yet.
func NewAccounts(h Home) *Accounts { return &Accounts{home: h} }

// Recall returns what is known under a key, "" nothing.
func (a *Accounts) Recall(key string) string {
	a.mu.Lock()
	defer a.mu.Unlock()

	if a.values == nil {
		a.values = a.read()
	}

	return a.values[key]
}

// Remember keeps a value, or forgets it with "".
func (a *Accounts) Remember(key, value string) {
	a.mu.Lock()
	defer a.mu.Unlock()

	known := a.read() // others write too
	if known[key] == value && a.values[key] == value {
		return
	}

	maps.Copy(known, a.values)
	known[key] = value
	if value == "" {
		delete(known, key)
	}

	a.values = known
	if raw, err := json.MarshalIndent(known, "", "  "); err == nil && a.home.Ensure() == nil {
		_ = WriteFile(a.home.AccountsFile(), append(raw, '\n')) // else it is looked up again
	}
}

func (a *Accounts) read() map[string]string {
	var known map[string]string
	if raw, err := os.ReadFile(a.home.AccountsFile()); err == nil {
		_ = json.Unmarshal(raw, &known) // a damaged one teaches nothing, and is replaced
	}

	if known == nil {
		known = map[string]string{}
	}

	return known
}
