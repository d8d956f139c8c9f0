//go:build !windows && !darwin

package apsclient

import (
	"crypto/x509"
	"os"
)

// bundles are where the distributions keep the system's roots. x509.SystemCertPool reads
// SSL_CERT_FILE *instead* of them, while hoist promises to add that file to them.
var bundles = []string{
	"/etc/ssl/certs/ca-certificates.crt",                // Debian, Ubuntu, Gentoo, Alpine
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // Fedora, RHEL
	"/etc/pki/tls/certs/ca-bundle.crt",                  // older Fedora, RHEL
	"/etc/ssl/ca-bundle.pem",                            // openSUSE
	"/etc/ssl/cert.pem",                                 // Alpine, BSD
}

func systemRoots() (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	for _, f := range bundles {
		if pem, err := os.ReadFile(f); err == nil && pool.AppendCertsFromPEM(pem) {
			return pool, nil
		}
	}

	return x509.SystemCertPool()
}
