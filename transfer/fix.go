package transfer

import (
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	"hoist/state"
	"hoist/transfer/remote"
)

// FixFor fills the fix in for one job; "" when there is nothing to do but wait.
func (r Reason) FixFor(job state.Job) string {
	fix, address := r.Fix, job.Target.Address
	if strings.HasPrefix(fix, "hoist push") { // it names the folder
		mapped, helps := MappedAddress(job)
		switch {
		case helps:
			address = mapped.Parent().String()
		case r.Code == ReasonNameRefused:
			fix = "hoist cancel {id}"
		default:
			if at, err := remote.ParseAddress(address); err == nil && len(at.Steps) > 1 {
				address = at.Parent().String()
			}

			if name := job.Target.Name; name != "" && name != filepath.Base(job.Path) {
				fix += " --as " + Quote(name)
			}
		}
	}

	clash, free, found := clashing(job)
	switch {
	case r.Code != ReasonNameClash:
	case !found:
		fix = "hoist cancel {id}"
	case !job.Watched(): // a watch sees the new name by itself
		fix += " && hoist push {free} {remote}"
		if at, err := remote.ParseAddress(address); err == nil {
			for path := job.Path; path != clash && filepath.Dir(path) != path; path = filepath.Dir(path) {
				at = at.Parent()
			}

			address = at.Parent().String()
		}
	}

	// it calls the service
	if p := job.Profile; p != "" && p != "default" && strings.Contains(fix, "hoist ") &&
		!strings.HasSuffix(fix, "{id}") {
		fix += " --profile " + Quote(p)
	} else if p != "" && p != "default" {
		fix = strings.Replace(fix, "hoist login", "hoist login --profile "+Quote(p), 1)
	}

	dir := filepath.Dir(job.Path)
	if r.Code == ReasonUnreadable && job.Kind == state.Download {
		if made, ok := strings.CutPrefix(job.Error, "mkdir "); ok { // its folder is to be opened
			made, _, _ = strings.Cut(made, ": ")
			dir = filepath.Dir(made)
		}

		fix = strings.Replace(fix, "chmod u+r {path}", "chmod u+rwx {dir}", 1)
	}

	// Windows has no chmod, and on a disk that is read-only it changes nothing.
	if runtime.GOOS == "windows" || strings.HasSuffix(job.Error, syscall.EROFS.Error()) {
		if first, rest, _ := strings.Cut(fix, " && "); strings.HasPrefix(first, "chmod ") {
			fix = rest
		}
	}

	if runtime.GOOS == "windows" {
		fix = strings.Replace(fix, "mv {clash}", "move {clash}", 1)
	}

	fix = strings.ReplaceAll(fix, "{id}", string(job.ID))
	if !strings.Contains(fix, "{") {
		return fix // as most are, and a status has thousands
	}

	return strings.NewReplacer("{watch}", job.Root, "{path}", Quote(job.Path),
		"{remote}", Quote(address), "{dir}", Quote(dir), "{clash}", Quote(clash),
		"{free}", Quote(free)).Replace(fix)
}

// FixAll is the fix for all files that have the reason; "" when each needs its own, or none.
func (r Reason) FixAll() string {
	fix := strings.ReplaceAll(r.Fix, "{id}", "--reason "+r.Code)
	if strings.Contains(fix, "{") {
		return ""
	}

	return fix
}

// clashing is what of a job's path may be renamed (see plan.ClashError), and a name that it may
// get.
func clashing(job state.Job) (path, free string, found bool) {
	quoted, err := strconv.QuotedPrefix(job.Error)
	if err == nil {
		path, err = strconv.Unquote(quoted)
	}

	if err != nil {
		return "", "", false
	}

	ext := ""
	if path == job.Path {
		ext = filepath.Ext(path)
	}

	return path, strings.TrimSuffix(path, ext) + "-2" + ext, true
}

// MappedAddress is where a push with MapNames takes an upload whose name is refused; false when
// that would not help.
func MappedAddress(job state.Job) (remote.Address, bool) {
	at, err := remote.ParseAddress(job.Target.BasePath)
	if job.Reason != ReasonNameRefused || job.Kind != state.Upload || err != nil || at.OSS() {
		return remote.Address{}, false
	}

	helps := false
	for _, n := range slices.Concat(job.Target.Dirs, []string{job.Target.Name}) {
		if remote.RefusedName(n) != "" {
			n, helps = remote.MapName(n), true
		}

		if remote.RefusedName(n) != "" {
			return remote.Address{}, false
		}

		at = at.Join(n)
	}

	return at, helps
}

// Quote makes s one word of the shell that people type commands into: a POSIX one, or those of
// Windows. Words that are safe stay as they are.
func Quote(s string) string { return quoteFor(runtime.GOOS, s) }

func quoteFor(goos, s string) string {
	safe := "/._-:=+,@%"
	if goos == "windows" {
		safe = `/._-:=+\`
	}

	isSafe := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
			strings.ContainsRune(safe, c)
	}
	switch {
	case s != "" && strings.IndexFunc(s, func(c rune) bool { return !isSafe(c) }) < 0:
		return s
	case goos == "windows":
		body := strings.TrimRight(s, `\`) // backslashes count only before a quote: there each is doubled
		return `"` + strings.ReplaceAll(body, `"`, `\"`) + strings.Repeat(`\\`, len(s)-len(body)) + `"`
	}

	if utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0 {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}

	// Control characters cannot be pasted: printf makes them. What a shell cuts off there, it finds on
	// the disk.
	body := strings.TrimRight(s, "\n")
	var b strings.Builder
	for _, c := range []byte(body) {
		switch {
		case c == '%':
			b.WriteString("%%")
		case c == '\'' || c == '\\' || c < ' ' || c > '~':
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}

	return `"$(printf '` + b.String() + `')"` + strings.Repeat("[[:cntrl:]]", len(s)-len(body))
}
