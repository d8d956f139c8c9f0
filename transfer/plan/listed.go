package plan

import (
	"encoding/binary"
	"time"

	"hoist/apsclient"
	"hoist/transfer/remote"
)

// listed is a remote file that was found, as the list of a pull holds it: what the place that was asked
// for does not tell already.
type listed struct {
	local   string // slash path below the local folder
	problem string // why it can be kept nowhere, "" it can
	steps   string // of its address, each after its length: a key may hold any byte
	// of an item: its id, name, parent, version and storage; of an object: its key, and its id as the storage
	id, name, folder, version, storage string
	sha1                               string
	number                             int
	size                               int64 // -1 unknown
	modified                           time.Time
}

func listedOf(q remote.Place, local, problem string) listed {
	l := listed{local: local, problem: problem, steps: packSteps(q.Address.Steps)}
	if o := q.Object; q.Kind == remote.KindObject {
		l.id, l.storage, l.sha1, l.size, l.modified = q.Key, string(o.ID), o.SHA1, o.Size, o.Modified
		return l
	}

	v := q.Version
	l.id, l.name, l.folder = string(q.Item.ID), q.Name(), string(q.Folder.ID)
	l.version, l.storage, l.number = string(v.ID), string(v.Storage), v.Number
	l.size, l.modified = v.Size, v.Modified

	return l
}

// address is that of the file.
func (l *listed) address(below remote.Place) remote.Address {
	return remote.Address{Scheme: below.Address.Scheme, Steps: unpackSteps(l.steps)}
}

// place is the file, below the place that was asked for.
func (l *listed) place(below remote.Place) remote.Place {
	q := below
	if q.Address = l.address(below); q.Address.OSS() {
		q.Kind, q.Key = remote.KindObject, l.id
		q.Object = &apsclient.Object{ID: apsclient.ObjectID(l.storage), Key: l.id, SHA1: l.sha1, Size: l.size,
			Modified: l.modified}

		return q
	}

	q.Kind, q.Folder.ID = remote.KindItem, apsclient.FolderID(l.folder)
	q.Item = apsclient.Item{ID: apsclient.ItemID(l.id), Name: l.name}
	q.Version = &apsclient.Version{ID: apsclient.VersionID(l.version), Storage: apsclient.ObjectID(l.storage),
		Number: l.number, Size: l.size, Modified: l.modified}

	return q
}

func packSteps(steps []string) string {
	var out []byte
	for _, s := range steps {
		out = append(binary.AppendUvarint(out, uint64(len(s))), s...)
	}

	return string(out)
}

func unpackSteps(text string) (steps []string) {
	r := listReader{text: []byte(text)}
	for len(r.text) > 0 && !r.bad {
		n := min(r.count(), uint64(len(r.text)))
		steps = append(steps, string(r.text[:n]))
		r.text = r.text[n:]
	}

	return steps
}

var listedForm = form[listed]{write: appendListed, read: readListed}

func (l *listed) texts() []*string {
	return []*string{&l.local, &l.problem, &l.steps, &l.id, &l.name, &l.folder, &l.version,
		&l.storage, &l.sha1}
}

func appendListed(to []byte, l, before *listed) []byte {
	last := before.texts()
	for i, text := range l.texts() {
		to = appendText(to, *text, *last[i])
	}

	to = binary.AppendVarint(to, int64(l.number))
	to = binary.AppendVarint(to, l.size)

	return appendTime(to, l.modified)
}

func readListed(r *listReader, before listed) (l listed) {
	last := before.texts()
	for i, text := range l.texts() {
		*text = r.string(*last[i])
	}

	l.number, l.size, l.modified = int(r.number()), r.number(), r.time()

	return l
}
