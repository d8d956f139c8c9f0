package secrets

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

// sealed is how a file begins whose secrets this machine alone can read. The access list of its folder
// says who on the machine may; a service has another account than the one that signs in.
const sealed = "dpapi:"

// seal makes what is stored in a file unreadable on any other machine.
func seal(data []byte) ([]byte, error) {
	out, err := dpapi(data, func(in, out *windows.DataBlob) error {
		return windows.CryptProtectData(in, nil, nil, 0, nil,
			windows.CRYPTPROTECT_UI_FORBIDDEN|windows.CRYPTPROTECT_LOCAL_MACHINE, out)
	})
	if err != nil {
		return nil, fmt.Errorf("seal the secrets: %w", err)
	}

	return base64.StdEncoding.AppendEncode([]byte(sealed), out), nil
}

// unseal undoes seal. What is not sealed, as earlier versions stored it, is as it is.
func unseal(data []byte) ([]byte, error) {
	text, ok := bytes.CutPrefix(data, []byte(sealed))
	if !ok {
		return data, nil
	}

	raw, err := base64.StdEncoding.AppendDecode(nil, text)
	if err == nil {
		raw, err = dpapi(raw, func(in, out *windows.DataBlob) error {
			return windows.CryptUnprotectData(in, nil, nil, 0, nil, windows.CRYPTPROTECT_UI_FORBIDDEN, out)
		})
	}

	if err != nil {
		return nil,
			fmt.Errorf("secrets that were sealed on another machine, or damaged: sign in again: %w", err)
	}

	return raw, nil
}

// dpapi makes one call; what it returns the system has allocated.
func dpapi(data []byte, do func(in, out *windows.DataBlob) error) ([]byte, error) {
	if len(data) == 0 {
		return nil, nil
	}

	var out windows.DataBlob
	if err := do(&windows.DataBlob{Size: uint32(len(data)), Data: &data[0]}, &out); err != nil {
		return nil, err
	}
	defer func() { _, _ = windows.LocalFree(windows.Handle(unsafe.Pointer(out.Data))) }()

	return bytes.Clone(unsafe.Slice(out.Data, out.Size)), nil
}
