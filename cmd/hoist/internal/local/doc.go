// Package local reads what a user names on this machine: paths, and which files below them are
// taken.
//
// [RulesOf] and [WatchRules] are the rules of a push, a pull or a watch. Every part of hoist that
// asks whether a file is taken asks them, so that all agree.
package local
