package apsclient

import (
	"slices"
	"strings"
)

// nearest returns the known name that is most like name, "" when none is near enough to be meant.
func nearest(name string, known []string) string {
	best, bestDistance := "", 1+max(2, len(name)/3)
	plain := func(s string) string {
		return strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(s))
	}
	for _, k := range slices.Sorted(slices.Values(known)) {
		if d := distance(plain(name), plain(k)); d < bestDistance {
			best, bestDistance = k, d
		}
	}

	return best
}

// distance is the Levenshtein distance of two short names, in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}

	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}

			diagonal, row[j+1] = row[j+1], min(row[j]+1, row[j+1]+1, diagonal+cost)
		}
	}

	return row[len(b)]
}
