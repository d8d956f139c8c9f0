package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/local"
	"hoist/cmd/hoist/internal/problem"
	"hoist/state"
	"hoist/state/compare"
	"hoist/transfer/remote"
	"hoist/watcher"
)

// subject is a file to be compared: where it is on disk and where in the cloud.
type subject struct {
	path    string // absolute
	root    string // id of the watch, "" outside of watches
	rel     string // slash path below the watch
	top     string // folder of the watch
	profile string
	remote  remote.Address // folder or prefix that names lie below
	names   []string
	base    base   // its Known is false when nothing was published as far as anybody knows
	problem string // why the local file could not be looked at
	stream  bool   // it came from standard input: there is no local file
	unseen  error  // of a folder: why nothing tells what is in the cloud alone
}

func (s subject) address() remote.Address { return s.remote.Join(s.names...) }

// look is what lies at its path here.
func (s subject) look() (compare.Local, error) {
	if s.path == state.StreamPath {
		return compare.Local{Presence: compare.Absent}, nil
	}

	return look(s.path)
}

// receiptFields are those of a receipt that a comparison needs.
type receiptFields struct {
	Seq       uint64    `json:"seq"`
	Path      string    `json:"path"`
	Remote    string    `json:"remote"`
	Size      int64     `json:"size"`
	ModTime   time.Time `json:"mtime"`
	PartSize  int64     `json:"part_size"`
	PartETags []string  `json:"part_etags"`
	Storage   string    `json:"storage"`
	Item      string    `json:"item"`
	Version   string    `json:"version"`
	Number    int       `json:"number"`
	Published time.Time `json:"published"`
}

func (r receiptFields) base() base {
	return base{
		Base: compare.Base{Known: true, Version: r.Version, Number: r.Number, Storage: r.Storage,
			Snapshot: state.Snapshot{Size: r.Size, ModTime: r.ModTime}},
		At: r.Published, partSize: r.PartSize, etags: r.PartETags, receipt: r.Seq,
	}
}

// newest keeps the last receipt of each way from a path to a remote, without what was forgotten.
func (a *Auditor) newest(receipts []state.Receipt) (map[[2]string]receiptFields, error) {
	forgotten, err := a.Store.ForgottenPaths()
	if err != nil {
		return nil, err
	}

	out := map[[2]string]receiptFields{}
	for _, line := range receipts {
		var r receiptFields
		if err := json.Unmarshal(line.Line, &r); err != nil {
			return nil, fmt.Errorf("receipt %d: %w", line.Seq, err)
		}

		if r.Published.After(forgotten[recordName(r.Path, r.Remote)]) {
			out[[2]string{r.Path, r.Remote}] = r
		}
	}

	return out, nil
}

// recordName is what the records of a file are forgotten by: its path, or where it went when it
// came from standard input.
func recordName(path, to string) string {
	if path == state.StreamPath {
		return to
	}

	return path
}

// allReceipts reads the receipts that the state holds.
func (a *Auditor) allReceipts() ([]state.Receipt, error) {
	var all []state.Receipt
	for after := uint64(0); ; {
		page, err := a.Store.Receipts(after, 1000)
		if err != nil || len(page) == 0 {
			return all, err
		}

		all = append(all, page...)
		after = page[len(page)-1].Seq
	}
}

// scope is which files are compared.
type scope struct {
	path    string // "": all
	watch   string // "": all
	profile string // whose account looks at what no watch and no job has one for; "": the owner's
}

func (s scope) takes(path string) bool { return s.path == "" || config.Within(s.path, path) }

// survey lists the files that are known to the home: those of its watches, on disk or on record,
// and, where a receipt or a download that is done tells of them, those outside.
func (a *Auditor) survey(ctx context.Context, in scope, receipts []state.Receipt) ([]subject, error) {
	file, err := config.Load(a.Home)
	if err != nil {
		return nil, err
	}

	forgotten, err := a.Store.ForgottenPaths()
	if err != nil {
		return nil, err
	}

	byWay, err := a.newest(receipts)
	if err != nil {
		return nil, err
	}

	var out []subject
	for _, c := range file.Watch {
		if in.watch != "" && in.watch != c.ID ||
			in.path != "" && !config.Within(in.path, c.Path) && !config.Within(c.Path, in.path) {
			continue
		}

		list, err := a.surveyWatch(ctx, c, in, byWay)
		if err != nil {
			return nil, err
		}

		out = append(out, list...)
	}

	if in.watch != "" {
		return out, nil
	}

	seen := map[[2]string]bool{}
	for _, s := range out {
		seen[[2]string{s.path, s.address().String()}] = true
	}

	add := func(path, to, profile string, b base) {
		way := [2]string{path, to}
		address, err := remote.ParseAddress(to)
		if err != nil || len(address.Steps) < 2 || seen[way] || !in.takes(path) {
			return
		}

		seen[way] = true
		n := len(address.Steps) - 1
		out = append(out, subject{
			path: path, profile: a.profile(profile), base: b, stream: a.isStream(path),
			remote: remote.Address{Scheme: address.Scheme, Steps: address.Steps[:n]},
			names:  address.Steps[n:],
		})
	}
	for _, r := range byWay {
		if !watchedAway(file.Watch, r) {
			add(r.Path, r.Remote, in.profile, r.base())
		}
	}

	jobs, err := a.Store.Jobs(state.Filter{Kind: state.Download, Status: []state.Status{state.StatusDone}})
	if err != nil {
		return nil, err
	}

	for _, j := range slices.Backward(jobs) {
		if a.isStream(j.Path) || !j.Updated.After(forgotten[j.Path]) {
			continue // what went to standard output is nowhere here
		}

		add(j.Path, j.Target.Address, j.Profile,
			base{At: j.Updated, Base: compare.Base{Known: true, Version: j.Version, Number: j.VersionNumber,
				Storage: j.Object, Snapshot: j.Snapshot, SHA1: j.SHA1}})
	}

	slices.SortStableFunc(out, func(a, b subject) int { return strings.Compare(a.path, b.path) })

	return out, nil
}

// isStream reports whether a path stands for what came from standard input, or went to standard
// output.
func (a *Auditor) isStream(path string) bool {
	return path == state.StreamPath || config.Within(a.Home.Streams(), path)
}

// watchedAway reports whether a receipt is of a file of a watch, going to where the watch sends it.
func watchedAway(watches []config.Watch, r receiptFields) bool {
	return slices.ContainsFunc(watches, func(c config.Watch) bool {
		address, err := remote.ParseAddress(c.Remote)
		rel, e := filepath.Rel(c.Path, r.Path)

		return err == nil && e == nil && config.Within(c.Path, r.Path) &&
			address.Join(steps(filepath.ToSlash(rel))...).String() == r.Remote
	})
}

func (a *Auditor) surveyWatch(ctx context.Context, c config.Watch, in scope,
	byWay map[[2]string]receiptFields) ([]subject, error) {
	address, err := remote.ParseAddress(c.Remote)
	if err != nil {
		return nil, err
	}

	book, err := a.Rules(c)
	if err != nil {
		return nil, err
	}

	found := map[string]*subject{}
	file := func(rel string) *subject {
		if s := found[rel]; s != nil {
			return s
		}

		s := &subject{
			path: filepath.Join(c.Path, filepath.FromSlash(rel)), root: c.ID, rel: rel, top: c.Path,
			profile: a.profile(c.Profile), remote: address, names: steps(rel),
		}
		if r, ok := byWay[[2]string{s.path, s.address().String()}]; ok {
			s.base = r.base()
		}

		if in.takes(s.path) {
			found[rel] = s
		}

		return s
	}
	_, err = watcher.Walk(book, func(rel string, _ watcher.Snapshot) error {
		file(rel)
		return ctx.Err()
	}, func(rel string, err error) {
		if !errors.Is(err, watcher.ErrSkipped) {
			file(rel).problem = err.Error()
		}
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // of a folder that is gone the records tell
		return nil, fmt.Errorf("walk %s: %w", c.Path, err)
	}

	err = a.Store.EachPublished(c.ID, func(r state.PublishedRecord) error {
		s := file(r.Rel)
		if at, err := remote.ParseAddress(r.Remote); err == nil && !at.OSS() &&
			len(at.Steps) > len(s.names) {
			s.names = at.Steps[len(at.Steps)-len(s.names):] // names that were mapped
		}

		recorded := base{At: r.At, Base: r.Base(r.Remote), partSize: r.PartSize, etags: r.ETags}
		recorded.Known, recorded.Item = true, ""
		if was := s.base; was.Known && was.Version == r.Version && was.Storage == r.Storage {
			recorded.receipt = was.receipt
			if len(r.ETags) == 0 { // the record holds a digest of many
				recorded.etags, recorded.partSize = was.etags, was.partSize
			}
		}

		s.base = recorded

		return nil
	})
	if err != nil {
		return nil, err
	}

	out := make([]subject, 0, len(found))
	for _, s := range found {
		out = append(out, *s)
	}

	return out, nil
}

// scopeOf checks what a user asked to compare.
func (a *Auditor) scopeOf(path, watch, profile string) (scope, error) {
	if watch == "" {
		if path != "" {
			if err := local.MustBeAbsolute(path); err != nil {
				return scope{}, err
			}
		}

		return scope{path: path, profile: profile}, nil
	}

	file, err := config.Load(a.Home)
	if err != nil {
		return scope{}, err
	}

	if !slices.ContainsFunc(file.Watch, func(c config.Watch) bool { return c.ID == watch }) {
		return scope{}, problem.With(problem.NotFound, fmt.Errorf("no watch %q", watch),
			problem.Fix{Step: problem.WatchList})
	}

	return scope{watch: watch}, nil
}
