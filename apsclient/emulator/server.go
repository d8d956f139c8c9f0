package emulator

import "net/http"

// Server is an emulated APS with its S3. Make one with New.
type Server struct{}

// New opens or makes the world in c.Dir.
func New(c Config) (*Server, error) { return nil, nil }

// Close ends the server's listeners and background work and closes its files.
func (s *Server) Close() error { return nil }

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {}

// Transport carries requests to the server in process.
func (s *Server) Transport() http.RoundTripper { return nil }

// Listener is a server's listening end.
type Listener struct {
	BaseURL  string // "http://127.0.0.1:port" or https
	CertFile string // PEM file of the certificate authority; "" without TLS
}

// Listen serves on addr until Close.
func (s *Server) Listen(addr string, tls bool) (*Listener, error) { return nil, nil }
