package control

import (
	_ "embed"
	"fmt"
	"net/http"
	"os"
)

// description is the API as an OpenAPI document.
//
//go:embed openapi.yaml
var description []byte

func (s server) describe(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(description) // a reader that has gone needs no answer
}

// health answers 200 while all is well, else 503 with what is not.
func (s server) health(check func() error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		s.tellCalls(w)
		if check != nil {
			if err := check(); err != nil {
				http.Error(w, err.Error(), http.StatusServiceUnavailable)
				return
			}
		}

		fmt.Fprintln(w, "ok")
	}
}

func (s server) tellCalls(w http.ResponseWriter) {
	if s.calls != nil {
		w.Header().Set(callsHeader, fmt.Sprint(os.Getpid(), " ", s.calls()))
	}
}
