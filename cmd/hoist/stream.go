package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"hoist/apsclient"
	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/owner"
	"hoist/cmd/hoist/internal/problem"
	"hoist/state"
	"hoist/transfer"
	"hoist/transfer/remote"
)

// onceOnly is the advice after a stream that broke off.
const onceOnly = "a pipe cannot be gone on with, and nothing of it was kept: run the whole command again"

// streamGC is by how much memory may grow beside the parts that a stream holds, in percent: they are
// the most of it, and cost the collector nothing.
const streamGC = 25

// streamEnd is how a stream ends: what broke off is gone, whatever ended it.
func streamEnd(ctx context.Context, err error) error {
	if err = atEnd(ctx, err); err == nil {
		return nil
	}

	kind, fix := problem.Of(err)
	if kind == problem.Interrupted || kind == problem.TimeUp {
		return problem.With(kind, errors.New("the stream was not at its end"), problem.Text(onceOnly))
	}

	if fix == (problem.Fix{}) {
		return problem.With(kind, err, problem.Text(onceOnly))
	}

	return err
}

// streamer calls the service for a stream: through the owner of the home when one runs, and when
// that one ends, through the next or itself.
type streamer struct {
	a    *app
	s    *setup
	band apsclient.Bandwidth
	oss  bool

	client *apsclient.Client
	done   []func()
}

// newStreamer connects, for what the remote is one end of. Close ends it.
func (a *app) newStreamer(ctx context.Context, s *setup, at remote.Address) (*streamer, error) {
	st := &streamer{a: a, s: s, band: owner.Limiters(s.engine.Bandwidth, time.Now()), oss: at.OSS()}
	go owner.FollowTimetable(ctx, func() config.Timetable { return s.engine.Bandwidth }, st.band)

	return st, st.connect(ctx)
}

func (st *streamer) connect(ctx context.Context) error {
	c, done, err := st.a.clientOf(ctx, st.s, st.band)
	if err != nil {
		return err
	}

	scopes := apsclient.TransferScopes
	if st.oss {
		scopes = apsclient.TransferScopesOSS
	}

	st.client, st.done = c.WithScopes(scopes...), append(st.done, done)

	return nil
}

// renew connects again when the owner has gone.
func (st *streamer) renew(ctx context.Context, failure error) *apsclient.Client {
	if !errors.Is(failure, control.ErrNoOwner) || st.connect(ctx) != nil {
		return nil
	}

	return st.client
}

func (st *streamer) close() {
	for _, done := range st.done {
		done()
	}
}

// pushStdin makes an object of standard input while it is read. No job is made: what comes once
// cannot be gone on with.
func (a *app) pushStdin(ctx context.Context, t *transferRun, req control.PushRequest) error {
	switch {
	case !t.remote.OSS() || t.remote.Key() == "" || strings.HasSuffix(t.remote.Key(), "/"):
		return problem.Usagef("standard input goes to an object: push - oss://BUCKET/KEY")
	case req.As != "":
		return problem.Usagef("--as names a file; the key says where standard input goes")
	case t.detach:
		return problem.Usagef("--detach hands work over and ends; standard input is read by this command")
	}

	if err := t.s.home.Ensure(); err != nil {
		return err
	}

	ctx, err := a.mayChange(ctx, t.remote.String())
	if err != nil {
		return err
	}

	st, err := a.newStreamer(ctx, t.s, t.remote)
	if err != nil {
		return err
	}
	defer st.close()

	t.waiting, t.show = map[string]string{}, a.reporter(t.every)
	defer t.show.Close()

	row := control.FileResult{Path: state.StreamPath, Remote: t.remote.String()}
	if req.DryRun {
		row.Result = control.ResultCreated // for all that is known of what comes
		if err := t.report(row); err != nil {
			return err
		}

		return t.sumUp(nil)
	}

	defer debug.SetGCPercent(debug.SetGCPercent(streamGC))

	began, sent := time.Now(), &atomic.Int64{}
	stopShowing := t.showStream(sent, st.client.Calls)
	out, err := transfer.Stream{
		Object: apsclient.NewObjectID(t.remote.Bucket(), t.remote.Key()),
		Name:   t.remote.String(), ID: t.batch, Spool: t.s.home.Streams(), PartSize: t.s.engine.PartSize,
		Acceleration: t.s.engine.Acceleration, Force: req.Force, NoMD5: t.s.engine.Checksum == "never",
		Sent: func(n int) { sent.Add(int64(n)) }, Renew: st.renew,
	}.Write(ctx, st.client, inPieces(interruptible(ctx, a.stdin)))
	stopShowing()
	a.sum.add(st.client.Calls()) // none when the owner of the home made them

	if err != nil {
		return t.sumUp(streamEnd(ctx, err))
	}

	row.Result, row.Bytes = control.ResultCreated, &out.Size
	switch {
	case out.Unchanged:
		row.Result = control.ResultUnchanged
	case out.Replaced:
		row.Result = control.ResultVersioned
	}

	row.StorageID = string(apsclient.NewObjectID(t.remote.Bucket(), t.remote.Key()))
	if err := t.report(row); err != nil || out.Unchanged {
		return errors.Join(err, t.sumUp(nil))
	}

	// The object is there: a signal from now on loses no receipt.
	err = a.over(context.WithoutCancel(ctx), t.s, owner.Passive, "push", func(at *attached) error {
		return at.RecordStream(ctx,
			control.StreamRecord{ID: t.batch, Remote: row.Remote, Storage: row.StorageID,
				Size: out.Size, PartSize: out.PartSize, ETags: out.ETags, SHA1: out.SHA1, Began: began})
	})
	if err != nil {
		err = fmt.Errorf("the object is there, its receipt is not: %w", err)
	}

	return t.sumUp(err)
}

// showStream shows how far a stream is until it is told to stop.
func (t *transferRun) showStream(sent *atomic.Int64, calls func() int64) (stop func()) {
	ended := make(chan struct{})
	began := time.Now()
	lines := t.a.progressLines(t.every)

	var showing sync.WaitGroup
	showing.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()

		for {
			n := sent.Load()
			p := control.Progress{Files: 1, BytesDone: n, Bytes: n, Calls: calls(),
				Rate: int64(float64(n) / max(time.Since(began).Seconds(), 0.001))}
			t.show.Show(stateOf(p))

			if lines.show(p) != nil { // whoever prints the result is told
				return
			}

			select {
			case <-ended:
				return
			case <-tick.C:
			}
		}
	})

	return func() {
		close(ended)
		showing.Wait()
	}
}

// inPieces reads at most a mebibyte at a time, so that a reader below needs no large buffer.
func inPieces(r io.Reader) io.Reader {
	return readFunc(func(p []byte) (int, error) { return r.Read(p[:min(len(p), 1<<20)]) })
}

// pullStdout writes a file to standard output while it is fetched, and compares it at the end.
func (a *app) pullStdout(ctx context.Context, t *transferRun, req control.PullRequest) error {
	if t.detach || req.DryRun {
		return problem.Usagef("standard output takes neither --detach nor --dry-run")
	}

	st, err := a.newStreamer(ctx, t.s, t.remote)
	if err != nil {
		return err
	}
	defer st.close()

	t.waiting, t.silent, a.sum.muted = map[string]string{}, true, true
	t.show = a.reporter(t.every)
	defer t.show.Close()

	written := &atomic.Int64{}
	stop := t.showStream(written, st.client.Calls)
	n, err := a.writeOut(ctx, st, t.remote, req.Version, written)
	stop()
	a.sum.add(st.client.Calls()) // none when the owner of the home made them

	if err != nil {
		return t.sumUp(streamEnd(ctx, err))
	}

	if err := t.report(control.FileResult{Path: state.StreamPath, Remote: t.remote.String(), Bytes: &n,
		Result: control.ResultDownloaded}); err != nil {
		return err
	}

	return t.sumUp(nil)
}

// writeOut writes the content of one remote file to standard output.
func (a *app) writeOut(ctx context.Context, st *streamer, at remote.Address, version int,
	written *atomic.Int64) (int64, error) {
	r := remote.NewResolver(st.client, a.log)
	place, err := r.Resolve(ctx, at)
	if err != nil {
		return 0, err
	}

	if place.Kind != remote.KindItem && place.Kind != remote.KindObject {
		return 0,
			problem.Usagef("%s is %s: standard output takes a single file", at, aKind(typeName(place.Kind)))
	}

	if place, err = r.AtVersion(ctx, place, version); err != nil {
		return 0, err
	}

	e := place.Entry()
	if e.StorageID == "" {
		return 0, fail(problem.Attention, fmt.Errorf("%s has no content of its own", at), "")
	}

	out := io.MultiWriter(a.stdout, readCount{written})

	return transfer.Streamed{Object: apsclient.ObjectID(e.StorageID), Name: at.String(), Size: e.Size,
		SHA1: e.SHA1}.Read(ctx, st.client, out)
}

type readCount struct{ n *atomic.Int64 }

func (c readCount) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	return len(p), nil
}
