package owner

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"hoist/transfer/plan"
)

// order is in which order the files of a plan begin, as --order-by says.
type order struct{ key, way string }

// Order checks what --order-by is given: size, name or modtime, and after a comma ascending,
// descending or mixed.
func Order(text string) error {
	_, err := parseOrder(text)
	return err
}

func parseOrder(text string) (order, error) {
	key, way, _ := strings.Cut(text, ",")
	switch way {
	case "", "asc", "ascending":
		way = "ascending"
	case "desc", "descending":
		way = "descending"
	case "mixed":
	default:
		return order{}, fmt.Errorf("%q: the order is ascending, descending or mixed", text)
	}

	if text != "" && !slices.Contains([]string{"size", "name", "modtime"}, key) {
		return order{}, fmt.Errorf("%q: files are ordered by size, name or modtime", text)
	}

	return order{key, way}, nil
}

// sort orders a plan; without a key it stays as it is.
func (o order) sort(files []plan.File) {
	if o.key == "" {
		return
	}

	slices.SortStableFunc(files, func(a, b plan.File) int {
		c := 0
		switch o.key {
		case "size":
			c = cmp.Compare(weight(a), weight(b))
		case "name":
			c = strings.Compare(a.Remote, b.Remote)
		case "modtime":
			at, bt := a.Job.Snapshot.ModTime, b.Job.Snapshot.ModTime
			if at.IsZero() && bt.IsZero() {
				at, bt = a.Changed, b.Changed
			}

			c = at.Compare(bt)
		}

		if o.way == "descending" {
			c = -c
		}

		return c
	})
	if o.way != "mixed" {
		return
	}

	sorted := slices.Clone(files)
	for i := range files { // the first, the last, the second, the last but one
		if i%2 == 0 {
			files[i] = sorted[i/2]
		} else {
			files[i] = sorted[len(sorted)-1-i/2]
		}
	}
}

// weight is the bytes of a file, as far as they are known.
func weight(f plan.File) int64 { return max(f.Bytes, f.Job.Snapshot.Size, 0) }

// limit is after how many bytes the files of a plan wait; 0: none. The file that passes it still goes,
// unless cautious.
type limit struct {
	most     int64
	cautious bool
	sum      int64 // of the files that go
}

// hold pauses the files that come after the limit.
func (l *limit) hold(files []plan.File) {
	if l.most <= 0 {
		return
	}

	for i := range files {
		f := &files[i]
		if f.Result != "" {
			continue
		}

		if l.sum >= l.most || l.cautious && l.sum+weight(*f) > l.most {
			f.Job.Paused = true
			continue
		}

		l.sum += weight(*f)
	}
}
