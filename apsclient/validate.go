package apsclient

import (
	"fmt"
	"strings"
)

// takes says in words what a parameter takes.
func (p Param) takes() string {
	s := p.Type
	switch {
	case len(p.Enum) > 0:
		s = strings.Join(p.Enum, ", ")
	case p.Type == "int" && (p.Min != 0 || p.Max != 0):
		s = fmt.Sprintf("a whole number from %d to %d", p.Min, p.Max)
	case p.Type == "string" && p.Max != 0:
		s = fmt.Sprintf("text of %d to %d characters", p.Min, p.Max)
	}
	if p.Pattern != "" {
		s += " matching " + p.Pattern
	}
	return s
}

func unknownParam(a Action, name string) error {
	var known []string
	for _, p := range a.Params {
		if p.In != InBody {
			known = append(known, p.Name)
		}
	}
	e := &ParamError{Action: a.Name, Param: name, Problem: "unknown", Near: nearest(name, known)}
	if len(known) > 0 {
		e.Problem += ": this action takes " + strings.Join(known, ", ")
	} else {
		e.Problem += ": this action takes none"
	}
	return e
}
