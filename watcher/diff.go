package watcher

// op is how a name differs from its baseline.
type op string

const (
	opAdded   op = "added"   // a file that has no record
	opChanged op = "changed" // a file whose record differs
	opGone    op = "gone"    // a record, of a file or a folder, that has nothing on disk
)

// diff compares a folder's listing, sorted by name, with its baseline and calls visit for each
// difference. The record is the listing's, for opGone the baseline's. A folder in the listing alone
// is no difference. Chunks that cannot be read end the comparison with an error; what was visited
// until then is right.
func diff(listing []record, chunks []Chunk, visit func(op, record)) error {
	d := decoder{chunks: chunks}
	more := d.next()
	for _, l := range listing {
		for more && string(d.name) < l.name {
			visit(opGone, d.current())
			more = d.next()
		}

		if d.err != nil {
			return d.err
		}

		if !more || string(d.name) != l.name {
			if !l.dir {
				visit(opAdded, l)
			}

			continue
		}

		switch {
		case d.rec.dir && !l.dir:
			visit(opGone, d.current())
			visit(opAdded, l)
		case l.dir && !d.rec.dir:
			visit(opGone, d.current())
		case !l.same(d.rec):
			visit(opChanged, l)
		}

		more = d.next()
	}

	for more {
		visit(opGone, d.current())
		more = d.next()
	}

	return d.err
}
