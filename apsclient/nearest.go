package apsclient

import (
	"cmp"
	"slices"
	"strings"
)

// Nearest returns up to five of names that are likely meant by name: equal but for case, dashes and
// underscores, a few letters off, or one containing the other. The nearest come first.
func Nearest(name string, names []string) []string {
	type candidate struct {
		name string
		d    int
	}
	plain := func(s string) string {
		return strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(s))
	}
	lower := plain(name)

	limit := max(2, len([]rune(name))/3)
	var found []candidate
	for _, n := range names {
		l := plain(n)
		d := distance(lower, l, limit)
		if d > limit && len(lower) >= 3 && len(l) >= 3 &&
			(strings.Contains(l, lower) || strings.Contains(lower, l)) {
			d = limit
		}

		if d <= limit && n != name {
			found = append(found, candidate{n, d})
		}
	}

	slices.SortFunc(found, func(a, b candidate) int {
		return cmp.Or(a.d-b.d, strings.Compare(a.name, b.name))
	})

	var out []string
	for _, c := range found {
		if len(out) == 5 {
			break
		}

		if !slices.Contains(out, c.name) {
			out = append(out, c.name)
		}
	}

	return out
}

// nearest is the first of Nearest, "" none.
func nearest(name string, names []string) string {
	if near := Nearest(name, names); len(near) > 0 {
		return near[0]
	}

	return ""
}

// distance is the number of single-letter edits between a and b, or limit+1 as soon as it is known
// to be larger.
func distance(a, b string, limit int) int {
	x, y := []rune(a), []rune(b)
	if len(x)-len(y) > limit || len(y)-len(x) > limit {
		return limit + 1
	}

	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}

	for i := 1; i <= len(x); i++ {
		diagonal, best := row[0], i
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := diagonal
			if x[i-1] != y[j-1] {
				cost++
			}

			diagonal = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
			best = min(best, row[j])
		}

		if best > limit {
			return limit + 1
		}
	}

	return row[len(y)]
}
