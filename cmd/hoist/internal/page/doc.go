// Package page shows a home in a browser: what moves, what waits, what needs a person, the watches, the
// queue and the guide. It is files that the binary holds, and the control API behind them.
//
// # Vocabulary
//
//   - A ticket opens the page once, within a minute. "hoist open" asks the owner for one.
//   - A session is what a browser has for its ticket: a cookie, and a token that its page sends with every
//     request to the control API.
//
// # Guarantees
//
//   - It listens on a loopback address, and not before a ticket is asked for. What does not name that very
//     address in its Host header, or comes from a page of another site, is refused.
//   - Without the cookie and the token nothing of the home is shown or changed. The cookie has a
//     name of its own for each run, is not readable by scripts and goes to no other site. It goes to every
//     port of this machine; the token does not.
//   - The page loads nothing from elsewhere and runs no script but its own file. Names of files are text
//     for it, never markup.
//   - It knows no rule of the home: what it says comes from the control API, word for word.
package page
