package state

import "slices"

// partEdits collects what a commit does to the parts of one job.
type partEdits struct {
	tx   *writeTx
	job  []byte
	all  bool                // forget what is in the file
	set  map[int]*partRecord // nil: lost
	last []int               // keys of set in order
}

func (p *partEdits) get(n int) (*partRecord, error) {
	if r, ok := p.set[n]; ok || p.all || p.tx.isEmpty(bucketParts) {
		return r, nil
	}

	var r partRecord
	if found, err := getRecord(p.tx.Tx, bucketParts, partKey(p.job, n), &r); !found {
		return nil, err
	}

	return &r, nil
}

// prepare tells an event about parts what is stored already, which the job alone does not know.
func (p *partEdits) prepare(e Event) (Event, error) {
	switch e := e.(type) {
	case PartStored:
		r, err := p.get(e.Part)
		if err != nil {
			return nil, err
		}

		e.again, e.was = r != nil, 0
		if r != nil {
			e.was = r.Size
		}

		return e, nil
	case PartsLost:
		e.counted, e.count, e.bytes = true, 0, 0
		e.Parts = slices.Compact(slices.Sorted(slices.Values(e.Parts)))
		for _, n := range e.Parts {
			r, err := p.get(n)
			if err != nil {
				return nil, err
			}

			if r != nil {
				e.count++
				e.bytes += r.Size
			}
		}

		return e, nil
	}

	return e, nil
}

func (p *partEdits) take(e Event) {
	switch e := e.(type) {
	case PartStored:
		p.put(e.Part, &partRecord{Size: e.Size, ETag: e.ETag, MD5: e.MD5})
	case PartsLost:
		for _, n := range e.Parts {
			p.put(n, nil)
		}
	case SessionLost:
		p.all = true
		clear(p.set)
		p.last = nil
	}
}

func (p *partEdits) put(n int, r *partRecord) {
	p.set[n] = r
	p.last = append(p.last, n)
}

func (p *partEdits) write() error {
	if p.all {
		if err := p.tx.dropParts(p.job); err != nil {
			return err
		}
	}

	for _, n := range p.last {
		k := partKey(p.job, n)
		r := p.set[n]
		if r == nil {
			if err := p.tx.delete(bucketParts, k); err != nil {
				return err
			}

			continue
		}

		if err := p.tx.put(bucketParts, k, encodeRecord(*r, "")); err != nil {
			return err
		}
	}

	return nil
}
