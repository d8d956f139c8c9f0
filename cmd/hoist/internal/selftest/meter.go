package selftest

import (
	"errors"
	"net/http"
	"sync"
)

// Calls is the most requests that a run makes. The last of them are for cleaning.
const (
	Calls    = 100
	cleaning = 15
)

// errSpent says that a run may not make more requests.
var errSpent = errors.New("the calls of this run are spent")

// Meter counts requests and refuses those beyond a bound. It is safe for concurrent use.
type Meter struct {
	next http.RoundTripper

	mu         sync.Mutex
	made, most int
}

// NewMeter returns a meter for one run.
func NewMeter(next http.RoundTripper) *Meter { return &Meter{next: next, most: Calls - cleaning} }

// RoundTrip makes a request, or refuses it.
func (m *Meter) RoundTrip(r *http.Request) (*http.Response, error) {
	m.mu.Lock()
	spent := m.made >= m.most
	if !spent {
		m.made++
	}

	m.mu.Unlock()
	if spent {
		return nil, errSpent
	}

	return m.next.RoundTrip(r)
}

// Made is the number of requests so far.
func (m *Meter) Made() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.made
}

// clean lets the calls be made that were kept for cleaning.
func (m *Meter) clean() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.most = Calls
}

func (m *Meter) spent() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.made >= m.most
}
