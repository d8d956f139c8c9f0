// Package guide says what has to be set up for chosen actions before the first call works: scopes,
// APIs to enable, the custom integration, and the command that stores the credentials. Everything
// about actions is read from the registry of apsclient.
//
// An action is one of the 51; a preset is a name for a set of them.
package guide
