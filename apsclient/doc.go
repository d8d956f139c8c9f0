// Package apsclient is the wire: typed calls of Autodesk Platform Services, authentication, errors,
// safe retries and budgets.
//
// Vocabulary. An action is one documented call, declared once as a row of the registry (Actions);
// every call, typed or by name (Client.Do), goes through the same core by that row. The control
// plane is the API itself; the data plane is S3 and CDN URLs that carry their own permission
// (SignedURL) and never see a token. A budget is a sliding minute of calls of one class, as
// published by the service: a slot is free again 60 s after its answer arrived.
//
// Guarantees. A Client is safe for concurrent use. No error, log line or printed value holds a
// token, a secret or the query of a URL. A call that could double an effect is never repeated by
// Do: Doubt looks for its effect first. An answer counts only when it comes from the service
// itself, whole and of the right form: one from somebody else is a NetError that wraps a
// ForeignError, and a refusal inside a success is an error. Of a next link only the query is
// used, over the caller's own; scheme, host and path stay those of the base URL. Bodies of parts
// are streamed from their io.ReaderAt and never held. Nothing here waits without watching its
// context.
package apsclient
