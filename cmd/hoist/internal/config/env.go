package config

import "hoist/apsclient"

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
	return Env{
		ClientID: getenv("APS_CLIENT_ID"), ClientSecret: apsclient.Secret(getenv("APS_CLIENT_SECRET")),
		BaseURL: getenv("APS_BASE_URL"), UserID: getenv("APS_USER_ID"), CertFile: getenv("SSL_CERT_FILE"),
		Home: getenv("HOIST_HOME"), Profile: getenv("HOIST_PROFILE"), Limits: getenv("HOIST_LIMITS"),
	}
}
