package statusfile

import (
	"bytes"
	_ "embed"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	template "github.com/DataDog/datadog-agent/pkg/template/html"
	"github.com/dustin/go-humanize"

	"hoist/cmd/hoist/internal/control"
)

//go:embed page.html
var source string

// Page tells a status at a time; stopped says that nothing runs from now on.
func Page(s control.Status, now time.Time, stopped bool) ([]byte, error) {
	host := ""
	if s.Owner != nil {
		host = fmt.Sprintf("hoist %s, process %d", s.Version, s.Owner.PID)
	}

	var out bytes.Buffer
	out.WriteString(mark + "\n") // templates hold no comments
	err := page().Execute(&out, struct {
		control.Status
		Now, Host, Headline string
		Stopped             bool
	}{s, now.Format("Monday, 2 January 2006, 15:04 MST"), host, headline(s, stopped), stopped})

	return out.Bytes(), err
}

var page = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("status").Funcs(template.FuncMap{
		"base": filepath.Base, "bytes": func(n int64) string { return humanize.IBytes(uint64(max(n, 0))) },
		"count": count, "number": func(n int) string { return humanize.Comma(int64(n)) },
		"clock": func(t *time.Time) string { return t.Local().Format("2 Jan 15:04") },
		"span":  span, "more": func(all, shown int) int { return max(0, all-shown) },
		"head": head[control.Attention], "first": head[control.Active],
		"percent": func(done int64, total *int64) int64 {
			if total == nil || *total <= 0 {
				return 0
			}

			return min(100, 100*done / *total)
		},
	}).Parse(source))
})

// mostRows bounds each list.
const mostRows = 50

func head[T any](list []T) []T { return list[:min(len(list), mostRows)] }

func headline(s control.Status, stopped bool) string {
	open := s.Jobs.Queued + s.Jobs.Active + s.Jobs.Waiting
	needs := max(len(s.Attention), s.Jobs.Attention)
	switch {
	case stopped:
		return "hoist does not run"
	case needs > 0:
		return count(needs, "file needs somebody", "files need somebody")
	case open > 0:
		return count(open, "file is on its way", "files are on their way")
	case len(s.Watches) == 0 && s.Jobs.Done == 0:
		return "Nothing is watched yet"
	}

	return "Everything is up"
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}

	return humanize.Comma(int64(n)) + " " + many
}

// span is a time for people.
func span(seconds int64) string {
	switch {
	case seconds < 90:
		return fmt.Sprintf("%d s", max(seconds, 1))
	case seconds < 5400:
		return fmt.Sprintf("%d min", (seconds+30)/60)
	}

	return fmt.Sprintf("%.1f h", float64(seconds)/3600)
}
