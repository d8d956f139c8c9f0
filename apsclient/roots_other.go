//go:build windows || darwin

package apsclient

import "crypto/x509"

// systemRoots returns the roots that the operating system verifies with.
func systemRoots() (*x509.CertPool, error) { return x509.SystemCertPool() }
