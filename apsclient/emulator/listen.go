package emulator

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// Listener is a server's listening end.
type Listener struct {
	BaseURL  string // "http://127.0.0.1:port" or https
	CertFile string // PEM file of the certificate authority; "" without TLS
}

// Listen serves on addr until Close. With useTLS it makes an authority and a certificate for the
// loopback names and for addr's host, and writes the authority's certificate to Dir.
func (s *Server) Listen(addr string, useTLS bool) (*Listener, error) {
	ln, err := net.Listen("tcp", addr) //nolint:noctx // ends with Close
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}

	host, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}

	if net.ParseIP(host).IsUnspecified() { // every address of the machine: this is the one that needs no TLS
		host = "127.0.0.1"
	}

	at := net.JoinHostPort(host, port)
	out := &Listener{BaseURL: "http://" + at}
	srv := &http.Server{Handler: s, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	if useTLS {
		cert, caPEM, err := makeCertificate(host)
		if err != nil {
			_ = ln.Close()
			return nil, err
		}

		out.BaseURL = "https://" + at
		out.CertFile = filepath.Join(s.cfg.Dir, "ca.pem")
		if err := os.WriteFile(out.CertFile, caPEM, 0o600); err != nil {
			_ = ln.Close()
			return nil, fmt.Errorf("write the authority's certificate: %w", err)
		}

		srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	}

	s.onClose(func() error { return srv.Close() })
	s.work.Go(func() {
		if useTLS {
			_ = srv.ServeTLS(ln, "", "") // ends with http.ErrServerClosed
		} else {
			_ = srv.Serve(ln)
		}
	})

	return out, nil
}

func makeCertificate(host string) (tls.Certificate, []byte, error) {
	fail := func(err error) (tls.Certificate, []byte, error) {
		return tls.Certificate{}, nil, fmt.Errorf("make a certificate: %w", err)
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fail(err)
	}

	start := time.Now().Add(-time.Hour)
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "hoist emulator authority"},
		NotBefore: start,
		NotAfter:  start.AddDate(5, 0, 0), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	if err != nil {
		return fail(err)
	}

	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fail(err)
	}

	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(start.UnixNano()), Subject: pkix.Name{CommonName: "hoist emulator"},
		NotBefore: start,
		NotAfter:  start.AddDate(2, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	if ip := net.ParseIP(host); ip != nil {
		leaf.IPAddresses = append(leaf.IPAddresses, ip)
	}

	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, &key.PublicKey, caKey)
	if err != nil {
		return fail(err)
	}

	caPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER})

	return tls.Certificate{Certificate: [][]byte{der, caDER}, PrivateKey: key}, caPEM, nil
}
