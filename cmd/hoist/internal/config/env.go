package config

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"

	"hoist/apsclient"
)

// Env is what hoist reads from the environment.
type Env struct {
	ClientID     string           // APS_CLIENT_ID, else hoist.client-id of systemd
	ClientSecret apsclient.Secret // APS_CLIENT_SECRET, else hoist.client-secret of systemd
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

	// handed is what systemd gives to a service, in a folder that the service alone can read.
	handed := func(name string) string {
		folder := getenv("CREDENTIALS_DIRECTORY")
		if folder == "" {
			return ""
		}

		value, _ := os.ReadFile(filepath.Join(folder, name)) //nolint:gosec // the folder is that of systemd

		return strings.TrimSpace(string(value))
	}

	return Env{
		ClientID:     cmp.Or(id("APS_CLIENT_ID"), handed("hoist.client-id")),
		ClientSecret: apsclient.Secret(cmp.Or(id("APS_CLIENT_SECRET"), handed("hoist.client-secret"))),
		BaseURL:      id("APS_BASE_URL"), UserID: id("APS_USER_ID"), CertFile: getenv("SSL_CERT_FILE"),
		Home: getenv("HOIST_HOME"), Profile: getenv("HOIST_PROFILE"), Limits: getenv("HOIST_LIMITS"),
	}
}
