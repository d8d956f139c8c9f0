package config

import "slices"

// Selection chooses the files of a tree, as a user writes it.
type Selection struct {
	// Exclude leaves out what matches, in the syntax of .gitignore; "!*.bak" brings back what is
	// left out by default. When Include is given, only what matches one of its patterns is taken.
	Exclude []string `toml:"exclude,omitempty" json:"exclude,omitempty"`
	Include []string `toml:"include,omitempty" json:"include,omitempty"`
	// MinSize and MaxSize leave out files that are smaller or larger, such as "1K" and "20G".
	// Default: none.
	MinSize string `toml:"min-size,omitempty" json:"min_size,omitempty"`
	MaxSize string `toml:"max-size,omitempty" json:"max_size,omitempty"`
	// MinAge leaves out files that changed less than this ago, such as "15m". Default: none.
	MinAge string `toml:"min-age,omitempty" json:"min_age,omitempty"`
	// ExcludeIfPresent leaves out each folder in which a file of one of these names lies, and
	// ExcludeCaches each that says by its CACHEDIR.TAG that it is a cache. Default: none, false.
	ExcludeIfPresent []string `toml:"exclude-if-present,omitempty" json:"exclude_if_present,omitempty"`
	ExcludeCaches    *bool    `toml:"exclude-caches,omitempty" json:"exclude_caches,omitempty"`
	// OneFileSystem leaves out what is mounted below a folder. Default: false.
	OneFileSystem *bool `toml:"one-file-system,omitempty" json:"one_file_system,omitempty"`
}

// over returns s with what it does not set taken from base. Patterns add up, those of s last.
func (s Selection) over(base Selection) Selection {
	return Selection{
		Exclude:          slices.Concat(base.Exclude, s.Exclude),
		Include:          slices.Concat(base.Include, s.Include),
		MinSize:          first(s.MinSize, base.MinSize),
		MaxSize:          first(s.MaxSize, base.MaxSize),
		MinAge:           first(s.MinAge, base.MinAge),
		ExcludeIfPresent: slices.Concat(base.ExcludeIfPresent, s.ExcludeIfPresent),
		ExcludeCaches:    first(s.ExcludeCaches, base.ExcludeCaches),
		OneFileSystem:    first(s.OneFileSystem, base.OneFileSystem),
	}
}
