package owner

import (
	"io/fs"
	"strings"
	"testing"
	"time"

	"hoist/cmd/hoist/internal/control"
)

// TestPlaceholders: a folder with files that lie at another sync service is not watched, and nothing
// of one is sent in which such files appear.
func TestPlaceholders(t *testing.T) {
	was, looked := isPlaceholder, lookForPlaceholders
	t.Cleanup(func() { isPlaceholder, lookForPlaceholders = was, looked })
	isPlaceholder = func(info fs.FileInfo) bool { return strings.HasPrefix(info.Name(), "online") }
	lookForPlaceholders = true

	scene(t, nil, func(t *testing.T, l *life) {
		l.save("here.dwg", dwg("AC1032", "first"))
		l.rest()
		l.save("online.dwg", dwg("AC1032", "elsewhere"))
		time.Sleep(5 * time.Minute)
		if w := l.status().Watches[0]; !strings.Contains(w.Detail, "placeholder") ||
			l.tip("online.dwg") != nil {
			t.Errorf("%+v", w)
		}

		if _, err := l.owner.ChangeWatch(t.Context(), l.config().ID, control.Remove); err != nil {
			t.Fatal(err)
		}

		_, err := l.owner.AddWatch(t.Context(),
			control.WatchRequest{Path: l.root, Remote: l.cloud.DemoRemote()})
		if err == nil || !strings.Contains(err.Error(), "placeholder") {
			t.Errorf("it is watched: %v", err)
		}
	})
}
