package transfer

import (
	"slices"
	"time"

	"hoist/apsclient"
)

// simFolder is a folder of a project that has to be made for uploads.
type simFolder struct {
	parent  int32 // index; -1: it is there
	made    bool
	waiting []func() // for it to be made; nil: nobody makes it
}

// simBucket joins calls about single objects as bucketCalls does.
type simBucket struct{ urls, completes simJoiner }

type simJoiner struct {
	turn  bool
	calls int
	queue []simJoined
	full  func() // makes the call that waits for company; nil: none does
	last  time.Duration
}

type simJoined struct {
	u    *upload
	then func()
}

// join makes a call together with others of its kind.
func (s *simulation) join(j *simJoiner, u *upload, then func()) {
	j.queue = append(j.queue, simJoined{u, then})
	if j.full != nil && len(j.queue) >= apsclient.MaxBatch {
		j.full()
	}

	s.giveTurn(j)
}

// giveTurn begins a call, if one may.
func (s *simulation) giveTurn(j *simJoiner) {
	if !j.turn && mayLead(len(j.queue), j.calls) {
		j.turn = true
		s.lead(j)
	}
}

// lead makes the next joint call, when it had company enough.
func (s *simulation) lead(j *simJoiner) {
	wait := companyAfter(j.last)
	if wait <= 0 || len(j.queue) >= apsclient.MaxBatch {
		s.joined(j)
		return
	}

	waits := true
	j.full = func() {
		if waits {
			waits, j.full = false, nil
			s.joined(j)
		}
	}
	s.after(wait, j.full)
}

func (s *simulation) joined(j *simJoiner) {
	n := min(len(j.queue), apsclient.MaxBatch)
	batch := slices.Clone(j.queue[:n])
	j.queue = slices.Delete(j.queue, 0, n)
	j.turn = false
	j.calls++
	began, who := s.now, batch[0].u
	if i := slices.IndexFunc(batch, func(b simJoined) bool { return !b.u.before }); i >= 0 {
		who = batch[i].u
	}

	s.call(who, apsclient.BudgetOSS, func() {
		j.last = tellsOfCompany(s.now.Sub(began), n)
		for _, one := range batch {
			one.then()
		}

		j.calls--
		s.giveTurn(j)
	})
	s.giveTurn(j)
}

// reserve makes the folder of a file of a project, and asks for its storage.
func (s *simulation) reserve(u *upload) {
	if u.bucket >= 0 || u.phase == simBegun {
		s.open(u)
		return
	}

	s.ensure(u, u.folder, func() {
		s.call(u, apsclient.BudgetPostStorage, func() { s.open(u) })
	})
}

// ensure makes a folder, those above it first.
func (s *simulation) ensure(u *upload, folder int32, then func()) {
	if folder < 0 || s.folders[folder].made {
		then()
		return
	}

	s.ensure(u, s.folders[folder].parent, func() {
		f := &s.folders[folder]
		switch {
		case f.made:
			then()
		case f.waiting != nil:
			f.waiting = append(f.waiting, then)
		default:
			f.waiting = []func(){then}
			s.call(u, apsclient.BudgetPostFolders, func() {
				waiting := f.waiting
				f.made, f.waiting = true, nil
				for _, then := range waiting {
					then()
				}
			})
		}
	})
}

// open begins the session; the URLs of the first run come with it.
func (s *simulation) open(u *upload) {
	size, parts := planParts(u.size, s.partSize)
	u.parts = int32(parts)
	s.askURLs(u, 1, func() { s.sendPart(u, 1, size) })
}

// askURLs asks for the URLs of a run of parts.
func (s *simulation) askURLs(u *upload, first int32, then func()) {
	count := min(maxURLsACall, u.parts-first+1)
	have := func() {
		u.urls, u.asking = first+count, false
		if next := u.next; next != nil { // the part's turn came meanwhile
			u.next = nil
			next()
		}

		then()
	}
	u.asking = true
	if u.bucket >= 0 && count == 1 {
		s.join(&s.buckets[u.bucket].urls, u, have)
		return
	}

	s.call(u, apsclient.BudgetOSS, have)
}

// sendPart sends part n and those after it, as sendParts does.
func (s *simulation) sendPart(u *upload, n int32, partSize int64) {
	if n > u.parts {
		return
	}

	if n >= u.urls {
		again := func() { s.sendPart(u, n, partSize) }
		if u.asking {
			u.next = again
		} else {
			s.askURLs(u, n, again)
		}

		return
	}

	_, length := partRange(u.size, partSize, int(n))
	gate := s.parts
	if length <= smallFile {
		gate = s.small
	}

	send := func() {
		if !u.asking && u.urls <= u.parts &&
			int(u.urls-n-1) <= leadParts(gate.limit, partSize, s.rateEach()) {
			s.askURLs(u, u.urls, func() {})
		}

		s.after(s.latency, func() {
			s.send(length, func() {
				gate.release(s.now, length)
				s.stored(u)
			})
		})
		s.sendPart(u, n+1, partSize)
	}
	if n == 1 {
		s.acquireFirst(gate, send)
	} else {
		gate.acquire(send)
	}
}

// rateEach is about how many bytes a second one file gets; 0: unknown.
func (s *simulation) rateEach() float64 {
	rate, _ := s.line.rate(s.now)

	return rate / float64(max(1, s.used.transfers))
}

// stored notes that a part is stored; after the last one the object is assembled.
func (s *simulation) stored(u *upload) {
	if u.sent++; u.sent < u.parts {
		return
	}

	if u.bucket < 0 {
		s.call(u, apsclient.BudgetOSS, func() { s.completed(u) })
		return
	}

	done := func() { s.ended(u) }
	if u.parts == 1 {
		s.join(&s.buckets[u.bucket].completes, u, done)
	} else {
		s.call(u, apsclient.BudgetOSS, done)
	}
}

// completed goes on to publish, in the kind of slot for that, or waits for one.
func (s *simulation) completed(u *upload) {
	u.phase = simCompleted
	takes := s.claimOf(u)
	may := s.used.mayMove(takes, 0)
	s.give(u)
	if !may {
		s.enter(u)
		return
	}

	u.takes = takes
	s.used.add(takes)
	s.intend(u)
}

// intend looks at the item that gets a version, and creates.
func (s *simulation) intend(u *upload) {
	if !u.version {
		s.call(u, apsclient.BudgetPostItems, func() { s.ended(u) })
		return
	}

	s.call(u, apsclient.BudgetItem, func() {
		s.call(u, apsclient.BudgetPostVersions, func() { s.ended(u) })
	})
}
