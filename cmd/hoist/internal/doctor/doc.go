// Package doctor finds out what works and what does not, and names the fix.
//
// A check looks at one thing and gives findings; each has a verdict: ok, warning (it works, or
// will, but not as well as it could), problem (a user must do something) or skipped (not needed
// here, or a check that it depends on has failed). Checks change nothing that anybody could see:
// with [Env.DataPlane] a storage object is reserved and one byte of it stored, but never
// completed, so that it becomes neither an item nor an object. Every check ends within its
// time-out, and no finding holds a secret.
package doctor
