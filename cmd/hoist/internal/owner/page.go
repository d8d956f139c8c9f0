package owner

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/page"
	"hoist/cmd/hoist/internal/problem"
)

// Open implements [control.API].
func (o *Owner) Open(context.Context) (control.PageLink, error) {
	if o.mode < Full {
		return control.PageLink{}, problem.With(problem.NoDaemon,
			errors.New("the page is served by the daemon, and none runs"), problem.Fix{})
	}

	url, err := o.page.Link(o.servePage)

	return control.PageLink{URL: url}, err
}

// Doctor implements [control.API].
func (o *Owner) Doctor(ctx context.Context) ([]control.Finding, error) {
	if o.options.Examine == nil || o.mode < Full {
		return nil, problem.With(problem.NoDaemon, errors.New("the daemon looks at itself, and none runs"),
			problem.Fix{})
	}

	return o.options.Examine(ctx)
}

// newPage is the page with this owner behind it.
func (o *Owner) newPage() *page.Server {
	return page.New(control.NewHandler(visited{o}, control.ServerOptions{
		Known: true, Metrics: o.serveMetrics, Health: o.Health, Logger: o.log, Words: o.options.Words,
	}))
}

// servePage answers browsers until the owner ends.
func (o *Owner) servePage(l net.Listener) {
	server := &http.Server{
		Handler: o.requests.counted(o.page), ReadHeaderTimeout: 10 * time.Second,
		ErrorLog: slog.NewLogLogger(o.log.Handler(), slog.LevelDebug),
	}
	o.spawn("page", func(ctx context.Context) error {
		defer context.AfterFunc(ctx, func() { _ = server.Close() })() // what it served is gone with the owner

		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}

		return nil
	})
}
