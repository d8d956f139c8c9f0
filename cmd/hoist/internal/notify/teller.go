package notify

import (
	"fmt"
	"time"

	"hoist/cmd/hoist/internal/config"
	"hoist/cmd/hoist/internal/control"
)

// Message is what is told, as it goes over the wire.
type Message struct {
	Event   string              `json:"event"` // of [config.NotifyEvents]
	Text    string              `json:"text"`  // a sentence, which chat services show
	Time    time.Time           `json:"time"`
	Host    string              `json:"host"`
	Version string              `json:"version"`
	Jobs    control.Counts      `json:"jobs"`
	Files   []control.Attention `json:"files"` // of needs-you: up to twenty
}

// mostFiles bounds the files of a message.
const mostFiles = 20

// Look is what there is to be seen at one moment.
type Look struct {
	Now   time.Time
	Jobs  control.Counts
	Still time.Duration // how long nothing has moved though it should
	// Parked are the files that need a person; asked only when there are some
	Parked func() ([]control.Attention, error)
}

// Teller decides what to tell. It is used from one goroutine.
type Teller struct {
	Until time.Time // what parked up to then was told

	busy     bool // there was work at the last look
	stuck    bool // it was told that nothing moves
	started  bool
	done     int       // jobs at the beginning of the busy time
	summary  time.Time // when the next one is due
	reported control.Counts
}

// quiet is how long no further file may have parked, so that one message tells them all.
const quiet = 30 * time.Second

// Tell returns what is to be told now. A nil configuration tells nothing.
func (t *Teller) Tell(n *config.Notify, l Look) (out []Message, err error) {
	say := func(event, text string) {
		if n.Wants(event) {
			out = append(out, Message{Event: event, Text: text, Time: l.Now.UTC(), Jobs: l.Jobs,
				Files: []control.Attention{}})
		}
	}

	moving := l.Jobs.Queued+l.Jobs.Active+l.Jobs.Waiting > 0
	if !t.started {
		t.started, t.reported, t.done = true, l.Jobs, l.Jobs.Done
	}

	switch {
	case moving && !t.busy:
		t.done = l.Jobs.Done
	case !moving && t.busy && l.Jobs.Done > t.done && l.Jobs.Attention == 0:
		say(config.NotifyAllSynced, "all synced: "+fileCount(l.Jobs.Done-t.done))
	}

	t.busy = moving
	if n == nil {
		return out, nil
	}

	if isStuck := moving && l.Still >= n.Stuck(); isStuck != t.stuck {
		if t.stuck = isStuck; isStuck {
			say(config.NotifyStuck, fmt.Sprintf("nothing has moved for %s: %d queued, %d waiting",
				l.Still.Round(time.Minute), l.Jobs.Queued, l.Jobs.Waiting))
		}
	}

	if l.Jobs.Attention > 0 {
		files, err := l.Parked()
		if err != nil {
			return out, err
		}

		if news := t.news(files, l.Now); len(news) > 0 {
			say(config.NotifyNeedsYou, needText(news))
			if len(out) > 0 && out[len(out)-1].Event == config.NotifyNeedsYou {
				out[len(out)-1].Files = news[:min(len(news), mostFiles)]
			}
		}
	}

	if n.SummaryAt != "" {
		due := !t.summary.IsZero() && !l.Now.Before(t.summary)
		if due {
			say(config.NotifySummary, fmt.Sprintf(
				"since yesterday: %s done, %d failed; %d waiting for you, %d to go",
				fileCount(l.Jobs.Done-t.reported.Done), l.Jobs.Failed-t.reported.Failed, l.Jobs.Attention,
				l.Jobs.Queued+l.Jobs.Active+l.Jobs.Waiting))
			t.reported = l.Jobs
		}

		t.summary, _ = config.NextClock(n.SummaryAt, l.Now) // checked when it was read
	}

	return out, nil
}

// news are the files that parked since the last message, once no more have for a while.
func (t *Teller) news(files []control.Attention, now time.Time) (news []control.Attention) {
	last := t.Until
	for _, f := range files {
		if f.Since == nil || !f.Since.After(t.Until) {
			continue
		}

		news = append(news, f)
		if f.Since.After(last) {
			last = *f.Since
		}
	}

	if now.Sub(last) < quiet {
		return nil
	}

	t.Until = last

	return news
}

func fileCount(n int) string {
	if n == 1 {
		return "1 file"
	}

	return fmt.Sprintf("%d files", n)
}

func needText(files []control.Attention) string {
	if len(files) == 1 {
		return fmt.Sprintf("a file needs you: %s (%s)", files[0].Path, files[0].Reason)
	}

	return fmt.Sprintf("%d files need you, such as %s (%s)", len(files), files[0].Path, files[0].Reason)
}
