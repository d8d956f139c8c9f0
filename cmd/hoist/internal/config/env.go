package config

import (
	"strings"

	"hoist/apsclient"
)

// Env is what hoist reads from the environment.
type Env struct {
	ClientID     string           // APS_CLIENT_ID
	ClientSecret apsclient.Secret // APS_CLIENT_SECRET
	BaseURL      string           // APS_BASE_URL, "" the real service
	UserID       string           // APS_USER_ID
	CertFile     string           // SSL_CERT_FILE, added to the system's roots
	Home         string           // HOIST_HOME
	Profile      string           // HOIST_PROFILE
	Limits       string           // HOIST_LIMITS
}

// ReadEnv reads the variables that hoist knows.
func ReadEnv(getenv func(string) string) Env {
	id := func(name string) string { return strings.TrimSpace(getenv(name)) } // holds no blanks itself

	return Env{
		ClientID: id("APS_CLIENT_ID"), ClientSecret: apsclient.Secret(id("APS_CLIENT_SECRET")),
		BaseURL: id("APS_BASE_URL"), UserID: id("APS_USER_ID"), CertFile: getenv("SSL_CERT_FILE"),
		Home: getenv("HOIST_HOME"), Profile: getenv("HOIST_PROFILE"), Limits: getenv("HOIST_LIMITS"),
	}
}
