package remote

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Allowed are the places below which remotes may be changed. The zero value allows every one.
type Allowed []Address

// OutsideError says that a remote lies below none of the allowed places.
type OutsideError struct{ Remote string }

func (e *OutsideError) Error() string {
	return fmt.Sprintf("%s is not among the allow-remotes of the profile", e.Remote)
}

// ParseAllowed reads patterns: addresses in whose steps * stands for any characters of one step. Each
// stands for the place and all below it, with or without /* at its end.
func ParseAllowed(patterns []string) (Allowed, error) {
	var all Allowed
	for _, text := range patterns {
		scheme, steps, _ := strings.Cut(text, "://")
		a := Address{Scheme: scheme}
		if scheme != SchemeAPS && scheme != SchemeOSS {
			return nil, &AddressError{Text: text, Reason: "it begins neither with aps:// nor with oss://"}
		}

		steps = strings.TrimSuffix(strings.TrimSuffix("/"+steps, "/*"), "/")
		for raw := range strings.SplitSeq(strings.TrimPrefix(steps, "/"), "/") {
			if raw == "" && steps == "" {
				break // all of the scheme
			}

			step, err := decodeStep(raw)
			if err == nil && raw == "" {
				err = errors.New("a step is empty")
			}

			if err != nil {
				return nil, &AddressError{Text: text, Reason: err.Error()}
			}

			a.Steps = append(a.Steps, step)
		}

		all = append(all, a)
	}

	return all, nil
}

// Check is an [*OutsideError] for an address that may not be changed. Steps are compared as they are
// written: a name with a name, an id with an id.
func (l Allowed) Check(a Address) error {
	if len(l) == 0 || slices.ContainsFunc(l, func(p Address) bool { return p.covers(a) }) {
		return nil
	}

	if a.Scheme == "" {
		return &OutsideError{"what a call changes by its ids alone"}
	}

	return &OutsideError{a.String()}
}

// covers reports whether a is the place that the pattern p names, or lies below it.
func (p Address) covers(a Address) bool {
	if p.Scheme != a.Scheme || len(p.Steps) > len(a.Steps) {
		return false
	}

	for i, step := range p.Steps {
		if !matches(step, a.Steps[i]) {
			return false
		}
	}

	return true
}

// matches compares a step with a pattern in which only * is special.
func matches(pattern, step string) bool {
	parts := strings.Split(pattern, "*")
	first, last := parts[0], parts[len(parts)-1]
	if len(parts) == 1 {
		return pattern == step
	}

	if len(step) < len(first)+len(last) || !strings.HasPrefix(step, first) || !strings.HasSuffix(step, last) {
		return false
	}

	rest := step[len(first) : len(step)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		_, after, ok := strings.Cut(rest, part)
		if !ok {
			return false
		}

		rest = after
	}

	return true
}
