package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"hoist/apsclient"
	"hoist/state"
	"hoist/watcher/disk"
)

// Value is one setting that holds, and where it comes from.
type Value struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	// Origin is "flag …", "environment NAME", "profile FILE", "file FILE" or "default".
	Origin string `json:"origin,omitempty"`
}

// origin is one place that settings come from.
type origin struct {
	name   func(key string) string
	values map[string]string
}

// added are the settings that add up over their origins instead of replacing one another.
var added = []string{"exclude", "include"}

// Effective lists the settings of a home that hold for a profile, sorted by key: flags over
// environment over profile over file over default. Secrets are not among them.
func Effective(h Home, profileName string, flags map[string]string, env Env, file File,
	profile Profile) ([]Value, error) {
	fromFile, err := texts(file)
	if err != nil {
		return nil, err
	}

	fromProfile, err := texts(profile)
	if err != nil {
		return nil, err
	}

	delete(fromProfile, "client-secret")
	delete(fromFile, "watch")
	delete(fromFile, "notify")
	if n := file.Notify; n != nil {
		maps.Copy(fromFile, notEmpty(map[string]string{"notify.url": n.Host(),
			"notify.secret-file": n.SecretFile, "notify.events": strings.Join(n.Events, ", "),
			"notify.stuck-after": n.StuckAfter, "notify.summary-at": n.SummaryAt}))
	}

	named := func(kind string) func(string) string { return func(string) string { return kind } }
	variables := map[string]string{
		"home": "HOIST_HOME", "profile": "HOIST_PROFILE", "limits": "HOIST_LIMITS",
		"client-id": "APS_CLIENT_ID", "base-url": "APS_BASE_URL",
		"user-id": "APS_USER_ID", "cert-file": "SSL_CERT_FILE",
	}
	homeDefault := map[string]string{"home": h.State}
	if h.Config != h.State {
		homeDefault["home"] = h.Config + ", " + h.State
	}

	origins := []origin{
		{func(key string) string { return "flag --" + key }, flags},
		{func(key string) string { return "environment " + variables[key] }, notEmpty(map[string]string{
			"home": env.Home, "profile": env.Profile, "limits": env.Limits, "client-id": env.ClientID,
			"base-url": env.BaseURL,
			"user-id":  env.UserID, "cert-file": env.CertFile,
		})},
		{named("profile " + h.ProfileFile(profileName)), fromProfile},
		{named("file " + h.ConfigFile()), fromFile},
		{named("chosen by profile use"), notEmpty(map[string]string{"profile": CurrentProfile(h)})},
		{named("default"), homeDefault},
		{named("default"), map[string]string{
			"profile": DefaultProfile, "limits": "documented", "checksum": "auto", "acceleration": "auto",
			"receipt-sha256": "never", "spool": "8G", "base-url": apsclient.DefaultBaseURL,
			"history_days": strconv.Itoa(int(state.HistoryAge / (24 * time.Hour))),
			"history_jobs": strconv.Itoa(state.HistoryJobs),
		}},
	}

	return decide(origins), nil
}

// decide takes each key from the first origin that has it. It is pure.
func decide(origins []origin) []Value {
	found := map[string]Value{}
	for _, o := range origins {
		for key, value := range o.values {
			before, ok := found[key]
			switch {
			case !ok:
				found[key] = Value{key, value, o.name(key)}
			case slices.Contains(added, key):
				found[key] = Value{key, value + ", " + before.Value, o.name(key) + ", " + before.Origin}
			}
		}
	}

	out := make([]Value, 0, len(found))
	for _, v := range found {
		out = append(out, v)
	}

	slices.SortFunc(out, func(a, b Value) int { return cmp.Compare(a.Key, b.Key) })

	return out
}

// EngineKeys are the keys that are set and drive the engine of the process that does the work; the
// others go with each piece of work.
func (s Settings) EngineKeys() ([]string, error) {
	keys, err := texts(s)
	for _, k := range []string{"exclude", "include", "exclude-from", "min-size", "max-size", "min-age",
		"exclude-if-present", "exclude-caches", "one-file-system",
		"map-names"} {
		delete(keys, k)
	}

	return slices.Sorted(maps.Keys(keys)), err
}

func notEmpty(m map[string]string) map[string]string {
	for k, v := range m {
		if v == "" {
			delete(m, k)
		}
	}

	return m
}

// texts are the keys of a file that are set, as text.
func texts(v any) (map[string]string, error) {
	data, err := toml.Marshal(v)
	if err != nil {
		return nil, err
	}

	var keys map[string]any
	if err := toml.Unmarshal(data, &keys); err != nil {
		return nil, err
	}

	out := map[string]string{}
	for k, v := range keys {
		if list, ok := v.([]any); ok {
			words := make([]string, len(list))
			for i, one := range list {
				words[i] = fmt.Sprint(one)
			}

			v = strings.Join(words, ", ")
		}

		out[k] = fmt.Sprint(v)
	}

	return out, nil
}

// Problems checks config.toml, every profile and every watch, and returns all that is wrong. What
// actions may be is for others to say.
func Problems(h Home) []*Error {
	var out []*Error
	note := func(err error) { out = append(out, flatten(err)...) }
	file, err := Load(h)
	note(err)
	names, err := Profiles(h)
	note(err)

	for _, name := range names {
		p, err := LoadProfile(h, name)
		note(err)
		_, err = Settings{ExcludeFrom: p.ExcludeFrom}.Filter(h.ProfileFile(name))
		note(err)
	}

	if file.Profile != "" && !slices.Contains(names, file.Profile) && file.Profile != DefaultProfile {
		note(&Error{File: h.ConfigFile(), Key: "profile", Msg: quoted(file.Profile) + " is unknown"})
	}

	_, err = Settings{ExcludeFrom: file.ExcludeFrom}.Filter(h.ConfigFile())
	note(err)

	for i, w := range file.Watch {
		if w.Path == "" {
			continue // said by Load
		}

		if other, ok := Overlap(file.Watch[:i], w.Path); ok {
			note(&Error{File: h.ConfigFile(), Key: "watch.path",
				Msg: quoted(w.Path) + " overlaps with " + quoted(other.Path)})
		}

		info, err := disk.Ask(w.Path, disk.Patience, func() (fs.FileInfo, error) { return os.Stat(w.Path) })
		if errors.Is(err, fs.ErrNotExist) {
			note(&Error{File: h.ConfigFile(), Key: "watch.path", Msg: quoted(w.Path) + " is not there"})
		} else if err != nil {
			note(&Error{File: h.ConfigFile(), Key: "watch.path", Msg: err.Error()})
		} else if !info.IsDir() {
			note(&Error{File: h.ConfigFile(), Key: "watch.path", Msg: quoted(w.Path) + " is not a folder"})
		}

		if w.Profile != "" && w.Profile != DefaultProfile && !slices.Contains(names, w.Profile) {
			note(&Error{File: h.ConfigFile(), Key: "watch.profile", Msg: quoted(w.Profile) + " is unknown"})
		}
	}

	return out
}

// flatten takes joined errors apart.
func flatten(err error) []*Error {
	if err == nil {
		return nil
	}

	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var out []*Error
		for _, one := range many.Unwrap() {
			out = append(out, flatten(one)...)
		}

		return out
	}

	if e, ok := errors.AsType[*Error](err); ok {
		return []*Error{e}
	}

	return []*Error{{Msg: err.Error()}}
}
