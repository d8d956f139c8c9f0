package state

import (
	"cmp"
	"maps"
	"slices"
)

// derive rebuilds what follows from the jobs and the receipts.
func (sv *salvage) derive(r *RepairReport) {
	kept, ended := sv.keepJobs()
	r.Parked = slices.DeleteFunc(r.Parked, func(id JobID) bool {
		k, _ := id.key()
		_, ok := kept[string(k)]
		return !ok
	})

	rows := sv.archive()
	for k, v := range sv.data["done"] {
		if j, _, err := rows.job(idOf([]byte(k)), v); err != nil {
			delete(sv.data["done"], k)
		} else {
			kept[k] = j
		}
	}

	paths := map[string][]byte{}
	for _, k := range slices.Sorted(maps.Keys(kept)) { // the newest of a path comes last
		paths[string(pathKey(kept[k].Path))] = []byte(k)
	}

	sv.data["paths"] = paths
	sv.dropOrphans(kept)

	slices.SortStableFunc(ended, func(a, b Job) int {
		return cmp.Or(a.Ended.Compare(b.Ended), cmp.Compare(a.ID, b.ID))
	})

	list := map[string][]byte{}
	for i, j := range ended {
		list[string(seqKey(uint64(i+1)))] =
			encodeRecord(endedRecord{ID: string(j.ID), End: j.End, Time: j.Ended}, "")
	}

	sv.data["ended"] = list
	r.Notes = append(r.Notes, sv.mendHead()...)
}

// keepJobs reads the jobs, drops what cannot be read, and rebuilds the indexes of open ones. Of two open
// jobs to one target or file, as two sources may give, the newer one stays.
func (sv *salvage) keepJobs() (kept map[string]Job, ended []Job) {
	targets, files := map[string][]byte{}, map[string][]byte{}
	kept = map[string]Job{}
	for _, k := range sortedKeys(sv.data["jobs"]) {
		j, err := decodeJob(idOf([]byte(k)), sv.data["jobs"][k])
		if err != nil {
			delete(sv.data["jobs"], k)
			continue
		}

		if !j.Open() {
			ended = append(ended, j)
			kept[k] = j
			continue
		}

		if other, ok := targets[string(targetKey(j))]; ok {
			sv.drop(string(other), kept, files)
		}

		if watched(j) {
			if other, ok := files[string(fileKey(j))]; ok {
				sv.drop(string(other), kept, files)
			}

			files[string(fileKey(j))] = []byte(k)
		}

		targets[string(targetKey(j))] = []byte(k)
		kept[k] = j
	}

	maps.DeleteFunc(targets, func(_ string, id []byte) bool { _, ok := kept[string(id)]; return !ok })
	sv.data["targets"], sv.data["files"] = targets, files

	return kept, ended
}

// dropOrphans drops what belongs to no job: parts and progress of none that goes on where it stood, history
// of none.
func (sv *salvage) dropOrphans(kept map[string]Job) {
	live := func(k string) bool {
		j, ok := kept[k[:min(16, len(k))]]
		return ok && j.Open() && !j.Doubt
	}
	for _, name := range []string{"parts", "progress"} {
		maps.DeleteFunc(sv.data[name], func(k string, _ []byte) bool { return !live(k) })
	}

	maps.DeleteFunc(sv.data["history"], func(k string, _ []byte) bool {
		_, ok := kept[k[:min(16, len(k))]]
		return !ok || len(k) != 16 && len(k) != 24
	})
}

// mendHead makes the next receipt build on the last one that is there.
func (sv *salvage) mendHead() (notes []string) {
	meta, receipts := sv.data["meta"], sv.receipts()
	delete(meta, string(metaPacked)) // they are single now
	if err := CheckReceipts(receipts, ""); err != nil {
		notes = append(notes, "receipts: "+err.Error())
	}

	if checkHead(string(meta["receipt-head"]), receipts) == nil {
		return notes
	}

	delete(meta, "receipt-head")
	if len(receipts) > 0 {
		meta["receipt-head"] = headOf(receipts[len(receipts)-1])
	}

	return notes
}

// drop forgets an open job that another one stands for.
func (sv *salvage) drop(k string, kept map[string]Job, files map[string][]byte) {
	j, ok := kept[k]
	if !ok {
		return
	}

	delete(kept, k)
	delete(sv.data["jobs"], k)
	if string(files[string(fileKey(j))]) == k {
		delete(files, string(fileKey(j)))
	}
}
