// Package patience waits for a service that cannot be reached, for a minute: before jobs exist
// there is nobody who would try again.
package patience
