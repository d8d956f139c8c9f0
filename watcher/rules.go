package watcher

// Rules decide what is not looked at. They are immutable and safe for concurrent use.
type Rules struct{}

// DefaultRules ignore litter and nothing else.
func DefaultRules() *Rules { return &Rules{} }

// Match tells whether the path is ignored, and by which rule.
func (r *Rules) Match(path string, dir bool) (ignored bool, rule string) { return false, "" }
