package owner

import (
	"context"
	"os"
	"time"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
	"hoist/cmd/hoist/internal/notify"
	"hoist/state"
)

const (
	tellEvery = 15 * time.Second
	// toldKey is the key of the state under which stands until when parked files were told.
	toldKey = "notified-until"
)

// tell tells people what the configuration of the moment asks for.
func (o *Owner) tell(ctx context.Context) error {
	hook := notify.NewHook(nil, o.log)

	o.running.Go(func() { _ = hook.Run(ctx) })

	teller := notify.Teller{Until: o.since}
	if text, ok, err := o.store.Meta(toldKey); err == nil && ok {
		if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
			teller.Until = at
		}
	}

	machine := notify.Teller{Until: teller.Until}
	host, _ := os.Hostname() // "" when the machine has no name
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(tellEvery):
		}

		file, err := config.Load(o.options.Home)
		if err != nil {
			continue // said where it is read to be followed
		}

		now, before := time.Now(), teller.Until
		look := notify.Look{Now: now, Jobs: o.counts(o.engine.Active(), now),
			Still: now.Sub(o.lastProgress()), Parked: o.parked}
		if o.options.Tell != nil {
			o.tellMachine(&machine, look)
		}

		messages, err := teller.Tell(file.Notify, look)
		if err != nil {
			o.log.Warn("nobody is told what needs a person", "error", err)
		}

		for _, m := range messages {
			m.Host, m.Version = host, o.options.Version
			hook.Send(file.Notify, m)
		}

		if !teller.Until.Equal(before) {
			if err := o.store.SetMeta(toldKey, teller.Until.UTC().Format(time.RFC3339Nano)); err != nil {
				o.log.Warn("what was told may be told again", "error", err)
			}
		}
	}
}

// tellMachine tells the administrator of the machine of every event, whatever the configuration says.
func (o *Owner) tellMachine(teller *notify.Teller, look notify.Look) {
	messages, err := teller.Tell(&config.Notify{}, look)
	if err != nil {
		o.log.Warn("the event log is not told what needs a person", "error", err)
	}

	for _, m := range messages {
		o.options.Tell(m.Event == config.NotifyNeedsYou || m.Event == config.NotifyStuck, m.Text)
	}
}

// parked are the files that need a person.
func (o *Owner) parked() (out []control.Attention, err error) {
	jobs, err := o.store.Jobs(state.Filter{Status: []state.Status{state.StatusAttention},
		Active: isActive(o.engine.Active()), Limit: 1000})
	now := time.Now()
	for _, j := range jobs {
		out = append(out, o.attentionOf(j, now))
	}

	return out, err
}
