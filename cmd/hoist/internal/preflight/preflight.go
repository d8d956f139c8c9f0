package preflight

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"hoist/apsclient"
	"hoist/transfer"
	"hoist/transfer/plan"
	"hoist/transfer/remote"
	"hoist/watcher"
)

// Verdicts of a [Finding].
const (
	Problem = "problem"
	Warning = "warning"
)

// Checks that are no reasons of a job.
const (
	CheckDepth      = "depth"
	CheckExtension  = "extension"
	CheckMapped     = "name-mapped"
	CheckNaming     = "naming-standard"
	CheckPermission = "permission"
	CheckRegion     = "region"
	CheckRetention  = "retention"
	CheckSpace      = "space"
	CheckOnline     = "placeholder"
)

// Finding is one thing that stands in the way.
type Finding struct {
	Check   string // a reason of a job, or one of the above
	Verdict string
	Path    string // local; "" when it concerns a remote place alone
	Remote  string
	Detail  string
	Fix     string // what to do; "" when the detail says it
}

// Input is what is looked at.
type Input struct {
	Resolver *remote.Resolver
	Place    remote.Place
	Files    iter.Seq2[[]plan.File, error] // in runs, see plan.Pushing
	Region   string                        // that the profile names; "" none
	Home     string                        // folder of the state
	// Free is how much room there is at a path, in bytes.
	Free func(path string) (int64, error)
	// Sent is told of each file that is to be sent, and how many of the last folders on its way have to
	// be made; nil: nobody is.
	Sent func(f *plan.File, missing int)
}

const askUpload = "ask a project administrator for the permission to upload"

// littleSpace is how little room for the state is worth a word, in bytes.
const littleSpace = 1 << 30

// Check looks at everything, and counts the folders that have to be made. What concerns one file is
// found from the plan and the file, what concerns a folder is asked there once.
func Check(ctx context.Context, in Input) (found []Finding, newFolders int, err error) {
	w := walk{in: in, folders: map[string]apsclient.Folder{}, unseen: map[string]string{},
		asked: map[string]bool{}, files: map[string]int{}}
	inFolder := in.Place.Kind == remote.KindFolder
	if inFolder {
		w.place()
	}

	for run, err := range in.Files {
		if err != nil {
			return nil, 0, err
		}

		for i := range run {
			f := &run[i]
			w.file(f)
			w.sends = w.sends || f.Result != plan.Unchanged
			if inFolder {
				w.full(f)
				if err := w.cloudFolders(ctx, f); err != nil {
					return nil, 0, err
				}
			}

			if in.Sent != nil && f.Result == "" && !f.Job.Paused {
				in.Sent(f, w.toMake(f))
			}
		}
	}

	if !inFolder && w.sends {
		err = w.bucket(ctx)
	}

	if free, e := in.Free(in.Home); e == nil && free < littleSpace {
		w.add(Finding{Check: CheckSpace, Verdict: Warning, Path: in.Home,
			Detail: humanize.IBytes(uint64(free)) + " free for the state", Fix: "make room on that drive"})
	}

	return append(w.ofFiles, w.found...), w.missing, err
}

// walk gathers findings.
type walk struct {
	in      Input
	folders map[string]apsclient.Folder // by slash path below the place; one without an id is not there
	unseen  map[string]string           // by local folder: why the remote one cannot be looked at
	asked   map[string]bool             // what was looked at already
	files   map[string]int              // planned, by remote folder
	missing int                         // folders that have to be made
	sends   bool                        // something is to be sent
	ofFiles []Finding
	found   []Finding // of anything else
}

func (w *walk) add(f Finding) { w.found = append(w.found, f) }

// file finds what is wrong with one file by itself. A file has one row: the first that stands in its
// way.
func (w *walk) file(f *plan.File) {
	row := Finding{Path: cmp.Or(f.Source.Path, f.Job.Path), Remote: f.Remote, Verdict: Problem}
	switch check, detail := ofFile(f); {
	case f.Result == plan.Attention:
		row.Check, row.Detail = f.Reason, f.Detail
	case check != "":
		row.Check, row.Detail = check, detail
	case f.Warning == "":
		return
	case f.Warning == remote.LikelyBlocked(f.Job.Target.Name):
		row.Check, row.Detail, row.Verdict = CheckExtension, f.Warning, Warning
	case slices.ContainsFunc(strings.Split(f.Source.Rel, "/"),
		func(name string) bool { return remote.RefusedName(name) != "" }):
		row.Check, row.Detail, row.Verdict = CheckMapped, f.Warning, Warning
	default:
		w.unseen[filepath.Dir(row.Path)] = f.Warning
		return
	}

	row.Fix = fixes[row.Check]
	w.ofFiles = append(w.ofFiles, row)
}

// full finds the folder that gets more files than the service takes with this one.
func (w *walk) full(f *plan.File) {
	folder := f.Remote[:max(strings.LastIndexByte(f.Remote, '/'), 0)]
	if w.files[folder]++; w.files[folder] == remote.MaxFiles+1 {
		w.add(Finding{Check: transfer.ReasonFolderFull, Verdict: Problem, Path: filepath.Dir(f.Source.Path),
			Remote: folder, Fix: "divide it among folders",
			Detail: fmt.Sprintf("more than %d files, which is what the service takes in one folder",
				remote.MaxFiles)})
	}
}

// fixes are what to do about one file before anything is queued; nothing is said when the detail
// says it.
var fixes = map[string]string{
	transfer.ReasonNameRefused: "rename it, or give --map-names",
	transfer.ReasonNameClash:   "rename one of the two",
	transfer.ReasonUnreadable:  "give yourself the permission to read it, or close the program that holds it",
	transfer.ReasonTooLarge:    "divide it",
	CheckOnline:                "keep it on this machine (\"always keep on this device\")",
}

// ofFile looks at a local file.
func ofFile(f *plan.File) (check, detail string) {
	if f.Job.Size > transfer.MaxFileSize {
		return transfer.ReasonTooLarge, fmt.Sprintf(
			"%s, and %s is the most that fits into the parts of an upload",
			humanize.IBytes(uint64(f.Job.Size)), humanize.IBytes(transfer.MaxFileSize))
	}

	if f.Result == plan.Unchanged || f.Source.Path == "" {
		return "", ""
	}

	info, err := os.Lstat(f.Source.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return transfer.ReasonVanished, "it is not there any more"
	}

	if err == nil && watcher.OnlineOnly(info) {
		return CheckOnline, "its content is not on this machine: reading it fetches it from where it lies"
	}

	file, err := transfer.OpenLocal(f.Source.Path)
	if err != nil {
		return transfer.ReasonUnreadable, err.Error()
	}

	_ = file.Close() // nothing was read

	return "", ""
}

// place looks at the one that everything lands below.
func (w *walk) place() {
	place := w.in.Place
	region := place.Hub.Region
	if w.in.Region != "" && region != "" && !strings.EqualFold(region, w.in.Region) {
		w.add(Finding{Check: CheckRegion, Verdict: Warning, Remote: place.Address.String(),
			Detail: fmt.Sprintf("the hub is in %s, the profile names %s", region, w.in.Region),
			Fix:    "hoist login --region " + region})
	}

	w.missing = len(place.Missing)
	if w.missing == 0 {
		w.folders[""] = place.Folder
	}
}

// cloudFolders looks at each folder on the way of a file.
func (w *walk) cloudFolders(ctx context.Context, f *plan.File) error {
	if f.Result == plan.Unchanged {
		return nil
	}

	dirs := f.Job.Target.Dirs[min(len(w.in.Place.Missing), len(f.Job.Target.Dirs)):]
	for n := range dirs {
		made, err := w.subfolder(ctx, dirs[:n+1], f)
		if err != nil {
			return err
		}

		w.missing += made
	}

	return w.into(ctx, dirs, f)
}

// toMake is how many of the last folders on the way of a file have to be made.
func (w *walk) toMake(f *plan.File) int {
	if w.in.Place.Kind != remote.KindFolder {
		return 0
	}

	dirs, above := f.Job.Target.Dirs, len(w.in.Place.Missing)
	for n := len(dirs); n > above; n-- {
		if w.folders[strings.Join(dirs[above:n], "/")].ID != "" {
			return len(dirs) - n
		}
	}

	return len(dirs) // what is missing above was not there to begin with
}

// subfolder finds the folder of a path below the place, whose parent was found before; made is 1
// when it has to be made.
func (w *walk) subfolder(ctx context.Context, dirs []string, f *plan.File) (made int,
	err error) {
	path, last := strings.Join(dirs, "/"), len(dirs)-1
	if _, ok := w.folders[path]; ok {
		return 0, nil
	}

	parent := w.folders[strings.Join(dirs[:last], "/")]
	if parent.ID == "" {
		w.folders[path] = apsclient.Folder{}
		return 1, nil
	}

	project := w.in.Place.Project.ID
	folder, ok, err := w.in.Resolver.FindFolder(ctx, project, parent.ID, dirs[last])
	if skip(err) {
		err = nil
	}

	w.folders[path] = folder
	if err != nil || ok {
		return 0, err
	}

	return 1, w.clash(ctx, parent.ID, dirs[last], f)
}

// skip: what cannot be looked at was told at its files.
func skip(err error) bool {
	_, ambiguous := errors.AsType[*remote.AmbiguousError](err)
	return ambiguous || errors.Is(err, apsclient.ErrForbidden) || errors.Is(err, apsclient.ErrNotFound)
}

// clash finds another name in a folder of the cloud that may be taken for one that is to be made.
func (w *walk) clash(ctx context.Context, folder apsclient.FolderID, name string, f *plan.File) error {
	if f.Result != "" {
		return nil // it has its row
	}

	err := w.in.Resolver.Clash(ctx, w.in.Place.Project.ID, folder, name, false)
	if c, ok := errors.AsType[*remote.NameClashError](err); ok {
		if key := "clash " + string(folder) + name; !w.asked[key] {
			w.asked[key] = true
			w.add(Finding{Check: transfer.ReasonNameClash, Verdict: Problem, Path: f.Source.Path,
				Remote: f.Remote, Detail: c.Error(), Fix: "rename one of the two"})
		}

		return nil
	}

	if skip(err) {
		return nil
	}

	return err
}

// into looks at the folder that a file lands in.
func (w *walk) into(ctx context.Context, dirs []string, f *plan.File) error {
	path := strings.Join(dirs, "/")
	folder := w.folders[path]
	first := !w.asked["in "+path]
	w.asked["in "+path] = true
	at := w.in.Place.Address.Join(w.in.Place.Missing...).Join(dirs...)
	row := Finding{Path: filepath.Dir(f.Source.Path), Remote: at.String()}

	// hub, project and top folder come first
	if levels := len(at.Steps) - 3; levels > remote.MaxDepth && first {
		row.Check, row.Verdict = CheckDepth, Problem
		row.Detail = fmt.Sprintf("%d levels of folders below the top folder, the service takes %d", levels,
			remote.MaxDepth)
		row.Fix = "move it further up"
		w.add(row)
	}

	if why := w.unseen[row.Path]; why != "" && first {
		row.Check, row.Verdict, row.Detail = CheckPermission, Problem, why
		row.Fix = askUpload
		w.add(row)

		return nil
	}

	if folder.ID == "" {
		return nil // it is made, and allowed what its parent is
	}

	if first {
		if err := w.rights(ctx, folder, row); err != nil {
			return err
		}
	}

	if f.Job.Target.Item == "" {
		return w.clash(ctx, folder.ID, f.Job.Target.Name, f)
	}

	return nil
}

// rights finds what a folder asks of those who put files into it.
func (w *walk) rights(ctx context.Context, folder apsclient.Folder, row Finding) error {
	may, err := w.in.Resolver.MayUpload(ctx, w.in.Place.Project.ID, folder.ID)
	if errors.Is(err, apsclient.ErrForbidden) {
		may, err = false, nil
	}

	if errors.Is(err, apsclient.ErrNotFound) || errors.Is(err, apsclient.ErrBadRequest) {
		may, err = true, nil // this hub does not answer such questions
	}

	if err != nil {
		return err
	}

	if !may {
		row.Check, row.Verdict, row.Fix = CheckPermission, Problem, askUpload
		row.Detail = "the account may not upload into this folder"
		w.add(row)
	}

	if len(folder.NamingStandards) > 0 {
		row.Check, row.Verdict = CheckNaming, Warning
		row.Detail = "the folder enforces a naming standard: names that do not conform are held back there"
		row.Fix = "look at the standard in the folder's settings"
		w.add(row)
	}

	return nil
}

// bucket looks at a bucket.
func (w *walk) bucket(ctx context.Context) error {
	keeps, err := w.in.Resolver.Retention(ctx, w.in.Place.Bucket)
	if keeps != "" {
		w.add(Finding{Check: CheckRetention, Verdict: Warning,
			Remote: remote.SchemeOSS + "://" + w.in.Place.Bucket,
			Detail: "the bucket keeps objects for " + keeps + " only",
			Fix:    "use a bucket with the policy persistent"})
	}

	return err
}
