package plan

import (
	"cmp"
	"hash/maphash"
	"slices"
)

// byHash tells which of many texts are equal, and takes a dozen bytes of each.
type byHash struct {
	seed  maphash.Seed
	texts []uint64 // hashes, by number
	order []int32  // numbers by hash, then by number
}

func (b *byHash) add(text string) {
	if len(b.texts) == 0 {
		b.seed = maphash.MakeSeed()
	}

	b.texts = append(b.texts, maphash.String(b.seed, text))
}

// sort is for when all were added.
func (b *byHash) sort() {
	b.order = make([]int32, len(b.texts))
	for i := range b.order {
		b.order[i] = int32(i)
	}

	slices.SortFunc(b.order, func(i, j int32) int {
		return cmp.Or(cmp.Compare(b.texts[i], b.texts[j]), cmp.Compare(i, j))
	})
}

// first is the number of the first text that has the hash of this: mostly it is equal.
func (b *byHash) first(text string) (number int, ok bool) {
	hash := maphash.String(b.seed, text)
	n, ok := slices.BinarySearchFunc(b.order, hash, func(i int32, hash uint64) int {
		return cmp.Compare(b.texts[i], hash)
	})
	if !ok {
		return 0, false
	}

	return int(b.order[n]), true
}

// later are the numbers of those whose hash one before them has, in order.
func (b *byHash) later() (numbers []int) {
	for n := 1; n < len(b.order); n++ {
		if i := b.order[n]; b.texts[i] == b.texts[b.order[n-1]] {
			numbers = append(numbers, int(i))
		}
	}

	slices.Sort(numbers)

	return numbers
}
