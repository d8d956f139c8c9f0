package owner

import (
	"context"
	"time"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/statusfile"
)

const (
	statusEvery = 10 * time.Second // between two pages while something changes
	statusOften = time.Minute      // and while nothing does, so that its time says that all is well
)

// writeStatus keeps the page that status_file names up to date.
func (o *Owner) writeStatus(ctx context.Context) error {
	var p statusPage
	for {
		p.look(o)
		if p.due(o, time.Now()) {
			p.write(ctx, o, false)
		}

		select {
		case <-ctx.Done():
			if p.path != "" {
				p.write(context.WithoutCancel(ctx), o, true)
			}

			return nil
		case <-time.After(statusEvery):
		}
	}
}

// statusPage is the page that was written last.
type statusPage struct {
	turn  int // of the configuration that path is from, counted from 1
	path  string
	roots []string

	at    time.Time
	index uint64 // of the state
	said  string // why it is not written
}

// look reads where the page is wanted, after each change of the configuration.
func (p *statusPage) look(o *Owner) {
	turn := o.rules.turn() + 1
	if turn == p.turn {
		return
	}

	file, err := config.Load(o.options.Home)
	if err != nil {
		return // said where it is read to be followed
	}

	p.turn, p.path, p.roots, p.at = turn, file.StatusFile, nil, time.Time{}
	for _, w := range file.Watch {
		p.roots = append(p.roots, w.Path)
	}
}

func (p *statusPage) due(o *Owner, now time.Time) bool {
	if p.path == "" {
		return false
	}

	changes := o.store.Index() != p.index || len(o.engine.Active()) > 0

	return changes || now.Sub(p.at) >= statusOften
}

// write writes the page, and says once why it cannot.
func (p *statusPage) write(ctx context.Context, o *Owner, stopped bool) {
	p.at, p.index = time.Now(), o.store.Index()
	s, err := o.Status(ctx)
	if err == nil {
		var page []byte
		if page, err = statusfile.Page(s, p.at, stopped); err == nil {
			err = statusfile.Write(p.path, p.roots, page)
		}
	}

	if err == nil {
		p.said = ""
	} else if p.said != err.Error() {
		p.said = err.Error()
		o.log.Error("status_file is not written", "error", err)
	}
}
