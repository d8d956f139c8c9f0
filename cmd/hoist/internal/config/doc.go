// Package config finds the home of an instance and reads what a user wrote for it: the
// environment, config.toml and profiles.
//
// A home is two folders, configuration (config.toml, profiles/) and state (state.db, control.sock,
// owner.json, receipts/, logs/, spool/, streams/); HOIST_HOME or --home makes them one. Both are
// private to their owner, and left out of every watch and push.
//
// Precedence, from strongest to weakest: flag, environment, profile, config.toml, default. Reading
// is strict: an unknown key is an [Error] that names the key and its line. The program itself only
// appends and cuts whole [[watch]] tables and leaves every other byte of config.toml as it is.
package config
