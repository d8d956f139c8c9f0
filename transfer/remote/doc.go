// Package remote is the cloud's tree: hubs, projects, folders, files, buckets and keys, as users
// name them and as the service knows them.
//
// # Vocabulary
//
//   - An address is the text of a place: steps of names or ids (Address, ParseAddress).
//   - A place is an address that was looked up: the ids, and what the service told of the thing.
//   - A resolver makes places of addresses. It keeps the listings that it read, with our own
//     changes applied, and reads them again in doubt.
//   - An entry is one line of a listing.
//   - A name is refused when the service would not take it, and mapped when a reversible rule makes
//     it one that is taken, there (MapName) or on disk (LocalRules).
//
// # Guarantees
//
//   - Names match exactly and case-sensitively; hidden things never match. A name that matches
//     twice is an error with both ids, one that matches nothing names what is near.
//   - No folder is ever made twice: a creation is preceded by an intent and repeated only after a
//     look that found nothing.
//   - A remote name, however hostile, becomes a local name that does not leave its folder.
//
// The package imports the client alone: it knows no job, no local file and no plan.
package remote
