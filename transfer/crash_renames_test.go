package transfer

import (
	"strings"
	"testing"

	"hoist/apsclient/emulator"
	"hoist/state"
)

// renameScenarios are renames, moves, swaps and changes of letter case, each with the cloud's state after it.
// Those in another form, or that the service shows late, are in crashScenarios.
var renameScenarios = []crashScenario{
	{name: "a version with the new name", options: []worldOption{crashOptions}, start: renamedFile},
	{name: "a new name of the item", options: []worldOption{crashOptions},
		start: onTeamHub(func(w *world) crashRun {
			was := w.watched("a.rvt", 10, 1)
			j := w.renamed("a.rvt", "b.rvt")

			return crashRun{jobs: []state.Job{j}, receipts: 2, check: func() {
				w.wantMoved(was, "b.rvt", 1)
				w.wantNothingOf("a.rvt")
				w.wantNoBytes()
			}}
		})},
	{name: "a copy in another folder", options: []worldOption{crashOptions}, start: movedFile},
	{name: "what was moved away from is hidden", options: []worldOption{crashOptions}, start: movedAndHidden},
	{name: "a folder", options: []worldOption{crashOptions}, start: renamedFolder("Issued")},
	{name: "a folder in another one", options: []worldOption{crashOptions},
		start: renamedFolder("2026/Issued")},
	{name: "two names swapped", options: []worldOption{crashOptions}, start: swappedFiles},
	{name: "letter case alone", options: []worldOption{crashOptions, foldsNames},
		start: func(w *world) crashRun {
			was := w.watched("a.rvt", 10, 1)
			j := w.renamed("a.rvt", "A.rvt")

			return crashRun{jobs: []state.Job{j}, receipts: 2, check: func() {
				w.wantMoved(was, "A.rvt", 2)
				w.wantNoBytes()
			}}
		}},
	{name: "letter case alone, on a hub of a team", options: []worldOption{crashOptions, foldsNames},
		start: onTeamHub(func(w *world) crashRun {
			was := w.watched("a.rvt", 10, 1)
			j := w.renamed("a.rvt", "A.rvt")

			return crashRun{jobs: []state.Job{j}, receipts: 2, check: func() {
				w.wantMoved(was, "A.rvt", 1)
				w.wantNoBytes()
			}}
		})},
	{name: "letter case alone, and written", options: []worldOption{crashOptions, foldsNames},
		start: func(w *world) crashRun {
			was := w.watched("a.rvt", 10, 1)
			w.move("a.rvt", "A.rvt")
			data := w.write("A.rvt", 20, 2)
			w.enqueue(w.ofWatch("A.rvt"))

			return crashRun{receipts: 2, check: w.followed(was, "A.rvt", data)}
		}},
	{name: "letter case of a folder", options: []worldOption{crashOptions, foldsNames},
		start: renamedFolder("DRAFT")},
}

// onTeamHub is a scenario on a hub whose items have names of their own.
func onTeamHub(start func(*world) crashRun) func(*world) crashRun {
	return func(w *world) crashRun {
		if err := w.srv.SetHubKind(w.srv.Demo().Hub, emulator.HubTeam); err != nil {
			w.t.Fatal(err)
		}

		w.core = true

		return start(w)
	}
}

// movedAndHidden is what the delete policy makes of a file that was moved: its copy is there.
func movedAndHidden(w *world) crashRun {
	w.watched("b.rvt", 10, 2) // else the folder is empty, and taken for one that is away
	was := w.watched("a.rvt", 10, 1)
	w.renamed("a.rvt", "new/a.rvt")
	data := w.read("new/a.rvt")
	w.runAll(w.engine())
	w.srv.ResetJournal()
	w.enqueue(w.hideJob("a.rvt"))

	return crashRun{receipts: 3, check: func() {
		w.wantHidden(was)
		w.wantVersions("new/a.rvt", data)
		w.wantNoBytes()
	}}
}

// swappedFiles are two files that took each other's name: each name has the other's content as its next
// version.
func swappedFiles(w *world) crashRun {
	one, two := w.watched("a.rvt", 10, 1), w.watched("b.rvt", 20, 2)
	a, b := w.read("a.rvt"), w.read("b.rvt")
	w.move("a.rvt", "between")
	w.move("b.rvt", "a.rvt")
	w.move("between", "b.rvt")

	r := crashRun{receipts: 4, check: func() {
		w.wantVersions("a.rvt", a, b)
		w.wantVersions("b.rvt", b, a)
		for rel, was := range map[string]state.PublishedRecord{"a.rvt": one, "b.rvt": two} {
			if f, ok := w.srv.File("Project Files/" + rel); !ok || f.ItemID != was.Item {
				w.t.Errorf("%s is another item: %+v", rel, f)
			}
		}
	}}
	for _, rel := range []string{"a.rvt", "b.rvt"} { // neither name is gone, so the watch tells of no rename
		r.jobs = append(r.jobs, w.enqueue(w.ofWatch(rel)))
	}

	return r
}

// TestRenameCrashTable kills each rename at each of its steps, as TestCrashTable does.
func TestRenameCrashTable(t *testing.T) {
	for _, s := range renameScenarios {
		if strings.HasPrefix(s.name, "letter case") && keepsLetters(t) {
			continue
		}

		s.run(t, map[string]bool{})
	}
}
